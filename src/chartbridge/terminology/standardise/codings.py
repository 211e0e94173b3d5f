"""Coding and CodeableConcept in canonical systems, with displays and crosswalked codings."""

from __future__ import annotations

from operator import is_
from typing import NamedTuple

import orjson

from chartbridge.terminology.edition import Edition
from chartbridge.terminology.standardise.crosswalks import Added, added
from chartbridge.terminology.standardise.forms import (
    CDC_RACE,
    ICD9CM,
    ICD9CM_PROCEDURES,
    icd9cm_procedure,
    spelling,
)
from chartbridge.terminology.standardise.marks import Json, is_ours, our_coding, respelt

_MOST_KEPT = 50_000
_LONGEST_KEPT = 4_096
"""Bytes of a list of codings that is remembered; longer ones are rare, and made anew each time."""
_MOST_CODINGS = 100
"""Of one concept; one with more is left as it is."""
UCUM = "http://unitsofmeasure.org"
_HL7S = ("http://terminology.hl7.org/CodeSystem/v2-", "http://terminology.hl7.org/CodeSystem/v3-")


class _Known(NamedTuple):
    """What the edition makes of a code: its canonical system and spelling, its display, what it brings."""

    system: str
    code: str
    display: str | None
    brings: tuple[Added, ...]


class Codings:
    """Standard codings by one edition; what was asked once is remembered, within bounds."""

    def __init__(self, edition: Edition) -> None:
        self._edition = edition
        self._known: dict[tuple[str, str], _Known] = {}
        self._lists: dict[bytes, list[Json] | None] = {}

    def concept(self, concept: Json) -> Json:
        """A CodeableConcept; its text stays as it is."""
        codings = concept.get("coding")
        if not isinstance(codings, list) or not 0 < len(codings) <= _MOST_CODINGS:
            return concept
        made = self._list(codings)
        return concept if made is None else {**concept, "coding": made}

    def coding(self, coding: Json) -> Json:
        """A Coding that stands alone: nothing is added to it but a display."""
        if is_ours(coding):
            return coding
        system, code = coding.get("system"), coding.get("code")
        if not isinstance(system, str):
            return coding
        known = self.known(system, code if isinstance(code, str) else "")
        if known.system != system:
            coding = respelt(coding, "system", known.system)
        if isinstance(code, str) and code != known.code:
            coding = respelt(coding, "code", known.code)
        if known.display and "display" not in coding and "_display" not in coding:
            coding = {**coding, "display": known.display}
        return coding

    def procedure(self, concept: Json) -> Json:
        """The code of a Procedure: in ICD-9-CM, digits without a point are a procedure there.

        Where they stand alone ``340`` is multiple sclerosis and no incision of the chest wall.
        """
        codings = concept.get("coding")
        if not isinstance(codings, list) or len(codings) > _MOST_CODINGS:
            return concept
        made = [self._as_procedure(one) if isinstance(one, dict) else one for one in codings]
        return concept if all(map(is_, made, codings)) else {**concept, "coding": made}

    def _as_procedure(self, coding: Json) -> Json:
        system, code = coding.get("system"), coding.get("code")
        if not isinstance(system, str) or not isinstance(code, str) or is_ours(coding):
            return coding
        if self._edition.canonical(system) not in ICD9CM:
            return coding
        dotted = icd9cm_procedure(code, self._edition)
        return coding if dotted in (None, code) else respelt(coding, "code", dotted)

    def known(self, system: str, code: str) -> _Known:
        """What the edition makes of a code; with an empty code, of the system alone."""
        key = (system, code)
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= _MOST_KEPT:
                self._known.clear()
            found = self._known[key] = self._look_up(system, code)
        return found

    def _look_up(self, given: str, code: str) -> _Known:
        system = given if given in (CDC_RACE, UCUM) else self._edition.canonical(given)
        if not code or system in (CDC_RACE, UCUM):
            return _Known(system, code, None, ())
        if given in ICD9CM_PROCEDURES:
            procedure = icd9cm_procedure(code, self._edition)
            if procedure is None:  # a diagnosis that is spelt the same would be another thing
                return _Known(given, code, None, ())
            code = procedure
        code = spelling(system, code, self._edition)
        concept = self._edition.concept(system, code)
        if concept is None and system != given and self._is_hl7s_and_complete(system):
            return _Known(given, code, None, ())
        display = concept.display if concept else None
        return _Known(system, code, display, tuple(added(system, code, self._edition)))

    def _is_hl7s_and_complete(self, system: str) -> bool:
        """Whether an unknown code is really none of its own: then the system's name would be wrong on it."""
        held = self._edition.system(system) if system.startswith(_HL7S) else None
        return held is not None and held.complete

    def _list(self, codings: list[Json]) -> list[Json] | None:
        """The codings of a concept in standard form; ``None`` where they are that already."""
        try:
            key = orjson.dumps(codings)
        except orjson.JSONEncodeError:  # a number, a text or a depth that JSON has not: nothing to look up
            return None
        if len(key) > _LONGEST_KEPT:
            made = self._standard(codings)
            return None if made == codings else made
        if key in self._lists:
            return self._lists[key]
        if len(self._lists) >= _MOST_KEPT:
            self._lists.clear()
        made = self._standard(codings)
        self._lists[key] = result = None if made == codings else made
        return result

    def _standard(self, codings: list[Json]) -> list[Json]:
        made = [self.coding(one) if isinstance(one, dict) else one for one in codings]
        present = {(str(one.get("system")), str(one.get("code"))) for one in made if isinstance(one, dict)}
        for one in [*made]:
            if not isinstance(one, dict) or is_ours(one):
                continue
            system, code = one.get("system"), one.get("code")
            if not isinstance(system, str) or not isinstance(code, str):
                continue
            for brought in self.known(system, code).brings:
                if (brought.system, brought.code) not in present:
                    present.add((brought.system, brought.code))
                    made.append(our_coding(*brought))
        return made
