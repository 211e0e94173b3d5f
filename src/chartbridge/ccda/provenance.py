"""Provenance: who made the document, and who made those of its statements that do not tell it themselves.

US Core's Provenance profile, with one departure: where the source names no organization for a person,
``onBehalfOf`` is absent rather than guessed.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from chartbridge.ccda.context import Context, Resource
from chartbridge.ccda.datatypes import absent_extension, concept, when
from chartbridge.ccda.names import ASSIGNED_AUTHOR, AUTHOR, TIME
from chartbridge.ccda.node import Node
from chartbridge.ccda.registry import PARTS
from chartbridge.ccda.statement import Statement
from chartbridge.fhir import drop, instant

Json = dict[str, Any]

PARTICIPANT_TYPE = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
AGENTS = {
    "assembler": "Assembler",
    "attester": "Attester",
    "author": "Author",
    "composer": "Composer",
    "custodian": "Custodian",
    "enterer": "Enterer",
    "informant": "Informant",
    "legal": "Legal Authenticator",
    "performer": "Performer",
    "verifier": "Verifier",
}
"""The agent types of HL7's code system."""
CREATE = concept("http://terminology.hl7.org/CodeSystem/v3-DataOperation", "CREATE", "create")

_AUTHORS = (
    "recorder",
    "asserter",
    "requester",
    "author",
    "performer",
    "informationSource",
    "expressedBy",
    "sender",
)
_THINGS = frozenset(("Binary", "Device", "Medication", "Specimen"))
"""What statements are about rather than what they say: nobody writes it."""
_TIMES = ("recordedDate", "authoredOn", "issued", "date", "recorded", "dateAsserted", "sent")


class Agent(NamedTuple):
    """Somebody's part in the making of something."""

    kind: str
    """A code of :data:`AGENTS`."""
    who: Json
    on_behalf: Json | None = None
    time: str | None = None
    """When, as R4 dateTime."""


def agent_of(kind: str, person: Json | None, organization: Json | None, time: str | None) -> Agent | None:
    """The agent of a participation; an organization alone acts for itself."""
    who = person or organization
    return None if who is None else Agent(kind, who, organization if person is not None else None, time)


def document_provenance(
    agents: list[Agent], targets: list[Json], source: Json, moment: str | None, ctx: Context, path: str
) -> None:
    """The Provenance of the whole document.

    ``targets`` are what is made of the document as such, ``source`` is its DocumentReference, and
    ``moment`` its effectiveTime. An author who is said to have written at another time gets a Provenance
    of the document with that time as well.
    """
    listed: dict[tuple[str, str, str], Agent] = {}
    for agent in agents:
        listed.setdefault((agent.kind, agent.who["reference"], _key(agent.on_behalf)), agent)
    if not listed:
        return
    fields = _fields(targets, list(listed.values()), source, moment)
    ctx.add("Provenance", {**fields, "activity": CREATE}, None, path)
    for agent in agents:
        if agent.kind == "author" and agent.time is not None and agent.time != moment:
            ctx.add("Provenance", _fields(targets, [agent], source, agent.time), None, path)


def statement_provenances(source: Json, ctx: Context) -> None:
    """A Provenance for each author and time among the statements, of all resources made of that author's
    statements that cannot tell both themselves.

    Who wrote a part of a resource, such as a comment, or a reference to it, did not write the whole.
    Statements without an author of their own have their section's or the document's, which the
    Composition tells.
    """
    groups: dict[tuple[str, str, str], tuple[Agent, str, dict[str, None]]] = {}
    references = set(map(id, ctx.pending))
    for st in ctx.statements:
        if AUTHOR not in st.one or not st.resources:
            continue
        own = list(st.resources)
        if st.outcome == "absorbed":
            if st.template in PARTS or id(st) in references:
                continue
            own = _written(st)
        for position, el in enumerate(st.children(AUTHOR), 1):
            participation = Node(el)
            assigned = participation.child(ASSIGNED_AUTHOR)
            if assigned is None:
                continue
            path = f"{st.path}/author[{position}]"
            person, organization = ctx.actors.role(assigned, f"{path}/assignedAuthor")
            agent = agent_of("author", person, organization, when(participation.child(TIME), ctx).start)
            if agent is None:
                continue
            wanting = [key for key in own if not _tells(ctx.entries.get(key), agent)]
            if wanting:
                identity = (agent.who["reference"], _key(agent.on_behalf), agent.time or "")
                group = groups.setdefault(identity, (agent, path, {}))
                group[2].update(dict.fromkeys(wanting))
    for agent, path, keys in groups.values():
        targets = [{"reference": key} for key in keys]
        ctx.add("Provenance", _fields(targets, [agent], source, agent.time), None, path)


def _written(st: Statement) -> list[str]:
    """What an absorbed statement is a frame or a component of; what it is a mere detail of is not its own."""
    holder = st.parent
    while holder is not None and holder.outcome == "absorbed":
        holder = holder.parent
    return [key for key in st.resources if holder is None or key not in holder.resources]


def _key(reference: Json | None) -> str:
    return "" if reference is None else str(reference["reference"])


def _fields(targets: list[Json], agents: list[Agent], source: Json, moment: str | None) -> Json:
    """``recorded`` must be an instant: a time that is less precise stands in ``occurredDateTime``."""
    recorded = instant(moment)
    return {
        "target": targets,
        "occurredDateTime": moment if recorded is None else None,
        "recorded": recorded,
        "_recorded": {"extension": absent_extension()} if recorded is None else None,
        "agent": [
            drop(
                {
                    "type": concept(PARTICIPANT_TYPE, agent.kind, AGENTS[agent.kind]),
                    "who": agent.who,
                    "onBehalfOf": agent.on_behalf,
                }
            )
            for agent in agents
        ],
        "entity": [{"role": "source", "what": source}],
    }


def _tells(resource: Resource | None, agent: Agent) -> bool:
    """Whether a resource says itself who wrote it, and when; a thing has no author."""
    if resource is None or resource["resourceType"] in _THINGS:
        return True
    who = agent.who["reference"]
    if not any(who in _references(resource.get(name)) for name in _AUTHORS):
        return False
    return agent.time is None or any(resource.get(name) == agent.time for name in _TIMES)


def _references(value: Any) -> list[str]:
    """The references of an element that refers to people: one, several, or backbones with an actor."""
    if value is None:
        return []
    many = value if isinstance(value, list) else [value]
    return [str(one.get("actor", one).get("reference", "")) for one in many]
