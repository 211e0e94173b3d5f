"""Advance directives: Advance Directive Observation as Consent."""

from __future__ import annotations

from chartbridge.ccda import templates as t
from chartbridge.ccda.codesystems import LOINC
from chartbridge.ccda.context import Context
from chartbridge.ccda.datatypes import codeable, concept, effective, identifiers
from chartbridge.ccda.names import CODE, ID, TEXT, VALUE
from chartbridge.ccda.registry import maps
from chartbridge.ccda.sections.common import Json, frame
from chartbridge.ccda.statement import Statement
from chartbridge.fhir import drop

SECTIONS = ("42348-3",)
SCOPE = concept("http://terminology.hl7.org/CodeSystem/consentscope", "adr", "Advanced Care Directive")
DIRECTIVE = concept(LOINC, "42348-3", "Advance directives")
STATUS = {
    "completed": "active",
    "active": "active",
    "aborted": "inactive",
    "cancelled": "rejected",
    "nullified": "entered-in-error",
}


@maps(t.ADVANCE_DIRECTIVE_ORGANIZER, sections=SECTIONS, elements=("organizer",))
def directives(st: Statement, ctx: Context) -> Json | None:
    """Advance Directive Organizer: each directive within it is a Consent."""
    return frame(st, ctx, [child for child in st.related if child.tag == "observation"])


@maps(t.ADVANCE_DIRECTIVE_OBSERVATION, sections=SECTIONS, elements=("observation",), entries_only=True)
def consent(st: Statement, ctx: Context) -> Json | None:
    """Advance Directive Observation as Consent: what it is about, and what was decided.

    Negated, the provision denies; a decision given only in words is the policy rule's text.
    """
    topic = codeable(st.child(CODE), ctx)
    decision = codeable(st.child(VALUE), ctx)
    text = ctx.text(st.child(TEXT)) or ctx.text(st.child(VALUE))
    if topic is None and decision is None and text is None:
        return None
    moment = effective(st, ctx)
    rule = decision or ({"text": text} if text else topic)
    author, _ = ctx.actors.author(st, st.path)
    return ctx.add(
        "Consent",
        {
            "identifier": identifiers(st.children(ID))[:1] or None,
            "status": "proposed" if st.planned else STATUS.get(st.status, "active"),
            "scope": SCOPE,
            "category": [DIRECTIVE, topic],
            "patient": ctx.patient,
            "dateTime": moment.start,
            "performer": [author] if author else None,
            "policyRule": rule,
            "provision": drop(
                {
                    "type": "deny" if st.denied else "permit",
                    "period": moment.period if moment.point is None else None,
                    "code": [decision],
                }
            ),
        },
        st,
    )
