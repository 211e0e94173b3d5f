"""References from one statement to another by id: Entry Reference, a known encounter, a known indication.

What is referred to may stand later in the document, so the references wait in the context and are
resolved once, after all entries. A reference goes into the element that R4 has for it; where there is
none, or the id is that of several things, the report names what was meant. An inverted relationship is
said of what is referred to: that refers back.
"""

from __future__ import annotations

from chartbridge.ccda import templates as t
from chartbridge.ccda.context import Context
from chartbridge.ccda.datatypes import identifiers
from chartbridge.ccda.names import ID
from chartbridge.ccda.registry import maps
from chartbridge.ccda.sections.common import Json
from chartbridge.ccda.sections.encounters import known_encounter
from chartbridge.ccda.statement import Statement
from chartbridge.fhir import reference_to

ENCOUNTER_FIELD = {
    "AllergyIntolerance": "encounter",
    "Communication": "encounter",
    "Condition": "encounter",
    "DeviceRequest": "encounter",
    "DiagnosticReport": "encounter",
    "Immunization": "encounter",
    "MedicationRequest": "encounter",
    "MedicationStatement": "context",
    "Observation": "encounter",
    "Procedure": "encounter",
    "ServiceRequest": "encounter",
}
"""Where a resource says during which encounter it was."""

_FINDINGS = frozenset(("Condition", "Observation", "DiagnosticReport", "DocumentReference"))
_REASONS = {
    "Communication": _FINDINGS,
    "DeviceRequest": _FINDINGS,
    "DeviceUseStatement": _FINDINGS,
    "Encounter": frozenset(("Condition", "Procedure", "Observation")),
    "Immunization": frozenset(("Condition", "Observation", "DiagnosticReport")),
    "MedicationRequest": frozenset(("Condition", "Observation")),
    "MedicationStatement": frozenset(("Condition", "Observation", "DiagnosticReport")),
    "Procedure": _FINDINGS | {"Procedure"},
    "ServiceRequest": _FINDINGS,
}
"""What each resource may have as ``reasonReference``."""

_ADDRESSED = frozenset(("Condition", "Observation", "MedicationStatement", "ServiceRequest"))
_SUPPORTING = {"ServiceRequest": "supportingInfo", "MedicationRequest": "supportingInformation"}
_PERTAINS = "http://hl7.org/fhir/StructureDefinition/resource-pertainsToGoal"
_WORKS_FOR_GOALS = frozenset(
    ("ServiceRequest", "Procedure", "MedicationRequest", "DeviceRequest", "Communication")
)

_DIRECTED = frozenset(("COMP", "GEVL", "RSON", "SPRT"))
"""Relationships that say something else when they are inverted."""
_MOST = 100
"""What became more resources than these is too much to be referred to, or to refer, as one thing."""
_SEVERAL = "the id that it refers to is that of several entries"


@maps(t.ENTRY_REFERENCE, frames=True)
def entry_reference(st: Statement, ctx: Context) -> Json | None:
    """Entry Reference: it only names a statement that stands elsewhere, which is converted there.

    One that is denied, retracted, null or only planned connects nothing.
    """
    ctx.absorb(st)
    if st.is_asserted and not st.planned:
        st.reason = "refers to another entry by its id"
        ctx.pending.append(st)
    else:
        st.reason = "does not hold as a reference to another entry"
    return None


def resolve(ctx: Context) -> None:
    """Resolve the references that wait in the context; to be called when all entries are converted."""
    if not ctx.pending:
        return
    waiting = set(map(id, ctx.pending))
    known: dict[tuple[str, str], dict[frozenset[str], Statement]] = {}
    for st in ctx.statements:
        if id(st) not in waiting and (st.resources or st.outcome == "not-converted"):
            for key in _ids(st):
                known.setdefault(key, {})[frozenset(st.resources)] = st
    for st in ctx.pending:
        if st.tag == "encounter":
            _during(st, ctx)
        elif st.parent is not None:
            for key in _ids(st):
                targets = known.get(key)
                if targets is not None:
                    _connect(st, st.parent, targets, ctx)


def _ids(st: Statement) -> list[tuple[str, str]]:
    return [
        (root, el.get("extension") or "")
        for el in st.children(ID)
        if (root := el.get("root")) and not el.get("nullFlavor")
    ]


