"""Clinical statements: an element, what template it is, the statements within it, and what became of it."""

from __future__ import annotations

from collections import Counter
from typing import Any, Literal

from chartbridge.ccda.names import (
    CODE,
    COMPONENT,
    ENTRY,
    ENTRY_RELATIONSHIP,
    RELATED_SUBJECT,
    STATEMENTS,
    STATUS_CODE,
    SUBJECT,
    TEMPLATE_ID,
    V3_LENGTH,
    Element,
)
from chartbridge.ccda.node import Node, node_at
from chartbridge.ccda.templates import ALIASES, BY_CODE, GENERIC

_FRAMES = frozenset(("act", "organizer"))
_CONTENT = frozenset(("", "SUBJ", "COMP"))
_OFF = frozenset(("nullified", "cancelled", "aborted"))
_RELATIONSHIPS = (ENTRY_RELATIONSHIP, COMPONENT, ENTRY)


def statements_in(holder: Element) -> list[tuple[Element, str]]:
    """The statements right within an element, and the step of XPath that leads to each."""
    found = [(child, child.tag[V3_LENGTH:]) for child in holder if child.tag in STATEMENTS]
    if len(found) < 2:
        return found
    alike = Counter(name for _, name in found)
    seen: Counter[str] = Counter()
    numbered: list[tuple[Element, str]] = []
    for child, name in found:
        seen[name] += 1
        numbered.append((child, f"{name}[{seen[name]}]" if alike[name] > 1 else name))
    return numbered


Outcome = Literal["converted", "absorbed", "merged", "no-information", "not-converted"]


class Section:
    """What a statement needs to know of the section that it stands in."""

    __slots__ = ("code", "failed", "path", "resources", "statements", "subject", "title")

    def __init__(self, code: str, title: str, path: str, subject: Node | None = None) -> None:
        self.code = code
        self.title = title
        self.path = path
        self.subject = subject
        """The relatedSubject of the section or of one around it: whom its entries are about."""
        self.resources: dict[str, None] = {}
        """References (``Type/id``) of what the section's statements became, in order."""
        self.failed: list[Statement] = []
        self.statements = 0


