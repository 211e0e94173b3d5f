"""Which resources of a chart a request asks for: by type, then by date.

Days are UTC and inclusive on both ends. Of a type's elements the first that holds a usable date decides; a
resource with none is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from chartbridge.consolidate.dates import Span, age_span, spans
from chartbridge.fhir.references import Resource


@dataclass(frozen=True, slots=True)
class DateElement:
    """One step of the date rule.

    paths: elements looked at together, `[]` marking a list. ongoing: what began then may still go on, so
    only the lower bound counts, and without one the step is passed over. age: an Age, counted from the
    birth date.
    """

    paths: tuple[str, ...]
    ongoing: bool = False
    age: bool = False


def _at(*paths: str) -> DateElement:
    return DateElement(paths)


def _from(*paths: str, age: bool = False) -> DateElement:
    return DateElement(paths, ongoing=True, age=age)


DATE_ELEMENTS: Mapping[str, tuple[DateElement, ...]] = {
    "AllergyIntolerance": (
        _at("onsetPeriod"),
        _at("onsetRange"),
        _at("lastOccurrence"),
        _from("onsetString"),
        _from("onsetDateTime"),
        _from("onsetAge", age=True),
        _from("reaction[].onset"),
    ),
    "Communication": (_at("sent", "received"),),
    "Composition": (_at("event[].period"),),
    "Condition": (
        _at("onsetPeriod"),
        _at("onsetRange"),
        _from("onsetString"),
        _from("onsetDateTime"),
        _from("onsetAge"),
        _at("abatementPeriod"),
        _at("abatementRange"),
        _at("abatementString"),
        _at("abatementDateTime"),
        _at("abatementAge"),
    ),
    "Consent": (_at("dateTime"),),
    "Coverage": (_at("period"),),
    "DiagnosticReport": (_at("effectiveDateTime", "effectivePeriod"),),
    "DocumentReference": (_at("context.period"),),
    "Encounter": (_at("period"), _at("location[].period")),
    "Goal": (_at("startDate"), _at("target[].dueDate")),
    "Immunization": (_at("occurrenceDateTime"), _at("occurrenceString"), _at("reaction[].date")),
    "MedicationAdministration": (_at("effectivePeriod"), _at("effectiveDateTime")),
    "MedicationDispense": (_at("whenHandedOver"), _at("whenPrepared")),
    "MedicationRequest": (_at("authoredOn"),),
    "MedicationStatement": (_at("effectivePeriod"), _at("effectiveDateTime")),
    "Observation": (_at("effectivePeriod"), _at("effectiveDateTime"), _at("effectiveInstant"), _at("issued")),
    "Procedure": (
        _at("performedPeriod"),
        _at("performedRange"),
        _at("performedDateTime"),
        _at("performedString"),
        _at("performedAge"),
    ),
    "Provenance": (_at("occurredPeriod"), _at("occurredDateTime"), _at("recorded")),
    "RelatedPerson": (_at("period"),),
}


def filter_resources(
    resources: Iterable[Resource],
    *,
    types: frozenset[str] | None,
    date_from: date | None,
    date_to: date | None,
    birth_date: date | None,
) -> list[Resource]:
    """The resources of the given types (None: all) whose date lies in the given days (None: unbounded).

    birth_date is the patient's; ages are unusable without it.
    """
    return [
        resource
        for resource in resources
        if (types is None or resource["resourceType"] in types)
        and in_dates(resource, date_from=date_from, date_to=date_to, birth_date=birth_date)
    ]


def in_dates(
    resource: Resource, *, date_from: date | None, date_to: date | None, birth_date: date | None
) -> bool:
    """Whether the date rule keeps a resource."""
    if date_from is None and date_to is None:
        return True
    for element in DATE_ELEMENTS.get(resource["resourceType"], ()):
        if element.ongoing and date_from is None:
            continue
        found = list(_spans_of(resource, element, birth_date))
        if found:
            latest = None if element.ongoing else date_to
            return any(_overlaps(span, date_from, latest) for span in found)
    return True


def _overlaps(span: Span, date_from: date | None, date_to: date | None) -> bool:
    return (date_from is None or span.last >= date_from) and (date_to is None or span.first <= date_to)


def _spans_of(resource: Resource, element: DateElement, birth_date: date | None) -> Iterator[Span]:
    for path in element.paths:
        for value in _values(resource, path):
            if element.age:
                reached = age_span(value, birth_date)
                if reached:
                    yield reached
            else:
                yield from spans(value)


def _values(resource: Resource, path: str) -> list[Any]:
    found: list[Any] = [resource]
    for step in path.split("."):
        name = step.removesuffix("[]")
        held = [value[name] for value in found if isinstance(value, dict) and name in value]
        found = [
            item
            for value in held
            for item in (value if step.endswith("[]") and isinstance(value, list) else [value])
        ]
    return found
