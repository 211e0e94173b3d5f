"""Medications, procedures and immunizations as facts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from chartbridge.summary import words
from chartbridge.summary.brief.facts import Fact, Json, references_of
from chartbridge.summary.brief.statements import (
    MAX_NAME,
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
from chartbridge.summary.chart import Chart

_PROCEDURES_DAYS = 5 * 366
_DENIED = frozenset({"not-taken", "stopped", "cancelled", "on-hold"})


def medications(chart: Chart, latest: str) -> list[Fact]:
    """What is not to be given, what the sources contradict each other about, and current medications, those
    that began last first.

    Current is what is said to be taken, or ordered and still active, and has no end before the latest entry.
    What was dispensed or given once says nothing of today.
    """
    kinds = ("MedicationStatement", "MedicationRequest")
    held = [one for one in chart.of(*kinds) if is_plain(one) and _name(one, chart)]
    found = [fact for group in groups(held, lambda one: _keys(one, chart))
             for fact in _medication(group, chart, latest)]  # fmt: skip
    found.sort(key=lambda one: (one[1].name.casefold(), one[1].references))
    found.sort(key=lambda one: one[0], reverse=True)
    return sorted((fact for _, fact in found), key=lambda fact: fact.weight)


def _medication(group: Sequence[Json], chart: Chart, latest: str) -> list[tuple[str, Fact]]:
    forbidden = [one for one in group if one.get("doNotPerform") and one.get("status") == "active"]
    current = [one for one in group if _is_current(one, latest)]
    names = sorted({_name(one, chart) for one in current or forbidden})
    if not names:
        return []
    denied = [one for one in group if one.get("status") in _DENIED]
    newest = max(map(start_of, current), default="")
    if current and (forbidden or any(map(is_contradicted, current)) or _are_denied(denied, current)):
        return [("", Fact("conflict", names[0], names[0], references_of(group), weight=0))]
    if forbidden:
        return [("", Fact("do-not-give", names[0], names[0], references_of(forbidden), weight=1))]
    if any(_is_stopped_after(one, newest) for one in denied):
        return []
    begun = {started for one in current if (started := _begun(one))}
    (since,) = begun if len(begun) == 1 else ("",)
    ends = {ended for one in current if (ended := day((one.get("effectivePeriod") or {}).get("end")))}
    detail = words.joined(
        [words.labelled("since", shown(since)), words.labelled("until", shown(max(ends, default="")))]
    )
    text = f"{names[0]} ({detail})" if detail else names[0]
    short = text if ends else names[0]
    return [(newest, Fact("medication", names[0], text, references_of(current), weight=2, short=short))]


def _is_current(held: Json, latest: str) -> bool:
    if held.get("status") != "active" or held.get("doNotPerform"):
        return False
    if held["resourceType"] == "MedicationRequest" and held.get("intent", "order") not in {
        "order", "original-order", "instance-order", "filler-order",
    }:  # fmt: skip
        return False
    period = held.get("effectivePeriod") or {}
    ended, started = day(period.get("end")), day(period.get("start"))
    return (not ended or not latest or ended >= latest[: len(ended)]) and (
        not started or not latest or started <= latest[: len(started)]
    )


def _are_denied(denied: Sequence[Json], current: Sequence[Json]) -> bool:
    """Whether it is said not to be taken, or to be stopped, without a date that tells which is newer."""
    return any(
        one.get("status") == "not-taken" or not start_of(one) or not any(map(start_of, current))
        for one in denied
    )


def _is_stopped_after(held: Json, newest: str) -> bool:
    ended = day((held.get("effectivePeriod") or {}).get("end"))
    return max(ended, start_of(held)) >= newest


def _begun(held: Json) -> str:
    return day((held.get("effectivePeriod") or {}).get("start")) or day(held.get("authoredOn"))


def _name(held: Json, chart: Chart) -> str:
    concept = held.get("medicationCodeableConcept")
    reference = held.get("medicationReference") or {}
    if concept is None:
        concept = chart.target(reference, held).get("code")
    named = name_of(concept) or tidy(str(reference.get("display") or ""))
    return named if len(named) <= MAX_NAME and says_so(named or "no") else ""


def _keys(held: Json, chart: Chart) -> Iterable[object]:
    concept = held.get("medicationCodeableConcept")
    if concept is None:
        concept = chart.target(held.get("medicationReference"), held).get("code")
    return [*codings_of(concept), _name(held, chart).casefold()]


def procedures(chart: Chart, latest: str) -> list[Fact]:
    """Procedures that were done in the five years before the latest entry, newest first, each name once."""
    done = [
        one
        for one in chart.of("Procedure")
        if one.get("status") == "completed"
        and is_plain(one)
        and not is_contradicted(one)
        and is_within(start_of(one), _PROCEDURES_DAYS, latest)
    ]
    return _newest_of_each(done, "procedure", "code")


def immunizations(chart: Chart, latest: str) -> list[Fact]:
    """Vaccines that were given, newest first, each once."""
    given = [
        one
        for one in chart.of("Immunization")
        if one.get("status") == "completed"
        and is_plain(one)
        and not is_contradicted(one)
        and not one.get("isSubpotent")
        and "" < start_of(one) <= (latest or "9")
    ]
    return _newest_of_each(given, "immunization", "vaccineCode")


def _newest_of_each(held: Sequence[Json], kind: str, element: str) -> list[Fact]:
    found: dict[str, tuple[str, str, list[Json]]] = {}
    for one in held:
        name, when = name_of(one.get(element)), start_of(one)
        if not name or not says_so(name):
            continue
        known = found.get(name.casefold())
        if known is None or when > known[0]:
            found[name.casefold()] = (when, name, [one])
        elif when == known[0]:
            found[name.casefold()] = (when, min(name, known[1]), [*known[2], one])
    ordered = sorted(found.values(), key=lambda one: one[1].casefold())
    ordered.sort(key=lambda one: one[0], reverse=True)
    return [
        Fact(
            "procedure" if kind == "procedure" else "immunization",
            name,
            f"{name} ({shown(when)})",
            references_of(resources),
        )
        for when, name, resources in ordered
    ]