def _during(st: Statement, ctx: Context) -> None:
    """An encounter within a statement: when it happened, found out or decided."""
    made = [key for key in st.resources if key.startswith("Encounter/")]
    if not made:
        known = known_encounter(identifiers(st.children(ID)), None, ctx)
        if known is None:
            return
        made = [f"Encounter/{known['id']}"]
        ctx.absorb(st, known)
        st.reason = ""
    for source in _sources(st.parent, ctx):
        field = ENCOUNTER_FIELD.get(source["resourceType"])
        if field is not None and field not in source:
            source[field] = {"reference": made[0]}


def _sources(parent: Statement | None, ctx: Context) -> list[Json]:
    """What the statement became that a reference stands in."""
    if parent is None or len(parent.resources) > _MOST:
        return []
    return [ctx.entries[key] for key in parent.resources if key in ctx.entries]


def _speaking(parent: Statement, ctx: Context) -> list[Json]:
    """What a reference within a statement is said of; within a frame, that of which it can be true.

    A frame's reference is about the concern or the intervention as a whole: not about each observation
    that stands in it, and about a problem only where there is a single one.
    """
    found = _sources(parent, ctx)
    if parent.outcome != "absorbed":
        return found
    single = sum(one["resourceType"] == "Condition" for one in found) == 1
    return [
        one
        for one in found
        if one["resourceType"] != "Observation" and (single or one["resourceType"] != "Condition")
    ]


def _connect(
    st: Statement, parent: Statement, targets: dict[frozenset[str], Statement], ctx: Context
) -> None:
    """Let what a statement became refer to what another one became; a frame became all that it holds.

    ``targets`` are the statements of the id that is meant, by what they became: only one is no guess.
    """
    target = next(iter(targets.values()))
    if len(targets) > 1 or len(target.resources) > _MOST:
        st.reason = _SEVERAL
        return
    for source in _speaking(parent, ctx):
        own = f"{source['resourceType']}/{source['id']}"
        for key in target.resources:
            if key != own and _tell(st, source, own, key, ctx):
                st.reason = ""
    if st.template == t.ENTRY_REFERENCE:
        st.resources.update(target.resources)


def _tell(st: Statement, source: Json, own: str, key: str, ctx: Context) -> bool:
    """Put a reference where it belongs; ``False`` where R4 has no element for it."""
    if st.inversion and st.type_code in _DIRECTED:
        back = ctx.entries.get(key)
        if back is None:
            return False
        source, key = back, own
    field = _field(source, key.partition("/")[0], st)
    if field is None:
        return False
    _put(source, field, key, ctx)
    return True


def _field(source: Json, target: str, st: Statement) -> str | None:
    """The element for a reference, by what refers, what is referred to, and the kind of relationship."""
    kind = source["resourceType"]
    if target == "Goal":
        if kind == "Observation" and st.type_code == "GEVL":
            return "outcomeReference"
        return "goal" if kind in _WORKS_FOR_GOALS else None
    if kind == "Goal":
        return "addresses" if target in _ADDRESSED else None
    if kind == "Condition":
        return "evidence" if target == "Observation" or st.type_code == "SPRT" else None
    if kind == "Observation":
        if target != "Observation":
            return None
        return {"COMP": "hasMember", "SPRT": "derivedFrom"}.get(st.type_code)
    if st.type_code == "RSON" or st.template == t.INDICATION:
        return "reasonReference" if target in _REASONS.get(kind, ()) else None
    return _SUPPORTING.get(kind)


def _put(source: Json, field: str, key: str, ctx: Context) -> None:
    target: Json = reference_to(*key.split("/"))
    own: Json = reference_to(source["resourceType"], source["id"])
    if field == "outcomeReference":
        holder, value = ctx.entries[key].setdefault(field, []), own
    elif field == "goal":
        holder, value = source.setdefault("extension", []), {"url": _PERTAINS, "valueReference": target}
    elif field == "evidence":
        holder, value = source.setdefault(field, []), {"detail": [target]}
    else:
        holder, value = source.setdefault(field, []), target
    if value not in holder:
        holder.append(value)
