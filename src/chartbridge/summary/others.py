"""Resources of types that have no section of their own, as rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chartbridge.summary import words
from chartbridge.summary.chart import LONG, Chart, Json, Mark, Row, cut, row, without_row
from chartbridge.summary.directives import consent

_NAMES = (
    "code",
    "type",
    "category",
    "scope",
    "topic",
    "description",
    "title",
    "name",
    "valueCodeableConcept",
)
_DATES = (
    "date",
    "dateTime",
    "authoredOn",
    "sent",
    "recordedDate",
    "startDate",
    "occurrenceDateTime",
    "start",
    "created",
)
_PERIODS = ("period", "effectivePeriod", "occurrencePeriod")
_TO_COME = {"planned", "proposed", "pending", "booked", "waitlist", "preparation", "draft"}


def other(held: Json, chart: Chart) -> Row:
    """A resource of a type that has no section: its type, what it says it is, its status and its date."""
    if held["resourceType"] in _OWN:
        return _OWN[held["resourceType"]](held, chart)
    said: list[str] = []
    for element in _NAMES:
        found: Any = held.get(element)
        if isinstance(found, dict | list):
            said.append(words.concepts([one for one in _listed(found) if isinstance(one, dict)]))
        elif isinstance(found, str):
            said.append(found)
    for message in held.get("payload") or []:
        said.append(str(message.get("contentString") or ""))
    for participant in held.get("participant") or []:
        if isinstance(participant, dict):
            roles = words.concepts(participant.get("role"))
            member = chart.who(participant.get("member"), held)
            said.append(words.joined([member, f"({roles})" if member and roles else roles], " "))
    said.append(words.notes(held.get("note")))
    for activity in held.get("activity") or []:
        said.append(words.concept((activity.get("detail") or {}).get("code")))
    status = words.plain(held.get("status") or held.get("lifecycleStatus"))
    marks = [Mark("DO NOT PERFORM", "stop")] if held.get("doNotPerform") else []
    name = next((name for name in _PERIODS if isinstance(held.get(name), dict)), "")
    period: Json = held.get(name) or {}
    element = next((name for name in _DATES if isinstance(held.get(name), str)), "")
    day = held.get(element)
    to_come = name == "occurrencePeriod" or str(held.get("status")) in _TO_COME
    when = words.date(day) or (words.planned if to_come else words.period)(period)
    if day and (
        element in {"occurrenceDateTime", "start"} or str(held.get("status")) in {"planned", "booked"}
    ):
        when = f"planned for {when}"
    return row(
        held,
        [
            words.joined(said, "; ") or "not described",
            status or "status not stated",
            when or "date unknown",
            words.joined(
                [chart.who(_one(held, name), held) for name in ("requester", "author", "sender")]
                + [chart.everyone(_listed(held.get("performer")), held)]
            ),
        ],
        [day, period.get("start")],
        marks=marks,
        look="negated" if held.get("doNotPerform") else "",
        most=LONG,
        group=_spaced(held["resourceType"]),
    )


def adverse_event(held: Json, chart: Chart) -> Row:
    """AdverseEvent: what happened or nearly happened, how bad it was, its outcome and its cause."""
    actual = str(held.get("actuality") or "")
    seriousness = words.concept(held.get("seriousness"))
    suspects = [
        words.concept(chart.target(one.get("instance"), held).get("code"))
        or chart.who(one.get("instance"), held)
        for one in held.get("suspectEntity") or []
    ]
    named = words.concept(held.get("event"))
    conditions = [
        words.concept(chart.target(one, held).get("code")) or chart.who(one, held)
        for one in held.get("resultingCondition") or []
    ]
    marks = [Mark("POTENTIAL: did not happen", "warn")] if actual == "potential" else []
    if words.codes(held.get("seriousness")) & {"Serious", "serious"}:
        marks.append(Mark("serious", "stop"))
    date = held.get("date") or held.get("detected") or held.get("recordedDate")
    return row(
        held,
        [
            words.joined(
                [
                    named or words.joined(conditions) or "event not described",
                    words.concepts(held.get("category")),
                    words.labelled("led to", words.joined(conditions)) if named else "",
                    words.labelled("suspected cause:", words.joined(suspects)),
                ],
                "; ",
            ),
            words.joined(
                [
                    {"actual": "happened", "potential": "could have happened"}.get(actual, actual)
                    or "not stated whether it happened",
                    words.labelled("seriousness:", seriousness),
                    words.labelled("severity:", words.concept(held.get("severity"))),
                    words.labelled("outcome:", words.concept(held.get("outcome"))),
                ],
                "; ",
            ),
            words.date(held.get("date"))
            or words.labelled("detected", words.date(held.get("detected")))
            or words.labelled("recorded", words.date(held.get("recordedDate")))
            or "date unknown",
            words.joined(
                [
                    chart.who(held.get("recorder"), held),
                    chart.everyone(held.get("contributor"), held),
                    chart.who(held.get("location"), held),
                ]
            ),
        ],
        [date],
        marks=marks,
        most=LONG,
        group="Adverse event",
    )


def goal(held: Json, chart: Chart) -> Row:
    """Goal: what is to be reached, how it is measured, by when, and how far it is."""
    targets = held.get("target") or []
    days = [held.get("startDate"), *(one.get("dueDate") for one in targets), held.get("statusDate")]
    shown_beside = [form for day in days if isinstance(day, str) for form in (words.date(day), day)]
    description = held.get("description") or {}
    aims = []
    for one in targets:
        value = (
            words.quantity(one.get("detailQuantity"))
            or words.range_(one.get("detailRange"))
            or words.concept(one.get("detailCodeableConcept"))
            or words.ratio(one.get("detailRatio"))
            or str(one.get("detailString") or one.get("detailInteger") or "")
        )
        if "detailBoolean" in one:
            value = "yes" if one["detailBoolean"] else "no"
        due = words.labelled("by", words.date(one.get("dueDate")) or words.age(one.get("dueDuration")))
        aim = words.joined([words.concept(one.get("measure")), value], ": ")
        aims.append(cut(words.labelled("target", words.joined([aim, due]))))
    return row(
        held,
        [
            words.joined(
                [
                    without_row(words.concept(description), shown_beside),
                    *aims,
                    words.concepts(held.get("category")),
                    words.notes(held.get("note")),
                ],
                "; ",
            )
            or "not described",
            words.joined(
                [words.plain(held.get("lifecycleStatus")), words.concept(held.get("achievementStatus"))]
            )
            or "status not stated",
            words.date(held.get("startDate"))
            or words.concept(held.get("startCodeableConcept"))
            or "date unknown",
            chart.who(held.get("expressedBy"), held),
        ],
        [held.get("startDate")],
        marks=[Mark(words.plain(held["lifecycleStatus"]).upper(), "stop")]
        if held.get("lifecycleStatus") in {"rejected", "cancelled"}
        else [],
        most=LONG,
        group="Goal",
    )


def questionnaire_response(held: Json, chart: Chart) -> Row:
    """QuestionnaireResponse: each question with its answer, down to the last one."""
    listed = _answers(held.get("item") or [])
    return row(
        held,
        [
            words.joined(listed, "\n") or "no answers given",
            words.plain(held.get("status")) or "status not stated",
            words.date(held.get("authored")) or "date unknown",
            words.joined([chart.who(held.get("author"), held), chart.who(held.get("source"), held)]),
        ],
        [held.get("authored")],
        whole=frozenset({0}),
        group="Questionnaire response",
    )


def _answers(items: list[Json]) -> list[str]:
    shown: list[str] = []
    for item in items:
        given: list[str] = []
        below: list[str] = []
        for answer in item.get("answer") or []:
            if "valueBoolean" in answer:
                given.append("Yes" if answer["valueBoolean"] else "No")
            elif (coded := answer.get("valueCoding")) is not None:
                given.append(words.coding(coded))
            elif quantity := answer.get("valueQuantity"):
                given.append(words.quantity(quantity))
            else:
                raw = [answer[name] for name in answer if name.startswith("value")]
                given += [
                    str(one.get("display") or one.get("title") or "a file or reference, not shown here")
                    if isinstance(one, dict)
                    else words.date(one) or str(one)
                    for one in raw
                ]
            below += _answers(answer.get("item") or [])
        question = str(item.get("text") or item.get("linkId") or "unnamed question")
        if given or not item.get("item"):
            shown.append(cut(f"{question}: {words.joined(given) or 'no answer given'}"))
        shown += [*below, *_answers(item.get("item") or [])]
    return shown


_OWN: dict[str, Callable[[Json, Chart], Row]] = {
    "AdverseEvent": adverse_event,
    "Consent": consent,
    "Goal": goal,
    "QuestionnaireResponse": questionnaire_response,
}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if value else []


def _one(held: Json, name: str) -> Json | None:
    value = held.get(name)
    first = value[0] if isinstance(value, list) and value else value
    return first if isinstance(first, dict) else None


def _spaced(kind: str) -> str:
    """``CarePlan`` as ``Care plan``."""
    spaced = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in kind).strip()
    return spaced[:1].upper() + spaced[1:]
