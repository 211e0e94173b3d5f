"""Advance directives and other consents as rows: the decision first, in plain words."""

from __future__ import annotations

from chartbridge.summary import words
from chartbridge.summary.chart import LONG, Chart, Json, Mark, Row, row

DNR = "DO NOT RESUSCITATE"
_DNR_CODES = {"304253006", "Z66"}
"""SNOMED CT and ICD-10-CM for "not for resuscitation"."""
_DNR_WORDS = {
    "do not resuscitate", "do not attempt resuscitation", "not for resuscitation", "dnr", "dnar",
    "not for cardiopulmonary resuscitation", "do not resuscitate status",
}  # fmt: skip
"""What a coding's display says, as a whole, where the code is from elsewhere."""
_GENERAL = {"42348-3", "75320-2", "acd"}
"""Categories that say no more than that it is an advance directive."""
_NOT_IN_FORCE = {"draft", "proposed", "rejected", "inactive"}


def _says_dnr(concept: Json) -> bool:
    displays = {str(one.get("display") or "").casefold() for one in concept.get("coding") or []}
    return bool(words.codes(concept) & _DNR_CODES or displays & _DNR_WORDS)


def consent(held: Json, chart: Chart) -> Row:
    """Consent: what was decided, on what, whether it holds, and since when.

    A decision against resuscitation is marked as such where a code says so, the consent is in force on the
    day of the summary, and its rule isn't denied, since to deny a refusal would be the opposite.
    """
    status = str(held.get("status") or "")
    provision = held.get("provision") or {}
    period = provision.get("period") or {}
    decided = [one for one in [held.get("policyRule"), *(provision.get("code") or [])] if one]
    directive = "adr" in words.codes(held.get("scope"))
    over = bool(
        chart.today
        and period.get("end")
        and str(period["end"])[:10] < chart.today[: len(str(period["end"])[:10])]
    )
    denied = provision.get("type") == "deny"
    against = any(map(_says_dnr, decided))
    marks = []
    if status in _NOT_IN_FORCE:
        marks.append(Mark(f"NOT IN FORCE: {status}", "stop"))
    elif over:
        marks.append(Mark("ENDED", "warn"))
    elif against and not denied:
        marks.append(Mark(DNR, "stop"))
    if denied:
        unclear = ": read the source, the meaning is not clear" if against else ""
        marks.append(Mark(f"CONSENT DENIED{unclear}", "stop"))
    if provision.get("provision"):
        marks.append(Mark("with exceptions: see the source", "warn"))
    kinds = words.joined(
        (
            words.concept(one)
            for one in held.get("category") or []
            if not words.codes(one) <= _GENERAL or not words.codes(one)
        ),
        ", ",
    )
    given = provision.get("type") == "permit" and not held.get("policyRule")
    value = words.joined([words.concepts(decided), "consent given" if given else "", _policies(held)], "; ")
    scope = "" if directive and (kinds or value) else words.concept(held.get("scope"))
    subject = words.joined([kinds, scope])
    decision = (
        words.joined([value, subject and f"({subject})"], " ")
        if against
        else words.joined([subject, value], ": ")
    )
    return row(
        held,
        [
            decision or "not described",
            words.plain(status) or "status not stated",
            words.joined(
                [words.date(held.get("dateTime")), _lasts(period, held.get("dateTime"))],
                "; ",
            )
            or "date unknown",
            chart.everyone([*(held.get("performer") or []), *(held.get("organization") or [])], held),
        ],
        [held.get("dateTime"), period.get("start")],
        marks=marks,
        look="past" if over or status in _NOT_IN_FORCE else "",
        most=LONG,
        group="Consent",
        rank=0 if any(mark.text == DNR for mark in marks) else 1,
    )


def _policies(held: Json) -> str:
    return words.joined(str(one.get("uri") or one.get("authority") or "") for one in held.get("policy") or [])


def _lasts(period: Json, said: object) -> str:
    """The time in which a decision holds, where the date of the decision doesn't say it."""
    if not period.get("end") and period.get("start") == said:
        return ""
    return words.labelled("in force", words.period(period))
