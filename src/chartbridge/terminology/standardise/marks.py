"""How what we added is told from what was given.

A coding of ours has ``userSelected`` false and the extension :data:`CROSSWALK`, whose ``valueString`` names
the map. Where the coding does not mean exactly what the source's does, that ends with how it differs, and
such a coding is for display and search only: two statements are not the same because they share it.
"""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

_OURS = "https://chartbridge.dev/fhir/StructureDefinition/"
CROSSWALK = _OURS + "crosswalk"
AS_GIVEN = _OURS + "as-given"
"""On ``_system`` or ``_code``: the text that stood there, where ours is another spelling of it."""
NORMALISED_QUANTITY = _OURS + "normalised-quantity"
"""On a Quantity: the same amount, as ``valueQuantity``, in the unit that is usual for what was measured."""

WIDER, NARROWER, INEXACT = " (wider)", " (narrower)", " (inexact)"
"""Endings of a crosswalk's name: what our coding means, compared with the source's."""
_DISPLAY_ONLY = (WIDER, NARROWER, INEXACT)


def our_coding(map_name: str, system: str, code: str, display: str | None) -> Json:
    """A coding of ours, by the map of that name."""
    made: Json = {
        "extension": [{"url": CROSSWALK, "valueString": map_name}],
        "system": system,
        "code": code,
    }
    if display:
        made["display"] = display
    made["userSelected"] = False
    return made


def _map_name(coding: Json) -> str | None:
    extensions = coding.get("extension")
    if coding.get("userSelected") is not False or not isinstance(extensions, list):
        return None
    for extension in extensions:
        if isinstance(extension, dict) and extension.get("url") == CROSSWALK:
            return str(extension.get("valueString", ""))
    return None


def is_ours(coding: Json) -> bool:
    """Whether a coding was added by us."""
    return _map_name(coding) is not None


def is_display_only(coding: Json) -> bool:
    """Whether a coding is ours and means more, less or something other than what the source coded."""
    name = _map_name(coding)
    return name is not None and name.endswith(_DISPLAY_ONLY)


def respelt(element: Json, name: str, spelling: str) -> Json:
    """The element with another spelling of a primitive, and the one given kept beside it."""
    given = {"url": AS_GIVEN, "valueString": element[name]}
    beside = element.get(f"_{name}")
    held = dict(beside) if isinstance(beside, dict) else {}
    extensions = held.get("extension")
    before = extensions if isinstance(extensions, list) else []
    if not any(isinstance(one, dict) and one.get("url") == AS_GIVEN for one in before):
        held["extension"] = [*before, given]
    return {**element, name: spelling, f"_{name}": held}
