"""The sections of the summary: the resources of each, its table, its order, and the operator's filters."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from chartbridge.summary import (
    conditions,
    entries,
    flowsheet,
    medications,
    others,
    people,
    reports,
    results,
)
from chartbridge.summary.also import said_besides
from chartbridge.summary.chart import Chart, Json, Row, newest_first

Render = Callable[[Json, Chart], Row]


@dataclass(slots=True)
class Block:
    """A table of a section: its caption, and its rows or, of results over time, its tests."""

    caption: str
    rows: list[Row]
    tests: list[flowsheet.Test] = field(default_factory=list)


@dataclass(slots=True)
class Section:
    """A section as the page shows it."""

    key: str
    title: str
    columns: list[str]
    rows: list[Row]
    blocks: list[Block]
    lead: str = ""
    """The heading of a first column with the group of each row, where the section has one."""
    in_error: int = 0
    hidden: int = 0
    filters: str = ""
    panels: int = 0
    """How many entries are not shown since they only group others that are."""

    @property
    def shown(self) -> list[int]:
        """The numbers of the columns that some row fills; the first two always."""
        filled = {i for row in self.rows for i, cell in enumerate(row.cells) if cell}
        if any(row.marks or row.disagrees for row in self.rows):
            filled.add(self.flag)
        return [i for i in range(len(self.columns)) if i in filled or i < 2]

    @property
    def flag(self) -> int:
        """The number of the column that marks stand in."""
        return self.columns.index("Flag") if "Flag" in self.columns else 0

    @property
    def courses(self) -> bool:
        """Whether some test has more than its newest result."""
        return any(one.earlier for block in self.blocks for one in block.tests)

    @property
    def drawings(self) -> bool:
        """Whether the course of some test is drawn."""
        return any(one.drawing for block in self.blocks for one in block.tests)

    @property
    def count(self) -> str:
        """How many entries there are; of results also of how many tests."""
        tests = sum(len(block.tests) for block in self.blocks)
        return (
            f"{len(self.rows)} results of {tests} tests"
            if tests and len(self.rows) > tests
            else str(len(self.rows))
        )


@dataclass(frozen=True, slots=True)
class _Plan:
    title: str
    columns: list[str]
    kinds: tuple[str, ...]
    render: Render
    lead: str = ""


_RESULTS = results.COLUMNS
_RESULT = ("Observation",)
_PLANS: dict[str, _Plan] = {
    "allergies": _Plan(
        "Allergies and intolerances",
        ["Substance", "Kind", "Reaction", "Status", "When"],
        ("AllergyIntolerance",), entries.allergy,
    ),
    "conditions": _Plan(
        "Conditions",
        ["Condition", "Codes", "Status", "Onset", "Ended", "List", "More"],
        ("Condition",), conditions.condition,
    ),
    "medications": _Plan(
        "Medications",
        medications.COLUMNS,
        ("MedicationStatement", "MedicationRequest", "MedicationDispense", "MedicationAdministration"),
        medications.medication,
    ),
    "immunizations": _Plan(
        "Immunizations",
        ["Vaccine", "When", "Status", "Dose", "More"],
        ("Immunization",), entries.immunization,
    ),
    "vitals": _Plan("Vital signs", _RESULTS, _RESULT, results.observation),
    "labs": _Plan("Laboratory results", _RESULTS, _RESULT, results.observation),
    "observations": _Plan(
        "Other observations", _RESULTS, _RESULT, results.observation, lead="Observation"
    ),
    "procedures": _Plan(
        "Procedures",
        ["Procedure", "When", "Status", "More", "By, where"],
        ("Procedure",), entries.procedure,
    ),
    "reports": _Plan(
        "Diagnostic reports",
        ["Report", "When", "Kind, status", "Conclusion and results", "By"],
        ("DiagnosticReport",), reports.report,
    ),
    "encounters": _Plan(
        "Encounters",
        ["Encounter", "When", "Reason", "Where", "With, outcome"],
        ("Encounter",), entries.encounter,
    ),
    "family-member-history": _Plan(
        "Family history",
        ["Relative", "Conditions", "Life", "Notes"],
        ("FamilyMemberHistory",), entries.family_member,
    ),
    "social-history": _Plan(
        "Social history", _RESULTS, _RESULT, results.observation, lead="Observation"
    ),
    "related-persons": _Plan(
        "Related persons",
        ["Name", "Relation", "Telephone, mail", "Address", "When"],
        ("RelatedPerson",), people.related_person,
    ),
    "tasks": _Plan("Tasks", ["Task", "Status", "Priority", "When", "Owner, reason"], ("Task",), people.task),
    "coverages": _Plan(
        "Coverage",
        ["Payer", "Plan", "Member", "Status", "When"],
        ("Coverage",), people.coverage,
    ),
    "documents": _Plan(
        "Documents",
        ["Document", "When", "Content", "By"],
        ("DocumentReference", "Composition"), people.document,
    ),
}  # fmt: skip

SECTION_KEYS = tuple(_PLANS)
"""The 16 sections that filters name, in the order that the summary has without filters."""

_COLUMNS = ["What", "Status", "When", "By"]
_DIRECTIVES = ("Consent", "Flag")
"""What a clinician has to know before anything else: it heads the summary, whatever the filters."""
_NO_STATEMENTS = frozenset({
    "Patient", "Person", "Practitioner", "PractitionerRole", "Organization", "Location", "HealthcareService",
    "Endpoint", "Medication", "Substance", "Specimen", "Provenance", "AuditEvent", "Binary", "Bundle",
    "OperationOutcome", "Parameters", "Group",
})  # fmt: skip
"""Types that say nothing of the patient by themselves: they are shown where others refer to them."""


def sections(chart: Chart, filters: list[Json] | None) -> list[Section]:
    """All sections with their rows, in the order of the filters; those that no filter names come after."""
    by_key = {str(one.get("key")): one for one in filters or []}
    observations: dict[str, list[Json]] = {}
    for held in chart.of("Observation"):
        observations.setdefault(results.section_of(held), []).append(held)
    order = [key for key in by_key if key in _PLANS] + [key for key in _PLANS if key not in by_key]
    built = []
    for key in order:
        plan = _PLANS[key]
        held_here = observations.get(key, []) if plan.kinds == _RESULT else chart.of(*plan.kinds)
        built.append(_section(key, plan, chart, held_here, by_key.get(key, {})))
    known = {kind for plan in _PLANS.values() for kind in plan.kinds}.union(_DIRECTIVES, _NO_STATEMENTS)
    rest = sorted((set(chart.by_type) | set(chart.in_error)) - known)
    first = _others("directives", "Advance directives and flags", _DIRECTIVES, chart)
    last = _others("other", "Also in the chart", rest, chart)
    return [*first, *built, *last]


def _others(key: str, title: str, kinds: Iterable[str], chart: Chart) -> list[Section]:
    """A section of resources whose types have no table of their own; none where there are none."""
    rows = [
        row
        for kind in kinds
        for row in sorted(
            newest_first([_row(others.other, one, chart) for one in chart.of(kind)]), key=lambda row: row.rank
        )
    ]
    in_error = sum(chart.in_error.get(kind, 0) for kind in kinds)
    section = Section(key, title, _COLUMNS, rows, _by_group(rows), in_error=in_error)
    return [section] if rows or in_error else []


def _section(key: str, plan: _Plan, chart: Chart, held: list[Json], wanted: Json) -> Section:
    in_error = sum(chart.in_error.get(kind, 0) for kind in plan.kinds)
    panels = 0
    if plan.kinds == _RESULT:
        in_error = in_error if key == "observations" else 0
        single = [one for one in held if not results.is_only_a_panel(one, chart)]
        held, panels = single, len(held) - len(single)
    pairs = [(one, _row(plan.render, one, chart)) for one in held]
    kept = [(one, row) for one, row in pairs if _wanted(row, wanted)] if wanted else pairs
    hidden = len(pairs) - len(kept)
    ordered = newest_first(_folded(key, kept, chart))
    if key in _FIRST:
        ordered.sort(key=_FIRST[key])
    if key == "medications":
        ordered = _by_drug(ordered)
    if key == "reports":
        ordered = reports.fold(ordered)
    return Section(
        key, plan.title, plan.columns, ordered, _blocks(key, ordered, chart), plan.lead, in_error, hidden,
        _said(wanted), panels,
    )  # fmt: skip


def _row(render: Render, held: Json, chart: Chart) -> Row:
    """The row of a resource, with all its sources and what they say besides."""
    row = render(held, chart)
    if len(held.get("extension") or ()) > 1:
        row.sources = chart.sources(held)
    row.also = said_besides(held)
    return row


def _folded(key: str, kept: list[tuple[Json, Row]], chart: Chart) -> list[Row]:
    """The rows, those that only repeat or complete another one within that."""
    if key == "conditions":
        return conditions.fold(kept)
    if key == "medications":
        return medications.group(kept, chart)
    return [row for _, row in kept]


def _blocks(key: str, rows: list[Row], chart: Chart) -> list[Block]:
    """The tables of a section."""
    if key in _OVER_TIME:
        tests = flowsheet.tests(rows, chart)
        panels = dict.fromkeys(one.panel for one in tests)
        parts = [Block(panel, [], [one for one in tests if one.panel == panel]) for panel in panels]
        if len(parts) > 1 and not parts[-1].caption:
            parts[-1].caption = "Other results"
        return parts
    if key not in _CAPTIONS:
        return [Block("", rows)] if rows else []
    rank, captions = _CAPTIONS[key]
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(captions[rank(row)], []).append(row)
    return [Block(caption, held) for caption, held in found.items()]


def _by_group(rows: list[Row]) -> list[Block]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.group, []).append(row)
    return [Block(name, held) for name, held in found.items()]


def _by_drug(rows: list[Row]) -> list[Row]:
    """What is said of one medicine stands together, where its newest row stands."""
    first: dict[tuple[int, str], int] = {}
    for number, row in enumerate(rows):
        first.setdefault((_therapy(row), row.group), number)
    return sorted(rows, key=lambda row: (_therapy(row), first[(_therapy(row), row.group)]))


def _course(row: Row) -> int:
    """Active problems, then those without a status, then past ones, then what is refuted; the diagnoses of
    encounters last."""
    if row.look == "negated":
        return 3
    if row.cells[conditions.CATEGORY] == conditions.DIAGNOSIS:
        return 4
    if row.look == "past":
        return 2
    return 1 if row.cells[conditions.STATUS] == conditions.NO_STATUS else 0


def _course_of_disease(row: Row) -> tuple[int, bool]:
    """Within those, the chronic ones first."""
    return _course(row), not any(mark.text == "chronic" for mark in row.marks)


def _by_name(row: Row) -> tuple[int, str]:
    """The groups in the same order for everybody."""
    return row.rank, row.group.casefold()


def _therapy(row: Row) -> int:
    """What must not be given first, then what is current, then what is over or was not taken."""
    if any(mark.text == "DO NOT GIVE" for mark in row.marks):
        return 0
    return 2 if row.look else 1


_FIRST: dict[str, Callable[[Row], Any]] = {
    "conditions": _course_of_disease,
    "medications": _therapy,
    "vitals": _by_name,
    "labs": _by_name,
    "observations": _by_name,
    "social-history": _by_name,
    "reports": lambda row: row.group == reports.RESULTS_ONLY,
    "immunizations": lambda row: row.cells[0].casefold(),
}
"""What stands before what in a section; within that, the newest first."""
_OVER_TIME = ("vitals", "labs")
_CAPTIONS: dict[str, tuple[Callable[[Row], int], list[str]]] = {
    "conditions": (
        _course,
        [
            "Active problems", "Problems whose status no source states", "Past problems",
            "Not present, as a source says", "Diagnoses of encounters",
        ],
    ),
    "reports": (
        lambda row: int(row.group == reports.RESULTS_ONLY),
        ["Reports with a text", "Reports that only list results; their values are among the results"],
    ),
    "medications": (
        _therapy, ["Not to be given", "Current, or not said to be over", "Past, or not taken"]
    ),
}  # fmt: skip


def _wanted(row: Row, wanted: Json) -> bool:
    """Whether a row passes a section's filters. One without a date passes every filter by date."""
    text = wanted.get("stringFilter")
    if text and str(text).casefold() not in row.text.casefold():
        return False
    dates: Any = wanted.get("dateFilter") or {}
    if not row.dates:
        return True
    first = row.dates[0]
    last = "9999" if row.ends == "open" else row.ends or first
    return not (
        (dates.get("to") and _day(first, "01") > str(dates["to"]))
        or (dates.get("from") and _day(last, "99") < str(dates["from"]))
    )


def _day(date: str, missing: str) -> str:
    """The first or last day of a date that may be a month or a year, as text that can be compared."""
    parts = date[:10].split("-")
    return "-".join([*parts, *[missing] * (3 - len(parts))])


def _said(wanted: Json) -> str:
    """What a section's filters are, in words."""
    dates: Any = wanted.get("dateFilter") or {}
    between = " ".join(f"{name} {dates[name]}" for name in ("from", "to") if dates.get(name))
    text = wanted.get("stringFilter")
    return ", ".join(part for part in (between, f'containing "{text}"' if text else "") if part)
