"""Which function converts which statement: by template, then by section and element, then by element.

Functions register where they stand, with :func:`maps`. A mapper is given a statement and the context;
it returns the main resource that it made, or ``None`` where the statement holds no information.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from chartbridge.ccda.names import SUBJECT

if TYPE_CHECKING:
    from chartbridge.ccda.context import Context
    from chartbridge.ccda.statement import Statement

Resource = dict[str, Any]
Mapper = Callable[["Statement", "Context"], Resource | None]

BY_TEMPLATE: dict[str, Mapper] = {}
BY_SECTION: dict[tuple[str, str], Mapper] = {}
BY_ELEMENT: dict[str, Mapper] = {}
IF_NULL: dict[str, Mapper] = {}
"""By element, for statements that have a nullFlavor themselves: whether they are so is not known."""
IF_PLANNED: dict[str, Mapper] = {}
"""By element, for statements of a planned mood whose mapper knows only what has happened."""
EVENTS_ONLY: set[Mapper] = set()
"""Mappers that know only what has happened."""
ENTRIES_ONLY: set[Mapper] = set()
"""Mappers that a section only chooses for what it lists, not for observations about that."""
OF_ANOTHER: dict[str, Mapper] = {}
"""By template, for statements about somebody other than the patient."""
FRAMES: set[Mapper] = set()
"""Mappers that say nothing of the patient themselves: family history and acts that only hold others."""
FAMILY_HISTORY = "10157-6"
_FACTS = frozenset(("procedure", "substanceAdministration", "supply", "encounter"))
"""What in the family history of a patient is never the patient's unless it says so."""
PARTS: dict[str, str] = {}
"""Templates that are only ever part of another statement, and what they are called in the report."""


def maps(
    *templates: str,
    sections: tuple[str, ...] = (),
    elements: tuple[str, ...] = (),
    default: str = "",
    if_null: tuple[str, ...] = (),
    if_planned: tuple[str, ...] = (),
    events_only: bool = False,
    entries_only: bool = False,
    of_another: tuple[str, ...] = (),
    frames: bool = False,
) -> Callable[[Mapper], Mapper]:
    """Register a mapper for templates; for ``elements`` within ``sections`` (LOINC codes) where the
    template is unknown; with ``default``, for an element wherever nothing else is known; with
    ``if_null``, for elements that are null as a whole; with ``if_planned``, for elements of a planned mood
    whose mapper is ``events_only``; and with ``of_another``, for templates where they are about somebody
    else than the patient. ``entries_only`` keeps a section from choosing the mapper for an observation
    that stands within another one. ``frames`` says that the mapper is fit for statements about anybody."""

    def register(mapper: Mapper) -> Mapper:
        for template in templates:
            BY_TEMPLATE[template] = mapper
        for section in sections:
            for element in elements:
                BY_SECTION[section, element] = mapper
        if default:
            BY_ELEMENT[default] = mapper
        for element in if_null:
            IF_NULL[element] = mapper
        for element in if_planned:
            IF_PLANNED[element] = mapper
        for template in of_another:
            OF_ANOTHER[template] = mapper
        if events_only:
            EVENTS_ONLY.add(mapper)
        if entries_only:
            ENTRIES_ONLY.add(mapper)
        if frames:
            FRAMES.add(mapper)
        return mapper

    return register


def part(*templates: str, of: str) -> None:
    """Declare templates whose content goes into the statement that they belong to."""
    for template in templates:
        PARTS[template] = of


def mapper_of(statement: Statement) -> Mapper | None:
    """The function that converts a statement, ``None`` where there is none."""
    found = _mapper_of(statement)
    if found in FRAMES:
        return found
    if about_another(statement):
        asserted = not statement.planned and statement.el.get("nullFlavor") is None
        return OF_ANOTHER.get(statement.template) if asserted else None
    if statement.planned and found in EVENTS_ONLY:
        return IF_PLANNED.get(statement.tag, found)
    return found


def about_another(statement: Statement) -> bool:
    """Whether a statement is about somebody else: it says so, or is a fact in the family history."""
    if statement.another is not None:
        return True
    return (
        statement.section.code == FAMILY_HISTORY
        and (statement.template in OF_ANOTHER or statement.tag in _FACTS)
        and not _of_oneself(statement)
    )


def _of_oneself(statement: Statement) -> bool:
    """Whether a statement, or one around it, says that its subject is the patient."""
    holder: Statement | None = statement
    while holder is not None:
        if SUBJECT in holder.one:
            return holder.another is None
        holder = holder.parent
    return False


def _detail(statement: Statement) -> bool:
    """Whether a statement is an observation about another one, and so not what the section lists."""
    return (
        statement.tag == "observation"
        and statement.parent is not None
        and statement.parent.tag == "observation"
    )


def _mapper_of(statement: Statement) -> Mapper | None:
    if statement.el.get("nullFlavor") is not None and statement.tag in IF_NULL:
        return IF_NULL[statement.tag]
    found = BY_TEMPLATE.get(statement.template)
    if found is None and statement.template not in PARTS:
        found = BY_SECTION.get((statement.section.code, statement.tag))
        if found in ENTRIES_ONLY and _detail(statement):
            found = None
    return found or BY_ELEMENT.get(statement.tag)
