"""recordTarget as Patient with US Core's extensions; guardians as contacts."""

from __future__ import annotations

from typing import Any

from chartbridge.ccda.codesystems import CDC_RACE
from chartbridge.ccda.context import SOURCE_ELEMENT, Context
from chartbridge.ccda.datatypes import codeable, coding, date, identifiers, title
from chartbridge.ccda.demographics import addresses, contact_points, human_names
from chartbridge.ccda.names import (
    ADDR,
    ADMINISTRATIVE_GENDER_CODE,
    BIRTH_TIME,
    BIRTHPLACE,
    CODE,
    ETHNIC_GROUP_CODE,
    FAMILY,
    GUARDIAN,
    GUARDIAN_PERSON,
    ID,
    LANGUAGE_CODE,
    LANGUAGE_COMMUNICATION,
    MARITAL_STATUS_CODE,
    NAME,
    PATIENT,
    PATIENT_ROLE,
    PLACE,
    PREFERENCE_IND,
    PROVIDER_ORGANIZATION,
    RACE_CODE,
    RECORD_TARGET,
    RELIGIOUS_AFFILIATION_CODE,
    SDTC_DECEASED_IND,
    SDTC_DECEASED_TIME,
    SDTC_ETHNIC_GROUP_CODE,
    SDTC_RACE_CODE,
    TELECOM,
    Element,
)
from chartbridge.ccda.narrative import squeeze
from chartbridge.ccda.node import Node, node_at
from chartbridge.ccda.times import timestamp
from chartbridge.fhir import drop

Json = dict[str, Any]

_US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/"
_PATH = "/ClinicalDocument/recordTarget[1]/patientRole"

GENDERS = {"M": "male", "F": "female", "UN": "other", "O": "other", "U": "unknown", "UNK": "unknown"}
OMB_RACES = frozenset(("1002-5", "2028-9", "2054-5", "2076-8", "2106-3"))
OMB_ETHNICITIES = frozenset(("2135-2", "2186-5"))
BIRTH_SEX_CODE = "76689-9"


def patient(document: Node, ctx: Context) -> Json:
    """The Patient of a document, with the caller's id; the header without any patient gives a bare one."""
    role = node_at(document, RECORD_TARGET, PATIENT_ROLE)
    made: Json = {
        "resourceType": "Patient",
        "id": ctx.patient_id,
        "extension": [{"url": SOURCE_ELEMENT, "valueString": _PATH}],
    }
    if role is None:
        return made
    person = role.node(PATIENT) or role
    ids = identifiers(role.children(ID))
    ctx.actors.patient_identifiers.update((one.get("system", ""), one["value"]) for one in ids)
    made["extension"] += _extensions(person, ctx)
    made.update(
        drop(
            {
                "identifier": ids,
                "active": True,
                "name": human_names(person.children(NAME)) + _birth_names(person),
                "telecom": contact_points(role.children(TELECOM)),
                "gender": _gender(person.child(ADMINISTRATIVE_GENDER_CODE)),
                "birthDate": date(person.child(BIRTH_TIME)),
                **_birth_time(person.child(BIRTH_TIME)),
                **_deceased(person),
                "address": addresses(role.children(ADDR)),
                "maritalStatus": codeable(person.child(MARITAL_STATUS_CODE), ctx),
                "contact": [_guardian(Node(el), ctx) for el in person.children(GUARDIAN)],
                "communication": _languages(person, ctx),
                "managingOrganization": ctx.actors.organization(
                    role.node(PROVIDER_ORGANIZATION), f"{_PATH}/providerOrganization"
                ),
            }
        )
        or {}
    )
    return made


def _gender(el: Element | None) -> str | None:
    if el is None:
        return None
    code = el.get("code")
    if code:
        return GENDERS.get(code.strip().upper())
    return "unknown" if el.get("nullFlavor") else None


def _birth_time(el: Element | None) -> Json:
    moment = timestamp(el.get("value") or "") if el is not None and el.get("value") else None
    if moment is None or "T" not in moment:
        return {}
    url = "http://hl7.org/fhir/StructureDefinition/patient-birthTime"
    return {"_birthDate": {"extension": [{"url": url, "valueDateTime": moment}]}}


def _birth_names(person: Node) -> list[Json]:
    """A family name that is marked as the birth name, as a name of its own."""
    made: list[Json] = []
    for name in person.children(NAME):
        for part in name:
            if part.tag == FAMILY and part.get("qualifier") == "BR":
                said = squeeze(part.text)
                one = {"use": "maiden", "family": said}
                if said and one not in made:
                    made.append(one)
    return made


