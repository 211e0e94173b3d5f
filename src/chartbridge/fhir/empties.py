"""FHIR JSON has no empty values: no ``null``, no ``""``, no ``{}``, no ``[]``."""

from __future__ import annotations

from typing import Any


def drop(values: dict[str, Any]) -> dict[str, Any] | None:
    """The same object without its empty members, or ``None`` where nothing is left.

    Shallow on purpose: each object is built through this function from parts that were built the
    same way, so a second walk over the whole tree is never needed. ``False`` and ``0`` are values
    (they equal 0, and nothing that is empty does). A list loses its empty items.
    """
    kept: dict[str, Any] = {}
    for name, value in values.items():
        if value:
            if type(value) is list:
                items = [item for item in value if item or item == 0]
                if items:
                    kept[name] = items
            else:
                kept[name] = value
        elif value == 0:
            kept[name] = value
    return kept or None
