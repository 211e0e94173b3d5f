"""Literal references inside FHIR resources, for joining: found in an order that equal content shares, and
rewritten.

Beside `Reference.reference` an attachment's relative `Binary/<id>` counts: it would lead nowhere like any
other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from operator import is_not
from typing import Any

from chartbridge.fhir.references import Resource

_URN = "urn:uuid:"
_RELATIVE = re.compile(r"([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})(?:/_history/[A-Za-z0-9\-.]{1,64})?")
_ABSOLUTE = re.compile(r"https?://.*/" + _RELATIVE.pattern)
_BINARY_URL = re.compile(r"Binary/[A-Za-z0-9\-.]{1,64}")


def key_of(resource: Resource) -> str:
    """`Type/id`, the text by which other resources of the chart refer to this one."""
    return f"{resource['resourceType']}/{resource['id']}"


def relative_key(reference: str) -> str | None:
    """`Type/id` of a relative reference, without a version; None for any other kind of reference."""
    found = _RELATIVE.fullmatch(reference)
    return f"{found[1]}/{found[2]}" if found else None


def urn_id(reference: str) -> str | None:
    """The id that a `urn:uuid:` reference names; None for any other kind of reference."""
    return reference[len(_URN) :] if reference.startswith(_URN) else None


def target_type_and_id(reference: str) -> tuple[str, str] | None:
    """Type and id as a relative or an absolute reference spells them; None where the text names no type."""
    found = _RELATIVE.fullmatch(reference) or _ABSOLUTE.fullmatch(reference)
    return (found[1], found[2]) if found else None


def _is_literal(name: str, value: Any) -> bool:
    if name == "reference":
        return isinstance(value, str)
    return name == "url" and isinstance(value, str) and _BINARY_URL.fullmatch(value) is not None


def references(node: Any) -> Iterator[str]:
    """Every literal reference below `node`, in the order of sorted element names."""
    if isinstance(node, dict):
        for name in sorted(node):
            value = node[name]
            if _is_literal(name, value):
                yield value
            elif isinstance(value, (dict, list)):
                yield from references(value)
    elif isinstance(node, list):
        for item in node:
            yield from references(item)


def rewrite(node: Any, change: Callable[[str], str]) -> Any:
    """`node` with each literal reference `r` reading `change(r)`; unchanged parts are shared, not copied."""
    kind = type(node)
    if kind is dict:
        changed: dict[str, Any] | None = None
        for name, value in node.items():
            kind = type(value)
            if kind is dict or kind is list:
                new = rewrite(value, change)
            elif kind is str and (name == "reference" or (name == "url" and _is_literal(name, value))):
                new = change(value)
            else:
                continue
            if new is not value:
                if changed is None:
                    changed = dict(node)
                changed[name] = new
        return node if changed is None else changed
    if kind is list:
        items = [rewrite(item, change) if isinstance(item, (dict, list)) else item for item in node]
        return items if any(map(is_not, items, node)) else node
    return node
