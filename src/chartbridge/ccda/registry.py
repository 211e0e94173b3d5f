"""Which function converts which statement: by template, then by section and element, then by element.

Functions register where they stand, with :func:`maps`. A mapper is given a statement and the context;
it returns the main resource that it made, or ``None`` where the statement holds no information.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

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
PARTS: dict[str, str] = {}
"""Templates that are only ever part of another statement, and what they are called in the report."""


def maps(
    *templates: str,
    sections: tuple[str, ...] = (),
    elements: tuple[str, ...] = (),
    default: str = "",
    if_null: tuple[str, ...] = (),
) -> Callable[[Mapper], Mapper]:
    """Register a mapper for templates; for ``elements`` within ``sections`` (LOINC codes) where the
    template is unknown; with ``default``, for an element wherever nothing else is known; and with
    ``if_null``, for elements that are null as a whole."""

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
        return mapper

    return register


def part(*templates: str, of: str) -> None:
    """Declare templates whose content goes into the statement that they belong to."""
    for template in templates:
        PARTS[template] = of


def mapper_of(statement: Statement) -> Mapper | None:
    """The function that converts a statement, ``None`` where there is none."""
    if statement.el.get("nullFlavor") is not None and statement.tag in IF_NULL:
        return IF_NULL[statement.tag]
    found = BY_TEMPLATE.get(statement.template)
    if found is None and statement.template not in PARTS:
        found = BY_SECTION.get((statement.section.code, statement.tag))
    return found or BY_ELEMENT.get(statement.tag)
