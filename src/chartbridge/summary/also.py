"""What sources say besides what stands in a resource that was put together from several of them.

Consolidation keeps one value where FHIR has room for one, and the others as extensions: the reader has to see
that there are others.
"""

from __future__ import annotations

import re
from typing import Any

from chartbridge.summary import words
from chartbridge.summary.chart import Json, cut

STATED_URL = "https://chartbridge.dev/fhir/StructureDefinition/also-stated"
CALLED_URL = "https://chartbridge.dev/fhir/StructureDefinition/also-called"
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:")
_OF_THE_RECORD = frozenset({"issued", "recorded", "recordedDate", "dateAsserted", "lastUpdated"})
"""When something was written down, not when it was: of no use beside when it was."""
_TYPES = (
    "DateTime", "Date", "Period", "Age", "Range", "String", "Quantity", "CodeableConcept", "Reference",
    "Instant",
)  # fmt: skip


def said_besides(resource: Json) -> str:
    """The other values by element, and the other names; empty where there are none."""
    values: dict[str, list[str]] = {}
    for held in resource.get("extension") or []:
        if held.get("url") == STATED_URL:
            parts = {str(one.get("url")): one for one in held.get("extension") or []}
            element = str(parts.get("element", {}).get("valueString") or "")
            if element in _OF_THE_RECORD:
                continue
            values.setdefault(_spaced(element), []).append(_value(parts.get("value", {})))
    names = _names(resource)
    if not values and not names:
        return ""
    stated = [f"{name} {words.joined(given, ' or ')}" for name, given in values.items() if any(given)]
    called = words.joined(f'"{name}"' for name in names)
    return words.joined(
        [
            words.labelled("also stated:", words.joined(stated, "; ")),
            words.labelled("also called", called),
        ],
        "; ",
    )


def _names(resource: Json) -> list[str]:
    """The names that sources give besides the one that is shown, on the resource's main concepts."""
    found = []
    for name in ("code", "vaccineCode", "medicationCodeableConcept", "type"):
        concept: Any = resource.get(name)
        if not concept:
            continue
        for one in concept if isinstance(concept, list) else [concept]:
            if isinstance(one, dict) and "extension" in one:
                found += [
                    str(held["valueString"])
                    for held in one["extension"]
                    if held.get("url") == CALLED_URL and held.get("valueString")
                ]
    return found


def _value(held: Json) -> str:
    if "valueBoolean" in held:
        return "yes" if held["valueBoolean"] else "no"
    if concept := held.get("valueCodeableConcept"):
        return cut(words.concept(concept))
    if quantity := held.get("valueQuantity"):
        return words.quantity(quantity)
    if period := held.get("valuePeriod"):
        return words.period(period)
    if reference := held.get("valueReference"):
        return str(reference.get("display") or reference.get("reference") or "")
    plain = next((held[name] for name in ("valueString", "valueInteger", "valueDecimal") if name in held), "")
    return cut(_day(plain) if isinstance(plain, str) else str(plain))


def _day(text: str) -> str:
    """A text; of a moment its day."""
    return words.date(text[:10]) if _MOMENT.match(text) else words.date(text)


def _spaced(element: str) -> str:
    """``onsetDateTime`` as ``onset``, ``period.start`` as ``period start``."""
    name = element
    for kind in _TYPES:
        if name != kind and name.endswith(kind):
            name = name.removesuffix(kind)
            break
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.replace(".", " ")).lower()
