"""Care team: Care Team Organizer as CareTeam with its members."""

from __future__ import annotations

from chartbridge.ccda import templates as t
from chartbridge.ccda.context import Context
from chartbridge.ccda.datatypes import codeable, effective, identifiers
from chartbridge.ccda.names import CODE, FUNCTION_CODE, ID, SDTC, VALUE
from chartbridge.ccda.node import Node
from chartbridge.ccda.registry import maps, part
from chartbridge.ccda.sections.common import Json, label, notes
from chartbridge.ccda.statement import Statement
from chartbridge.fhir import drop

SDTC_FUNCTION_CODE = SDTC + "functionCode"
SECTIONS = ("85847-2",)
STATUS = {
    "active": "active",
    "completed": "inactive",
    "suspended": "suspended",
    "aborted": "inactive",
    "nullified": "entered-in-error",
}

part(t.CARE_TEAM_TYPE, of="a care team")


@maps(t.CARE_TEAM_ORGANIZER, sections=SECTIONS, elements=("organizer",))
def care_team(st: Statement, ctx: Context) -> Json | None:
    """Care Team Organizer as CareTeam."""
    members: list[Json] = []
    for act in st.related:
        if act.template != t.CARE_TEAM_MEMBER and act.tag != "act":
            continue
        found = _members(act, ctx)
        if found:
            act.taken = True
            members.extend(one for one in found if one not in members)
    kinds = [codeable(one.child(VALUE), ctx) for one in st.take_all(t.CARE_TEAM_TYPE)]
    if not members:
        return None
    return ctx.add(
        "CareTeam",
        {
            "identifier": identifiers(st.children(ID)),
            "status": "proposed" if st.planned else STATUS.get(st.status),
            "category": kinds,
            "name": label(st, ctx),
            "subject": ctx.patient,
            "period": effective(st, ctx).period,
            "participant": members,
            "note": notes(st, ctx),
        },
        st,
    )


@maps(t.CARE_TEAM_MEMBER, sections=SECTIONS, elements=("act",))
def lone_member(st: Statement, ctx: Context) -> Json | None:
    """A care team member act without an organizer: a team of one."""
    members = _members(st, ctx)
    if not members:
        return None
    fields = {
        "status": STATUS.get(st.status),
        "name": label(st, ctx),
        "subject": ctx.patient,
        "participant": members,
        "note": notes(st, ctx),
    }
    return ctx.add("CareTeam", fields, st)


def _function(participation: Node, ctx: Context) -> Json | None:
    """What a member does; C-CDA has it in the extension namespace."""
    return codeable(participation.child(FUNCTION_CODE), ctx) or codeable(
        participation.child(SDTC_FUNCTION_CODE), ctx
    )


def _members(st: Statement, ctx: Context) -> list[Json]:
    made: list[Json] = []
    period = effective(st, ctx).period
    for participation, person, organization in ctx.actors.performers(st, st.path):
        role = _function(participation, ctx) or codeable(st.child(CODE), ctx)
        on_behalf = organization if person and person["reference"].startswith("Practitioner/") else None
        one = drop(
            {"role": [role], "member": person or organization, "onBehalfOf": on_behalf, "period": period}
        )
        if one:
            made.append(one)
    return made
