"""One resource as one row of its section: what a clinician must see, in the order of the table's columns."""

from __future__ import annotations

import base64
import binascii

from chartbridge.summary import words
from chartbridge.summary.chart import Chart, Json, Mark, Row, coded_status, cut, is_in_error, row

NO_KNOWN = {
    "716186003",
    "409137002",
    "429625007",
    "428607008",
    "716184000",
    "716185004",
    "716220001",
    "160244002",
    "no-known-allergies",
}
"""SNOMED CT's codes that say there is no known allergy, of any kind or of one kind."""
_PAST = {
    "resolved",
    "inactive",
    "remission",
    "completed",
    "stopped",
    "cancelled",
    "superseded",
    "finished",
    "revoked",
    "ended",
    "closed",
}
_DOUBTED = {"unconfirmed", "provisional", "differential", "unknown"}


def _verification(resource: Json, refuted: str) -> list[Mark]:
    status = coded_status(resource, "verificationStatus")
    if status == "refuted":
        return [Mark(refuted, "stop")]
    return [Mark(words.plain(status), "warn")] if status in _DOUBTED else []


def _look(status: str, *, negated: bool = False) -> str:
    return "negated" if negated else "past" if status in _PAST else ""


def _state(status: str) -> str:
    return words.plain(status) or "status not stated"


def _period_end(resource: Json, name: str) -> str:
    held = resource.get(name) or {}
    return str(held.get("end") or "open") if held else ""


def allergy(held: Json, _chart: Chart) -> Row:
    """AllergyIntolerance; a refuted one, and "no known allergy", can't be taken for an allergy."""
    name = words.concept(held.get("code"))
    status = coded_status(held, "clinicalStatus")
    marks = _verification(held, "REFUTED: not an allergy")
    if words.codes(held.get("code")) & NO_KNOWN:
        marks.append(Mark("statement that there is none"))
    elif held.get("criticality") == "high":
        marks.append(Mark("high criticality", "stop"))
    reactions = []
    severe = False
    for reaction in held.get("reaction") or []:
        shown = words.concepts(reaction.get("manifestation")) or str(reaction.get("description") or "")
        cause = words.concept(reaction.get("substance"))
        detail = words.joined([str(reaction.get("severity") or ""), words.date(reaction.get("onset"))])
        if reaction.get("severity") == "severe":
            severe = True
        reactions.append(cut(words.joined([cause and f"{cause}:", shown, detail and f"({detail})"], " ")))
    if severe and not any("REFUTED" in mark.text for mark in marks):
        marks.append(Mark("severe reaction", "stop"))
    kind = words.joined([str(held.get("type") or ""), *map(str, held.get("category") or [])])
    low = str(held.get("criticality") or "")
    return row(
        held,
        [
            name or "substance not stated",
            words.joined([kind, f"{words.plain(low)} criticality" if low and low != "high" else ""]),
            words.joined([*reactions, cut(words.notes(held.get("note")))], "; ") or "reaction not stated",
            _state(status),
            words.joined(
                [
                    words.timed(held, "onset"),
                    words.labelled("last", words.date(held.get("lastOccurrence"))),
                ],
                "; ",
            )
            or words.labelled("recorded", words.date(held.get("recordedDate"))),
        ],
        [held.get("onsetDateTime"), (held.get("onsetPeriod") or {}).get("start"), held.get("recordedDate")],
        whole=frozenset({2}),
        marks=marks,
        look=_look(status, negated=any(mark.look == "stop" and "REFUTED" in mark.text for mark in marks)),
        ends="open",
    )


def _outcome(status: str, reason: str) -> str:
    """A status and its reason; of what was not done the reason only, or that there is none."""
    if status == "not-done":
        return f"reason: {reason or 'not stated'}"
    return words.joined([_state(status), reason])


def immunization(held: Json, chart: Chart) -> Row:
    """Immunization; one that was not given, or refused, says so and why."""
    status = str(held.get("status") or "")
    reason = words.concept(held.get("statusReason"))
    marks = []
    if status == "not-done":
        marks.append(Mark("NOT GIVEN", "stop"))
    if held.get("isSubpotent"):
        marks.append(Mark("subpotent dose", "warn"))
    series = []
    for protocol in held.get("protocolApplied") or []:
        number = protocol.get("doseNumberPositiveInt") or protocol.get("doseNumberString")
        total = protocol.get("seriesDosesPositiveInt") or protocol.get("seriesDosesString")
        series.append(f"dose {number}" + (f" of {total}" if total else "") if number else "")
    reactions = [words.date(reaction.get("date")) for reaction in held.get("reaction") or []]
    return row(
        held,
        [
            words.concept(held.get("vaccineCode")) or "vaccine not stated",
            words.timed(held, "occurrence") or "date unknown",
            _outcome(status, reason),
            words.joined(
                [
                    words.dose(held.get("doseQuantity")),
                    *series,
                    words.concept(held.get("route")),
                    words.concept(held.get("site")),
                    words.labelled("lot", str(held.get("lotNumber") or "")),
                ]
            ),
            words.joined(
                [
                    chart.performers(held),
                    words.labelled("reaction", words.joined(reactions) or "recorded" if reactions else ""),
                    words.notes(held.get("note")),
                ],
                "; ",
            ),
        ],
        [held.get("occurrenceDateTime"), held.get("recorded")],
        marks=marks,
        look="negated" if status == "not-done" else "",
    )


