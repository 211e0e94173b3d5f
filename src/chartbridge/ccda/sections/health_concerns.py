"""Health concerns: the act groups problems, observations and references; alone, it is a Condition itself."""

from __future__ import annotations

from chartbridge.ccda import templates as t
from chartbridge.ccda.context import Context
from chartbridge.ccda.datatypes import codeable, effective, identifiers
from chartbridge.ccda.names import CODE, ID
from chartbridge.ccda.registry import maps
from chartbridge.ccda.sections.common import Json, notes, text_concept
from chartbridge.ccda.sections.concerns import stated
from chartbridge.ccda.sections.problems import (
    CONCERN_STATUS,
    HEALTH_CONCERN,
    ended,
    statuses,
)
from chartbridge.ccda.statement import Statement
from chartbridge.fhir import reference

_WRAPPERS = frozenset(("75310-3", "281694009", "75326-9", "CONC"))
"""Codes that say only 'health concern'."""

_TELLING = frozenset(("Condition", "AllergyIntolerance"))
"""What has the act's words as its note."""


@maps(t.HEALTH_CONCERN_ACT, t.RISK_CONCERN_ACT, sections=("75310-3",), elements=("act",))
def health_concern(st: Statement, ctx: Context) -> Json | None:
    """Health Concern Act and Risk Concern Act.

    What they contain is converted on its own, problems as Conditions of category health-concern, with
    the act's words as their note. An act with a text or a code of its own and no content is a Condition
    with that as its code, and so is one with words of its own whose content is neither problem nor
    allergy; what supports it is its evidence. Negated, it denies that there are health concerns: refuted,
    with the words as note, lest they deny twice.
    """
    content = [child for child in st.related if child.template != t.ENTRY_REFERENCE]
    evidence: list[Json] = []
    own: str | None = None
    if content:
        made = [(child, one) for child in content if (one := ctx.convert(child)) is not None]
        told = any(key.partition("/")[0] in _TELLING for child in content for key in child.resources)
        own = None if told or st.planned else stated(st, ctx)
        if own is None:
            if not made:
                return None
            ctx.absorb(st, *(one for _, one in made))
            return made[0][1]
        evidence = [
            {"detail": [reference(one)]}
            for child, one in made
            if child.type_code == "SPRT" and one["resourceType"] == "Observation"
        ]
    code = codeable(st.child(CODE), ctx)
    said = text_concept(st, ctx) if own is None else {"text": own}
    if said is None and (own := stated(st, ctx)) is not None:
        said = {"text": own}
    remarks = notes(st, ctx)
    if code is None or {one["code"] for one in code.get("coding", ())} & _WRAPPERS:
        if st.denied:
            code = code or {"text": "Health concern"}
            remarks += [said] if said is not None else []
        else:
            code = said
    elif (words := stated(st, ctx, told=[code])) is not None:
        remarks.append({"text": words})
    if code is None:
        return None
    author, recorded = ctx.actors.author(st, st.path)
    moment = effective(st, ctx)
    return ctx.add(
        "Condition",
        {
            "identifier": identifiers(st.children(ID)),
            **statuses(
                "inactive"
                if st.denied
                else "resolved"
                if moment.high is not None
                else CONCERN_STATUS.get(st.status),
                st.denied,
                st.nullified,
            ),
            "category": [HEALTH_CONCERN],
            "code": code,
            "subject": ctx.patient,
            "onsetDateTime": moment.start,
            "abatementDateTime": moment.high if not moment.reversed and not st.nullified else None,
            "recordedDate": recorded,
            "recorder": author,
            "evidence": evidence,
            "note": remarks + ended(moment.high, st.nullified),
        },
        st,
    )
