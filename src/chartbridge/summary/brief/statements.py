"""Which resources of a chart state something of the patient, what it is called, and when it was."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Sequence
from datetime import date, timedelta
from typing import Any

from chartbridge.summary import words
from chartbridge.summary.brief.facts import Json
from chartbridge.summary.chart import Chart

CONFLICT_URL = "https://chartbridge.dev/fhir/StructureDefinition/conflicting-statement"
MAX_NAME = 100
"""Characters of a name that a brief tells whole. A longer one is counted and not told: cut, it could say the
opposite of what it says."""

_TAG = re.compile(
    r"\s*\((?:disorder|finding|procedure|situation|substance|product|event|observable entity)\)$"
)
_SPACE = re.compile(r"\s+")
_UNSEEN = dict.fromkeys([*range(0x20), 0x7F, *range(0x200B, 0x2010), *range(0x202A, 0x202F),
                         *range(0x2060, 0x2070), 0xFEFF], " ")  # fmt: skip
"""Control characters, those that set the direction of text, and those without width."""
_NO_STATEMENT = re.compile(
    r"(?:no|not|none|nil|denie[sd]|denying|negative|absen(?:ce|t)|without|unlikely|unknown|rule[sd]?[- ]out"
    r"|r/o|suspect(?:ed)?|suspicion|possible|probable|questionable|at risk|risk|family|fh|fhx|fam|mother"
    r"|father|maternal|paternal|sibling|brother|sister|planned|history of no|h/o no|no history)\b"
    r"|.*\b(?:ruled? out|refuted|not present|not found|not confirmed|family history|negated)\b"
    r"|.*\?$",
    re.IGNORECASE,
)
"""How a name begins, or what it holds, that denies or doubts what it names, or speaks of somebody else."""
_ONLY_A_CODE = re.compile(
    r"(?:[A-Za-z]{0,8}[: ]*)?[\d.\-]+|rxnorm|snomed(?: ct)?|loinc|cvx|icd-?10(?:-cm)?", re.IGNORECASE
)
_DAY = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?(?:$|T)")
_DATES = (
    "effectiveDateTime", "effectiveInstant", "performedDateTime", "occurrenceDateTime", "recordedDate",
    "authoredOn", "whenHandedOver", "dateAsserted", "issued",
)  # fmt: skip
_PERIODS = ("period", "effectivePeriod", "performedPeriod")
_HAPPENED = ("AllergyIntolerance", "Condition", "DiagnosticReport", "Encounter", "Immunization",
             "MedicationDispense", "MedicationRequest", "MedicationStatement", "Observation",
             "Procedure")  # fmt: skip
_TO_COME = frozenset({"planned", "proposed", "draft", "registered", "preparation", "not-done", "cancelled"})


def tidy(text: str) -> str:
    """A text in one line, without characters that cannot be seen and without a tag of SNOMED CT's."""
    return _TAG.sub("", _SPACE.sub(" ", text.translate(_UNSEEN)).strip(" .;,")).strip(" .;,")


def name_of(concept: Json | None) -> str:
    """What a CodeableConcept is called: its text, else a display; nothing where that is too long, or where
    there is a code alone."""
    held = concept or {}
    said = [held.get("text"), *(one.get("display") for one in held.get("coding") or [])]
    names = [tidy(text) for text in said if isinstance(text, str)]
    return next((name for name in names if _is_name(name)), "")


def _is_name(name: str) -> bool:
    return 0 < len(name) <= MAX_NAME and _ONLY_A_CODE.fullmatch(name) is None


def says_so(name: str) -> bool:
    """Whether a name affirms what it names: not `No current problems`, not `Rule out pneumonia`."""
    return _NO_STATEMENT.match(name) is None


def is_plain(resource: Json) -> bool:
    """Whether nothing turns a resource's meaning: no modifier that we do not know, no other subject."""
    subject = str((resource.get("subject") or resource.get("patient") or {}).get("reference") or "")
    focus = resource.get("focus") if resource["resourceType"] == "Observation" else None
    return (
        not resource.get("modifierExtension")
        and not focus
        and (not subject or subject.startswith(("Patient/", "urn:")))
    )


def is_contradicted(resource: Json) -> bool:
    """Whether the chart links it to a statement that contradicts it."""
    return any(held.get("url") == CONFLICT_URL for held in resource.get("extension") or [])


def codings_of(concept: Json | None) -> frozenset[tuple[str, str]]:
    """System and code of each coding that has both."""
    return frozenset(
        (str(one["system"]), str(one["code"]))
        for one in (concept or {}).get("coding") or []
        if one.get("system") and one.get("code")
    )


def groups(resources: Sequence[Json], keys: Callable[[Json], Iterable[Hashable]]) -> list[list[Json]]:
    """The resources that share a key, directly or by way of others; each group, and the groups among
    themselves, in the order of the resources."""
    leader: dict[Hashable, int] = {}
    parent = list(range(len(resources)))

    def root(number: int) -> int:
        while parent[number] != number:
            parent[number] = parent[parent[number]]
            number = parent[number]
        return number

    for number, resource in enumerate(resources):
        for key in keys(resource):
            first, second = sorted((root(leader.setdefault(key, number)), root(number)))
            parent[second] = first
    found: dict[int, list[Json]] = {}
    for number, resource in enumerate(resources):
        found.setdefault(root(number), []).append(resource)
    return list(found.values())


def day(value: Any) -> str:
    """A FHIR date, dateTime or instant as its day, month or year; nothing for what is none."""
    match = _DAY.match(value) if isinstance(value, str) else None
    if match is None:
        return ""
    year, month, day_ = match.groups()
    try:
        date(int(year), int(month or 1), int(day_ or 1))
    except ValueError:
        return ""
    return "-".join(part for part in (year, month, day_) if part)


def shown(value: Any) -> str:
    """A day in words, `Jun 12, 2025`."""
    return words.date(day(value))


def start_of(resource: Json) -> str:
    """The day on which it was or began, by the first of its dates that is one."""
    for name in _DATES:
        if found := day(resource.get(name)):
            return found
    for name in _PERIODS:
        if found := day((resource.get(name) or {}).get("start")):
            return found
    return ""


def latest_entry(chart: Chart, today: str) -> tuple[str, Json | None]:
    """The newest whole day, of `today` or before, of which the chart holds an entry, and that entry."""
    found = [
        (started, f"{one['resourceType']}/{one['id']}", one)
        for one in chart.of(*_HAPPENED)
        if one.get("status") not in _TO_COME
        and len(started := start_of(one)) == len("2024-01-31")
        and (not today or started <= today)
    ]
    newest, _, entry = max(found, key=lambda one: one[:2], default=("", "", None))
    return newest, entry


def is_within(value: str, days: int, of: str) -> bool:
    """Whether a day, month or year began at most so many days before the day `of`, and not after it."""
    if not value or not of or value > of:
        return False
    return value >= (date.fromisoformat(of) - timedelta(days=days)).isoformat()[: len(value)]
