"""Name-based ids (RFC 4122, version 5): the same content gets the same id, everywhere and always."""

from __future__ import annotations

from hashlib import sha1 as _sha1
from typing import Any

import orjson

ROOT = bytes.fromhex("6f0d8a1e5c3b5d0e9a6b2f4c7d91e053")
"""The namespace of all Chartbridge ids, 16 bytes. Changing it changes every id ever given."""

_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}


def _version_5(digest: str) -> str:
    variant = _VARIANT[digest[16]]
    return f"{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-{variant}{digest[17:20]}-{digest[20:32]}"


def name_based_id(within: bytes, name: str) -> str:
    """The version 5 UUID of a name within a namespace (16 bytes), in lower case."""
    digest = _sha1(within + name.encode("utf-8", "surrogatepass"), usedforsecurity=False)
    return _version_5(digest.hexdigest())


def namespace(name: str, within: bytes = ROOT) -> bytes:
    """A namespace for :func:`name_based_id` and :func:`content_id`, derived from a name."""
    return bytes.fromhex(name_based_id(within, name).replace("-", ""))


def content_id(within: bytes, resource_type: str, content: dict[str, Any]) -> str:
    """The id of a resource by its type and its other members, in the order given."""
    name = within + resource_type.encode() + orjson.dumps(content)
    return _version_5(_sha1(name, usedforsecurity=False).hexdigest())
