"""What a contribution must be, in the contract's order and words (consolidated 6.7)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from chartbridge.consolidate.identity import PATIENT_ELEMENTS
from chartbridge.consolidate.references import references, target_type_and_id, urn_id
from chartbridge.errors import BadRequestError, InvalidParametersError
from chartbridge.fhir import schema

Resource = dict[str, Any]
MAX_DEPTH = 64
"""Objects and lists within each other; real resources need some twenty."""
MAX_NAMED = 20
MAX_DETAILS = 5
_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_NAMES_PATIENT = re.compile(r"(?:.*/)?Patient(?:/.*|\?.*)?", re.DOTALL)


def checked(given: Sequence[Resource], patient_id: str) -> list[Resource]:
    """The resources to be stored: the Patient dropped, non-breaking spaces turned into blanks.

    Each rule is held against all resources before the next one. Raises BadRequestError.
    """
    resources = [_plain(resource, number) for number, resource in enumerate(given)]
    if any(r["resourceType"] == "Patient" and r.get("id") != patient_id for r in resources):
        raise BadRequestError("Patient ID does not match the Patient resource ID")
    clinical = [r for r in resources if r["resourceType"] != "Patient"]
    for rule in (_has_id, _has_uuid):
        for resource in clinical:
            rule(resource)
    _ensure_single(clinical)
    for check in (_ensure_reference_has_id, _ensure_about_patient):
        for resource in clinical:
            check(resource, patient_id)
    _ensure_valid(clinical)
    return clinical


def _plain(value: Any, number: int, depth: int = 1) -> Any:
    if isinstance(value, str):
        return value.replace("\u00a0", " ") if "\u00a0" in value else value
    if not isinstance(value, (dict, list)):
        return value
    if depth > MAX_DEPTH:
        raise InvalidParametersError(
            f"Resource is nested deeper than {MAX_DEPTH} levels, on [entry,{number},resource]"
        )
    if isinstance(value, dict):
        return {name: _plain(item, number, depth + 1) for name, item in value.items()}
    return [_plain(item, number, depth + 1) for item in value]


def _has_id(resource: Resource) -> None:
    if resource.get("id") in (None, ""):
        raise BadRequestError(f"{resource['resourceType']} resource is missing the ID!")


def _has_uuid(resource: Resource) -> None:
    held = resource["id"]
    if not isinstance(held, str) or not _UUID.fullmatch(held):
        raise BadRequestError(f"Invalid UUID: {str(held)[:100]}")


def _ensure_single(resources: Sequence[Resource]) -> None:
    seen: set[str] = set()
    for resource in resources:
        if resource["id"].lower() in seen:  # a UUID is the same in either case
            raise BadRequestError(f"Multiple resources with the same ID: {resource['id']}")
        seen.add(resource["id"].lower())


def _subjects(resource: Resource, names: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """What stands in the elements that name whom the resource, or one contained in it, is about."""
    contained = resource.get("contained")
    for holder in (resource, *(contained if isinstance(contained, list) else ())):
        for name in names:
            value = holder.get(name) if isinstance(holder, dict) else None
            for item in value if isinstance(value, list) else [value]:
                if item is not None:
                    yield name, item


def _ensure_reference_has_id(resource: Resource, _patient_id: str) -> None:
    for _, item in _subjects(resource, ("subject", "patient")):
        reference = item.get("reference") if isinstance(item, dict) else None
        named = isinstance(reference, str) and (
            reference.startswith("#") or urn_id(reference) or target_type_and_id(reference) is not None
        )
        if not named:
            raise BadRequestError("Missing ID in the Patient reference!")


def _ensure_about_patient(resource: Resource, patient_id: str) -> None:
    """Every reference to a Patient, wherever it stands, is to ours, and so is what must be a Patient."""
    own = {f"urn:uuid:{patient_id}", f"#{patient_id}"}

    def is_own(reference: str) -> bool:
        return reference in own or target_type_and_id(reference) == ("Patient", patient_id)

    for name, item in _subjects(resource, PATIENT_ELEMENTS):
        reference = item.get("reference") if isinstance(item, dict) else None
        if isinstance(reference, str) and not is_own(reference):
            target = target_type_and_id(reference)
            about_other = target is None or target[0] == "Patient"  # a subject may be a Group or a Device
            if name != "subject" or (about_other and not _is_contained_thing(resource, reference)):
                raise _another()
    for reference in references(resource):
        if _NAMES_PATIENT.fullmatch(reference) and not is_own(reference):
            raise _another()


def _is_contained_thing(resource: Resource, reference: str) -> bool:
    """Whether it leads to a contained resource that is no Patient."""
    contained = resource.get("contained")
    return any(
        isinstance(held, dict)
        and reference == f"#{held.get('id')}"
        and held.get("resourceType") not in (None, "Patient")
        for held in (contained if isinstance(contained, list) else ())
    )


def _another() -> BadRequestError:
    return BadRequestError("Patient reference is pointing to another patient!")


def _ensure_valid(resources: Sequence[Resource]) -> None:
    invalid = {}
    for resource in resources:
        found = schema.violations(resource)
        if found:
            invalid[f"{resource['resourceType'][:64]} {resource['id']}"] = found[:MAX_DETAILS]
    if invalid:
        names = list(invalid)
        more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
        raise BadRequestError(
            f"Invalid FHIR resource(s): {', '.join(names[:MAX_NAMED])}{more}",
            violations={name: invalid[name] for name in names[:MAX_NAMED]},
        )
