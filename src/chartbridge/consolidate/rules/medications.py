"""Medicines and vaccines: statements, requests, dispenses, administrations, immunizations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from chartbridge.consolidate.concepts import UNTOLD, Concept, concept_of, tokens
from chartbridge.consolidate.moments import Moment, day_of, end_of, moment, start_of
from chartbridge.consolidate.rule import Facet, Rule, Scope, time_facet
from chartbridge.consolidate.rules.elements import DENIED, code_facet, evident, polarity, polarity_facet
from chartbridge.consolidate.rules.problems import ACTIVE, ENDED
from chartbridge.consolidate.values import Value, quantity, same_value
from chartbridge.consolidate.words import number, objects, one_of, plain
from chartbridge.fhir.references import Resource

_PER_DAY = {"s": 86400.0, "min": 1440.0, "h": 24.0, "d": 1.0, "wk": 1 / 7, "mo": 1 / 30, "a": 1 / 365}
_ORDERS = frozenset({"order", "original-order", "reflex-order", "filler-order", "instance-order"})
_ENDED = frozenset({"completed", "stopped"})
_ACTIVE = frozenset({"active", "intended", "on-hold"})

UCUM = "http://unitsofmeasure.org"


def drug(resource: Resource, scope: Scope) -> Concept | None:
    """What the medication means, told here or by the Medication that is referred to."""
    told = concept_of(resource.get("medicationCodeableConcept"))
    if told is not None:
        return told
    reference = one_of(resource.get("medicationReference")).get("reference")
    target = scope.held.get(reference) if reference else None
    return None if target is None else concept_of(target.get("code"))


def dosages(resource: Resource) -> list[Resource]:
    return [
        *objects(resource.get("dosage")),
        *objects(resource.get("dosageInstruction")),
    ]


Dose = frozenset[tuple[float, str]]


def measured(dosages: Iterable[Resource]) -> Dose:
    """The amounts that are taken at once, in units of measure: two tablets may be one of twice the size."""
    found = set()
    for dosage in dosages:
        for amount in objects(dosage.get("doseAndRate")):
            given = amount.get("doseQuantity") or {}
            value, unit = number(given.get("value")), str(given.get("code") or "").casefold()
            if value and given.get("system") == UCUM and unit[:1] not in ("", "1", "{"):
                found.add((value, unit))
    return frozenset(found)


def _dose(resource: Resource, _scope: Scope) -> Dose | None:
    return measured(dosages(resource)) or None


def _same_dose(one: Dose, other: Dose) -> bool:
    """Two doses contradict each other where they are told in one unit and differ."""
    return not one.isdisjoint(other) or {unit for _, unit in one}.isdisjoint(unit for _, unit in other)


def _often(resource: Resource, _scope: Scope) -> frozenset[float] | None:
    """How many times a day."""
    found = set()
    for dosage in dosages(resource):
        repeat = one_of(dosage.get("timing")).get("repeat") or {}
        period, unit = number(repeat.get("period")), _PER_DAY.get(str(repeat.get("periodUnit")))
        if period and unit:
            found.add(round((number(repeat.get("frequency")) or 1.0) * unit / period, 2))
    return frozenset(found) or None


def _bounds(resource: Resource) -> Iterator[Resource]:
    for dosage in dosages(resource):
        bounds = one_of(one_of(dosage.get("timing")).get("repeat")).get("boundsPeriod")
        if isinstance(bounds, dict):
            yield bounds


def _taken_from(resource: Resource, _scope: Scope) -> Moment | None:
    told = start_of(resource, "effectiveDateTime", "effectivePeriod")
    starts = [told, *(moment(bounds.get("start")) for bounds in _bounds(resource))]
    return next((day_of(start) for start in starts if start is not None), None)


def _taken_until(resource: Resource, scope: Scope) -> Moment | None:
    """The end tells courses apart only where their beginning doesn't."""
    if _taken_from(resource, scope) is not None:
        return None
    return day_of(end_of(resource, "effectivePeriod"))


def _phase(resource: Resource, scope: Scope) -> str | None:
    """Likewise: of one drug from one day on there is one course, and the newest source tells how it is."""
    status = resource.get("status")
    if _taken_from(resource, scope) is not None:
        return None
    return ENDED if status in _ENDED else ACTIVE if status in _ACTIVE else None


def _ordered(resource: Resource, _scope: Scope) -> Moment | None:
    """The day from which the order holds, or else that on which it was written."""
    starts = [
        *(moment(bounds.get("start")) for bounds in _bounds(resource)),
        moment(resource.get("authoredOn")),
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
    return concept_of(resource.get("vaccineCode")) if polarity(resource) == DENIED else None


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
            polarity_facet(), DRUG, time_facet("start", _taken_from), time_facet("end", _taken_until),
            Facet("phase", _phase), _DOSE, _OFTEN,
        ),
        evidence=(("drug",),),
        when="start",
        conflict=("polarity", "phase", "dose", "often"),
        course="phase",
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
            code_facet("code", "vaccineCode"),
            evident(Facet("refused", _refused, tokens=tokens)),
            time_facet("when", lambda r, _: start_of(r, "occurrenceDateTime")),
            Facet("number", _dose_number),
        ),
        evidence=(("code", "when"), ("refused",)),
        when="when",
        conflict=("polarity",),
    ),
)  # fmt: skip
