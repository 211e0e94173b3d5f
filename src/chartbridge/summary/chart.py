"""The resources of a chart, found by type and by reference, and the rows that sections are made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from chartbridge.summary import words

Json = dict[str, Any]

DATA_SOURCE_URL = "https://public.metriport.com/fhir/StructureDefinition/data-source.json"
DOC_ID_URL = "https://public.metriport.com/fhir/StructureDefinition/doc-id-extension.json"
CONFLICT_URL = "https://chartbridge.dev/fhir/StructureDefinition/conflicting-statement"
IN_ERROR = "entered-in-error"
UNKNOWN_SOURCE = "source not stated"
SHORT, LONG = 300, 2_000
"""Characters that a cell shows of a text; what is cut is said to be."""


@dataclass(slots=True)
class Mark:
    """A word that must not be overlooked, and how it looks: ``stop``, ``warn`` or ``mild``."""

    text: str
    look: str = "mild"


@dataclass(frozen=True, slots=True)
class Point:
    """A number that can be drawn: in which series, when, how much, in which unit, between which limits."""

    series: str
    date: str
    value: float
    unit: str
    low: float | None = None
    high: float | None = None
    outside: str = ""
    """The word for a value that its source marks, or that is outside the range given."""


@dataclass(slots=True)
class Result:
    """One result as part of the row of its test."""

    keys: tuple[str, ...]
    """Results that have one of these in common are of one test: its LOINC codes, else its name."""
    code: str
    points: list[Point] = field(default_factory=list)


@dataclass(slots=True)
class Row:
    """One entry of a section."""

    cells: list[str]
    sources: list[str]
    """The file and network of the entry, and of those that are shown with it."""
    dates: list[str] = field(default_factory=list)
    """FHIR dates, the one that it is sorted by first."""
    ends: str = ""
    """Where the entry lasts from the first date: until when, or ``open``."""
    marks: list[Mark] = field(default_factory=list)
    look: str = ""
    """``negated`` for what is said not to be, ``past`` for what is over."""
    group: str = ""
    rank: int = 0
    """Where the group stands among those of its section; groups of one rank by name."""
    about: str = ""
    """The resource, as ``Type/id``; empty where it has no id."""
    conflicts: list[str] = field(default_factory=list)
    """The resources whose statements contradict this one, as ``Type/id``."""
    disagrees: list[tuple[str, str]] = field(default_factory=list)
    """What those say, and the anchor of their row where the summary has it."""
    also: str = ""
    """What other sources say of the same, besides what stands in the cells."""
    anchor: str = ""
    """The id of the row on the page, where another one leads to it."""
    result: Result | None = None
    """What a table of results over time needs to know; of Observations only."""

    @property
    def text(self) -> str:
        """All that the entry shows, for the filter by text."""
        return "\n".join(
            [self.group, *self.cells, self.also, *(mark.text for mark in self.marks), *self.sources]
        )


def cut(text: str, most: int = SHORT) -> str:
    """The text, cut with a word where it is longer than a cell should be."""
    return text if len(text) <= most else f"{text[:most].rstrip()} … [cut; the whole text is in the chart]"


class Chart:
    """A patient's resources; those entered in error are counted, not shown."""

    def __init__(self, resources: Iterable[Json], today: str = "") -> None:
        self.today = today
        """The day of the summary as ``YYYY-MM-DD``: what ends before it is over."""
        self.by_type: dict[str, list[Json]] = {}
        self.by_reference: dict[str, Json] = {}
        self.in_error: dict[str, int] = {}
        self.documents: dict[str, str] = {}
        """The source (file and network) that each document id stands for."""
        self.panels: dict[str, str] = {}
        """The name of the report that an Observation is a result of, by its reference."""
        for resource in resources:
            kind = str(resource.get("resourceType"))
            if resource.get("id"):
                self.by_reference[f"{kind}/{resource['id']}"] = resource
            if is_in_error(resource):
                self.in_error[kind] = self.in_error.get(kind, 0) + 1
            else:
                self.by_type.setdefault(kind, []).append(resource)
        for held_here in self.by_type.values():
            for resource in held_here:
                if len(documents := documents_of(resource)) == 1:
                    self.documents.setdefault(documents[0], sources_of(resource)[0])
        for report in self.by_type.get("DiagnosticReport", ()):
            for held in report.get("result") or []:
                self.panels.setdefault(str(held.get("reference")), words.concept(report.get("code")))

    def of(self, *kinds: str) -> list[Json]:
        """The resources of some types, without those entered in error."""
        return [resource for kind in kinds for resource in self.by_type.get(kind, ())]

    def sources(self, resource: Json) -> list[str]:
        """Where a resource comes from: one source, or all those that it was put together from."""
        documents = documents_of(resource)
        if len(documents) < 2:
            return sources_of(resource)
        return list(dict.fromkeys(self.documents.get(one, f"document {one}") for one in documents))

    def target(self, reference: Json | None, within: Json | None = None) -> Json:
        """The resource that a Reference leads to, in the chart or contained; empty where it is not there."""
        path = str((reference or {}).get("reference") or "")
        if path.startswith("#"):
            held = (within or {}).get("contained") or []
            return next((inner for inner in held if f"#{inner.get('id')}" == path), {})
        return self.by_reference.get(path, {})

    def who(self, reference: Json | None, within: Json | None = None) -> str:
        """The name of a person, place or organization that a Reference names."""
        if not reference:
            return ""
        if reference.get("display"):
            return str(reference["display"])
        held = self.target(reference, within)
        kind = held.get("resourceType")
        if kind == "PractitionerRole":
            return self.who(held.get("practitioner")) or self.who(held.get("organization"))
        if kind in {"Practitioner", "Patient", "RelatedPerson", "Person"}:
            return words.name(held.get("name"))
        identifier = (reference.get("identifier") or {}).get("value")
        return str(held.get("name") or identifier or "")

    def everyone(self, references: Any, within: Json | None = None) -> str:
        """The names behind a list of References."""
        return words.joined(self.who(reference, within) for reference in references or [])

    def performers(self, resource: Json) -> str:
        """The names of the actors of ``performer``."""
        return self.everyone([one.get("actor") for one in resource.get("performer") or []], resource)

    def concept_or_target(self, resource: Json, name: str) -> tuple[str, set[str]]:
        """``name[x]`` that is a CodeableConcept or a Reference to a coded resource: its words and codes."""
        concept = resource.get(f"{name}CodeableConcept")
        reference = resource.get(f"{name}Reference") or {}
        if concept is None and reference:
            concept = self.target(reference, resource).get("code")
        text = words.concept(concept) or str(reference.get("display") or "")
        return text, words.codes(concept)


