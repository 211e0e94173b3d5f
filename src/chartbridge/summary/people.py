"""Related persons, tasks, coverages and documents as rows."""

from __future__ import annotations

from chartbridge.summary import words
from chartbridge.summary.chart import LONG, Chart, Json, Mark, Row, row, without_row
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


_TO_COME = {"draft", "requested", "received", "accepted", "ready"}


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
            words.date(held.get("authoredOn"))
            or (words.planned if status in _TO_COME else words.period)(held.get("executionPeriod"))
            or "date unknown",
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
    shown_beside = [
        str(held.get("subscriberId") or ""),
        words.concept(held.get("relationship")),
        *(words.date(day) for day in (held.get("period") or {}).values() if isinstance(day, str)),
        *(words.coding(one) for one in (held.get("type") or {}).get("coding") or []),
    ]
    plans = [
        words.joined(
            [
                words.concept(one.get("type")),
                without_row(str(one.get("name") or one.get("value") or ""), shown_beside),
            ],
            ": ",
        )
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
