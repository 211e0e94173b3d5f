"""The patient, encounters, results and smoking as facts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from chartbridge.summary import results, words
from chartbridge.summary.brief.facts import Fact, Json, references_of
from chartbridge.summary.brief.statements import (
    codings_of,
    day,
    groups,
    is_contradicted,
    is_plain,
    is_within,
    name_of,
    says_so,
    shown,
    start_of,
    tidy,
)
from chartbridge.summary.chart import Chart, coded_status, is_in_error

_SMOKING = frozenset({"72166-2", "39240-7"})
"""LOINC: tobacco smoking status; tobacco use status."""
_ADMITTED = frozenset({"IMP", "ACUTE", "NONAC", "EMER", "OBSENC"})
_RESULTS_DAYS = 2 * 366
_FINAL = frozenset({"final", "amended", "corrected"})
_MAX_VALUE = 60
_SEXES = frozenset({"female", "male"})


def person(patient: Json, latest: str, entry: Json | None) -> Fact:
    """Sex, and the age at the latest entry: that of today would be wrong tomorrow."""
    sex = str(patient.get("gender") or "")
    who = f"{sex} patient" if sex in _SEXES else "patient"
    age = _age(str(patient.get("birthDate") or ""), latest)
    text = f"{age} {who}".strip()
    died = day(patient.get("deceasedDateTime"))
    if died or patient.get("deceasedBoolean") is True:
        text += f", who died on {shown(died)}" if len(died) == 10 else ", who has died"
    return Fact("person", "patient", text, references_of([patient, *([entry] if entry and age else [])]))


def _age(born: str, on: str) -> str:
    """The age on a day as `29-year-old`, that of a small child in months; nothing when not known."""
    try:
        birth, then = date.fromisoformat(born), date.fromisoformat(on)
    except ValueError:
        return ""
    months = (then.year - birth.year) * 12 + then.month - birth.month - (then.day < birth.day)
    if months < 0:
        return ""
    return f"{months // 12}-year-old" if months >= 24 else f"{months}-month-old"


def encounters(chart: Chart, latest: str) -> list[Fact]:
    """The latest encounter that took place, and the latest admission or emergency visit if it is another."""
    held = [
        one
        for one in chart.of("Encounter")
        if one.get("status") in {"finished", "in-progress", "arrived", "triaged", "onleave"}
        and is_plain(one)
        and "" < start_of(one) <= (latest or "9")
        and len(start_of(one)) == len("2024-01-31")
    ]
    held.sort(key=lambda one: one["id"])
    held.sort(key=lambda one: bool(_kind(one)), reverse=True)
    held.sort(key=start_of, reverse=True)
    facts = []
    if held:
        facts.append(_encounter("encounter", held[0], chart))
        admitted = next((one for one in held if _is_admission(one)), None)
        if admitted is not None and admitted is not held[0]:
            facts.append(_encounter("admission", admitted, chart))
    return facts


def _kind(held: Json) -> str:
    names = [name_of(one) for one in held.get("type") or []]
    return next((name for name in names if name), "") or tidy(words.coding(held.get("class")))


def _is_admission(held: Json) -> bool:
    return (held.get("class") or {}).get("code") in _ADMITTED or _kind(held).casefold().startswith(
        ("inpatient", "emergency", "hospital admission", "hospitalization")
    )


def _encounter(kind: str, held: Json, chart: Chart) -> Fact:
    place = next(
        (
            found
            for one in held.get("location") or []
            if (found := tidy(chart.who(one.get("location"), held)))
        ),
        "",
    )
    diagnosed = [chart.target(one.get("condition"), held) for one in held.get("diagnosis") or []]
    sure = [
        one
        for one in diagnosed
        if one
        and not is_in_error(one)
        and is_plain(one)
        and not is_contradicted(one)
        and coded_status(one, "verificationStatus") in {"", "confirmed"}
    ]
    named = sorted({name for one in sure if (name := name_of(one.get("code"))) and says_so(name)})[:3]
    start, end = start_of(held), day((held.get("period") or {}).get("end"))
    when = f"{shown(start)} to {shown(end)}" if len(end) == 10 and end > start else shown(start)
    if held.get("status") != "finished":
        when = f"{shown(start)}, not ended"
    parts = [when, _kind(held), place if len(place) <= _MAX_VALUE else "",
             f"diagnosis {' and '.join(named)}" if named else ""]  # fmt: skip
    return Fact(
        "encounter" if kind == "encounter" else "admission",
        _kind(held) or "encounter",
        words.joined(parts),
        references_of([held, *(one for one in sure if name_of(one.get("code")) in named and "id" in one)]),
    )


def abnormal_results(chart: Chart, latest: str) -> list[Fact]:
    """Results that the source marks as abnormal and that no newer one of their kind has followed, of the two
    years before the latest entry; the critical ones first, then the newest."""
    held = [
        one
        for one in chart.of("Observation")
        if one.get("status") in _FINAL
        and is_plain(one)
        and start_of(one)
        and name_of(one.get("code"))
        and results.section_of(one) != "social-history"
    ]
    found = []
    for group in groups(held, _result_keys):
        newest = max(map(start_of, group))
        last = [one for one in group if start_of(one) == newest]
        fact = _result(last) if is_within(newest, _RESULTS_DAYS, latest) else None
        if fact is not None:
            found.append((newest, fact))
    found.sort(key=lambda one: (one[1].name.casefold(), one[1].references))
    found.sort(key=lambda one: one[0], reverse=True)
    return sorted((fact for _, fact in found), key=lambda fact: fact.weight)


def _result_keys(held: Json) -> Iterable[object]:
    return codings_of(held.get("code")) or [name_of(held.get("code")).casefold()]


def _result(last: Sequence[Json]) -> Fact | None:
    """The result of one day; none when that day has several different ones, or one that is not abnormal."""
    values = {tidy(results.value(one)) for one in last}
    marked = [results.flags(one) for one in last]
    flags = {mark.text for marks in marked for mark in marks}
    if len(values) != 1 or len(flags) != 1 or not all(marked) or any(map(is_contradicted, last)):
        return None
    (value,), (flag,) = values, flags
    look = marked[0][0].look
    if not value or value.startswith("not available") or len(value) > _MAX_VALUE or not look:
        return None
    name = min(name_of(one.get("code")) for one in last)
    text = f"{name} {value} ({flag}, {shown(start_of(last[0]))})"
    return Fact("result", name, text, references_of(last), weight=0 if look == "stop" else 1)


def smoking(chart: Chart, latest: str) -> list[Fact]:
    """The latest smoking status; none when the sources differ about that day."""
    held = [
        one
        for one in chart.of("Observation")
        if one.get("status") in _FINAL
        and is_plain(one)
        and not is_contradicted(one)
        and words.codes(one.get("code")) & _SMOKING
        and name_of(one.get("valueCodeableConcept"))
        and start_of(one) <= (latest or "9")
    ]
    newest = max(map(start_of, held), default="")
    last = [one for one in held if start_of(one) == newest]
    said = {name_of(one.get("valueCodeableConcept")) for one in last}
    if len(said) != 1:
        return []
    (status,) = said
    text = f"{status} ({shown(newest)})" if newest else status
    return [Fact("smoking", status, text, references_of(last))]
