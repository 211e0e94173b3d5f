"""Plan of treatment, interventions and instructions."""

from __future__ import annotations

from chartbridge.ccda import templates as t
from chartbridge.ccda.context import Context
from chartbridge.ccda.datatypes import codeable, effective, identifiers
from chartbridge.ccda.names import CODE, ID, STATUS_CODE, TEXT
from chartbridge.ccda.registry import maps
from chartbridge.ccda.sections import procedures
from chartbridge.ccda.sections.common import Json, frame
from chartbridge.ccda.statement import Statement

COMMUNICATION_STATUS = {
    "completed": "completed",
    "active": "in-progress",
    "aborted": "stopped",
    "cancelled": "not-done",
    "held": "on-hold",
    "suspended": "on-hold",
    "nullified": "entered-in-error",
}


@maps(t.INSTRUCTION, sections=("69730-0",), elements=("act",))
def instruction(st: Statement, ctx: Context) -> Json | None:
    """Instruction as Communication: what the patient was, or is to be, told."""
    text = ctx.text(st.child(TEXT))
    code = codeable(st.child(CODE), ctx)
    if text is None and code is None:
        return None
    moment = effective(st, ctx).start
    author, _ = ctx.actors.author(st, st.path)
    return ctx.add(
        "Communication",
        {
            "identifier": identifiers(st.children(ID)),
            "status": "not-done"
            if st.denied
            else "preparation"
            if st.planned and st.code_value(STATUS_CODE) != "completed"
            else COMMUNICATION_STATUS.get(st.status, "unknown"),
            "subject": ctx.patient,
            "topic": code,
            "recipient": [ctx.patient],
            "sent": moment,
            "sender": author,
            "payload": [{"contentString": text}] if text else None,
        },
        st,
    )


@maps(t.INTERVENTION_ACT, sections=("62387-6",), elements=("act",))
def intervention(st: Statement, ctx: Context) -> Json | None:
    """Intervention Act: a frame around the interventions, which are converted on their own."""
    content = [child for child in st.related if child.template not in (t.ENTRY_REFERENCE, t.COMMENT_ACTIVITY)]
    if content:
        return frame(st, ctx, content)
    code = codeable(st.child(CODE), ctx)
    if (
        code is not None
        and "362956003" in {one["code"] for one in code.get("coding", ())}
        and TEXT not in st.one
    ):
        ctx.absorb(st)
        st.reason = "a frame around references to other entries"
        return None
    return procedures.planned(st, ctx)
