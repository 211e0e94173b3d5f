"""Name-based ids (RFC 4122, version 5): the same content gets the same id, everywhere and always."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson

ROOT = bytes.fromhex("6f0d8a1e5c3b5d0e9a6b2f4c7d91e053")
"""The namespace of all Chartbridge ids, 16 bytes. Changing it changes every id ever given."""

_VARIANT = "89ab"


def _version_5(digest: str) -> str:
    variant = _VARIANT[int(digest[16], 16) & 3]
    return f"{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-{variant}{digest[17:20]}-{digest[20:32]}"


def name_based_id(within: bytes, name: str) -> str:
    """The version 5 UUID of a name within a namespace (16 bytes), in lower case."""
    digest = hashlib.sha1(within + name.encode("utf-8", "surrogatepass"), usedforsecurity=False)
    return _version_5(digest.hexdigest())


def namespace(name: str, within: bytes = ROOT) -> bytes:
    """A namespace for :func:`name_based_id` and :func:`content_id`, derived from a name."""
    return bytes.fromhex(name_based_id(within, name).replace("-", ""))


def content_id(within: bytes, resource: dict[str, Any]) -> str:
    """The id of a resource by its content, members in the order given; the resource carries no id yet."""
    body = orjson.dumps(resource)
    return _version_5(hashlib.sha1(within + body, usedforsecurity=False).hexdigest())
