"""What one resource of a chart states, in the same terms as a row of a truth table."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

Resource = dict[str, Any]
Charted = dict[str, Resource]
UNNAMED = "unnamed"
NO_VALUE = "none"

# Every kind of clinical resource that is scored, by the name that the tables give it.
KINDS = {
    "AllergyIntolerance": "allergy",
    "Communication": "note",
    "Condition": "condition",
    "Consent": "directive",
    "Device": "device",
    "DeviceUseStatement": "device-use",
    "DiagnosticReport": "report",
    "Encounter": "encounter",
    "FamilyMemberHistory": "family",
    "Goal": "goal",
    "Immunization": "immunization",
    "MedicationAdministration": "given",
    "MedicationDispense": "dispense",
    "MedicationRequest": "order",
    "MedicationStatement": "use",
    "Observation": "observation",
    "Observation.component": "part",
    "Procedure": "procedure",
    "ServiceRequest": "plan",
}
SYSTEMS = {
    "http://snomed.info/sct": "S",
    "http://loinc.org": "L",
    "http://www.nlm.nih.gov/research/umls/rxnorm": "R",
    "http://hl7.org/fhir/sid/cvx": "V",
    "http://www.ama-assn.org/go/cpt": "C",
}
_ABSENT = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
_BLOOD_PRESSURE = frozenset({"L:8480-6", "L:8462-4"})


@dataclass(frozen=True, slots=True)
class Statement:
    key: str
    kind: str
    codes: frozenset[str]
    words: frozenset[str]
    on: str | None
    until: str | None
    values: frozenset[str]
    status: str
    negated: bool

    def __str__(self) -> str:
        told = [
            self.kind, " ".join(sorted(self.codes)), "; ".join(sorted(self.words)), self.on or "undated",
            f"until {self.until}" if self.until else "", "; ".join(sorted(self.values - {NO_VALUE})),
            self.status, "not" if self.negated else "", self.key,
        ]  # fmt: skip
        return " | ".join(part for part in told if part)


def statements(resources: list[Resource]) -> list[Statement]:
    """The clinical statements of a chart in the order of the chart, without what only groups others."""
    held = {f"{resource['resourceType']}/{resource['id']}": resource for resource in resources}
    for visit in resources:
        for diagnosis in visit.get("diagnosis", []) if visit["resourceType"] == "Encounter" else []:
            held.setdefault(f"visit of {diagnosis['condition'].get('reference')}", visit)
    said = [statement(resource, held) for resource in resources if _counts(resource)]
    return [*said, *(statement(part, held) for resource in resources for part in _parts(resource))]


def narratives(resources: list[Resource]) -> set[str]:
    """LOINC codes of all sections of documents that have a text."""
    return {
        coding["code"]
        for resource in resources
        for section in resource.get("section", [])
        for coding in section.get("code", {}).get("coding", [])
        if section.get("text", {}).get("div")
    }


def statement(resource: Resource, held: Charted) -> Statement:
    concepts = list(_concepts(resource, held))
    codes = {code for concept in concepts for code in _codes(concept)}
    words = {word for concept in concepts for word in _words(concept)}
    if resource["resourceType"] == "Device" and (carried := set(_device_ids(resource))):
        codes, words = carried, set()
    start, end = _dates(resource)
    start = start or _implied(resource, held)
    return Statement(
        key=f"{resource['resourceType']}/{resource['id']}",
        kind=KINDS[resource["resourceType"]],
        codes=frozenset(codes),
        words=frozenset(words) if words or codes else frozenset({UNNAMED}),
        on=start,
        until=end,
        values=frozenset(_values(resource)),
        status=_status(resource),
        negated=_negated(resource),
    )


def normalised(text: str) -> str:
    """Letters and digits in lower case, single spaces between them."""
    return " ".join(re.findall(r"[a-z0-9]+", text.casefold()))


def _counts(resource: Resource) -> bool:
    kind = resource["resourceType"]
    if kind == "Device":
        return "patient" in resource  # the others are the software that wrote a document
    groups = kind == "Observation" and "hasMember" in resource and "component" not in resource
    return kind in KINDS and not (groups and not any(name.startswith("value") for name in resource))


def _parts(resource: Resource) -> Iterator[Resource]:
    """The parts of an Observation that are facts of their own: all but the two of a blood pressure."""
    for number, part in enumerate(resource.get("component", []), 1):
        if not _BLOOD_PRESSURE & set(_codes(part.get("code", {}))):
            whole = {name: resource[name] for name in ("status", *_PERIODS, *_MOMENTS) if name in resource}
            yield {
                **whole,
                **part,
                "resourceType": "Observation.component",
                "id": f"{resource['id']}.{number}",
            }


def _concepts(resource: Resource, held: Charted) -> Iterator[Resource]:
    kind = resource["resourceType"]
    if kind == "FamilyMemberHistory":
        for condition in resource.get("condition", []):
            yield condition.get("code", {})
    elif kind == "Goal":
        yield resource.get("description", {})
        for target in resource.get("target", []):
            yield {"text": target.get("detailString", "")}
    elif kind == "Communication":
        yield from ({"text": payload.get("contentString", "")} for payload in resource.get("payload", []))
    elif kind == "Consent":
        yield from resource.get("category", [])
    elif kind == "DeviceUseStatement":
        yield _referred(resource.get("device"), held).get("type", {})
    elif "medicationReference" in resource:
        yield _referred(resource["medicationReference"], held).get("code", {})
    else:
        for name in ("code", "vaccineCode", "medicationCodeableConcept", "type"):
            given = resource.get(name, [])
            yield from (one for one in (given if isinstance(given, list) else [given]) if type(one) is dict)


def _referred(reference: Resource | None, held: Charted) -> Resource:
    return held.get((reference or {}).get("reference", ""), {})


def _codes(concept: Resource) -> Iterator[str]:
    for coding in concept.get("coding", []):
        system = coding.get("system", "")
        if coding.get("code") and system != _ABSENT:
            yield f"{SYSTEMS.get(system, system)}:{coding['code']}"


def _words(concept: Resource) -> Iterator[str]:
    texts = [coding.get("display", "") for coding in _real(concept)]
    if _real(concept) or not concept.get("coding"):
        texts.append(concept.get("text", ""))
    yield from (word for word in map(normalised, texts) if word)


def _real(concept: Resource) -> list[Resource]:
    return [coding for coding in concept.get("coding", []) if coding.get("system") != _ABSENT]


def _device_ids(resource: Resource) -> Iterator[str]:
    carriers = [carrier.get("carrierHRF", "") for carrier in resource.get("udiCarrier", [])]
    numbers = [identifier.get("value", "") for identifier in resource.get("identifier", [])]
    texts = [coding.get("display", "") for coding in resource.get("type", {}).get("coding", [])]
    texts.append(resource.get("type", {}).get("text", ""))
    for text in [*carriers, *numbers, *texts]:
        if re.fullmatch(r"\(01\).*|\d{14}", text):
            yield f"UDI:{text}"


_PERIODS = ("effectivePeriod", "occurrencePeriod", "performedPeriod", "onsetPeriod", "period", "timingPeriod")
_MOMENTS = (
    "effectiveDateTime", "occurrenceDateTime", "performedDateTime", "onsetDateTime", "timingDateTime",
    "whenHandedOver", "startDate", "authoredOn", "dateTime",
)  # fmt: skip


def _dates(resource: Resource) -> tuple[str | None, str | None]:
    periods = [resource[name] for name in _PERIODS if name in resource]
    for dosage in resource.get("dosageInstruction", []):
        bounds = dosage.get("timing", {}).get("repeat", {}).get("boundsPeriod")
        periods += [bounds] if bounds else []
    if periods:
        return periods[0].get("start"), periods[0].get("end")
    valid_from = resource.get("dispenseRequest", {}).get("validityPeriod", {}).get("start")
    if valid_from:
        return valid_from, None
    moments = (resource[name] for name in _MOMENTS if name in resource)
    return next(moments, None), resource.get("abatementDateTime")


def _implied(resource: Resource, held: Charted) -> str | None:
    """The day that an undated diagnosis has from its visit, an undated report from its results."""
    visit = held.get(f"visit of {resource['resourceType']}/{resource['id']}", {})
    results = [_referred(one, held) for one in resource.get("result", [])]
    days = {(_dates(other)[0] or "")[:10] for other in [visit, *results] if other}
    return days.pop() or None if len(days) == 1 else None


def _values(resource: Resource) -> Iterator[str]:
    readers = (_value, _blood_pressure, _frequency, _planned)
    found = [value for read in readers if (value := read(resource))]
    yield from [text for value in found for text in value] or [NO_VALUE]


def _value(holder: Resource) -> list[str]:
    readers: dict[str, Callable[[Any], list[str]]] = {
        "valueQuantity": lambda given: [_quantity(given)],
        "valueString": lambda given: [_number(given) or normalised(given)],
        "valueCodeableConcept": lambda given: [*_codes(given), *_words(given)],
        "valueInteger": lambda given: [str(given)],
        "valueBoolean": lambda given: [str(given).lower()],
    }
    return next((read(holder[name]) for name, read in readers.items() if name in holder), [])


def _quantity(given: Resource) -> str:
    unit = str(given.get("code") or given.get("unit") or "").casefold()
    return f"{_number(str(given.get('value', '')))} {'' if unit == '1' else unit}".strip()


def _number(text: str) -> str:
    try:
        return format(Decimal(text.strip()).normalize(), "f")
    except InvalidOperation:
        return ""


def _blood_pressure(resource: Resource) -> list[str]:
    """`145/88` when there are just the two, so that joined readings show as something else."""
    found = [
        (code, _number(str(part.get("valueQuantity", {}).get("value", ""))))
        for part in resource.get("component", [])
        for code in sorted(_BLOOD_PRESSURE & set(_codes(part.get("code", {}))), reverse=True)
    ]
    systolic_first = sorted(found, reverse=True)
    return ["/".join(number for _, number in systolic_first)] if found else []


def _frequency(resource: Resource) -> list[str]:
    """How often a medicine is taken, `1 in 12 h`."""
    repeats = [dosage.get("timing", {}).get("repeat", {}) for dosage in resource.get("dosage", [])]
    return [
        f"{repeat.get('frequency', 1)} in {_number(str(repeat['period']))} {repeat['periodUnit']}"
        for repeat in repeats
        if "period" in repeat
    ]


def _planned(resource: Resource) -> list[str]:
    return [resource["intent"]] if resource["resourceType"] == "ServiceRequest" else []


def _status(resource: Resource) -> str:
    given = resource.get("status") or resource.get("lifecycleStatus")
    codings = resource.get("clinicalStatus", {}).get("coding", [])
    return str(given or next((coding["code"] for coding in codings), ""))


def _negated(resource: Resource) -> bool:
    verification = resource.get("verificationStatus", {}).get("coding", [])
    return (
        resource.get("status") in ("not-done", "not-taken")
        or bool(resource.get("doNotPerform"))
        or any(coding.get("code") == "refuted" for coding in verification)
    )
