"""References between resources: making, finding, and telling local ones from others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Resource = dict[str, Any]


def reference(resource: Resource, display: str | None = None) -> dict[str, Any]:
    """A Reference to a resource that has a type and an id, as ``<Type>/<id>``."""
    made: dict[str, Any] = {"reference": f"{resource['resourceType']}/{resource['id']}"}
    if display:
        made["display"] = display
    return made


def reference_to(resource_type: str, resource_id: str) -> dict[str, Any]:
    """A Reference to a resource known by type and id only."""
    return {"reference": f"{resource_type}/{resource_id}"}


def is_local(target: str) -> bool:
    """Whether a reference is a relative ``<Type>/<id>`` rather than a URL, a URN or a ``#fragment``."""
    return "/" in target and not target.startswith(("#", "urn:", "http:", "https:"))


def references(value: Any) -> Iterator[str]:
    """Every ``reference`` text anywhere within a resource, in document order."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            target = item.get("reference")
            if isinstance(target, str):
                yield target
            stack.extend(reversed(list(item.values())))
        elif isinstance(item, list):
            stack.extend(reversed(item))
