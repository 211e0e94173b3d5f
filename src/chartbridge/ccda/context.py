"""One conversion under way: the resources made so far, their ids, and what became of each statement."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from chartbridge.ccda.codesystems import is_oid
from chartbridge.ccda.names import STATEMENTS, V3, Element
from chartbridge.ccda.narrative import Narrative, squeeze, words
from chartbridge.ccda.registry import BY_TEMPLATE, PARTS, Mapper, about_another, mapper_of
from chartbridge.ccda.report import Account
from chartbridge.ccda.statement import Section, Statement
from chartbridge.fhir import content_id, drop, namespace, reference

if TYPE_CHECKING:
    from chartbridge.ccda.actors import Actors

Resource = dict[str, Any]

SOURCE_ELEMENT = "https://chartbridge.dev/fhir/StructureDefinition/source-element"
"""Extension on each resource: the XPath of the element that it comes from."""

MAX_SOURCES = 50
"""The most places that are noted on one resource; the report has them all."""

PLAIN_RESOURCES = frozenset(("Binary", "Bundle", "Parameters"))
"""Resources that R4 gives no extensions."""

NOTED_RESOURCES = frozenset(
    (
        "AllergyIntolerance",
        "CareTeam",
        "Communication",
        "Condition",
        "DeviceRequest",
        "DeviceUseStatement",
        "FamilyMemberHistory",
        "Goal",
        "Immunization",
        "MedicationDispense",
        "MedicationRequest",
        "MedicationStatement",
        "Observation",
        "Procedure",
        "ServiceRequest",
    )
)
"""Resources made here that have ``note``, a list of Annotation."""

MAX_NESTING = 40
"""Statements nested deeper than this are reported, not converted; real documents stay below ten."""

_CODE = re.compile(r"\d{1,8}(-\d)?")
"""What a section's code in LOINC looks like: the report repeats nothing that may be somebody's words."""

_KNOWN: dict[str, Mapper | str] = {}


def known_templates() -> dict[str, Mapper | str]:
    """All templates that have a mapper or are a part of another statement."""
    if not _KNOWN:
        _KNOWN.update(PARTS)
        _KNOWN.update(BY_TEMPLATE)
    return _KNOWN


class Context:
    """What mappers share. One context converts one document."""

    __deletable__ = ["actors"]  # noqa: RUF012 - what mypyc wants to be told where an attribute may go
    actors: Actors

    def __init__(self, patient_id: str, remark: Callable[[Statement, Context], str | None]) -> None:
        self.patient_id = patient_id
        self.patient: dict[str, Any] = {"reference": f"Patient/{patient_id}"}
        self.namespace = namespace(patient_id)
        self.entries: dict[str, Resource] = {}
        self.narrative = Narrative()
        self.statements: list[Statement] = []
        self.issues: list[str] = []
        self.encounters: dict[tuple[str, str], list[Resource]] = {}
        """Encounters by identifier and time, so that the header's and a section's become one."""
        self.pending: list[Statement] = []
        """Statements that refer to others by id: resolved when all entries are converted."""
        self._remark = remark
        self._current: Statement | None = None
        self._known = known_templates()

    # texts

    def text(self, el: Element | None) -> str | None:
        """The text of an ED or ST element: its own, or that of the narrative element it refers to.

        Its own comes first: it stands nowhere else, and what it refers to stays in the narrative.
        """
        if el is None:
            return None
        own = el.text
        if own is not None and not own.isspace():
            return words(el) if len(el) else squeeze(own)
        found: str | None = None
        for child in el:
            if child.tail and not child.tail.isspace():
                return words(el)
            value = child.get("value")
            if value and found is None:
                found = self.narrative.text(value)
        return found

    def issue(self, text: str) -> None:
        """Note something that was wrong with the statement under way and could be worked around."""
        target = self.issues if self._current is None else self._current.issues
        if text not in target:
            target.append(text)

    # resources

    def add(
        self, resource_type: str, fields: dict[str, Any], st: Statement | None, path: str = ""
    ) -> Resource:
        """A resource of these fields, under the id that its content gives it.

        A resource of the very same content that was made before is returned instead. ``st`` is the
        statement that it comes from; ``path`` is for what comes from elsewhere in the document.
        """
        body = drop(fields) or {}
        digest = content_id(self.namespace, resource_type, body)
        key = f"{resource_type}/{digest}"
        source = {"url": SOURCE_ELEMENT, "valueString": path or (st.path if st is not None else "")}
        made = self.entries.get(key)
        if made is None:
            if resource_type in PLAIN_RESOURCES:
                made = {"resourceType": resource_type, "id": digest, **body}
            else:
                sources = [source, *body.pop("extension", ())]
                made = {"resourceType": resource_type, "id": digest, "extension": sources, **body}
            self.entries[key] = made
            if st is not None:
                st.outcome = "converted"
        else:
            known = made.get("extension")
            if known is not None and len(known) < MAX_SOURCES and source not in known:
                known.append(source)
            if st is not None and st.outcome is None:
                st.outcome = "merged"
        if st is not None:
            self.belongs(key, st)
        return made

    def belongs(self, key: str, st: Statement) -> None:
        """Note that a statement became, or became part of, the resource ``Type/id``."""
        st.resources[key] = None
        st.section.resources[key] = None

    def ref(self, resource: Resource | None, display: str | None = None) -> dict[str, Any] | None:
        """A Reference to a resource made here; ``None`` for ``None``."""
        return None if resource is None else reference(resource, display)

    # statements

    def statement(
        self, el: Element, path: str, section: Section, parent: Statement | None = None, depth: int = 0
    ) -> Statement:
        """A statement and all statements within it, each entered into the account."""
        st = Statement(el, path, section, parent)
        st.identify(self._known)
        self.statements.append(st)
        section.statements += 1
        for relationship, child, step in st.nested():
            below = f"{path}/{step}"
            if depth >= MAX_NESTING:
                self._too_deep(child, below, section, st)
                continue
            nested = self.statement(child, below, section, st, depth + 1)
            nested.type_code = relationship.get("typeCode") or ""
            nested.inversion = relationship.get("inversionInd") == "true"
            st.related.append(nested)
        return st

    def _too_deep(self, el: Element, path: str, section: Section, parent: Statement) -> None:
        """Account for a statement and all within it; the words of the outermost hold those of the others."""
        waiting = [(el, path)]
        while waiting:
            holder, here = waiting.pop()
            if holder.tag in STATEMENTS:
                st = Statement(holder, here, section, parent)
                st.outcome = "not-converted"
                st.reason = f"nested deeper than {MAX_NESTING} statements"
                st.taken = True
                self.statements.append(st)
                if holder is el:
                    section.failed.append(st)
            seen: Counter[str] = Counter()
            below: list[tuple[Element, str]] = []
            for child in holder:
                seen[child.tag] += 1
                below.append((child, f"{here}/{child.tag.replace(V3, '')}[{seen[child.tag]}]"))
            waiting.extend(reversed(below))

    def convert(self, st: Statement) -> Resource | None:
        """Convert a statement, whatever it is; what fails is reported and spoils nothing else."""
        st.taken = True
        mapper = mapper_of(st)
        before = self._current
        self._current = st
        mark = len(self.entries)
        made: Resource | None = None
        try:
            if mapper is None:
                self.reject(st, "about another person" if about_another(st) else f"no mapping for {st.tag}")
            else:
                made = mapper(st, self)
                if st.outcome is None:
                    st.outcome = "no-information"
        except Exception as error:  # noqa: BLE001 - one bad statement must not spoil a document
            self._undo(st, mark)
            self.reject(st, f"could not be mapped ({type(error).__name__})")
        finally:
            self._current = before
        self._finish(st, made)
        return made

    def reject(self, st: Statement, reason: str) -> None:
        """Report a statement as not converted; its text goes into the section's narrative."""
        st.outcome = "not-converted"
        st.reason = reason
        st.section.failed.append(st)

    def absorb(self, st: Statement, *parts: Resource | None) -> None:
        """Report a statement as part of resources that other statements became."""
        st.outcome = "absorbed"
        for made in parts:
            if made is not None:
                self.belongs(f"{made['resourceType']}/{made['id']}", st)

    def _undo(self, st: Statement, mark: int) -> None:
        """Take back what a failed statement made; the statements within it get their own chance."""
        while len(self.entries) > mark:
            key, _ = self.entries.popitem()
            st.section.resources.pop(key, None)
        waiting = [st]
        while waiting:
            one = waiting.pop()
            one.resources.clear()
            if one is not st:
                one.outcome = None
                one.taken = one.finished = False
                if one in one.section.failed:
                    one.section.failed.remove(one)
            waiting.extend(one.related)

    def _finish(self, st: Statement, made: Resource | None) -> None:
        """See to it that every statement within one has an outcome."""
        st.finished = True
        for child in st.related:
            if not child.taken and not self._noted(child, made):
                link(made, self.convert(child))
                continue
            if child.outcome is None:
                child.outcome = "absorbed"
                child.resources.update(st.resources)
            if not child.finished:
                self._finish(child, made)

    def _noted(self, child: Statement, made: Resource | None) -> bool:
        """A part that the mapper had no place for says nothing on its own: it becomes a note of the whole."""
        if made is None or child.template not in PARTS or made["resourceType"] not in NOTED_RESOURCES:
            return False
        text = self._remark(child, self)
        if text is not None and (note := {"text": text}) not in made.setdefault("note", []):
            made["note"].append(note)
        child.taken = True
        return True

    def release(self) -> None:
        """Take statements, actors and context apart, so that they go without a garbage collection."""
        for st in self.statements:
            st.related.clear()
            st.parent = None
        self.statements.clear()
        del self.actors

    def accounts(self) -> list[Account]:
        """The report's account of each statement, in document order."""
        return [
            Account(
                st.path,
                st.tag,
                st.template or next(filter(is_oid, st.templates), ""),
                st.section.code if _CODE.fullmatch(st.section.code) else "",
                st.outcome or "not-converted",
                tuple(st.resources),
                st.reason,
                tuple(st.issues),
            )
            for st in self.statements
        ]


_LINKS = {
    ("Observation", "Observation"): "hasMember",
    ("DiagnosticReport", "Observation"): "result",
}


def link(parent: Resource | None, child: Resource | None) -> None:
    """Let a resource refer to one that was made from a statement within its own."""
    if parent is None or child is None or parent is child:
        return
    name = _LINKS.get((parent["resourceType"], child["resourceType"]))
    if name is not None:
        target = reference(child)
        members = parent.setdefault(name, [])
        if target not in members:
            members.append(target)