def procedure(held: Json, chart: Chart) -> Row:
    """Procedure; one that was not done says so and why."""
    status = str(held.get("status") or "")
    marks = []
    if status == "not-done":
        marks.append(Mark("NOT DONE", "stop"))
    elif status in {"preparation", "in-progress", "on-hold", "stopped", "unknown"}:
        marks.append(Mark(words.plain(status) if status != "unknown" else "status unknown", "warn"))
    reason = words.concept(held.get("statusReason"))
    return row(
        held,
        [
            words.concept(held.get("code")) or "procedure not stated",
            words.timed(held, "performed") or "date unknown",
            _outcome(status, reason),
            words.joined(
                [
                    words.concepts(held.get("bodySite")),
                    words.concepts(held.get("reasonCode")),
                    words.concept(held.get("outcome")),
                    words.notes(held.get("note")),
                ],
                "; ",
            ),
            words.joined([chart.performers(held), chart.who(held.get("location"), held)]),
        ],
        [held.get("performedDateTime"), (held.get("performedPeriod") or {}).get("start")],
        marks=marks,
        look="negated" if status == "not-done" else "",
        ends=str((held.get("performedPeriod") or {}).get("end") or ""),
    )


def _text_of(attachment: Json) -> str:
    """The plain text of an attachment, else its title and type."""
    kind = str(attachment.get("contentType") or "")
    if kind.startswith("text/plain") and attachment.get("data"):
        try:
            return base64.b64decode(attachment["data"]).decode(errors="replace").strip()
        except (binascii.Error, ValueError):
            return "text that cannot be read"
    return words.joined([str(attachment.get("title") or ""), kind.partition(";")[0]])


def _referred(reference: Json | None, held: Json, chart: Chart) -> str:
    """What another entry is about, and that it was entered in error or is refuted where that is so."""
    target = chart.target(reference, held)
    name = words.concept(target.get("code")) or str((reference or {}).get("display") or "")
    if target and is_in_error(target):
        return f"{name or 'an entry'} (entered in error)"
    if coded_status(target, "verificationStatus") == "refuted":
        return f"{name} (refuted)"
    return name


def encounter(held: Json, chart: Chart) -> Row:
    """Encounter: what kind, why, where, with whom, and how it ended."""
    status = str(held.get("status") or "")
    marks = (
        []
        if status in {"finished", ""}
        else [Mark("CANCELLED", "stop") if status == "cancelled" else Mark(_state(status), "warn")]
    )
    named = [_referred(one.get("condition"), held, chart) for one in held.get("diagnosis") or []]
    left = words.concept((held.get("hospitalization") or {}).get("dischargeDisposition"))
    kind = words.coding(held.get("class"))
    return row(
        held,
        [
            words.concepts(held.get("type")) or kind or "encounter of unknown kind",
            (words.planned if status == "planned" else words.period)(held.get("period")) or "date unknown",
            words.joined(
                [words.concepts(held.get("reasonCode")), words.labelled("Diagnoses:", words.joined(named))],
                "; ",
            ),
            words.joined(
                [chart.who(place.get("location"), held) for place in held.get("location") or []]
                + [chart.who(held.get("serviceProvider"), held)]
            ),
            words.joined(
                [
                    chart.everyone([one.get("individual") for one in held.get("participant") or []], held),
                    words.labelled("discharged:", left),
                ],
                "; ",
            ),
        ],
        [(held.get("period") or {}).get("start")],
        marks=marks,
        look="struck" if status == "cancelled" else "",
        ends=_period_end(held, "period"),
    )


def family_member(held: Json, _chart: Chart) -> Row:
    """FamilyMemberHistory: who, what they had and when, and whether they died of it."""
    had = []
    for one in held.get("condition") or []:
        detail = [
            words.timed(one, "onset"),
            words.concept(one.get("outcome")),
            "contributed to death" if one.get("contributedToDeath") else "",
            words.notes(one.get("note")),
        ]
        shown = words.joined(detail)
        had.append(
            cut(f"{words.concept(one.get('code')) or 'condition not stated'}{f' ({shown})' if shown else ''}")
        )
    died = words.timed(held, "deceased")
    if not died and "deceasedBoolean" in held:
        died = "yes" if held["deceasedBoolean"] else "no"
    status = str(held.get("status") or "")
    absent = words.concept(held.get("dataAbsentReason"))
    marks = (
        [Mark(f"history {words.plain(status)}", "warn")] if status in {"partial", "health-unknown"} else []
    )
    if absent:
        marks.append(Mark(f"not available: {absent}", "warn"))
    return row(
        held,
        [
            words.joined(
                [
                    words.concept(held.get("relationship")) or "relative not stated",
                    str(held.get("name") or ""),
                ]
            ),
            "; ".join(had) or ("none stated" if not marks else ""),
            words.joined(
                [words.labelled("born", words.timed(held, "born")), words.labelled("died:", died)], "; "
            ),
            words.notes(held.get("note")),
        ],
        [held.get("date")],
        whole=frozenset({1}),
        marks=marks,
    )