class Statement(Node):
    """A clinical statement (act, observation, organizer, ...) and the statements within it.

    ``template`` is the one templateId that tells what it is, in its newest form, or ``""``.
    A mapper *takes* the nested statements that it makes part of its own resource; those that nobody
    takes are converted on their own, so none can be forgotten.
    """

    __slots__ = (
        "finished",
        "inversion",
        "issues",
        "outcome",
        "parent",
        "path",
        "reason",
        "related",
        "resources",
        "section",
        "tag",
        "taken",
        "template",
        "templates",
        "type_code",
    )

    def __init__(
        self,
        el: Element,
        path: str,
        section: Section,
        parent: Statement | None = None,
        type_code: str = "",
        inversion: bool = False,
    ) -> None:
        super().__init__(el)
        self.tag: str = el.tag[V3_LENGTH:]
        self.path = path
        self.section = section
        self.parent = parent
        self.type_code = type_code
        self.inversion = inversion
        self.taken = False
        self.finished = False
        self.outcome: Outcome | None = None
        self.reason = ""
        self.resources: dict[str, None] = {}
        """References (``Type/id``) of what the statement became, in order."""
        self.issues: list[str] = []
        self.templates: list[str] = [root for t in self.children(TEMPLATE_ID) if (root := t.get("root"))]
        self.template = ""
        self.related: list[Statement] = []

    def identify(self, known: dict[str, Any]) -> None:
        """Settle what template this is: the first known one, a specific before a generic one."""
        generic = ""
        for root in self.templates:
            template = ALIASES.get(root, root)
            if template in known:
                if template not in GENERIC:
                    self.template = template
                    return
                generic = generic or template
        if generic:
            self.template = generic
            return
        code = self.one.get(CODE)
        if code is not None:
            self.template = BY_CODE.get((self.tag, code.get("code") or ""), "")

    def nested(self) -> list[tuple[Element, Element, str]]:
        """The statements within this one: relationship, element, its path from here.

        A statement that stands in this one without a relationship, which CDA does not allow, is its own.
        """
        found: list[tuple[Element, Element, str]] = []
        for tag in _RELATIONSHIPS:
            if tag in self.one:
                for position, relationship in enumerate(self.children(tag), 1):
                    for child, name in statements_in(relationship):
                        found.append((relationship, child, f"{tag[V3_LENGTH:]}[{position}]/{name}"))
        if not STATEMENTS.isdisjoint(self.one):
            found += [(child, child, name) for child, name in statements_in(self.el)]
        return found

    @property
    def negated(self) -> bool:
        """Whether ``negationInd`` says that this did not happen, is not so, or is not to be done."""
        return self.el.get("negationInd") in ("true", "1")

    @property
    def frame(self) -> Statement | None:
        """The statement that this one is the content of: what is said of that holds of this as well.

        An act or organizer holds what it is about and its components, but not reasons and references;
        a medication holds its supplies.
        """
        parent = self.parent
        if parent is None:
            return None
        if parent.tag in _FRAMES and self.type_code in _CONTENT:
            return parent
        return parent if self.tag == "supply" and parent.tag == "substanceAdministration" else None

    @property
    def denied(self) -> bool:
        """Whether this is negated itself, or by a statement that it is the content of."""
        if self.negated:
            return True
        frame = self.frame
        return frame is not None and frame.denied

    @property
    def nullified(self) -> bool:
        """Whether statusCode says that this was entered in error, here or in what this is the content of."""
        if self.code_value(STATUS_CODE) == "nullified":
            return True
        frame = self.frame
        return frame is not None and frame.nullified

    @property
    def status(self) -> str:
        """The statusCode's code, ``nullified`` where that is said of what this is the content of."""
        return "nullified" if self.nullified else self.code_value(STATUS_CODE)

    @property
    def is_asserted(self) -> bool:
        """Whether it holds, of the same person as what is around it: it is neither negated nor null as a
        whole, neither a risk nor retracted nor broken off, and names no subject of its own. Only such a
        part may be taken into another."""
        return not (
            self.negated
            or SUBJECT in self.one
            or self.el.get("nullFlavor") is not None
            or self.mood == "RSK"
            or self.code_value(STATUS_CODE) in _OFF
        )

    @property
    def another(self) -> Node | None:
        """The relatedSubject whom this is about where that is not the patient: the closest one said wins.

        It may stand in the statement, in one around it, or in the section.
        """
        holder: Statement | None = self
        while holder is not None:
            person = node_at(holder, SUBJECT, RELATED_SUBJECT)
            if person is not None:
                break
            holder = holder.parent
        else:
            person = self.section.subject
        code = None if person is None else person.child(CODE)
        return None if code is not None and code.get("code") in ("SELF", "ONESELF") else person

    @property
    def mood(self) -> str:
        """EVN where it is absent."""
        return self.el.get("moodCode") or "EVN"

    @property
    def planned(self) -> bool:
        """Whether it is intended, requested, proposed or promised rather than done."""
        return self.mood not in ("EVN", "DEF", "EVN.CRT")

    def code_value(self, tag: str = CODE) -> str:
        """The bare code of a child, ``""`` where there is none."""
        child = self.one.get(tag)
        return "" if child is None else (child.get("code") or "").strip()

    def take(self, *templates: str) -> Statement | None:
        """The first nested statement of one of these templates; it becomes part of this one."""
        for statement in self.related:
            if statement.template in templates and not statement.taken and statement.is_asserted:
                statement.taken = True
                return statement
        return None

    def take_all(self, *templates: str) -> list[Statement]:
        """All nested statements of these templates; they become part of this one."""
        found = [s for s in self.related if s.template in templates and not s.taken and s.is_asserted]
        for statement in found:
            statement.taken = True
        return found

    def take_coded(self, code: str) -> Statement | None:
        """The first nested statement with this code, whatever its template."""
        for statement in self.related:
            if not statement.taken and statement.code_value() == code and statement.is_asserted:
                statement.taken = True
                return statement
        return None
