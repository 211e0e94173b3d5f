"""Bundles: made from resources, walked, and checked for references that lead nowhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from chartbridge.fhir.references import Resource, is_local, references


def batch(members: Iterable[Resource]) -> dict[str, Any]:
    """A ``batch`` Bundle that PUTs each resource under its own id."""
    return {
        "resourceType": "Bundle",
        "type": "batch",
        "entry": [
            {
                "fullUrl": f"urn:uuid:{member['id']}",
                "resource": member,
                "request": {"method": "PUT", "url": f"{member['resourceType']}/{member['id']}"},
            }
            for member in members
        ],
    }


def resources(bundle: dict[str, Any], resource_type: str | None = None) -> Iterator[Resource]:
    """The resources of a bundle's entries in order, of one type where it is given."""
    for entry in bundle.get("entry", ()):
        member = entry.get("resource")
        if member is not None and resource_type in (None, member.get("resourceType")):
            yield member


def dangling_references(bundle: dict[str, Any]) -> list[str]:
    """Local references of the bundle's resources that no resource of the bundle answers, once each."""
    members = list(resources(bundle))
    present = {f"{member.get('resourceType')}/{member.get('id')}" for member in members}
    missing: dict[str, None] = {}
    for member in members:
        for target in references(member):
            if is_local(target) and target not in present:
                missing[target] = None
    return list(missing)
