"""Apply the map from SNOMED CT to ICD-10-CM: its rules in order, and never a guess.

The rows of a concept stand in groups, each of which gives one code. Within a group the first row applies
whose rule is true. Whether a rule is true may be unknown, because the patient's sex, age or another finding
is; then the group has a code only where all rows that may apply have the same one. Specification: NLM,
SNOMED CT to ICD-10-CM Map, and SNOMED International, ICD-10 Mapping Technical Guide.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from chartbridge.terminology.edition import Edition
from chartbridge.terminology.rows import MapRow

SNOMED = "http://snomed.info/sct"
ICD_10_CM = "http://hl7.org/fhir/sid/icd-10-cm"
FEMALE, MALE = "248152002", "248153007"
AGE_AT_ONSET, CURRENT_AGE = "445518008", "424144002"
ALWAYS = frozenset(("TRUE", "OTHERWISE TRUE"))

Holds = Callable[[str], bool | None]
"""Whether a SNOMED CT finding is true of the patient; None where that is not known."""
Age = int | float | None

_CLAUSE = re.compile(
    r"IFA (?P<code>[0-9]{6,18}) \|[^|]*\|(?: ?(?P<sign><=|>=|<|>) ?(?P<number>[0-9]+(?:\.[0-9]+)?) "
    r"(?P<unit>day|week|month|year)s?)?"
)
_YEARS = {"day": 1 / 365.25, "week": 7 / 365.25, "month": 1 / 12, "year": 1.0}


@dataclass(frozen=True, slots=True)
class Target:
    """The code of a group, with the map's advice on it and the map's name."""

    group: int
    code: str
    advice: str
    map_name: str


@dataclass(frozen=True, slots=True)
class Unresolved:
    """A group that has no code for this patient, why, and which codes it may be."""

    group: int
    reason: str
    candidates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MapOutcome:
    """What a concept maps to: all targets together, unless something is ``unresolved``."""

    targets: tuple[Target, ...]
    unresolved: tuple[Unresolved, ...]

    @property
    def is_complete(self) -> bool:
        """Whether the targets may be used: there are some, and no group is left over."""
        return bool(self.targets) and not self.unresolved


@dataclass(frozen=True, slots=True)
class _Patient:
    gender: str | None
    age_at_onset: Age
    current_age: Age
    holds: Holds | None


def icd10cm_for(
    edition: Edition,
    snomed_code: str,
    *,
    gender: str | None = None,
    age_years: Age = None,
    current_age_years: Age = None,
    holds: Holds | None = None,
) -> MapOutcome:
    """The ICD-10-CM codes of a SNOMED CT concept for one patient.

    ``gender`` is ``female`` or ``male``; anything else leaves it unknown. ``age_years`` is the age at the
    onset of the finding, ``current_age_years`` that of today, which few rules ask for; an ``int`` means
    completed years, so that 0 may be any day of the first year.
    """
    rows = edition.mapped(SNOMED, snomed_code, ICD_10_CM)
    if not rows:
        return MapOutcome((), (Unresolved(0, "the map has no rows for this concept"),))
    patient = _Patient(gender, age_years, current_age_years, holds)
    targets: list[Target] = []
    unresolved: list[Unresolved] = []
    for (_, group), members in groupby(rows, key=lambda row: (row.name, row.group)):
        found = _of_group(edition, group, list(members), patient)
        if isinstance(found, Target):
            targets.append(found)
        else:
            unresolved.append(found)
    return MapOutcome(tuple(targets), tuple(unresolved))


def _of_group(edition: Edition, group: int, rows: list[MapRow], patient: _Patient) -> Target | Unresolved:
    if [row.priority for row in rows] != list(range(1, len(rows) + 1)):
        return Unresolved(group, "a row of the group is missing, or stands twice", _codes(rows))
    possible, unknown = _possible(rows, patient)
    if not possible:
        return Unresolved(group, "no rule of the group is true of this patient", _codes(rows))
    codes = _codes(possible)
    if len(codes) > 1 or (codes and not all(row.target_code for row in possible)):
        return Unresolved(group, f"it depends on {' and '.join(unknown)}", codes)
    if not _is_settled(possible, patient):
        return Unresolved(group, f"it depends on {' and '.join(unknown)} whether a code applies", codes)
    if not codes:
        return Unresolved(group, possible[0].advice or "the concept cannot be mapped")
    return _checked(edition, possible[0])


def _possible(rows: Iterable[MapRow], patient: _Patient) -> tuple[list[MapRow], list[str]]:
    """The rows that may apply, up to the first that surely does, and what is not known."""
    possible: list[MapRow] = []
    unknown: list[str] = []
    for row in rows:
        truth, what = _is_true(row.rule, patient)
        if truth is False:
            continue
        possible.append(row)
        if truth:
            break
        unknown.extend(name for name in what if name not in unknown)
    return possible, unknown


def _is_settled(possible: list[MapRow], patient: _Patient) -> bool:
    return _is_true(possible[-1].rule, patient)[0] is True


def _codes(rows: Iterable[MapRow]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(row.target_code for row in rows if row.target_code))


def _checked(edition: Edition, row: MapRow) -> Target | Unresolved:
    code = row.target_code
    if "?" in code:
        return Unresolved(row.group, "the code needs a further character, of the episode of care", (code,))
    known = edition.system(ICD_10_CM)
    if known is not None and known.complete and edition.concept(ICD_10_CM, code) is None:
        return Unresolved(row.group, f"the edition's ICD-10-CM ({known.version}) has no such code", (code,))
    return Target(row.group, code, row.advice, row.name)


def _is_true(rule: str, patient: _Patient) -> tuple[bool | None, list[str]]:
    """Whether a rule is true of the patient, and what would have to be known to tell."""
    if rule.strip().upper() in ALWAYS:
        return True, []
    unknown: list[str] = []
    for clause in _clauses(rule):
        if clause is None:
            return None, ["a rule that is not understood"]
        truth, what = _holds(clause, patient)
        if truth is False:
            return False, []
        if truth is None:
            unknown.append(what)
    return (None, unknown) if unknown else (True, [])


def _clauses(rule: str) -> Iterator[re.Match[str] | None]:
    """The clauses that a rule joins with AND; None for one that is of another form."""
    place = 0
    while True:
        clause = _CLAUSE.match(rule, place)
        yield clause
        if clause is None or clause.end() == len(rule.rstrip()):
            return
        joined = re.compile(r"\s+AND\s+").match(rule, clause.end())
        if joined is None:
            yield None
            return
        place = joined.end()


def _holds(clause: re.Match[str], patient: _Patient) -> tuple[bool | None, str]:
    code = clause["code"]
    if code in (AGE_AT_ONSET, CURRENT_AGE):
        if clause["sign"] is None:
            return None, "a rule that is not understood"
        age, name = (
            (patient.age_at_onset, "the age at onset")
            if code == AGE_AT_ONSET
            else (patient.current_age, "the age")
        )
        return _compared(age, clause["sign"], float(clause["number"]), _YEARS[clause["unit"]]), name
    if clause["sign"] is not None:
        return None, "a rule that is not understood"
    if code in (FEMALE, MALE):
        if patient.gender not in ("female", "male"):
            return None, "the sex"
        return patient.gender == ("female" if code == FEMALE else "male"), ""
    return (patient.holds(code) if patient.holds else None), f"whether {code} is true"


def _compared(age: Age, sign: str, number: float, years: float) -> bool | None:
    if age is None:
        return None
    is_below = _below(age, number * years, strictly=sign in ("<", ">="))
    return is_below if is_below is None or sign.startswith("<") else not is_below


def _below(age: int | float, bound: float, *, strictly: bool) -> bool | None:
    """Whether an age is under a bound; completed years are every age up to the next birthday."""
    if isinstance(age, float):
        return age < bound if strictly else age <= bound
    if age + 1 <= bound:
        return True
    return False if (age >= bound if strictly else age > bound) else None
