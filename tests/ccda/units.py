"""What the checker reads of a bundle: each resource, and each part of one that says something of its own."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from tests.ccda.claims import NO_KNOWN, Dates, Value
from tests.ccda.reading import NULLS, Concept, all_text, decimal, squeezed

Json = dict[str, Any]


@dataclass
class Unit:
    """A resource, or a part of one that says something on its own."""

    type: str
    resource: Json
    concepts: list[Json]
    times: dict[str, list[str]]
    content: Json
    denied: bool
    scopes: dict[str, list[tuple[str, Any]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        codings = [one for concept in self.concepts for one in concept.get("coding", ())]
        self.codes = frozenset((one.get("system", ""), one["code"]) for one in codings)
        self.words = squeezed(
            " ".join(
                [concept.get("text", "") for concept in self.concepts]
                + [one.get("display", "") for one in codings]
            )
        )
        self.none_known = any(code in NO_KNOWN for _, code in self.codes) or self.words.startswith(
            ("noknown", "nocurrent")
        )


CODE_FIELDS = {
    "CareTeam": ("category",),
    "Communication": ("reasonCode", "topic", "category"),
    "Consent": ("category",),
    "Encounter": ("type", "serviceType"),
    "FamilyMemberHistory": ("relationship",),
    "Goal": ("description",),
    "Immunization": ("vaccineCode",),
    "Location": ("type",),
    "Device": ("type",),
    "Specimen": ("type",),
    "Coverage": ("type",),
    "DocumentReference": ("type",),
    "SupplyDelivery": ("suppliedItem",),
}
TIMES: dict[str, dict[str, tuple[str, ...]]] = {
    "AllergyIntolerance": {"start": ("onsetDateTime", "onsetPeriod.start"), "end": ("onsetPeriod.end",)},
    "Condition": {
        "start": ("onsetDateTime", "onsetPeriod.start"),
        "end": ("abatementDateTime", "onsetPeriod.end"),
    },
    "Immunization": {"start": ("occurrenceDateTime",)},
    "MedicationDispense": {"start": ("whenHandedOver", "whenPrepared")},
    "Encounter": {"start": ("period.start",), "end": ("period.end",)},
    "Coverage": {"start": ("period.start",), "end": ("period.end",)},
    "CareTeam": {"start": ("period.start",), "end": ("period.end",)},
    "Goal": {"start": ("startDate",), "end": ("target.dueDate",)},
    "Consent": {
        "start": ("dateTime", "provision.period.start"),
        "end": ("provision.period.end",),
    },
    "DocumentReference": {"start": ("date", "context.period.start"), "end": ("context.period.end",)},
    "FamilyMemberHistory": {"start": ("date",)},
    "Communication": {"start": ("sent", "received")},
    "MedicationRequest": {
        "start": (
            "dosageInstruction.timing.repeat.boundsPeriod.start",
            "dosageInstruction.timing.event",
            "dispenseRequest.validityPeriod.start",
        ),
        "end": (
            "dosageInstruction.timing.repeat.boundsPeriod.end",
            "dispenseRequest.validityPeriod.end",
        ),
    },
    "MedicationStatement": {
        "start": ("effectiveDateTime", "effectivePeriod.start", "dosage.timing.event"),
        "end": ("effectivePeriod.end",),
    },
    "Specimen": {
        "start": ("collection.collectedDateTime", "collection.collectedPeriod.start"),
        "end": ("collection.collectedPeriod.end",),
    },
    **{
        kind: {
            "start": (f"{name}DateTime", f"{name}Period.start"),
            "end": (f"{name}Period.end",),
        }
        for kind, name in {
            "Observation": "effective", "DiagnosticReport": "effective", "Procedure": "performed",
            "ServiceRequest": "occurrence", "DeviceRequest": "occurrence", "SupplyRequest": "occurrence",
            "SupplyDelivery": "occurrence", "DeviceUseStatement": "timing",
        }.items()
    },
}  # fmt: skip
"""Where each type of resource has the beginning (or the one point) and the end of what it tells."""
ABATEMENT = "http://hl7.org/fhir/StructureDefinition/allergyintolerance-abatement"


def at(value: Any, path: str) -> list[Any]:
    """All values at a dotted path, through lists."""
    found = [value]
    for name in path.split("."):
        below = [one[name] for one in found if isinstance(one, dict) and name in one]
        found = [one for many in below for one in (many if isinstance(many, list) else [many])]
    return found


def times_of(resource: Json) -> dict[str, list[str]]:
    fields = TIMES.get(resource["resourceType"], {})
    made = {edge: [one for path in paths for one in at(resource, path)] for edge, paths in fields.items()}
    for extension in resource.get("extension", ()):
        if extension["url"] == ABATEMENT:
            made.setdefault("end", []).append(extension.get("valueDateTime", ""))
    mistaken = at(resource, "verificationStatus.coding.code") == ["entered-in-error"]
    if mistaken and resource["resourceType"] == "Condition":
        ended = [
            one.removeprefix("Ended: ") for one in at(resource, "note.text") if one.startswith("Ended: ")
        ]
        made.setdefault("end", []).extend(ended)
    return made


def denied(resource: Json) -> bool:
    """Whether a resource says of itself that it is not so, was not done, or is not to be done."""
    if at(resource, "verificationStatus.coding.code") == ["refuted"] or resource.get("doNotPerform"):
        return True
    if resource.get("status") in ("not-done", "not-taken", "declined"):
        return True
    kind = resource["resourceType"]
    if kind == "Goal":
        return bool(resource["lifecycleStatus"] == "rejected")
    if kind == "Encounter":
        return bool(resource["status"] == "cancelled")
    if kind == "Consent":
        return at(resource, "provision.type") == ["deny"]
    if kind == "Observation":
        said = at(resource, "valueString") + at(resource, "note.text")
        absent = at(resource, "dataAbsentReason.coding.code") == ["not-performed"]
        return absent or any(one.startswith(("Not present", "Negated in the source")) for one in said)
    return False


def mistaken(resource: Json) -> bool:
    """Whether it is marked as entered in error."""
    codes = at(resource, "verificationStatus.coding.code")
    return resource.get("status") == "entered-in-error" or "entered-in-error" in codes


def units(bundle: Json) -> list[Unit]:
    """All units of a bundle."""
    members = [entry["resource"] for entry in bundle["entry"]]
    by_key = {f"{one['resourceType']}/{one['id']}": one for one in members}
    made: list[Unit] = []
    for resource in members:
        kind = resource["resourceType"]
        concepts = [one for name in CODE_FIELDS.get(kind, ("code",)) for one in at(resource, name)]
        concepts += [one["itemCodeableConcept"] for one in concepts if "itemCodeableConcept" in one]
        for name in ("medicationReference", "device", "codeReference"):
            target = by_key.get(resource[name]["reference"]) if name in resource else None
            concepts += [target[key] for key in ("code", "type") if key in target] if target else []
        concepts += at(resource, "medicationCodeableConcept") + at(resource, "codeCodeableConcept")
        concepts += [{"text": resource["name"]}] if kind == "CareTeam" and "name" in resource else []
        times = times_of(resource)
        content = resource
        if kind == "Immunization" or "medicationReference" in resource:
            target = by_key.get(resource.get("medicationReference", {}).get("reference", ""))
            content = {**resource, "medication": {k: v for k, v in (target or {}).items() if k != "code"}}
        made.append(Unit(kind, resource, concepts, times, content, denied(resource)))
        for one in resource.get("component", ()):
            alike = [other for other in resource["component"] if other["code"] == one["code"]]
            said = {**one, "component": alike}
            made.append(
                Unit(kind, resource, [one["code"]], times, said, denied(resource) or denied_part(one))
            )
        for one in resource.get("reasonCode", ()):
            made.append(Unit("reason", resource, [one], times, {}, False))
        for one in at(resource, "reaction.manifestation"):
            made.append(Unit("reaction", resource, [one], times, {}, denied(resource)))
        for one in at(resource, "participant.role"):
            made.append(Unit(f"{kind}.participant", resource, [one], _member_times(resource, one), {}, False))
        if kind == "FamilyMemberHistory":
            for one in resource.get("condition", ()):
                said = one["code"].get("text", "").startswith("No history of")
                dates = {"start": at(one, "onsetString") + at(one, "onsetPeriod.start")}
                dates["end"] = at(one, "onsetPeriod.end")
                made.append(Unit(f"{kind}.condition", resource, [one["code"]], dates, one, said))
        for one in at(resource, "ingredient.itemCodeableConcept"):
            made.append(Unit(f"{kind}.ingredient", resource, [one], times, {}, False))
        for one in at(resource, "section") if kind == "Composition" else ():
            for division in at(one, "text.div"):
                words = all_text(etree.fromstring(division))
                made.append(Unit("narrative", resource, [{"text": words}], times, {}, False))
        for name, text in leaves(resource):
            if name in WORDS and isinstance(text, str):
                made.append(
                    Unit(
                        "words",
                        resource,
                        [{"text": text}],
                        times,
                        {},
                        text.startswith(("Not so:", "Not present:")),
                    )
                )
    return made


WORDS = frozenset(
    (
        "text",
        "display",
        "name",
        "patientInstruction",
        "valueString",
        "contentString",
        "conclusion",
        "description",
    )
)


def denied_part(component: Json) -> bool:
    return str(component.get("valueString", "")).startswith("Not present")


def _member_times(resource: Json, role: Json) -> dict[str, list[str]]:
    members = [one for one in resource["participant"] if role in one.get("role", ())]
    return {
        edge: [date for one in members for date in at(one, f"period.{edge}")] for edge in ("start", "end")
    }


def has_date(unit: Unit, name: str, date: str, dates: Dates) -> bool:
    """Whether a date is where it belongs, or where R4 has no element for it, in a note that names it."""
    label = "Ended" if name == "high" else "Date"
    if f"{label}: {date}" in at(unit.content, "note.text"):
        return True
    if name == "high":
        alone = len(dates) == 1 or dates[0][1] == date
        return date in unit.times.get("end", ()) or (alone and date in unit.times.get("start", ()))
    return date in unit.times.get("start", ())


# values


def leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Field and value of everything in a piece of JSON: each dict, and each plain value."""
    if isinstance(value, dict):
        yield name, value
        for key, one in value.items():
            yield from leaves(one, key)
    elif isinstance(value, list):
        for one in value:
            yield from leaves(one, name)
    else:
        yield name, value


