"""Related persons, tasks, coverages, documents, and whatever else a chart has, as rows."""

from __future__ import annotations

from typing import Any

from chartbridge.summary import words
from chartbridge.summary.chart import LONG, Chart, Json, Mark, Row, row
from chartbridge.summary.entries import _look, _period_end, _state, _text_of


def related_person(held: Json, _chart: Chart) -> Row:
    """RelatedPerson: who, in which relation, and how to reach them."""
    return row(
        held,
        [
            words.name(held.get("name")) or "name not stated",
            words.concepts(held.get("relationship")) or "relation not stated",
            words.telecom(held.get("telecom")),
            words.joined(map(words.address, held.get("address") or []), "; "),
            words.period(held.get("period")),
        ],
        [(held.get("period") or {}).get("start")],
        marks=[Mark("not active", "warn")] if held.get("active") is False else [],
        ends=_period_end(held, "period"),
    )


def task(held: Json, chart: Chart) -> Row:
    """Task: what is to be done, by whom, and how far it is."""
    status = str(held.get("status") or "")
    return row(
        held,
        [
            words.joined([words.concept(held.get("code")), str(held.get("description") or "")], ": ")
            or "task not described",
            words.joined(
                [
                    _state(status),
                    words.concept(held.get("businessStatus")),
                    words.concept(held.get("statusReason")),
                ]
            ),
            str(held.get("priority") or ""),
            words.date(held.get("authoredOn")) or words.period(held.get("executionPeriod")) or "date unknown",
            words.joined(
                [
                    chart.who(held.get("owner"), held),
                    words.concept(held.get("reasonCode")),
                    words.notes(held.get("note")),
                ],
                "; ",
            ),
        ],
        [held.get("authoredOn"), (held.get("executionPeriod") or {}).get("start"), held.get("lastModified")],
        marks=[Mark(status.upper(), "stop")] if status in {"rejected", "cancelled", "failed"} else [],
        look=_look(status),
    )


def coverage(held: Json, chart: Chart) -> Row:
    """Coverage: who pays, which plan, and from when to when."""
    status = str(held.get("status") or "")
    plans = [
        words.joined([words.concept(one.get("type")), str(one.get("name") or one.get("value") or "")], ": ")
        for one in held.get("class") or []
    ]
    return row(
        held,
        [
            chart.everyone(held.get("payor"), held) or "payer not stated",
            words.joined([words.concept(held.get("type")), *plans], "; "),
            words.joined([str(held.get("subscriberId") or ""), words.concept(held.get("relationship"))]),
            _state(status),
            words.period(held.get("period")),
        ],
        [(held.get("period") or {}).get("start")],
        marks=[Mark("CANCELLED", "stop")] if status == "cancelled" else [],
        look=_look(status),
        ends=_period_end(held, "period"),
    )


def document(held: Json, chart: Chart) -> Row:
    """DocumentReference or Composition: what it is, from when and by whom; a short text as it stands."""
    status = str(held.get("docStatus") or held.get("status") or "")
    attachments = [one.get("attachment") or {} for one in held.get("content") or []]
    title = str(held.get("title") or held.get("description") or "")
    kind = words.concept(held.get("type")) or words.concepts(held.get("category"))
    marks = []
    if held.get("status") == "superseded":
        marks.append(Mark("superseded", "warn"))
    if status in {"preliminary", "amended"}:
        marks.append(Mark(status, "warn" if status == "preliminary" else "mild"))
    period = (held.get("context") or {}).get("period") or {}
    return row(
        held,
        [
            words.joined([title, kind], " · ") or "document of unknown kind",
            words.date(held.get("date")) or words.date(period.get("start")) or "date unknown",
            words.joined([_text_of(one) for one in attachments], "; "),
            chart.everyone(held.get("author"), held),
        ],
        [held.get("date"), period.get("start")],
        marks=marks,
        most=LONG,
        look=_look(status if held.get("status") != "superseded" else "superseded"),
    )


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
    "created",
)


def other(held: Json, chart: Chart) -> Row:
    """A resource of a type that has no section: its type, what it says it is, its status and its date."""
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
            said.append(chart.who(participant.get("member"), held))
    said += [words.concept(_one(held, "policyRule")), words.notes(held.get("note"))]
    for activity in held.get("activity") or []:
        said.append(words.concept((activity.get("detail") or {}).get("code")))
    status = words.plain(held.get("status") or held.get("lifecycleStatus"))
    marks = [Mark("DO NOT PERFORM", "stop")] if held.get("doNotPerform") else []
    if provision := _one(held, "provision"):
        # no stronger word: to deny resuscitation and to deny a refusal of it would read alike
        rule = words.plain(provision.get("type"))
        said.append(words.joined([words.labelled("provision:", rule), words.concepts(provision.get("code"))]))
    period: Json = next(
        (held[name] for name in ("period", "effectivePeriod") if isinstance(held.get(name), dict)), {}
    )
    day = next((held[name] for name in _DATES if isinstance(held.get(name), str)), None)
    return row(
        held,
        [
            words.joined(said, "; ") or "not described",
            status or "status not stated",
            words.date(day) or words.period(period) or "date unknown",
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
