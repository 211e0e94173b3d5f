"""recordTarget as Patient with US Core's extensions; guardians as contacts and as RelatedPersons.

What of a person stands in the body (birth sex, gender identity and the like) is added by
:func:`chartbridge.ccda.traits.complete_patient` when the body has been converted.
"""

from __future__ import annotations

from typing import Any

from chartbridge.ccda.codesystems import CDC_RACE, ROLE_CODE
from chartbridge.ccda.context import SOURCE_ELEMENT, Context
from chartbridge.ccda.datatypes import codeable, concept, date, identifiers, title
from chartbridge.ccda.demographics import (
    addresses,
    birth_name,
    contact_points,
    human_name,
    human_names,
)
from chartbridge.ccda.names import (
    ADDR,
    ADMINISTRATIVE_GENDER_CODE,
    BIRTH_TIME,
    BIRTHPLACE,
    CODE,
    ETHNIC_GROUP_CODE,
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
    SDTC,
    SDTC_DECEASED_IND,
    SDTC_DECEASED_TIME,
    SDTC_ETHNIC_GROUP_CODE,
    SDTC_RACE_CODE,
    TELECOM,
    V3,
    Element,
)
from chartbridge.ccda.node import Node, node_at
from chartbridge.ccda.times import timestamp
from chartbridge.fhir import drop

Json = dict[str, Any]

GUARDIAN_ORGANIZATION = V3 + "guardianOrganization"
MODE_CODE = V3 + "modeCode"
PROFICIENCY_LEVEL_CODE = V3 + "proficiencyLevelCode"
SDTC_MULTIPLE_BIRTH_IND = SDTC + "multipleBirthInd"
SDTC_MULTIPLE_BIRTH_ORDER_NUMBER = SDTC + "multipleBirthOrderNumber"
SDTC_AS_PATIENT_RELATIONSHIP = SDTC + "asPatientRelationship"

US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/"
CORE = "http://hl7.org/fhir/StructureDefinition/"
_PATH = "/ClinicalDocument/recordTarget[1]/patientRole"