_DOSES = ("dosage", "dosageInstruction", "doseQuantity", "note")
SCOPES: dict[str, tuple[str, ...]] = {
    "value": ("value", "component", "note", "valueString", "condition"),
    "target": ("target", "note"),
    "reference range": ("referenceRange",),
    "interpretation": ("interpretation",),
    "method": ("method",),
    "site": ("bodySite", "site", *_DOSES),
    "dose": _DOSES,
    "rate": _DOSES,
    "maximum dose": _DOSES,
    "route": ("route", *_DOSES),
    "condition": _DOSES,
    "frequency": _DOSES,
    "event": _DOSES,
    "quantity": ("quantity", "dispenseRequest", "suppliedItem", "note"),
    "fills": ("dispenseRequest", "note"),
    "lot": ("lotNumber", "medication"),
    "reaction": ("reaction",),
    "reaction onset": ("reaction",),
    "severity": ("reaction", "note"),
    "age": ("onsetAge", "onsetString", "note"),
    "dose number": ("protocolApplied",),
    "rank": (),
    "birth": ("bornDate", "bornPeriod"),
    "relationship": ("relationship",),
    "decision": ("provision", "policyRule"),
    "text": ("content",),
    "identification": (
        "deviceName",
        "distinctIdentifier",
        "expirationDate",
        "identifier",
        "lotNumber",
        "manufactureDate",
        "manufacturer",
        "modelNumber",
        "partNumber",
        "note",
        "property",
        "safety",
        "serialNumber",
        "udiCarrier",
        "version",
    ),
}
"""By the name of a value: the fields of the resource that may hold it; ``value`` also means ``value[x]``."""


