"""Statements of templates and sections that nobody knows: mapped by what kind of CDA element they are."""

from __future__ import annotations

from chartbridge.ccda import templates as t
from chartbridge.ccda.context import Context
from chartbridge.ccda.datatypes import NULL_FLAVORS, absent_reason, codeable, effective, identifiers, title
from chartbridge.ccda.names import CODE, EXTERNAL_DOCUMENT, ID, REFERENCE, TEXT, VALUE
from chartbridge.ccda.node import node_at
from chartbridge.ccda.registry import maps, part
from chartbridge.ccda.sections import goals, procedures
from chartbridge.ccda.sections.common import Json, code_or_text, frame, text_concept
from chartbridge.ccda.sections.notes import external_document
from chartbridge.ccda.sections.observation import member_observations, observation, panel
from chartbridge.ccda.statement import Statement

part(t.PRODUCT_INSTANCE, t.SERVICE_DELIVERY_LOCATION, t.DRUG_VEHICLE, of="the statement around it")


@maps(t.COMMENT_ACTIVITY)
def comment(st: Statement, ctx: Context) -> Json | None:
    """A comment that belongs to nothing that could hold a note, as Observation with the text as its value."""
    text = ctx.text(st.child(TEXT))
    if text is None:
        return None
    return ctx.add(
        "Observation",
        {
            "identifier": identifiers(st.children(ID)),
            "status": "final",
            "code": codeable(st.child(CODE), ctx) or {"text": "Comment"},
            "subject": ctx.patient,
            **effective(st, ctx).choice("effective"),
            "valueString": text,
        },
        st,
    )


@maps(
    t.PROGNOSIS_OBSERVATION,
    t.DECEASED_OBSERVATION,
    t.OUTCOME_OBSERVATION,
    default="observation",
    if_planned=("observation",),
)
def any_observation(st: Statement, ctx: Context) -> Json | None:
    """Observation by its mood: done, a goal, or requested."""
    if st.mood == "GOL":
        return goals.goal(st, ctx)
    if st.planned:
        return procedures.service_request(st, ctx)
    return observation(st, ctx)


@maps(if_null=("observation",))
def unknown_observation(st: Statement, ctx: Context) -> Json | None:
    """An observation that is null as a whole: it is not known whether it is so; its value is no finding."""
    code = codeable(st.child(CODE), ctx)
    asked = codeable(st.child(VALUE), ctx)
    if code is None and asked is None:
        return None
    words = ctx.text(st.child(TEXT)) or title(asked)
    return ctx.add(
        "Observation",
        {
            "identifier": identifiers(st.children(ID)),
            "status": "final",
            "code": code or {"text": words},
            "subject": ctx.patient,
            **effective(st, ctx).choice("effective"),
            "dataAbsentReason": absent_reason(st.el.get("nullFlavor")),
            "note": [{"text": f"Not known: {words}"}] if words else None,
        },
        st,
    )


@maps(if_null=("substanceAdministration", "supply", "procedure", "encounter"))
def unknown_event(st: Statement, ctx: Context) -> Json | None:  # noqa: ARG001 - the shape of a mapper
    """What is null as a whole says that nothing is known; there is no resource for that."""
    said = st.el.get("nullFlavor")
    flavor = said if said in NULL_FLAVORS else "of no known flavor"
    st.reason = f"the statement is null as a whole ({flavor})"
    return None


@maps(if_planned=("organizer",))
def planned_organizer(st: Statement, ctx: Context) -> Json | None:
    """What is to be measured or found out together: requested, as is each of its observations."""
    return procedures.service_request(st, ctx)


@maps(default="organizer", events_only=True)
def any_organizer(st: Statement, ctx: Context) -> Json | None:
    """An unknown organizer as a panel of what it organizes."""
    members = member_observations(st, ctx)
    made = panel(st, ctx, members, code_or_text(st, ctx))
    if made is None and members:
        ctx.absorb(st, *members)
    return made


@maps(default="act")
def any_act(st: Statement, ctx: Context) -> Json | None:
    """An unknown act: requested, or a wrapper around other statements, or something that was done."""
    if st.planned:
        return procedures.service_request(st, ctx)
    document = node_at(st, REFERENCE, EXTERNAL_DOCUMENT)
    if document is not None and st.code_value() == "DOCCLIN":
        return external_document(st, document, ctx)
    content = [child for child in st.related if child.template != t.COMMENT_ACTIVITY]
    code = codeable(st.child(CODE), ctx)
    codes = {one["code"] for one in (code or {}).get("coding", ())}
    if content and (code is None or codes & {"CONC", "ASSERTION"}):
        return frame(st, ctx, content)
    if (code or text_concept(st, ctx)) is None:
        return None
    return procedures.procedure(st, ctx)


@maps(default="observationMedia")
def observation_media(st: Statement, ctx: Context) -> Json | None:
    """An embedded picture as Media, its data where it is inline."""
    el = st.child(VALUE)
    if el is None:
        return None
    data = "".join((el.text or "").split()) if el.get("representation") == "B64" else None
    kind = el.get("mediaType")
    if not data:
        return None
    return ctx.add(
        "Media",
        {
            "identifier": identifiers(st.children(ID)),
            "status": "completed",
            "subject": ctx.patient,
            "content": {"contentType": kind or "application/octet-stream", "data": data},
        },
        st,
    )
