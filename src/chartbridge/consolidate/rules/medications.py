"""Medicines and vaccines: statements, requests, dispenses, administrations, immunizations."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from chartbridge.consolidate.concepts import ALSO_STATED_URL, UNTOLD, Concept, concept_of, tokens
from chartbridge.consolidate.moments import Moment, day_of, end_of, moment, start_of
from chartbridge.consolidate.rule import Facet, Rule, Scope, time_facet
from chartbridge.consolidate.rules.elements import DENIED, evident, polarity, polarity_facet
from chartbridge.consolidate.rules.nothing import nothing_facet, nothing_of
from chartbridge.consolidate.rules.problems import ACTIVE, ENDED
from chartbridge.consolidate.values import Value, quantity, same_value
from chartbridge.consolidate.words import number, objects, one_of, plain
from chartbridge.fhir.references import Resource

_DOSAGES = ("dosage", "dosageInstruction")
_PER_DAY = {"s": 86400.0, "min": 1440.0, "h": 24.0, "d": 1.0, "wk": 1 / 7, "mo": 1 / 30, "a": 1 / 365}
_ORDERS = frozenset({"order", "original-order", "reflex-order", "filler-order", "instance-order"})
_ENDED = frozenset({"completed", "stopped"})
_ACTIVE = frozenset({"active", "intended", "on-hold"})

UCUM = "http://unitsofmeasure.org"


def drug(resource: Resource, scope: Scope) -> Concept | None:
    """What the medication means, told here or by the Medication that is referred to."""
    return concept_of(medicine(resource, scope))


def medicine(resource: Resource, scope: Scope) -> Any:
    """The CodeableConcept of the medication."""
    told = resource.get("medicationCodeableConcept")
    if concept_of(told) is not None:
        return told
    reference = one_of(resource.get("medicationReference")).get("reference")
    target = scope.held.get(reference) if reference else None
    return told if target is None else target.get("code")


def _nothing(resource: Resource, scope: Scope) -> str | None:
    return nothing_of(resource, medicine(resource, scope))


def _taken(resource: Resource, scope: Scope) -> Concept | None:
    """What is taken; not told where nothing is."""
    return None if _nothing(resource, scope) else drug(resource, scope)


def dosages(resource: Resource) -> list[Resource]:
    """The dosages of the resource, then those of which it keeps that other sources told them."""
    return [*(one for name in _DOSAGES for one in objects(resource.get(name))), *_also_stated(resource)]


def _also_stated(resource: Resource) -> Iterator[Resource]:
    for extension in objects(resource.get("extension")):
        if extension.get("url") != ALSO_STATED_URL:
            continue
        said = {part.get("url"): part.get("valueString") for part in objects(extension.get("extension"))}
        value = said.get("value")
        if said.get("element") in _DOSAGES and isinstance(value, str):
            yield one_of(_parsed(value))


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def detail(given: list[Resource]) -> int:
    """How much dosages tell in a form that can be compared: how much is taken, and how often."""
    return bool(measured(given)) + bool(often(given))


Dose = frozenset[tuple[float, str]]


def measured(dosages: Iterable[Resource]) -> Dose:
    """The amounts that are taken at once, in units of measure: two tablets may be one of twice the size."""
    found = set()
    for dosage in dosages:
        for amount in objects(dosage.get("doseAndRate")):
            given = amount.get("doseQuantity") or {}
            value, unit = number(given.get("value")), str(given.get("code") or "")
            if value and given.get("system") == UCUM and unit[:1] not in ("", "1", "{"):
                found.add((value, unit))
    return frozenset(found)


def _dose(resource: Resource, _scope: Scope) -> Dose | None:
    return measured(dosages(resource)) or None


def _same_dose(one: Dose, other: Dose) -> bool:
    """Two doses contradict each other where they are told in one unit and differ."""
    return not one.isdisjoint(other) or {unit for _, unit in one}.isdisjoint(unit for _, unit in other)


def _often(resource: Resource, _scope: Scope) -> frozenset[float] | None:
    return often(dosages(resource)) or None


def often(dosages: Iterable[Resource]) -> frozenset[float]:
    """How many times a day."""
    found = set()
    for dosage in dosages:
        repeat = one_of(dosage.get("timing")).get("repeat") or {}
        period, unit = number(repeat.get("period")), _PER_DAY.get(str(repeat.get("periodUnit")))
        if period and unit:
            found.add(round((number(repeat.get("frequency")) or 1.0) * unit / period, 2))
    return frozenset(found)


def _bounds(resource: Resource) -> Iterator[Resource]:
    for dosage in dosages(resource):
        bounds = one_of(one_of(dosage.get("timing")).get("repeat")).get("boundsPeriod")
        if isinstance(bounds, dict):
            yield bounds


def _taken_from(resource: Resource, scope: Scope) -> Moment | None:
    if _nothing(resource, scope):
        return None
    told = start_of(resource, "effectiveDateTime", "effectivePeriod")
    starts = [told, *(moment(bounds.get("start")) for bounds in _bounds(resource))]
    return next((day_of(start) for start in starts if start is not None), None)


def _taken_until(resource: Resource, scope: Scope) -> Moment | None:
    """The end tells courses apart only where their beginning doesn't."""
    if _taken_from(resource, scope) is not None or _nothing(resource, scope):
        return None
    return day_of(end_of(resource, "effectivePeriod"))