def scope(unit: Unit, name: str) -> list[tuple[str, Any]]:
    """All that stands in the fields where a value of that name belongs."""
    name = (
        name.removesuffix(" low")
        .removesuffix(" high")
        .removesuffix(" numerator")
        .removesuffix(" denominator")
    )
    if name not in unit.scopes:
        kept = {
            key: one
            for key, one in unit.content.items()
            if key in SCOPES[name] or (name in ("value", "identification") and key.startswith("value"))
        }
        if "component" in kept:
            codes = [concept.get("coding") or concept.get("text") for concept in unit.concepts]
            said = [
                one
                for one in kept["component"]
                if (one["code"].get("coding") or one["code"].get("text")) in codes
            ]
            kept["component"] = said
        unit.scopes[name] = list(leaves(kept))
    return unit.scopes[name]


def has_value(unit: Unit, wanted: Value) -> bool:
    values = scope(unit, wanted.name)
    texts = [squeezed(one) for name, one in values if isinstance(one, str) and name != "data"]
    match wanted.what:
        case "quantity":
            number, measure = wanted.data
            return _has_quantity(values, number, measure) or _says(texts, f"{number}{measure or ''}")
        case "number":
            return _has_quantity(values, wanted.data, None)
        case "fills":
            left = at(unit.content, "dispenseRequest.numberOfRepeatsAllowed")
            return left == [int(wanted.data) - 1] or _says(texts, f"fillnumber{wanted.data}")
        case "code":
            return _has_concept(unit, wanted.data, values, texts)
        case "text":
            said = [*texts, *(squeezed(one) for one in _attached(unit.content))]
            return any(wanted.data in one for one in said) or _numbered(values, wanted.data)
        case "bool":
            return any(one is wanted.data for _, one in values)
        case "time":
            return any(one == wanted.data for _, one in values)
        case "severity":
            word, shown = wanted.data
            told = word in at(unit.content, "reaction.severity") or _says(texts, f"severity:{word}")
            return told or (bool(shown) and _says(texts, f"severity:{shown}"))
        case "rank":
            return wanted.data in at(unit.content, "diagnosis.rank")
        case "dose number":
            return wanted.data in at(unit.content, "protocolApplied.doseNumberPositiveInt")
        case "period":
            number, measure = wanted.data
            rules = at(unit.content, "dosage.timing.repeat") + at(
                unit.content, "dosageInstruction.timing.repeat"
            )
            told = any(
                decimal(number) in (decimal(one.get("period")), decimal(one.get("periodMax")))
                and one.get("periodUnit") == measure
                for one in rules
            )
            return told or _says(texts, f"every{number}{measure}") or _says(texts, f"to{number}{measure}")
        case "event":
            rules = at(unit.content, "dosage.timing.repeat") + at(
                unit.content, "dosageInstruction.timing.repeat"
            )
            codes = {code for one in rules for code in one.get("when", ())}
            return wanted.data in codes or wanted.data[1:] in codes or _says(texts, f"at{wanted.data}")
    raise ValueError(wanted.what)


