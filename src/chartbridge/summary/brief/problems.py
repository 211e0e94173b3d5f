"""Conditions and allergies as facts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from chartbridge.summary import words
from chartbridge.summary.brief.facts import Fact, Json, references_of
from chartbridge.summary.brief.statements import (
    codings_of,
    day,
    groups,
    is_contradicted,
    is_plain,
    name_of,
    says_so,
    shown,
    start_of,
)
from chartbridge.summary.chart import Chart, coded_status
from chartbridge.summary.conditions import is_chronic
from chartbridge.summary.entries import NO_KNOWN

_ACTIVE = frozenset({"active", "recurrence", "relapse"})
_OVER = frozenset({"inactive", "remission", "resolved"})
_CERTAIN = frozenset({"", "confirmed"})
_DENIES = re.compile(r"(?:no|not|none|nil|nkd?a|denie[sd]|negative|absence|unknown)\b", re.IGNORECASE)
"""How the name of an allergy begins that says there is none."""
_NO_PROBLEMS = frozenset({"160245001", "55607006"})
"""SNOMED CT: no current problems or disability; problem, named by its category alone."""


def conditions(chart: Chart) -> list[Fact]:
    """Active problems, the chronic ones first, and what the sources contradict each other about.

    What is refuted, doubted, over or another's is no problem. Nor is what stands on no list with a status:
    the diagnosis of one visit does not say that it goes on.
    """
    found: list[tuple[tuple[int, str], Fact]] = []
    held = [one for one in chart.of("Condition") if is_plain(one)]
    for group in groups(held, _condition_keys):
        fact = _condition(group)
        if fact is not None:
            found.append(fact)
    ordered = sorted(found, key=lambda one: (one[1].name.casefold(), one[1].references))
    ordered.sort(key=lambda one: one[0][1], reverse=True)
    return [fact for _, fact in sorted(ordered, key=lambda one: one[0][0])]


def _condition_keys(held: Json) -> Iterable[object]:
    name = name_of(held.get("code")).casefold()
    return [*codings_of(held.get("code")), *([name] if name else [])]


def _condition(group: Sequence[Json]) -> tuple[tuple[int, str], Fact] | None:
    active = [one for one in group if _is_active(one)]
    named = [(name_of(one.get("code")), one) for one in active]
    named = [(name, one) for name, one in named if name and says_so(name)]
    if not named or any(words.codes(one.get("code")) & _NO_PROBLEMS for one in active):
        return None
    name, newest = min(sorted(named, key=lambda one: (one[0], one[1]["id"])), key=lambda one: _age_of(one[1]))
    if any(map(is_contradicted, active)) or any(_contradicts(one, active) for one in group):
        return (0, ""), Fact("conflict", name, name, references_of(group))
    since = {found for one in active if (found := day(_onset(one)))}
    (onset,) = since if len(since) == 1 else ("",)
    text = f"{name} (since {shown(onset)})" if onset else name
    listed = any("problem-list-item" in _categories(one) for one in active)
    if any(map(is_chronic, active)):
        return (1 if listed else 2, onset), Fact("chronic", name, text, references_of(active), short=name)
    place = (3 if listed else 4, onset or start_of(newest))
    return place, Fact("problem", name, text, references_of(active), short=name)


def _age_of(held: Json) -> tuple[int, ...]:
    """The newer, the smaller."""
    return tuple(-int(part) for part in start_of(held).split("-") if part)


def _is_active(held: Json) -> bool:
    over = held.get("abatementDateTime") or held.get("abatementPeriod") or held.get("abatementBoolean")
    return (
        coded_status(held, "clinicalStatus") in _ACTIVE
        and coded_status(held, "verificationStatus") in _CERTAIN
        and not over
    )


def _contradicts(held: Json, active: Sequence[Json]) -> bool:
    """Whether it says that the patient does not have, or no longer has, what others call active; what was
    over before it became active again does not."""
    if coded_status(held, "verificationStatus") == "refuted":
        return True
    if coded_status(held, "clinicalStatus") not in _OVER and not held.get("abatementDateTime"):
        return False
    if "problem-list-item" not in _categories(held):
        return False
    ended = day(held.get("abatementDateTime"))
    return not ended or any(not (begun := day(_onset(one))) or begun <= ended for one in active)


def _onset(held: Json) -> object:
    return held.get("onsetDateTime") or (held.get("onsetPeriod") or {}).get("start")


def _categories(held: Json) -> set[str]:
    return {code for one in held.get("category") or [] for code in words.codes(one)}


def allergies(chart: Chart) -> list[Fact]:
    """Each allergy with its criticality and reactions, those of high criticality first; that there are none
    when the chart states so and names none; else that it states nothing."""
    held = [one for one in chart.of("AllergyIntolerance") if is_plain(one)]
    held = [one for one in held if coded_status(one, "verificationStatus") != "refuted"]
    denials = [one for one in held if _is_denial(one)]
    named = [one for one in held if not _is_denial(one)]
    found = [
        fact
        for group in groups(named, lambda one: [name_of(one.get("code")).casefold() or one["id"]])
        for fact in [_allergy(group)]
    ]
    ordered = sorted(found, key=lambda fact: (fact.weight, fact.name.casefold(), fact.references))
    if any(fact.kind in ("allergy", "conflict") for fact in ordered):
        return ordered
    stated = [one for one in denials if coded_status(one, "clinicalStatus") in {"", "active"}]
    if stated:
        names = sorted({name_of(one.get("code")) or "No known allergy" for one in stated}, key=str.casefold)
        return [*ordered, *(Fact("no-allergy", name, name, references_of(
            one for one in stated if (name_of(one.get("code")) or "No known allergy") == name
        )) for name in names)]  # fmt: skip
    return [*ordered, Fact("no-allergy-stated", "", "", ())]


def _is_denial(held: Json) -> bool:
    return bool(words.codes(held.get("code")) & NO_KNOWN) or bool(_DENIES.match(name_of(held.get("code"))))


def _allergy(group: Sequence[Json]) -> Fact:
    active = [one for one in group if coded_status(one, "clinicalStatus") in {"", "active"}]
    name = min((name_of(one.get("code")) for one in group), default="") or "a substance that is not named"
    if any(map(is_contradicted, group)):
        return Fact("conflict", name, name, references_of(group), weight=0)
    if not active:
        return Fact("past-allergy", name, name, references_of(group), weight=3)
    high = any(one.get("criticality") == "high" for one in active)
    low = all(one.get("criticality") == "low" for one in active)
    sure = any(coded_status(one, "verificationStatus") in _CERTAIN for one in active)
    reactions = sorted(
        {
            shown_as
            for one in active
            for reaction in one.get("reaction") or []
            for manifestation in reaction.get("manifestation") or []
            if (shown_as := name_of(manifestation)) and says_so(shown_as)
        },
        key=str.casefold,
    )
    more = [
        "high criticality" if high else "low criticality" if low else "",
        "" if sure else "unconfirmed",
        f"reaction {' and '.join(reactions[:3])}" if reactions else "",
    ]
    detail = words.joined(more)
    return Fact(
        "allergy",
        name,
        f"{name} ({detail})" if detail else name,
        references_of(active),
        weight=1 if high else 2,
    )
