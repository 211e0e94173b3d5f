"""Conditions: ICD-10-CM by the rules of SNOMED CT's map, and chronicity as clients of the API know it."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

from chartbridge.terminology.edition import Edition
from chartbridge.terminology.maps import icd10cm_for
from chartbridge.terminology.standardise.crosswalks import ENDINGS, Added
from chartbridge.terminology.standardise.facts import PatientFacts
from chartbridge.terminology.standardise.forms import ICD10CM, SNOMED
from chartbridge.terminology.standardise.marks import INEXACT, Json, is_display_only, our_coding

URL = "http://hl7.org/fhir/StructureDefinition/condition-related"
SYSTEM = "https://public.metriport.com/fhir/StructureDefinition/condition-chronicity.json"
_MOST_KEPT = 8192
"""Codes, with what their maps ask of the patient."""
_CODES = {"C": ("C", "Chronic"), "N": ("NC", "Not-chronic"), "U": ("U", "Unknown")}


class Conditions:
    """What one edition knows of the codes of Conditions; what was asked once is remembered."""

    def __init__(self, edition: Edition) -> None:
        self._edition = edition
        self._chronicities = lru_cache(_MOST_KEPT)(self._chronicities_of)
        self._mapped = lru_cache(_MOST_KEPT)(self._mapped_to)

    def with_icd10cm(self, condition: Json, facts: PatientFacts) -> Json:
        """The Condition with the ICD-10-CM codes that the map has for its SNOMED CT code, for this patient.

        Only where it has no ICD-10-CM code otherwise, and the map's rules give every code: they ask for the
        sex and for the age at onset, and where one is not known that they ask for, nothing is added.
        """
        codings = _codings(condition)
        if any(coding.get("system") == ICD10CM for coding in codings):
            return condition
        age = _age_at_onset(condition, facts.birth_date)
        found: dict[str, Added] = {}
        for coding in codings:
            code = coding.get("code")
            if coding.get("system") == SNOMED and isinstance(code, str) and not is_display_only(coding):
                for one in self._mapped(code, facts.gender, age):
                    found.setdefault(one.code, one)
        if not found:
            return condition
        concept = condition["code"]
        more = [our_coding(*one) for one in found.values()]
        return {**condition, "code": {**concept, "coding": [*concept["coding"], *more]}}

    def with_chronicity(self, condition: Json) -> Json:
        """The Condition with the chronicity of its ICD-10-CM codes, by the edition's ``chronicity`` property.

        Codes are those given and those that a map has as equivalent. Codes that disagree give ``U``. Where
        none has the property, the Condition stays as it is, with a chronicity that its source may have
        stated; so does one that is refuted or was entered in error.
        """
        if _is_denied(condition):
            return condition
        found: set[str] = set()
        for coding in _codings(condition):
            code = coding.get("code")
            if coding.get("system") == ICD10CM and isinstance(code, str) and not is_display_only(coding):
                found.update(self._chronicities(code))
        if not found:
            return condition
        code, display = _CODES[found.pop() if len(found) == 1 else "U"]
        made = {"url": URL, "valueCoding": {"system": SYSTEM, "code": code, "display": display}}
        extensions = condition.get("extension")
        before = extensions if isinstance(extensions, list) else []
        if made in before and sum(map(_is_chronicity, before)) == 1:
            return condition
        return {**condition, "extension": [*(one for one in before if not _is_chronicity(one)), made]}

    def _chronicities_of(self, code: str) -> frozenset[str]:
        return frozenset(_CODES).intersection(self._edition.properties(ICD10CM, code).get("chronicity", ()))

    def _mapped_to(self, code: str, gender: str | None, age: int | None) -> tuple[Added, ...]:
        rows = self._edition.mapped(SNOMED, code, ICD10CM)
        outcome = icd10cm_for(self._edition, code, gender=gender, age_years=age) if rows else None
        if outcome is None or not outcome.is_complete:
            return ()
        found = []
        for target in outcome.targets:
            place = (target.group, target.code)
            said = {row.equivalence for row in rows if (row.group, row.target_code) == place}
            # Of several codes that belong together, none means what the one does.
            alone = len(said) == 1 and len(outcome.targets) == 1
            ending = ENDINGS.get(said.pop(), INEXACT) if alone else INEXACT
            concept = self._edition.concept(ICD10CM, target.code)
            display = concept.display if concept else None
            found.append(Added(target.map_name + ending, ICD10CM, target.code, display))
        return tuple(found)


def _age_at_onset(condition: Json, birth_date: str | None) -> int | None:
    """Completed years, where both days are known; a part of a date could be either side of a birthday."""
    onset = condition.get("onsetDateTime")
    if not isinstance(onset, str) or birth_date is None:
        return None
    try:
        then, born = date.fromisoformat(onset[:10]), date.fromisoformat(birth_date)
    except ValueError:
        return None
    years = then.year - born.year - ((then.month, then.day) < (born.month, born.day))
    return years if years >= 0 else None


def _is_denied(condition: Json) -> bool:
    status = condition.get("verificationStatus")
    codings = status.get("coding") if isinstance(status, dict) else None
    return any(
        isinstance(one, dict) and one.get("code") in ("refuted", "entered-in-error")
        for one in (codings if isinstance(codings, list) else ())
    )


def _codings(condition: Json) -> list[Json]:
    concept = condition.get("code")
    codings = concept.get("coding") if isinstance(concept, dict) else None
    return [one for one in codings if isinstance(one, dict)] if isinstance(codings, list) else []


def _is_chronicity(extension: object) -> bool:
    """HL7 has an extension of the same URL that refers to another Condition: that one is the source's."""
    if not isinstance(extension, dict) or extension.get("url") != URL:
        return False
    coding = extension.get("valueCoding")
    return isinstance(coding, dict) and coding.get("system") == SYSTEM
