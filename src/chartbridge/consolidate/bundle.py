"""What a request gets: the chart filtered, hydrated, with the current Patient, as a searchset Bundle."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from chartbridge.consolidate.dates import day_span
from chartbridge.consolidate.filters import filter_resources
from chartbridge.consolidate.hydrate import hydrate
from chartbridge.fhir.references import Resource

BRIEF_SOURCE = "metriport:ai-generated-brief"
"""The `meta.source` of the Binary that tells a chart in one paragraph."""

_UNFIT_DOC_STATUS = frozenset({"preliminary", "entered-in-error"})


def select(
    chart_resources: Iterable[Resource],
    *,
    types: frozenset[str] | None,
    date_from: date | None,
    date_to: date | None,
    patient: Resource,
) -> list[Resource]:
    """The resources that a request asks for, and those they refer to, sorted by type and id.

    `patient`, the current Patient, is always among them and is the only Patient. DocumentReferences that are
    preliminary or entered in error are left out. The brief alone is no data: it is given beside
    what it tells, or to who asks for its type.
    """
    usable = [resource for resource in chart_resources if is_usable(resource)]
    kept = filter_resources(
        usable, types=types, date_from=date_from, date_to=date_to, birth_date=_birth_date(patient)
    )
    if types is None and all(map(_is_brief, kept)):
        kept = []
    hydrated = kept if len(kept) == len(usable) else hydrate(kept, usable)
    selected = [*hydrated, patient]
    return sorted(selected, key=lambda resource: (resource["resourceType"], resource["id"]))


def is_usable(resource: Resource) -> bool:
    """Whether a resource of a chart is given to who asks, the Patient aside: not a DocumentReference that is
    preliminary or entered in error."""
    return resource["resourceType"] != "Patient" and not _is_unfit_document(resource)


def searchset(resources: Sequence[Resource]) -> Resource:
    """The resources as a searchset Bundle; `total` counts them all."""
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": len(resources),
        "entry": [{"fullUrl": f"urn:uuid:{resource['id']}", "resource": resource} for resource in resources],
    }


def _is_brief(resource: Resource) -> bool:
    source = resource.get("meta", {}).get("source")
    return resource["resourceType"] == "Binary" and bool(source == BRIEF_SOURCE)


def _is_unfit_document(resource: Resource) -> bool:
    return resource["resourceType"] == "DocumentReference" and resource.get("docStatus") in _UNFIT_DOC_STATUS


def _birth_date(patient: Resource) -> date | None:
    text = patient.get("birthDate")
    span = day_span(text) if isinstance(text, str) else None
    return span.first if span and span.first == span.last else None