GENDERS = {"M": "male", "F": "female", "UN": "other", "O": "other", "U": "unknown", "UNK": "unknown"}
_FLAGS = {"true": True, "1": True, "false": False, "0": False}
OMB_RACES = frozenset(("1002-5", "2028-9", "2054-5", "2076-8", "2106-3"))
OMB_ETHNICITIES = frozenset(("2135-2", "2186-5"))
TWO_LETTERS = {
    "ara": "ar",
    "arm": "hy",
    "ben": "bn",
    "chi": "zh",
    "deu": "de",
    "eng": "en",
    "fas": "fa",
    "fra": "fr",
    "fre": "fr",
    "ger": "de",
    "gre": "el",
    "guj": "gu",
    "hat": "ht",
    "heb": "he",
    "hin": "hi",
    "hye": "hy",
    "ita": "it",
    "jpn": "ja",
    "khm": "km",
    "kor": "ko",
    "nav": "nv",
    "per": "fa",
    "pol": "pl",
    "por": "pt",
    "rus": "ru",
    "som": "so",
    "spa": "es",
    "tgl": "tl",
    "ukr": "uk",
    "urd": "ur",
    "vie": "vi",
    "zho": "zh",
}
"""Languages that BCP 47 knows by the two letters of ISO 639-1 only, by their ISO 639-2 code."""


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
    if len(document.children(RECORD_TARGET)) > 1:
        ctx.issue("the document names more than one patient; only the first was taken")
    person = role.node(PATIENT) or role
    ids, names = identifiers(role.children(ID)), _names(person)
    ctx.actors.patient_is(ids, names)
    made["extension"] += _extensions(person, ctx)
    made.update(
        drop(
            {
                "identifier": ids,
                "active": True,
                "name": names,
                "telecom": contact_points(role.children(TELECOM)),
                "gender": _gender(person.child(ADMINISTRATIVE_GENDER_CODE)),
                "birthDate": date(person.child(BIRTH_TIME)),
                **_birth_time(person.child(BIRTH_TIME)),
                **_deceased(person, ctx),
                "address": addresses(role.children(ADDR)),
                "maritalStatus": codeable(person.child(MARITAL_STATUS_CODE), ctx),
                **_multiple_birth(person),
                "contact": [
                    _guardian(Node(el), ctx, f"{_PATH}/patient/guardian[{position}]")
                    for position, el in enumerate(person.children(GUARDIAN), 1)
                ],
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
    return {"_birthDate": {"extension": [{"url": CORE + "patient-birthTime", "valueDateTime": moment}]}}


def _names(person: Node) -> list[Json]:
    """The names; a family name that is marked as the birth name is a name of its own."""
    made: list[Json] = []
    for el in person.children(NAME):
        one, born = human_name(el), birth_name(el)
        if one is not None and born is not None and "use" not in one and one.get("family") == born["family"]:
            one, born = {"use": "maiden", **one}, None
        made += [name for name in (one, born) if name is not None and name not in made]
    return made


def _flag(el: Element | None) -> bool | None:
    """What a BL says; ``None`` where it says nothing."""
    return None if el is None else _FLAGS.get((el.get("value") or "").strip())


def _deceased(person: Node, ctx: Context) -> Json:
    """The time of death, or whether there was one; a document that contradicts itself tells neither."""
    time = person.child(SDTC_DECEASED_TIME)
    moment = timestamp(time.get("value") or "") if time is not None and time.get("value") else None
    dead = _flag(person.child(SDTC_DECEASED_IND))
    if moment and dead is False:
        ctx.issue("the patient is said not to have died and a time of death is given; neither was taken")
        return {}
    if moment:
        return {"deceasedDateTime": moment}
    return {} if dead is None else {"deceasedBoolean": dead}


def _multiple_birth(person: Node) -> Json:
    order = person.child(SDTC_MULTIPLE_BIRTH_ORDER_NUMBER)
    number = "" if order is None else (order.get("value") or "").strip()
    if number.isdecimal():
        return {"multipleBirthInteger": int(number)}
    said = _flag(person.child(SDTC_MULTIPLE_BIRTH_IND))
    return {} if said is None else {"multipleBirthBoolean": said}


def _extensions(person: Node, ctx: Context) -> list[Json]:
    races = [*person.children(RACE_CODE), *person.children(SDTC_RACE_CODE)]
    ethnicities = [*person.children(ETHNIC_GROUP_CODE), *person.children(SDTC_ETHNIC_GROUP_CODE)]
    made = [
        _omb("us-core-race", races, OMB_RACES, 5, ctx, nulls=True),
        _omb("us-core-ethnicity", ethnicities, OMB_ETHNICITIES, 1, ctx),
        _religion(person, ctx),
        _birth_place(person),
    ]
    return [one for one in made if one is not None]


def _omb(
    name: str, els: list[Element], categories: frozenset[str], most: int, ctx: Context, nulls: bool = False
) -> Json | None:
    """US Core race or ethnicity: OMB categories, detailed codes, and the text that is required."""
    parts: list[Json] = []
    words: list[str] = []
    seen: set[str] = set()
    null_flavor: str | None = None
    of_category = 0
    for el in els:
        made = codeable(el, ctx)
        if made is None:
            null_flavor = null_flavor or el.get("nullFlavor")
            continue
        said = title(made)
        if said is not None and said not in words:
            words.append(said)
        for one in made.get("coding", ()):
            if one.get("system") != CDC_RACE or one["code"] in seen:
                continue
            seen.add(one["code"])
            one.pop("version", None)
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
    return {"url": US_CORE + name, "extension": parts}


def _religion(person: Node, ctx: Context) -> Json | None:
    code = codeable(person.child(RELIGIOUS_AFFILIATION_CODE), ctx)
    if code is None:
        return None
    return {"url": CORE + "patient-religion", "valueCodeableConcept": code}


def _birth_place(person: Node) -> Json | None:
    place = node_at(person, BIRTHPLACE, PLACE)
    where = addresses(place.children(ADDR)) if place is not None else []
    if not where:
        return None
    return {"url": CORE + "patient-birthPlace", "valueAddress": where[0]}


def _guardian(node: Node, ctx: Context, path: str) -> Json | None:
    """A guardian as Patient.contact; a person becomes a RelatedPerson, which others can refer to, too."""
    person = node.node(GUARDIAN_PERSON)
    names = human_names(person.children(NAME)) if person is not None else []
    where = addresses(node.children(ADDR))
    telecom = contact_points(node.children(TELECOM))
    organization = ctx.actors.organization(node.node(GUARDIAN_ORGANIZATION), f"{path}/guardianOrganization")
    if not names and not where and not telecom and organization is None:
        return None
    relationship = [concept(ROLE_CODE, "GUARD", "guardian"), *relationships(node, person, ctx)]
    if names:
        fields = {
            "identifier": identifiers(node.children(ID)),
            "active": True,
            "patient": ctx.patient,
            "relationship": relationship,
            "name": names,
            "telecom": telecom,
            "address": where,
        }
        ctx.add("RelatedPerson", fields, None, path)
    return drop(
        {
            "relationship": relationship,
            "name": names[0] if names else None,
            "telecom": telecom,
            "address": where[0] if where else None,
            "organization": organization,
        }
    )


def relationships(entity: Node, person: Node | None, ctx: Context) -> list[Json]:
    """What somebody is to the patient: the code of the role, and that of sdtc:asPatientRelationship."""
    found = [codeable(entity.child(CODE), ctx)]
    for holder in (entity, person):
        stated = None if holder is None else holder.node(SDTC_AS_PATIENT_RELATIONSHIP)
        if stated is not None:
            found.append(codeable(stated.child(CODE), ctx))
    made: list[Json] = []
    for one in found:
        if one is not None and one not in made:
            made.append(one)
    return made


def _languages(person: Node, ctx: Context) -> list[Json]:
    """The languages, each once, with all abilities (mode and proficiency); preferred if preferred in any."""
    made: list[Json] = []
    for el in person.children(LANGUAGE_COMMUNICATION):
        node = Node(el)
        language = language_concept(node.child(LANGUAGE_CODE), ctx)
        if language is None:
            continue
        one = next((known for known in made if known["language"] == language), None)
        if one is None:
            one = {"language": language}
            made.append(one)
        preferred = _flag(node.child(PREFERENCE_IND))
        if preferred is not None:
            one["preferred"] = preferred or one.get("preferred", False)
        ability = _ability(node, ctx)
        if ability is not None and ability not in one.setdefault("extension", []):
            one["extension"].append(ability)
    return made


def _ability(node: Node, ctx: Context) -> Json | None:
    """modeCode and proficiencyLevelCode as R4's extension patient-proficiency."""
    parts = [
        {"url": name, "valueCoding": made["coding"][0]}
        for name, tag in (("type", MODE_CODE), ("level", PROFICIENCY_LEVEL_CODE))
        if (made := codeable(node.child(tag), ctx)) is not None and "coding" in made
    ]
    return {"url": CORE + "patient-proficiency", "extension": parts} if parts else None


def language_concept(el: Element | None, ctx: Context) -> Json | None:
    """A language code as CodeableConcept of BCP 47, as that writes it: two letters where there are such."""
    made = codeable(el, ctx)
    if made is None or title(made) is None:
        return None
    for one in made.get("coding", ()):
        language, dash, region = one["code"].replace("_", "-").partition("-")
        language = language.lower()
        one["system"] = "urn:ietf:bcp:47"
        one["code"] = (
            TWO_LETTERS.get(language, language) + dash + (region.upper() if len(region) == 2 else region)
        )
    return made