def _says(texts: list[str], words: str) -> bool:
    return any(squeezed(words) in one for one in texts)


def _numbered(values: list[tuple[str, Any]], text: str) -> bool:
    number = decimal(text)
    return number is not None and any(
        isinstance(one, int | float) and decimal(one) == number for _, one in values
    )


COMPARED = re.compile(r"\s*([<>]=?)?\s*(.*?)\s*")


def _has_quantity(values: list[tuple[str, Any]], number: str, measure: str | None) -> bool:
    found = COMPARED.fullmatch(number)
    wanted = None if found is None else decimal(found[2])
    if wanted is None:
        return False
    measure = (measure or "").strip()
    for name, one in values:
        if isinstance(one, dict) and "value" in one and decimal(one["value"]) == wanted:
            if found is not None and found[1] and one.get("comparator") != found[1]:
                continue
            if measure in NULLS or measure in ("", "1") or measure in (one.get("unit"), one.get("code")):
                return True
        elif (
            not measure
            and name.startswith("value")
            and isinstance(one, int | float)
            and decimal(one) == wanted
        ):
            return True
    return False


def _has_concept(unit: Unit, wanted: Concept, values: list[tuple[str, Any]], texts: list[str]) -> bool:
    codes = frozenset(
        (one.get("system", ""), one["code"])
        for _, one in values
        if isinstance(one, dict) and isinstance(one.get("code"), str)
    )
    if wanted.codes:
        told = unit.type == "ServiceRequest" and any(
            _says(texts, f"valueinthesource:{one}") for one in wanted.shown
        )
        return told or wanted.all_in(codes)
    return any(words in one for words in wanted.texts for one in texts)


def _attached(content: Json) -> Iterator[str]:
    for data in at(content, "content.attachment.data"):
        yield base64.b64decode(data).decode("utf-8", "replace")
