"""Encounters: Encounter with its diagnoses; planned ones have the status ``planned``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice, zip_longest

from chartbridge.ccda import templates as t
from chartbridge.ccda.codesystems import CPT, V3_ACT_CODE
from chartbridge.ccda.context import Context
from chartbridge.ccda.datatypes import absent_extension, codeable, concept, effective, identifiers, number
from chartbridge.ccda.names import (
    CODE,
    ID,
    PARTICIPANT,
    PRIORITY_CODE,
    SDTC_DISCHARGE_DISPOSITION_CODE,
    VALUE,
)
from chartbridge.ccda.registry import maps, part
from chartbridge.ccda.sections.common import Json, reasons, text_concept
from chartbridge.ccda.statement import Statement
from chartbridge.ccda.times import Interval
from chartbridge.fhir import drop

SECTIONS = ("46240-8",)

STATUS = {
    "completed": "finished",
    "active": "in-progress",
    "cancelled": "cancelled",
    "held": "planned",
    "new": "unknown",
    "aborted": "unknown",
    "suspended": "onleave",
    "nullified": "entered-in-error",
}
_NOT_HAPPENED = frozenset(("cancelled", "entered-in-error"))
_PLANNED_STATUS = {"cancelled": "cancelled", "aborted": "cancelled", "nullified": "entered-in-error"}
CLASSES = {
    "AMB": "ambulatory",
    "EMER": "emergency",
    "FLD": "field",
    "HH": "home health",
    "IMP": "inpatient encounter",
    "ACUTE": "inpatient acute",
    "NONAC": "inpatient non-acute",
    "OBSENC": "observation encounter",
    "PRENC": "pre-admission",
    "SS": "short stay",
    "VR": "virtual",
}
_CPT_CLASSES = (
    (range(99202, 99216), "AMB"),
    (range(99201, 99202), "AMB"),
    (range(99221, 99240), "IMP"),
    (range(99241, 99246), "AMB"),
    (range(99281, 99289), "EMER"),
    (range(99341, 99351), "HH"),
    (range(99381, 99398), "AMB"),
)
"""The CPT evaluation and management codes that say by definition where the encounter took place."""
_DIAGNOSES = frozenset(
    (
        t.ENCOUNTER_DIAGNOSIS,
        t.PROBLEM_OBSERVATION,
        t.HOSPITAL_ADMISSION_DIAGNOSIS,
        t.HOSPITAL_DISCHARGE_DIAGNOSIS,
    )
)
_ROLE = "http://terminology.hl7.org/CodeSystem/diagnosis-role"
_USES = {
    t.HOSPITAL_ADMISSION_DIAGNOSIS: concept(_ROLE, "AD", "Admission diagnosis"),
    t.HOSPITAL_DISCHARGE_DIAGNOSIS: concept(_ROLE, "DD", "Discharge diagnosis"),
    t.PREOPERATIVE_DIAGNOSIS: concept(_ROLE, "pre-op", "pre-op diagnosis"),
    t.POSTPROCEDURE_DIAGNOSIS: concept(_ROLE, "post-op", "post-op diagnosis"),
}
_DIGITS = re.compile(r"\d{5}")
_NO_TIME = "-"
"""What an encounter without a period is remembered by, beside its identifier."""


part(t.DIAGNOSIS_RANK, of="an encounter's diagnosis")


@maps(
    t.ENCOUNTER_ACTIVITY,
    t.PLANNED_ENCOUNTER,
    sections=SECTIONS,
    elements=("encounter",),
    default="encounter",
)
def encounter(st: Statement, ctx: Context) -> Json | None:
    """Encounter Activity as Encounter; the one that the header names too is one with it."""
    code = codeable(st.child(CODE), ctx)
    ids = identifiers(st.children(ID))
    moment = effective(st, ctx)
    status = _status(st, moment)
    happened = not st.planned and status not in _NOT_HAPPENED
    if st.parent is not None and happened:
        ctx.pending.append(st)
    if code is None and moment.start is None and not st.related and PARTICIPANT not in st.one:
        return None if st.parent is None else _referred(st, ctx)
    diagnoses: list[Json] = []
    for child in st.related:
        if child.template in _DIAGNOSES and child.type_code != "RSON" and not child.taken:
            ranks = _ranks(child)
            ctx.convert(child)
            diagnoses += [
                drop({"condition": {"reference": key}, "use": _USES.get(child.template), "rank": rank}) or {}
                for key, rank in zip_longest(
                    (key for key in child.resources if key.startswith("Condition/")), ranks
                )
                if key is not None
            ]
    fields = encounter_fields(
        ctx,
        ids=ids,
        code=code or text_concept(st, ctx),
        status=status,
        moment=moment,
        performers=ctx.actors.performer_references(st, st.path),
        locations=ctx.actors.locations(st, st.path),
        disposition=codeable(st.child(SDTC_DISCHARGE_DISPOSITION_CODE), ctx),
    )
    fields["priority"] = codeable(st.child(PRIORITY_CODE), ctx)
    fields["reasonCode"] = reasons(st, ctx)
    fields["diagnosis"] = diagnoses
    known = known_encounter(ids, moment.period, ctx, fields["type"][0]) if happened else None
    if known is not None:
        _merge(known, fields, ctx)
        st.outcome = "merged"
        ctx.belongs(f"Encounter/{known['id']}", st)
        return known
    made = ctx.add("Encounter", fields, st)
    if happened:
        remember(made, ctx)
    return made


def _ranks(diagnosis: Statement) -> list[int | None]:
    """The rank of each problem in a diagnosis, which is then part of the encounter."""
    problems = [one for one in diagnosis.related if one.tag == "observation"]
    found: list[int | None] = []
    for problem in problems if diagnosis.tag == "act" else [diagnosis]:
        rank = problem.take(t.DIAGNOSIS_RANK)
        value = None if rank is None else rank.child(VALUE)
        said = None if value is None else number(value.get("value"))
        found.append(said if isinstance(said, int) and said > 0 else None)
    return found


def encounter_fields(
    ctx: Context,
    *,
    ids: list[Json],
    code: Json | None,
    status: str,
    moment: Interval,
    performers: list[Json],
    locations: list[Json],
    disposition: Json | None,
) -> Json:
    """The fields of an Encounter, from a section or from the header."""
    return {
        "identifier": ids,
        "status": status,
        "class": encounter_class(code),
        "type": [code],
        "subject": ctx.patient,
        "participant": [{"individual": one} for one in performers if one["reference"].startswith("Pract")],
        "serviceProvider": next((one for one in performers if one["reference"].startswith("Org")), None),
        "period": moment.period,
        "hospitalization": drop({"dischargeDisposition": disposition}),
        "location": [{"location": one} for one in locations],
    }


def encounter_class(code: Json | None) -> Json:
    """The class: a code of ActCode, or what the CPT code says by definition, or unknown."""
    codings = (code or {}).get("coding", ())
    for one in codings:
        if one.get("system") == V3_ACT_CODE and one["code"] in CLASSES:
            return {"system": V3_ACT_CODE, "code": one["code"], "display": CLASSES[one["code"]]}
    for one in codings:
        if one.get("system") == CPT and _DIGITS.fullmatch(one["code"]):
            for numbers, found in _CPT_CLASSES:
                if int(one["code"]) in numbers:
                    return {"system": V3_ACT_CODE, "code": found, "display": CLASSES[found]}
    return {"extension": absent_extension()}


def _status(st: Statement, moment: Interval) -> str:
    if st.denied:
        return "cancelled"
    if st.planned:
        return _PLANNED_STATUS.get(st.status, "planned")
    said = STATUS.get(st.status)
    if said is not None:
        return said
    return "finished" if moment.point is not None or moment.high is not None else "unknown"


def remember(made: Json, ctx: Context) -> None:
    """Let later mentions of an encounter, by identifier and time, find it."""
    for token in _tokens(made.get("identifier", ())):
        ctx.encounters.setdefault((token, ""), []).append(made)
        _remember_time(token, made, ctx)


def _remember_time(token: str, made: Json, ctx: Context) -> None:
    period = made.get("period")
    if period is None:
        ctx.encounters.setdefault((token, _NO_TIME), []).append(made)
        return
    start, end = period.get("start", ""), period.get("end", "")
    for time in (f"{start}/{end}", f"{start}/*"):
        ctx.encounters.setdefault((token, time), []).append(made)


def _tokens(ids: Iterable[Json]) -> list[str]:
    """``system|value`` of the identifiers that tell one encounter from another: a bare OID names a vendor
    or a list."""
    return [
        f"{system}|{one['value']}"
        for one in ids
        if (system := one.get("system")) is not None
        and (system != "urn:ietf:rfc:3986" or str(one["value"]).startswith("urn:uuid:"))
    ]


def known_encounter(
    ids: list[Json], period: Json | None, ctx: Context, kind: Json | None = None
) -> Json | None:
    """The encounter of one of these identifiers and the same time; without a time on one of the two
    sides, the only one there is, unless it is of another ``kind`` (the type of a further mention).

    Some systems use one identifier for every visit: what has another time is another encounter.
    """
    tokens = _tokens(ids)
    if period is not None:
        for token in tokens:
            for time in _times(period):
                for made in _there(token, time, ctx):
                    return made
    without = "" if period is None else _NO_TIME
    found = {made["id"]: made for token in tokens for made in islice(_there(token, without, ctx), 2)}
    if len(found) != 1:
        return None
    made = next(iter(found.values()))
    return made if _agree(made.get("type", ()), kind) else None


def _there(token: str, time: str, ctx: Context) -> Iterator[Json]:
    """The encounters of an identifier and a time that the bundle has, in the order of the document."""
    for made in ctx.encounters.get((token, time), ()):
        if f"Encounter/{made['id']}" in ctx.entries and (time != _NO_TIME or "period" not in made):
            yield made


def _times(period: Json) -> tuple[str, ...]:
    """What an encounter of the same time is remembered by: the same start, and no different end."""
    start, end = period.get("start", ""), period.get("end", "")
    if not start:
        return (f"/{end}",)
    return (f"{start}/{end}", f"{start}/") if end else (f"{start}/*",)


def _agree(types: Iterable[Json], kind: Json | None) -> bool:
    """Whether two mentions can be of one encounter by their kind: they have no different codes of the
    same system, and where neither has a code, the same words."""
    if kind is None or not types:
        return True
    known = {(one.get("system"), one["code"]) for each in types for one in each.get("coding", ())}
    said = {(one.get("system"), one["code"]) for one in kind.get("coding", ())}
    if not known and not said:
        return kind in types
    return bool(known & said) or {one for one, _ in known}.isdisjoint(one for one, _ in said)


def _merge(known: Json, fields: Json, ctx: Context) -> None:
    """What a further mention adds; what both have stays as it was, lists grow."""
    for name, value in (drop(fields) or {}).items():
        if name not in known:
            known[name] = value
            if name == "period":
                for token in _tokens(known.get("identifier", ())):
                    _remember_time(token, known, ctx)
        elif name == "participant":
            there = [one.get("individual") for one in known[name]]
            known[name].extend(one for one in value if one["individual"] not in there)
        elif name in ("identifier", "type", "location", "reasonCode", "diagnosis"):
            known[name].extend(one for one in value if one not in known[name])
        elif (name == "class" and "code" not in known[name]) or (
            name == "status" and known[name] == "unknown"
        ):
            known[name] = value


def _referred(st: Statement, ctx: Context) -> Json | None:
    """An encounter that is nothing but an id within another statement: a reference to one elsewhere."""
    ctx.absorb(st)
    st.reason = "refers to an encounter by its id"
    return None
