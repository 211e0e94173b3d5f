"""The sections of the summary: the resources of each, its table, its order, and the operator's filters."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from chartbridge.summary import conditions, entries, others, people, results
from chartbridge.summary.chart import Chart, Json, Row, newest_first

Render = Callable[[Json, Chart], Row]


@dataclass(slots=True)
class Section:
    """A section as the page shows it."""

    key: str
    title: str
    columns: list[str]
    rows: list[Row]
    grouped: bool = False
    in_error: int = 0
    hidden: int = 0
    filters: str = ""
    panels: int = 0
    """How many entries are not shown since they only group others that are."""

    @property
    def shown(self) -> list[int]:
        """The numbers of the columns that some row fills; the first two always."""
        filled = {i for row in self.rows for i, cell in enumerate(row.cells) if cell}
        if any(row.marks for row in self.rows):
            filled.add(self.flag)
        return [i for i in range(len(self.columns)) if i in filled or i < 2]

    @property
    def flag(self) -> int:
        """The number of the column that marks stand in."""
        return self.columns.index("Flag") if "Flag" in self.columns else 0

    @property
    def groups(self) -> list[tuple[str, list[Row]]]:
        """The rows by group, in their order; one group without a name where the section has none."""
        if not self.grouped:
            return [("", self.rows)]
        found: dict[str, list[Row]] = {}
        for row in self.rows:
            found.setdefault(row.group, []).append(row)
        return list(found.items())


@dataclass(frozen=True, slots=True)
class _Plan:
    title: str
    columns: list[str]
    kinds: tuple[str, ...]
    render: Render
    grouped: bool = False


_RESULTS = results.COLUMNS
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
        ["Medication", "Kind and status", "Dose and directions", "When", "Reason, by"],
        ("MedicationStatement", "MedicationRequest", "MedicationDispense", "MedicationAdministration"),
        entries.medication,
    ),
    "immunizations": _Plan(
        "Immunizations",
        ["Vaccine", "When", "Status", "Dose", "More"],
        ("Immunization",), entries.immunization,
    ),
    "vitals": _Plan("Vital signs", _RESULTS, ("Observation",), results.observation, grouped=True),
    "labs": _Plan("Laboratory results", _RESULTS, ("Observation",), results.observation, grouped=True),
    "observations": _Plan(
        "Other observations", _RESULTS, ("Observation",), results.observation, grouped=True
    ),
    "procedures": _Plan(
        "Procedures",
        ["Procedure", "When", "Status", "More", "By, where"],
        ("Procedure",), entries.procedure,
    ),
    "reports": _Plan(
        "Diagnostic reports",
        ["Report", "When", "Kind, status", "Conclusion and results", "By"],
        ("DiagnosticReport",), entries.report,
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
    "social-history": _Plan("Social history", _RESULTS, ("Observation",), results.observation, grouped=True),
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
    order = [key for key in by_key if key in _PLANS] + [key for key in _PLANS if key not in by_key]
    built = [_section(key, _PLANS[key], chart, by_key.get(key, {})) for key in order]
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
            newest_first([others.other(one, chart) for one in chart.of(kind)]), key=lambda row: row.rank
        )
    ]
    in_error = sum(chart.in_error.get(kind, 0) for kind in kinds)
    section = Section(key, title, _COLUMNS, rows, grouped=True, in_error=in_error)
    return [section] if rows or in_error else []


def _section(key: str, plan: _Plan, chart: Chart, wanted: Json) -> Section:
    held = chart.of(*plan.kinds)
    in_error = sum(chart.in_error.get(kind, 0) for kind in plan.kinds)
    if plan.kinds == ("Observation",):
        held = [one for one in held if results.section_of(one) == key]
        in_error = in_error if key == "observations" else 0
    panels = 0
    if plan.kinds == ("Observation",):
        single = [one for one in held if not results.is_only_a_panel(one, chart)]
        held, panels = single, len(held) - len(single)
    pairs = [(one, plan.render(one, chart)) for one in held]
    kept = [(one, row) for one, row in pairs if _wanted(row, wanted)]
    hidden = len(pairs) - len(kept)
    rows = conditions.fold(kept) if key == "conditions" else [row for _, row in kept]
    ordered = newest_first(rows)
    if key in _FIRST:
        ordered.sort(key=_FIRST[key])
    return Section(
        key, plan.title, plan.columns, ordered, plan.grouped, in_error, hidden, _said(wanted), panels
    )


def _course(row: Row) -> int:
    """Chronic conditions first, then others, what is over, what is refuted; diagnoses of encounters last."""
    if row.look == "negated":
        return 3
    if row.cells[conditions.CATEGORY] == conditions.DIAGNOSIS:
        return 4
    if any(mark.text == "chronic" for mark in row.marks):
        return 0
    return 2 if row.look == "past" else 1


def _by_name(row: Row) -> tuple[int, str]:
    """The groups in the same order for everybody."""
    return row.rank, row.group.casefold()


def _therapy(row: Row) -> int:
    """What must not be given first, then what is current, then what is over or was not taken."""
    if any(mark.text == "DO NOT GIVE" for mark in row.marks):
        return 0
    return 2 if row.look else 1


_FIRST: dict[str, Callable[[Row], Any]] = {
    "conditions": _course,
    "medications": _therapy,
    "vitals": _by_name,
    "labs": _by_name,
}
"""What stands before what in a section; within that, the newest first."""


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