def is_in_error(resource: Json) -> bool:
    """Whether a resource says of itself that it was entered in error."""
    verified = words.codes(_status(resource, "verificationStatus"))
    said = (resource.get("status"), resource.get("docStatus"), resource.get("lifecycleStatus"))
    return IN_ERROR in (*said, *verified)


def _status(resource: Json, name: str) -> Json | None:
    value = resource.get(name)
    return value if isinstance(value, dict) else None


def sources_of(resource: Json) -> list[str]:
    """Where a resource comes from: the file of its source, with the networks."""
    file = str((resource.get("meta") or {}).get("source") or "")
    networks = [
        words.coding(held.get("valueCoding"))
        for held in resource.get("extension") or []
        if held.get("url") == DATA_SOURCE_URL
    ]
    return [words.joined([file, *networks], " · ") or UNKNOWN_SOURCE]


def documents_of(resource: Json) -> list[str]:
    """The ids of the documents that a resource comes from."""
    return [
        str(held["valueString"])
        for held in resource.get("extension") or []
        if held.get("url") == DOC_ID_URL and held.get("valueString")
    ]


def coded_status(resource: Json, name: str) -> str:
    """The code of a status that is a CodeableConcept; its words where it has no code."""
    held = _status(resource, name)
    return next(iter(sorted(words.codes(held))), "") or words.concept(held)


def without_row(text: str, cells: Iterable[str]) -> str:
    """A text that is a whole row of a table, without the cells at its end that are shown by themselves.

    A text that merely ends in one of them is a sentence, and stays as it is.
    """
    known = sorted({cell for cell in cells if cell}, key=len, reverse=True)
    rest, taken = text.strip(), 0
    while found := next((cell for cell in known if rest.endswith(f" {cell}")), ""):
        rest, taken = rest.removesuffix(found).rstrip(), taken + 1
    return rest if taken > 1 else text


def general_marks(resource: Json) -> list[Mark]:
    """What any resource may say that turns its meaning."""
    if resource.get("modifierExtension"):
        return [Mark("meaning modified: see the source", "stop")]
    return []


def row(resource: Json, cells: list[str], dates: Iterable[Any], **more: Any) -> Row:
    """A row of a resource; dates that are none are left out.

    ``whole`` are the numbers of the cells that are lists of entries already cut one by one: the list itself
    is not cut, for what counts may stand last.
    """
    marks, most = [*more.pop("marks", []), *general_marks(resource)], more.pop("most", SHORT)
    whole: frozenset[int] = more.pop("whole", frozenset())
    known = [value for value in dates if isinstance(value, str) and value]
    shown = [cell if index in whole else cut(cell, most) for index, cell in enumerate(cells)]
    return Row(
        shown,
        sources_of(resource),
        known,
        marks=marks,
        about=f"{resource.get('resourceType')}/{resource['id']}" if resource.get("id") else "",
        conflicts=_conflicts(resource),
        **more,
    )


def _conflicts(resource: Json) -> list[str]:
    return [
        str((held.get("valueReference") or {}).get("reference") or "")
        for held in resource.get("extension") or []
        if held.get("url") == CONFLICT_URL
    ]


def newest_first(rows: list[Row]) -> list[Row]:
    """By date, newest first; those without one last, in the order they came."""
    dated = sorted((one for one in rows if one.dates), key=lambda one: one.dates[0], reverse=True)
    return dated + [one for one in rows if not one.dates]
