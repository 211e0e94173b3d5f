"""What LOINC knows of an Observation: its category, and the unit that it is usually given in."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from operator import is_

from chartbridge.terminology.edition import Edition
from chartbridge.terminology.standardise.forms import LOINC
from chartbridge.terminology.standardise.marks import Json, is_display_only, our_coding
from chartbridge.terminology.standardise.quantities import in_usual_unit, usual_units

_MOST_KEPT = 8192
"""LOINC codes."""

CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
_DISPLAYS = {
    "laboratory": "Laboratory",
    "vital-signs": "Vital Signs",
    "imaging": "Imaging",
    "survey": "Survey",
}

# FHIR R4's vital signs profiles, and those that US Core adds, each with the metric one of its units.
_VITAL_SIGNS = {
    "85353-1": None,
    "9279-1": "/min",
    "8867-4": "/min",
    "2708-6": "%",
    "59408-5": "%",
    "8310-5": "Cel",
    "8302-2": "cm",
    "9843-4": "cm",
    "8287-5": "cm",
    "8289-1": "%",
    "29463-7": "kg",
    "39156-5": "kg/m2",
    "59576-9": "%",
    "77606-2": "%",
    "85354-9": "mm[Hg]",
    "8480-6": "mm[Hg]",
    "8462-4": "mm[Hg]",
    "8478-0": "mm[Hg]",
}
# Two ways to write the same amount; the second is LOINC's.
_SAME_AMOUNT = {
    "10*9/L": "10*3/uL",
    "10*12/L": "10*6/uL",
    "ug/L": "ng/mL",
    "ng/L": "pg/mL",
    "mg/L": "ug/mL",
    "mU/mL": "U/L",
    "u[IU]/mL": "m[IU]/L",
    "[IU]/L": "m[IU]/mL",
}
_BY_CLASS = {
    **dict.fromkeys(
        (
            "ABXBACT",
            "ALLERGY",
            "BC",
            "BLDBK",
            "CELLMARK",
            "CHAL",
            "CHEM",
            "COAG",
            "CYTO",
            "DRUG/TOX",
            "FERT",
            "HEM/BC",
            "HLA",
            "MICRO",
            "MOLPATH",
            "PATH",
            "SERO",
            "SPEC",
            "UA",
        ),
        "laboratory",
    ),
    **dict.fromkeys(("BDYTMP", "BDYWGT", "BDYHGT", "BDYCRC", "BP", "HRTRATE"), "vital-signs"),
    "RAD": "imaging",
    "SURVEY": "survey",
}
_BY_CLASS_TYPE = {"1": "laboratory", "4": "survey"}
"""LOINC's class types: of the other two, clinical and claims, nothing follows."""


class Observations:
    """What one edition knows of LOINC codes; what was asked once is remembered, within bounds."""

    def __init__(self, edition: Edition) -> None:
        self._edition = edition
        self._category = lru_cache(_MOST_KEPT)(self._category_of)
        self._units = lru_cache(_MOST_KEPT)(self._example_units)

    def with_category(self, observation: Json) -> Json:
        """The Observation with a category by LOINC's class of its code, marked as ours, where it had none.

        No category where nothing tells one for the code, or several codes disagree.
        """
        if observation.get("category"):
            return observation
        found = dict(told for code in _loinc_codes(observation) if (told := self._category(code)) is not None)
        if len(found) != 1:
            return observation
        ((code, why),) = found.items()
        return {**observation, "category": [{"coding": [our_coding(why, CATEGORY, code, _DISPLAYS[code])]}]}

    def with_usual_units(self, observation: Json) -> Json:
        """The Observation, its components and reference ranges with amounts in the usual unit too: LOINC's
        example unit, a metric one for vital signs."""
        made = self._in_usual_units(observation)
        components = made.get("component")
        if not isinstance(components, list):
            return made
        parts = [self._in_usual_units(part) if isinstance(part, dict) else part for part in components]
        return made if all(map(is_, parts, components)) else {**made, "component": parts}

    def _in_usual_units(self, element: Json) -> Json:
        value, ranges = element.get("valueQuantity"), element.get("referenceRange")
        if not isinstance(value, dict):
            return element
        units = {self._units(code) for code in _loinc_codes(element)} - {()}
        same = _SAME_AMOUNT.get(str(value.get("code")))
        if len(units) != 1 and same is None:
            return element
        usual = units.pop() if len(units) == 1 else (str(same),)
        made = in_usual_unit(value, usual)
        changed = element if made is value else {**element, "valueQuantity": made}
        if not isinstance(ranges, list):
            return changed
        limits = [_limits(one, usual) if isinstance(one, dict) else one for one in ranges]
        return changed if all(map(is_, limits, ranges)) else {**changed, "referenceRange": limits}

    def _category_of(self, code: str) -> tuple[str, str] | None:
        """The category of a LOINC code, and the name of what says so."""
        if code in _VITAL_SIGNS:
            return "vital-signs", "FHIR vital signs"
        properties = self._edition.properties(LOINC, code)
        found = set(properties.get("category", ())) & _DISPLAYS.keys()
        if not found:
            plain = [name.removeprefix("PANEL.") for name in properties.get("loinc-class", ())]
            classes = [name for one in plain for name in (one, one.partition(".")[0])]
            found = {_BY_CLASS[name] for name in classes if name in _BY_CLASS}
        if not found:
            kinds = properties.get("loinc-class-type", ())
            found = {_BY_CLASS_TYPE[kind] for kind in kinds if kind in _BY_CLASS_TYPE}
        return (found.pop(), "LOINC classes") if len(found) == 1 else None

    def _example_units(self, code: str) -> tuple[str, ...]:
        """LOINC's example units, and of vital signs the metric one, whatever LOINC's example is."""
        metric = _VITAL_SIGNS.get(code)
        if metric is not None:
            return (metric,)
        return usual_units(self._edition.properties(LOINC, code).get("example-unit", ()))


def _loinc_codes(element: Json) -> Iterator[str]:
    concept = element.get("code")
    codings = concept.get("coding") if isinstance(concept, dict) else None
    for coding in codings if isinstance(codings, list) else ():
        if isinstance(coding, dict) and coding.get("system") == LOINC and not is_display_only(coding):
            code = coding.get("code")
            if isinstance(code, str):
                yield code


def _limits(reference_range: Json, usual: tuple[str, ...]) -> Json:
    changed = reference_range
    for name in ("low", "high"):
        limit = reference_range.get(name)
        if isinstance(limit, dict):
            made = in_usual_unit(limit, usual)
            changed = changed if made is limit else {**changed, name: made}
    return changed
