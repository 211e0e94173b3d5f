"""All rules together, for one resource."""

from __future__ import annotations

from functools import lru_cache

from chartbridge.terminology.edition import Edition
from chartbridge.terminology.standardise.codings import Codings
from chartbridge.terminology.standardise.conditions import Conditions
from chartbridge.terminology.standardise.facts import PatientFacts
from chartbridge.terminology.standardise.marks import Json
from chartbridge.terminology.standardise.observations import Observations
from chartbridge.terminology.standardise.quantities import quantity
from chartbridge.terminology.standardise.walk import Change, walk

_NOT_TOUCHED = frozenset(("Patient", "Binary", "Bundle"))
"""A chart's Patient is the current one; the others hold no statements of their own."""


class Standardiser:
    """Standardises by one edition, and remembers what it looked up: one for each process is right.

    Not for several threads at once.
    """

    def __init__(self, edition: Edition) -> None:
        self._conditions = Conditions(edition)
        self._observations = Observations(edition)
        self._codings = codings = Codings(edition)
        self._changes: dict[str, Change] = {
            "Coding": codings.coding,
            "CodeableConcept": codings.concept,
            "Quantity": quantity,
        }

    def resource(self, resource: Json, facts: PatientFacts = PatientFacts()) -> Json:  # noqa: B008
        """The resource with standard codes and units; the same object where nothing had to change.

        Raises EditionError where the edition cannot be read.
        """
        kind = resource.get("resourceType")
        if not isinstance(kind, str) or kind in _NOT_TOUCHED:
            return resource
        if kind == "Procedure" and isinstance(code := resource.get("code"), dict):
            procedure = self._codings.procedure(code)
            resource = resource if procedure is code else {**resource, "code": procedure}
        made = walk(resource, self._changes)
        if kind == "Condition":
            return self._conditions.with_chronicity(self._conditions.with_icd10cm(made, facts))
        if kind == "Observation":
            return self._observations.with_usual_units(self._observations.with_category(made))
        return made


@lru_cache(maxsize=4)
def _standardiser(edition: Edition) -> Standardiser:
    return Standardiser(edition)


def standardise(resource: Json, edition: Edition, facts: PatientFacts = PatientFacts()) -> Json:  # noqa: B008
    """The resource with standard codes and units by the edition; see :class:`Standardiser`."""
    return _standardiser(edition).resource(resource, facts)
