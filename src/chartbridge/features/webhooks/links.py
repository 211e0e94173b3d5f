"""Links to objects inside a stored message."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chartbridge.storage import ObjectStore

_LINK = "$object"


def link(key: str, *, content_type: str, expires_in_s: int, filename: str | None = None) -> dict[str, Any]:
    """Stands in a message's body where the receiver is to find a presigned URL of the object."""
    return {
        _LINK: {
            "key": key,
            "content_type": content_type,
            "expires_in_s": expires_in_s,
            "filename": filename,
        }
    }


def with_urls(value: Any, store: ObjectStore) -> Any:
    """The body with a fresh URL in place of each link."""
    if isinstance(value, dict):
        if isinstance(value.get(_LINK), dict):  # the caller's metadata hold texts only, so it is ours
            return store.presigned_get(**value[_LINK])
        return {key: with_urls(item, store) for key, item in value.items()}
    if isinstance(value, list):
        return [with_urls(item, store) for item in value]
    return value


def linked_keys(value: Any) -> Iterator[str]:
    """Keys of the objects that a stored body links to."""
    if isinstance(value, dict):
        held = value.get(_LINK)
        if isinstance(held, dict):
            yield held["key"]
        else:
            for item in value.values():
                yield from linked_keys(item)
    elif isinstance(value, list):
        for item in value:
            yield from linked_keys(item)