def _phase(resource: Resource, scope: Scope) -> str | None:
    """Likewise: of one drug from one day on there is one course, and the newest source tells how it is."""
    status = resource.get("status")
    if _taken_from(resource, scope) is not None or _nothing(resource, scope):
        return None
    return ENDED if status in _ENDED else ACTIVE if status in _ACTIVE else None


def _ordered(resource: Resource, _scope: Scope) -> Moment | None:
    """The day from which the order holds, or that on which it was written, or from which it may be filled."""
    valid = one_of(one_of(resource.get("dispenseRequest")).get("validityPeriod"))
    starts = [
        *(moment(bounds.get("start")) for bounds in _bounds(resource)),
        moment(resource.get("authoredOn")),
        moment(valid.get("start")),
    ]
    return next((day_of(start) for start in starts if start is not None), None)


def _intent(resource: Resource, _scope: Scope) -> str:
    intent = str(resource.get("intent") or "")
    return "order" if intent in _ORDERS else intent


def _amount(resource: Resource, _scope: Scope) -> Value | None:
    given = resource.get("quantity") or one_of(resource.get("dispenseRequest")).get("quantity")
    if not isinstance(given, dict) or plain(str(given.get("unit") or given.get("code") or "1")) in UNTOLD:
        return None
    return quantity(given)


def _handed_over(resource: Resource, _scope: Scope) -> Moment | None:
    return start_of(resource, "whenHandedOver", "whenPrepared")


def _refused(resource: Resource, _scope: Scope) -> Concept | None:
    """The vaccine that was not given: a refusal may be told without its day."""
    return _vaccine(resource, _scope) if polarity(resource) == DENIED else None


def _vaccine(resource: Resource, _scope: Scope) -> Concept | None:
    given = resource.get("vaccineCode")
    return None if nothing_of(resource, given) else concept_of(given)


def _given_on(resource: Resource, _scope: Scope) -> Moment | None:
    if nothing_of(resource, resource.get("vaccineCode")):
        return None
    return start_of(resource, "occurrenceDateTime")


def _dose_number(resource: Resource, _scope: Scope) -> frozenset[str] | None:
    found = {
        str(one.get("doseNumberPositiveInt") or one.get("doseNumberString"))
        for one in objects(resource.get("protocolApplied"))
        if one.get("doseNumberPositiveInt") or one.get("doseNumberString")
    }
    return frozenset(found) or None


DRUG = evident(Facet("drug", drug, tokens=tokens))
_DOSE, _OFTEN = Facet("dose", _dose, _same_dose), Facet("often", _often)
_AMOUNT = Facet("amount", _amount, same_value)

RULES = (
    Rule(
        "MedicationStatement",
        (
            polarity_facet(), evident(Facet("drug", _taken, tokens=tokens)),
            Facet("nothing", _nothing, tokens=lambda of: (of,)),
            time_facet("start", _taken_from), time_facet("end", _taken_until),
            Facet("phase", _phase), _DOSE, _OFTEN,
        ),
        evidence=(("drug",), ("nothing",)),
        when="start",
        conflict=("polarity", "phase", "dose", "often"),
        course="phase",
        unsaid=("phase", "often", "dose"),
    ),
    Rule(
        "MedicationRequest",
        (
            polarity_facet(), DRUG, Facet("intent", _intent), time_facet("start", _ordered), _DOSE, _OFTEN,
            _AMOUNT,
        ),
        evidence=(("drug", "start"),),
        when="start",
        conflict=("polarity",),
    ),
    Rule(
        "MedicationDispense",
        (polarity_facet(), DRUG, time_facet("when", _handed_over), _AMOUNT),
        evidence=(("drug", "when"),),
        when="when",
        repeats=True,
    ),
    Rule(
        "MedicationAdministration",
        (
            polarity_facet(), DRUG,
            time_facet("when", lambda r, _: start_of(r, "effectiveDateTime", "effectivePeriod")), _DOSE,
        ),
        evidence=(("drug", "when"),),
        when="when",
        conflict=("polarity",),
        repeats=True,
    ),
    Rule(
        "Immunization",
        (
            polarity_facet(),
            evident(Facet("code", _vaccine, tokens=tokens)),
            evident(Facet("refused", _refused, tokens=tokens)),
            nothing_facet("vaccineCode"),
            time_facet("when", _given_on),
            Facet("number", _dose_number),
        ),
        evidence=(("code", "when"), ("refused",), ("nothing",)),
        when="when",
        conflict=("polarity",),
    ),
)  # fmt: skip
