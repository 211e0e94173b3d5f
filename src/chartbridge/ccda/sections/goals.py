"""Goals: Goal Observation (mood GOL) as Goal."""

from __future__ import annotations

from chartbridge.ccda import templates as t
from chartbridge.ccda.context import Context
from chartbridge.ccda.datatypes import codeable, effective, identifiers, title
from chartbridge.ccda.names import CODE, ID, TEXT, VALUE
from chartbridge.ccda.registry import maps, part
from chartbridge.ccda.sections.common import Json, notes
from chartbridge.ccda.sections.observation import value as observation_value
from chartbridge.ccda.statement import Statement
from chartbridge.fhir import drop

STATUS = {
    "active": "active",
    "completed": "completed",
    "cancelled": "cancelled",
    "aborted": "cancelled",
    "held": "on-hold",
    "suspended": "on-hold",
    "new": "proposed",
    "nullified": "entered-in-error",
}
_DETAILS = {
    "valueQuantity": "detailQuantity",
    "valueRange": "detailRange",
    "valueCodeableConcept": "detailCodeableConcept",
    "valueString": "detailString",
    "valueBoolean": "detailBoolean",
    "valueInteger": "detailInteger",
    "valueRatio": "detailRatio",
}

part(t.PROGRESS_TOWARD_GOAL, of="a goal")


@maps(t.GOAL_OBSERVATION, sections=("61146-7",), elements=("observation", "act"), entries_only=True)
def goal(st: Statement, ctx: Context) -> Json | None:
    """Goal Observation as Goal; its value is the target."""
    code = codeable(st.child(CODE), ctx)
    text = ctx.text(st.child(TEXT))
    wanted = observation_value(st.child(VALUE), ctx)
    detail = {_DETAILS[kind]: one for kind, one in (wanted or {}).items() if kind in _DETAILS}
    description = code if text is None else {**(code or {}), "text": text}
    if description is None and wanted is not None:
        description = wanted.get("valueCodeableConcept") or (
            {"text": wanted["valueString"]} if "valueString" in wanted else None
        )
    if description is None:
        return None
    moment = effective(st, ctx)
    author, _ = ctx.actors.author(st, st.path)
    progress = st.take(t.PROGRESS_TOWARD_GOAL)
    due = moment.high[:10] if moment.high else None
    target = drop({"measure": (code or description) if detail else None, **detail, "dueDate": due})
    return ctx.add(
        "Goal",
        {
            "identifier": identifiers(st.children(ID)),
            "lifecycleStatus": "rejected" if st.denied else STATUS.get(st.status, "proposed"),
            "achievementStatus": None if progress is None else _words(codeable(progress.child(VALUE), ctx)),
            "description": description,
            "subject": ctx.patient,
            "startDate": moment.start[:10] if moment.start else None,
            "target": [target],
            "expressedBy": author if author and not author["reference"].startswith("Org") else None,
            "note": notes(st, ctx),
        },
        st,
    )


def _words(code: Json | None) -> Json | None:
    """The progress in its own words and codes."""
    return None if code is None or title(code) is None else code