def _deceased(person: Node) -> Json:
    time = person.child(SDTC_DECEASED_TIME)
    moment = timestamp(time.get("value") or "") if time is not None and time.get("value") else None
    if moment:
        return {"deceasedDateTime": moment}
    flag = person.child(SDTC_DECEASED_IND)
    said = None if flag is None else flag.get("value")
    return {"deceasedBoolean": said == "true"} if said in ("true", "false") else {}


def _extensions(person: Node, ctx: Context) -> list[Json]:
    races = [*person.children(RACE_CODE), *person.children(SDTC_RACE_CODE)]
    ethnicities = [*person.children(ETHNIC_GROUP_CODE), *person.children(SDTC_ETHNIC_GROUP_CODE)]
    made = [
        _omb(_US_CORE + "us-core-race", races, OMB_RACES, 5, nulls=True),
        _omb(_US_CORE + "us-core-ethnicity", ethnicities, OMB_ETHNICITIES, 1),
        _religion(person, ctx),
        _birth_place(person),
    ]
    return [one for one in made if one is not None]


def _omb(
    url: str, els: list[Element], categories: frozenset[str], most: int, nulls: bool = False
) -> Json | None:
    """US Core race or ethnicity: OMB categories, detailed codes, and the text that is required."""
    parts: list[Json] = []
    words: list[str] = []
    seen: set[str] = set()
    null_flavor: str | None = None
    of_category = 0
    for el in els:
        one = coding(el)
        if one is None:
            null_flavor = null_flavor or el.get("nullFlavor")
            continue
        if one["code"] in seen:
            continue
        seen.add(one["code"])
        one.pop("version", None)
        words.append(one.get("display") or one["code"])
        if one.get("system") != CDC_RACE:
            continue
        if one["code"] in categories and of_category < most:
            of_category += 1
            parts.append({"url": "ombCategory", "valueCoding": one})
        else:
            parts.append({"url": "detailed", "valueCoding": one})
    if not words:
        if null_flavor not in ("ASKU", "UNK") or not els:
            return None
        null_display = "Asked But Unknown" if null_flavor == "ASKU" else "Unknown"
        null_coding = {
            "system": "http://terminology.hl7.org/CodeSystem/v3-NullFlavor",
            "code": null_flavor,
            "display": null_display.lower(),
        }
        if nulls:
            parts.append({"url": "ombCategory", "valueCoding": null_coding})
        words.append(null_display)
    parts.append({"url": "text", "valueString": ", ".join(words)})
    return {"url": url, "extension": parts}


def _religion(person: Node, ctx: Context) -> Json | None:
    code = codeable(person.child(RELIGIOUS_AFFILIATION_CODE), ctx)
    if code is None:
        return None
    return {"url": "http://hl7.org/fhir/StructureDefinition/patient-religion", "valueCodeableConcept": code}


def _birth_place(person: Node) -> Json | None:
    place = node_at(person, BIRTHPLACE, PLACE)
    where = addresses(place.children(ADDR)) if place is not None else []
    if not where:
        return None
    return {"url": "http://hl7.org/fhir/StructureDefinition/patient-birthPlace", "valueAddress": where[0]}


def _guardian(node: Node, ctx: Context) -> Json | None:
    person = node.node(GUARDIAN_PERSON)
    names = human_names(person.children(NAME)) if person is not None else []
    where = addresses(node.children(ADDR))
    telecom = contact_points(node.children(TELECOM))
    if not names and not where and not telecom:
        return None
    guardian: Json = {
        "coding": [
            {
                "system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode",
                "code": "GUARD",
                "display": "guardian",
            }
        ]
    }
    return drop(
        {
            "relationship": [guardian, codeable(node.child(CODE), ctx)],
            "name": names[0] if names else None,
            "telecom": telecom,
            "address": where[0] if where else None,
        }
    )


def _languages(person: Node, ctx: Context) -> list[Json]:
    made: list[Json] = []
    for el in person.children(LANGUAGE_COMMUNICATION):
        node = Node(el)
        language = language_concept(node.child(LANGUAGE_CODE), ctx)
        if language is None:
            continue
        preference = node.child(PREFERENCE_IND)
        one: Json = {"language": language}
        if preference is not None and preference.get("value") in ("true", "false"):
            one["preferred"] = preference.get("value") == "true"
        if one not in made:
            made.append(one)
    return made


def language_concept(el: Element | None, ctx: Context) -> Json | None:
    """A language code as CodeableConcept of BCP 47."""
    made = codeable(el, ctx)
    if made is None or title(made) is None:
        return None
    for one in made.get("coding", ()):
        one["system"] = "urn:ietf:bcp:47"
    return made
