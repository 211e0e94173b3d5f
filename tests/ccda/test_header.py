"""The header beside the patient: who took part, what the document relates to, and its Provenance."""

from __future__ import annotations

from typing import Any

import pytest

from chartbridge.ccda import Conversion, convert
from chartbridge.fhir import dangling_references
from tests.ccda.builders import (
    AUTHOR,
    LOINC,
    PATIENT_ID,
    PATIENT_ROLE,
    SNOMED,
    allergy,
    code,
    codes,
    converted,
    document,
    observation,
    of_type,
    problem,
    related,
    section,
    template,
    the,
    value,
)

CLINICAL_DOCUMENT = "http://hl7.org/fhir/uv/fhir-clinical-document/StructureDefinition/"
CCDA_ON_FHIR = "http://hl7.org/fhir/us/ccda/StructureDefinition/"
FUNCTION = "2.16.840.1.113883.5.88"
ROLE_CODE = "2.16.840.1.113883.5.111"
NPI = "2.16.840.1.113883.4.6"
CLINIC = '<{tag}><id root="2.16.840.1.113883.3.9911.1"/><name>Lakeside Clinic</name></{tag}>'


def human(tag: str, given: str, family: str = "Aalto") -> str:
    return f"<{tag}><name><given>{given}</given><family>{family}</family></name></{tag}>"


def assigned(given: str, npi: str, organization: str = "", tag: str = "assignedEntity") -> str:
    return (
        f'<{tag}><id root="{NPI}" extension="{npi}"/>{human("assignedPerson", given)}{organization}</{tag}>'
    )


def headed(*parts: str, sections: tuple[str, ...] = ()) -> Conversion:
    """A document with the usual author and these header elements."""
    return converted(*sections, header=AUTHOR + "".join(parts))


def participations(done: Conversion, name: str) -> list[dict[str, Any]]:
    """The parts of the Composition's extensions of one name, by their url."""
    return [
        {part["url"]: part[key] for part in one["extension"] for key in part if key.startswith("value")}
        for one in the(done, "Composition")["extension"]
        if one["url"] == CLINICAL_DOCUMENT + name
    ]


def named(done: Conversion, reference: dict[str, Any]) -> str:
    """The given or organization's name of what a reference leads to."""
    for entry in done.bundle["entry"]:
        if entry["request"]["url"] == reference["reference"]:
            name = entry["resource"]["name"]
            return str(name if isinstance(name, str) else name[0]["given"][0])
    raise AssertionError(f"{reference} leads nowhere")


# participants


@pytest.mark.parametrize(
    ("element", "name", "kind"),
    [
        ("dataEnterer", "data-enterer-extension", "ENT"),
        ("informant", "informant-extension", "INF"),
    ],
)
def test_an_assigned_person_who_took_part_is_told_with_type_and_time(
    element: str, name: str, kind: str
) -> None:
    done = headed(f'<{element}><time value="20240105"/>{assigned("Eino", "1999999901")}</{element}>')
    (made,) = participations(done, name)
    assert codes(made["type"])[0][1] == kind
    assert made["time"] == {"start": "2024-01-05"}
    assert named(done, made["party"]) == "Eino"


def test_an_informant_of_the_family_is_a_related_person() -> None:
    done = headed(
        f'<informant><relatedEntity classCode="PRS">{code("code", "MTH", ROLE_CODE, "mother")}'
        f"{human('relatedPerson', 'Saara')}</relatedEntity></informant>"
    )
    mother = the(done, "RelatedPerson")
    assert [codes(one)[0][1] for one in mother["relationship"]] == ["MTH"]
    assert mother["active"] is True
    (made,) = participations(done, "informant-extension")
    assert made["party"]["reference"] == f"RelatedPerson/{mother['id']}"


@pytest.mark.parametrize(
    "entity",
    [
        '<id root="2.16.840.1.113883.3.9911.2" extension="MRN-77"/>',
        code("code", "SELF", ROLE_CODE),
    ],
    ids=["by identifier", "by code"],
)
def test_the_patient_as_informant_is_the_patient(entity: str) -> None:
    done = headed(
        f'<informant><relatedEntity classCode="PRS">{entity}{human("relatedPerson", "Ines", "Halvorsen")}'
        "</relatedEntity></informant>"
    )
    assert of_type(done, "RelatedPerson") == []
    (made,) = participations(done, "informant-extension")
    assert made["party"] == {"reference": f"Patient/{PATIENT_ID}"}


MRN = '<id root="2.16.840.1.113883.3.9911.2" extension="MRN-77"/>'


@pytest.mark.parametrize(
    ("kind", "coded", "family"),
    [
        ("NOK", "MTH", "Halvorsen"),
        ("PRS", "MTH", "Halvorsen"),
        ("NOK", "", "Halvorsen"),
        ("ECON", "", ""),
        ("PRS", "", "Aalto"),
    ],
    ids=["class and code", "code", "class", "class without a name", "other name"],
)
def test_a_relative_registered_under_the_patients_number_is_not_the_patient(
    kind: str, coded: str, family: str
) -> None:
    said = code("code", coded, ROLE_CODE) if coded else ""
    who = human("associatedPerson", "Ines", family) if family else ""
    done = headed(
        f'<participant typeCode="IND"><associatedEntity classCode="{kind}">{MRN}{said}'
        f'<telecom value="tel:+1-218-555-0161"/>{who}</associatedEntity></participant>'
    )
    relative = the(done, "RelatedPerson")
    assert relative["telecom"] == [{"system": "phone", "value": "+1-218-555-0161"}]
    (made,) = participations(done, "ParticipantExtension")
    assert made["party"]["reference"] == f"RelatedPerson/{relative['id']}"


def written_by(identity: str, who: str) -> str:
    return f'<author><time value="20240105"/><assignedAuthor>{identity}{who}</assignedAuthor></author>'


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        (human("assignedPerson", "Ines", "Halvorsen"), "Patient"),
        (human("assignedPerson", "Ines Maria", "Halvorsen"), "Patient"),
        ("<assignedPerson><name>HALVORSEN, Ines</name></assignedPerson>", "Patient"),
        ("", "Patient"),
        (human("assignedPerson", "Onni", "Halvorsen"), "Practitioner"),
        ("<assignedPerson><name>Halvorsen</name></assignedPerson>", "Practitioner"),
    ],
    ids=["same name", "longer name", "as text", "no name", "other given name", "family name only"],
)
def test_an_author_of_the_patients_number_is_the_patient_unless_of_another_name(
    who: str, expected: str
) -> None:
    done = converted(header=written_by(MRN, who))
    (author,) = the(done, "Composition")["author"]
    assert author["reference"].startswith(expected + "/")


def test_an_authority_among_the_patients_ids_makes_nobody_the_patient() -> None:
    authority = '<id root="2.16.840.1.113883.3.9911.99"/>'
    role = PATIENT_ROLE.replace("<addr", authority + "<addr", 1)
    done = converted(header=written_by(authority, human("assignedPerson", "Onni")), role=role)
    (author,) = the(done, "Composition")["author"]
    assert named(done, author) == "Onni"


def visit(*places: str) -> str:
    """An encounter at these places."""
    located = "".join(
        f'<participant typeCode="LOC"><participantRole classCode="SDLOC">{one}</participantRole>'
        "</participant>"
        for one in places
    )
    return (
        f'<encounter classCode="ENC" moodCode="EVN">{template(".4.49")}'
        f'{code("code", "185349003", SNOMED)}<effectiveTime value="2024"/>{located}</encounter>'
    )


def place(city: str = "", name: str = "") -> str:
    """A place of one and the same id."""
    where = f"<addr><city>{city}</city></addr>" if city else ""
    entity = f"<playingEntity><name>{name}</name></playingEntity>" if name else ""
    return f'<id root="2.999.11" extension="W"/>{where}{entity}'


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        ((place("Duluth"), place("Ely")), [(None, "Duluth"), (None, "Ely")]),
        ((place("Duluth"), place("Duluth")), [(None, "Duluth")]),
        ((place("Duluth"), place("Duluth", "North")), [("North", "Duluth")]),
        ((place("", "North"), place("Duluth")), [("North", "Duluth")]),
        ((place("Duluth", "North"), place("Ely")), [("North", "Duluth"), (None, "Ely")]),
        ((place("", "North"), place("", "South")), [("North", None), ("South", None)]),
        ((place(), place("Ely"), place("Duluth")), [(None, "Ely"), (None, "Duluth")]),
    ],
)
def test_places_of_one_id_are_one_unless_name_or_address_differ(
    places: tuple[str, ...], expected: list[tuple[str | None, str | None]]
) -> None:
    done = converted(section("46240-8", visit(*places)))
    made = [(one.get("name"), one.get("address", {}).get("city")) for one in of_type(done, "Location")]
    assert made == expected
    assert dangling_references(done.bundle) == []


def test_persons_of_one_number_are_one_by_name_and_the_nameless_joins_the_first() -> None:
    def provider(given: str, inner: str = "") -> str:
        who = human("associatedPerson", given) if given else ""
        entity = f'<associatedEntity classCode="PROV"><id root="{NPI}" extension="1999999919"/>{inner}{who}'
        return f'<participant typeCode="REF">{entity}</associatedEntity></participant>'

    phone = '<telecom value="tel:+1-218-555-0177"/>'
    done = headed(provider("Urho"), provider("Impi"), provider("", phone), provider("IMPI"), provider("Urho"))
    made = {
        one["name"][0]["given"][0]: one.get("telecom")
        for one in of_type(done, "Practitioner")
        if one["identifier"][0]["value"] == "1999999919"
    }
    assert made == {"Urho": [{"system": "phone", "value": "+1-218-555-0177"}], "Impi": None}
    told = [named(done, one["party"]) for one in participations(done, "ParticipantExtension")]
    assert told == ["Urho", "Impi", "Urho", "Impi", "Urho"]


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        (human("informationRecipient", "Aino") + CLINIC.format(tag="receivedOrganization"), "Aino"),
        (CLINIC.format(tag="receivedOrganization"), "Lakeside Clinic"),
    ],
    ids=["person", "organization"],
)
def test_who_is_to_receive_the_document_is_told(inside: str, expected: str) -> None:
    recipient = f"<intendedRecipient>{inside}</intendedRecipient>"
    done = headed(f'<informationRecipient typeCode="TRC">{recipient}</informationRecipient>')
    (made,) = participations(done, "information-recipient-extension")
    assert codes(made["type"])[0][1] == "TRC"
    assert named(done, made["party"]) == expected


@pytest.mark.parametrize("kind", ["NOK", "ECON", "CAREGIVER", "GUAR", "POLHOLD", "AGNT", "CON"])
def test_a_support_person_of_any_class_is_a_related_person_with_code_and_class(kind: str) -> None:
    done = headed(
        '<participant typeCode="IND"><time><low value="2019"/></time>'
        f'<associatedEntity classCode="{kind}">{code("code", "SIS", ROLE_CODE, "sister")}'
        f"{human('associatedPerson', 'Helmi')}</associatedEntity></participant>"
    )
    relative = the(done, "RelatedPerson")
    assert [codes(one)[0][1] for one in relative["relationship"]] == ["SIS", kind]
    assert relative["period"] == {"start": "2019"}
    (made,) = participations(done, "ParticipantExtension")
    assert codes(made["type"])[0][1] == "IND"
    assert made["party"]["reference"] == f"RelatedPerson/{relative['id']}"


def test_an_emergency_contact_without_a_name_keeps_the_telephone() -> None:
    done = headed(
        '<participant typeCode="IND"><associatedEntity classCode="ECON">'
        '<telecom value="tel:+1-218-555-0161"/></associatedEntity></participant>'
    )
    assert the(done, "RelatedPerson")["telecom"] == [{"system": "phone", "value": "+1-218-555-0161"}]


def test_a_referring_provider_is_a_practitioner_and_not_a_relation() -> None:
    done = headed(
        '<participant typeCode="REF"><associatedEntity classCode="PROV">'
        f'<id root="{NPI}" extension="1999999919"/>{human("associatedPerson", "Urho")}'
        f"{CLINIC.format(tag='scopingOrganization')}</associatedEntity></participant>"
    )
    assert of_type(done, "RelatedPerson") == []
    (made,) = participations(done, "ParticipantExtension")
    assert codes(made["type"])[0][1] == "REF"
    assert made["party"]["reference"].startswith("Practitioner/")
    assert named(done, made["party"]) == "Urho"


def test_a_payer_is_the_organization_and_no_nameless_practitioner() -> None:
    done = headed(
        '<participant typeCode="HLD"><associatedEntity classCode="PAYOR"><id root="2.999.1" extension="7"/>'
        "<scopingOrganization><name>Northern Mutual</name></scopingOrganization></associatedEntity>"
        "</participant>"
    )
    (made,) = participations(done, "ParticipantExtension")
    assert named(done, made["party"]) == "Northern Mutual"
    assert len(of_type(done, "Practitioner")) == 1


def service_event(*performers: str, kind: str = "PCPR") -> str:
    return (
        f'<documentationOf><serviceEvent classCode="{kind}"><id root="2.999.2" extension="E1"/>'
        '<effectiveTime><low value="20230101"/><high value="20240101"/></effectiveTime>'
        f"{''.join(performers)}</serviceEvent></documentationOf>"
    )


def performer(given: str, npi: str, function: str = "") -> str:
    coded = code("functionCode", function, FUNCTION) if function else ""
    return f'<performer typeCode="PRF">{coded}<time value="2023"/>{assigned(given, npi)}</performer>'


def test_the_primary_care_provider_is_the_general_practitioner_and_on_the_care_team() -> None:
    done = headed(
        service_event(performer("Toivo", "1999999927", "PCP"), performer("Impi", "1999999935", "ATTPHYS"))
    )
    (general,) = the(done, "Patient")["generalPractitioner"]
    assert named(done, general) == "Toivo"
    team = the(done, "CareTeam")
    assert [(codes(one["role"][0])[0][1], named(done, one["member"])) for one in team["participant"]] == [
        ("PCP", "Toivo"),
        ("ATTPHYS", "Impi"),
    ]
    assert team["period"] == {"start": "2023-01-01", "end": "2024-01-01"}
    assert [codes(one["function"])[0][1] for one in participations(done, "ParticipantExtension")] == [
        "PCP",
        "ATTPHYS",
    ]
    (event,) = the(done, "Composition")["event"]
    assert event["detail"] == [{"identifier": {"system": "urn:oid:2.999.2", "value": "E1"}}]


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ('<low value="2001"/><high value="2010"/>', []),
        ('<low value="2001"/><high value="20231231"/>', []),
        ('<low value="2001"/><high value="20240101"/>', ["Toivo"]),
        ('<low value="2001"/><high value="2024"/>', ["Toivo"]),
        ('<low value="2001"/><high value="20300101"/>', ["Toivo"]),
        ('<low value="2001"/>', ["Toivo"]),
        ('<low value="20230101"/><high value="20240101"/>', ["Toivo"]),
    ],
)
def test_who_was_the_primary_care_provider_formerly_is_not_the_general_practitioner(
    time: str, expected: list[str]
) -> None:
    former = performer("Toivo", "1999999927", "PCP").replace('<time value="2023"/>', f"<time>{time}</time>")
    done = headed(service_event(former))
    general = the(done, "Patient").get("generalPractitioner", [])
    assert [named(done, one) for one in general] == expected
    (member,) = the(done, "CareTeam")["participant"]
    assert named(done, member["member"]) == "Toivo"


@pytest.mark.parametrize(("end", "expected"), [("20240104", 0), ("20240105", 1)])
def test_a_primary_care_provider_among_the_participants_is_that_on_the_documents_day(
    end: str, expected: int
) -> None:
    done = headed(
        f'<participant typeCode="IND">{code("functionCode", "PCP", FUNCTION)}<time><high value="{end}"/>'
        f'</time><associatedEntity classCode="PROV"><id root="{NPI}" extension="1999999919"/>'
        f"{human('associatedPerson', 'Urho')}</associatedEntity></participant>"
    )
    assert len(the(done, "Patient").get("generalPractitioner", [])) == expected


def test_the_performer_of_a_procedure_is_no_care_team() -> None:
    done = headed(service_event(performer("Toivo", "1999999927"), kind="PROC"))
    assert of_type(done, "CareTeam") == []
    assert "generalPractitioner" not in the(done, "Patient")
    (made,) = participations(done, "ParticipantExtension")
    assert named(done, made["party"]) == "Toivo"


def test_attesters_keep_mode_and_time_and_the_legal_one_authenticates_the_source() -> None:
    done = headed(
        f'<legalAuthenticator><time value="20240106"/><signatureCode code="S"/>'
        f"{assigned('Lempi', '1999999943')}</legalAuthenticator>"
        f'<authenticator><time value="20240107"/><signatureCode code="S"/>'
        f"{assigned('Veikko', '1999999950')}</authenticator>"
    )
    legal, other = the(done, "Composition")["attester"]
    assert (legal["mode"], legal["time"], named(done, legal["party"])) == ("legal", "2024-01-06", "Lempi")
    assert (other["mode"], other["time"], named(done, other["party"])) == (
        "professional",
        "2024-01-07",
        "Veikko",
    )
    assert the(done, "DocumentReference")["authenticator"] == legal["party"]


def test_the_encounter_tells_who_did_what_in_it() -> None:
    done = headed(
        '<componentOf><encompassingEncounter><id root="2.999.3" extension="V1"/>'
        '<effectiveTime><low value="20240101"/><high value="20240105"/></effectiveTime>'
        '<sdtc:admissionReferralSourceCode code="1" codeSystem="2.999.4"/>'
        '<dischargeDispositionCode code="01" codeSystem="2.16.840.1.113883.12.112"/>'
        f"<responsibleParty>{assigned('Lempi', '1999999943', CLINIC.format(tag='representedOrganization'))}"
        '</responsibleParty><encounterParticipant typeCode="ATND"><time value="20240102"/>'
        f"{assigned('Veikko', '1999999950')}</encounterParticipant></encompassingEncounter></componentOf>"
    )
    visit = the(done, "Encounter")
    assert [
        (codes(one["type"][0])[0][1], named(done, one["individual"]), one.get("period"))
        for one in visit["participant"]
    ] == [("RESP", "Lempi", None), ("ATND", "Veikko", {"start": "2024-01-02"})]
    assert named(done, visit["serviceProvider"]) == "Lakeside Clinic"
    assert {name: codes(said)[0][1] for name, said in visit["hospitalization"].items()} == {
        "admitSource": "1",
        "dischargeDisposition": "01",
    }


# what the document relates to


@pytest.mark.parametrize(
    ("kind", "expected"), [("RPLC", "replaces"), ("APND", "appends"), ("XFRM", "transforms")]
)
def test_a_related_document_is_told_on_both(kind: str, expected: str) -> None:
    done = headed(
        f'<relatedDocument typeCode="{kind}"><parentDocument><id root="2.999.5" extension="DOC-0"/>'
        "</parentDocument></relatedDocument>"
    )
    parent = {"system": "urn:oid:2.999.5", "value": "DOC-0"}
    assert the(done, "Composition")["relatesTo"] == [{"code": expected, "targetIdentifier": parent}]
    assert the(done, "DocumentReference")["relatesTo"] == [
        {"code": expected, "target": {"type": "DocumentReference", "identifier": parent}}
    ]


def test_version_and_set_are_kept() -> None:
    done = headed('<setId root="2.999.6" extension="S"/><versionNumber value="3"/>')
    url = "http://hl7.org/fhir/StructureDefinition/composition-clinicaldocument-versionNumber"
    assert {"url": url, "valueString": "3"} in the(done, "Composition")["extension"]
    assert the(done, "DocumentReference")["identifier"] == [{"system": "urn:oid:2.999.6", "value": "S"}]


def test_an_order_with_a_code_is_a_service_request_and_one_without_is_its_identifier() -> None:
    coded = code("code", "388975008", SNOMED, "Weight reduction consultation")
    done = headed(
        f'<inFulfillmentOf><order><id root="2.999.7" extension="O1"/>{coded}'
        '<priorityCode code="UR" codeSystem="2.16.840.1.113883.5.7"/></order></inFulfillmentOf>'
        '<inFulfillmentOf><order><id root="2.999.7" extension="O2"/></order></inFulfillmentOf>'
    )
    order = the(done, "ServiceRequest")
    assert (order["status"], order["intent"], order["priority"]) == ("unknown", "order", "urgent")
    assert [
        one["valueReference"]
        for one in the(done, "Composition")["extension"]
        if one["url"] == CCDA_ON_FHIR + "OrderExtension"
    ] == [
        {"reference": f"ServiceRequest/{order['id']}"},
        {"type": "ServiceRequest", "identifier": {"system": "urn:oid:2.999.7", "value": "O2"}},
    ]


def test_a_consent_permits_nothing_that_is_not_said() -> None:
    done = headed(
        '<authorization><consent><id root="2.999.8" extension="C1"/>'
        f'{code("code", "64293-4", LOINC, "Procedure consent")}<statusCode code="completed"/></consent>'
        "</authorization>"
    )
    consent = the(done, "Consent")
    assert consent["status"] == "active"
    assert codes(consent["category"][0]) == [("http://loinc.org", "64293-4")]
    assert "coding" not in consent["scope"]
    assert "provision" not in consent


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ('<statusCode code="completed"/>', "active"),
        ("", "active"),
        ('<statusCode code="active"/>', "proposed"),
        ('<statusCode nullFlavor="UNK"/>', "proposed"),
        ('<statusCode code="nullified"/>', "entered-in-error"),
        ('<statusCode code="cancelled"/>', "inactive"),
        ('<statusCode code="aborted"/>', "inactive"),
    ],
)
def test_a_consent_is_in_force_only_where_it_was_completed(status: str, expected: str) -> None:
    coded = code("code", "64293-4", LOINC, "Procedure consent")
    done = headed(f"<authorization><consent>{coded}{status}</consent></authorization>")
    assert the(done, "Consent")["status"] == expected


# the source document


@pytest.mark.parametrize(
    ("identity", "url"),
    [
        ('<id root="2.999.9" extension="DOC 1/A"/>', "urn:hl7ii:2.999.9:DOC%201%2FA"),
        ('<id root="2.999.9"/>', "urn:oid:2.999.9"),
        (
            '<id root="9E2D1B5A-6B1C-4C7E-8F0A-1D2C3B4A5968"/>',
            "urn:uuid:9e2d1b5a-6b1c-4c7e-8f0a-1d2c3b4a5968",
        ),
        ('<id root="local" extension="1"/>', None),
    ],
)
def test_the_source_is_named_by_the_urn_of_its_id(identity: str, url: str | None) -> None:
    xml = document().replace(b'<id root="2.16.840.1.113883.3.9911.3" extension="DOC-1"/>', identity.encode())
    source = the(convert(xml, PATIENT_ID), "DocumentReference")
    assert source["content"][0]["attachment"].get("url") == url


# provenance


def provenance(done: Conversion, kind: str = "Composition") -> dict[str, Any]:
    """The only Provenance of what is of this type."""
    found = [
        one
        for one in of_type(done, "Provenance")
        if any(target["reference"].startswith(kind + "/") for target in one["target"])
    ]
    assert len(found) == 1
    return found[0]


def agents(done: Conversion, made: dict[str, Any]) -> list[tuple[str, str, str | None]]:
    return [
        (
            codes(one["type"])[0][1],
            named(done, one["who"]),
            named(done, one["onBehalfOf"]) if "onBehalfOf" in one else None,
        )
        for one in made["agent"]
    ]


CUSTODIAN = (
    "<custodian><assignedCustodian>"
    + CLINIC.format(tag="representedCustodianOrganization")
    + "</assignedCustodian></custodian>"
)
SAME_TIME = AUTHOR.replace("20240105091500-0500", "20240105093000-0500")


def test_the_document_tells_who_made_it() -> None:
    done = converted(
        header=SAME_TIME
        + CUSTODIAN
        + f"<dataEnterer>{assigned('Eino', '1999999901')}</dataEnterer>"
        + f"<informant>{assigned('Saara', '1999999968')}</informant>"
    )
    made = provenance(done)
    composition, source = the(done, "Composition"), the(done, "DocumentReference")
    assert made["target"] == [
        {"reference": f"Composition/{composition['id']}"},
        {"reference": f"DocumentReference/{source['id']}"},
    ]
    assert made["recorded"] == "2024-01-05T09:30:00-05:00"
    assert made["entity"] == [{"role": "source", "what": {"reference": f"DocumentReference/{source['id']}"}}]
    assert agents(done, made) == [
        ("author", "Wilma", "Lakeside Clinic"),
        ("custodian", "Lakeside Clinic", None),
        ("enterer", "Eino", None),
        ("informant", "Saara", None),
    ]
    assert done.report.to_json()["resources"]["Provenance"] == 1


def test_a_document_of_a_day_has_no_invented_instant() -> None:
    xml = document(header=AUTHOR.replace("20240105091500-0500", "20240105")).replace(
        b'<effectiveTime value="20240105093000-0500"/>', b'<effectiveTime value="20240105"/>'
    )
    made = provenance(convert(xml, PATIENT_ID))
    assert "recorded" not in made
    assert made["_recorded"]["extension"][0]["valueCode"] == "unknown"
    assert made["occurredDateTime"] == "2024-01-05"


def test_an_author_who_wrote_at_another_time_has_that_told() -> None:
    done = converted(header=AUTHOR)
    times = {one["recorded"]: agents(done, one) for one in of_type(done, "Provenance")}
    wilma = [("author", "Wilma", "Lakeside Clinic")]
    assert times == {"2024-01-05T09:30:00-05:00": wilma, "2024-01-05T09:15:00-05:00": wilma}


def test_an_assembler_among_the_participants_is_one_in_the_provenance() -> None:
    function = code("functionCode", "assembler", "2.16.840.1.113883.4.642.4.1131")
    done = converted(
        header=SAME_TIME
        + f'<participant typeCode="DEV">{function}<associatedEntity classCode="OWN">'
        + "<scopingOrganization><name>State Exchange</name></scopingOrganization></associatedEntity>"
        + '</participant><participant typeCode="IND"><associatedEntity classCode="NOK">'
        + f"{human('associatedPerson', 'Helmi')}</associatedEntity></participant>"
    )
    assert agents(done, provenance(done)) == [
        ("author", "Wilma", "Lakeside Clinic"),
        ("assembler", "State Exchange", None),
    ]


def author(given: str, npi: str, time: str) -> str:
    return f'<author><time value="{time}"/>{assigned(given, npi, tag="assignedAuthor")}</author>'


def result(number: int, inner: str) -> str:
    performed = f"<performer>{assigned('Impi', '1999999935')}</performer>"
    coded = code("code", "2345-7", LOINC, "Glucose")
    said = f'<value xsi:type="PQ" value="{number}" unit="mg/dL"/>'
    return observation(template(".4.2"), coded, said, performed + inner)


def test_the_authors_of_statements_are_grouped_by_author_and_time() -> None:
    first = author("Onni", "1999999976", "20240103")
    second = author("Onni", "1999999976", "20240104")
    done = converted(
        section("30954-2", result(90, first), result(91, first), result(92, second), result(93, "")),
        header=SAME_TIME,
    )
    made = [
        (one["occurredDateTime"], len(one["target"]), agents(done, one))
        for one in of_type(done, "Provenance")
        if "occurredDateTime" in one
    ]
    onni = [("author", "Onni", None)]
    assert made == [("2024-01-03", 2, onni), ("2024-01-04", 1, onni)]
    assert dangling_references(done.bundle) == []


def test_a_resource_that_tells_author_and_time_itself_needs_no_provenance() -> None:
    entry = problem(author("Onni", "1999999976", "20240103"))
    done = converted(section("11450-4", entry), header=SAME_TIME)
    condition = the(done, "Condition")
    assert named(done, condition["recorder"]) == "Onni"
    assert condition["recordedDate"] == "2024-01-03"
    assert len(of_type(done, "Provenance")) == 1


def test_a_resource_that_tells_the_author_and_not_the_time_needs_one() -> None:
    coded, said = code("code", "2345-7", LOINC), '<value xsi:type="PQ" value="90" unit="mg/dL"/>'
    entry = observation(template(".4.2"), coded, said, author("Onni", "1999999976", "20240103"))
    done = converted(section("30954-2", entry), header=SAME_TIME)
    made = the(done, "Observation")
    assert named(done, made["performer"][0]) == "Onni"
    assert "issued" not in made
    assert provenance(done, "Observation")["occurredDateTime"] == "2024-01-03"


def test_each_of_several_authors_of_a_statement_is_told() -> None:
    both = author("Onni", "1999999976", "20240103") + author("Aino", "1999999984", "20240104")
    done = converted(section("48765-2", allergy(both)), header=SAME_TIME)
    told = named(done, the(done, "AllergyIntolerance")["recorder"])
    others = [agents(done, one)[0][1] for one in of_type(done, "Provenance") if "occurredDateTime" in one]
    assert sorted([told, *others]) == ["Aino", "Onni"]


def comment(inner: str) -> str:
    return (
        f'<act classCode="ACT" moodCode="EVN">{template(".4.64")}<code code="48767-8" codeSystem="{LOINC}"/>'
        f"<text>Seen again</text>{inner}</act>"
    )


def authors_of(done: Conversion, kind: str) -> list[str]:
    """Who wrote the resources of a type, by the Provenances with a time of their own."""
    return [
        agents(done, one)[0][1]
        for one in of_type(done, "Provenance")
        if any(target["reference"].startswith(kind + "/") for target in one["target"])
    ]


@pytest.mark.parametrize("within", ["problem", "concern"])
def test_who_commented_on_a_problem_did_not_write_it(within: str) -> None:
    remark = related(comment(author("Aino", "1999999984", "20240104")))
    entry = problem(remark) if within == "problem" else problem().replace("</act>", remark + "</act>")
    done = converted(section("11450-4", entry), header=SAME_TIME)
    assert "Seen again" in str(done.bundle)
    assert authors_of(done, "Condition") == []


def test_who_refers_to_a_problem_did_not_write_it() -> None:
    identity = '<id root="2.16.840.1.113883.3.9911.5" extension="P1"/>'
    refers = (
        f'<act classCode="ACT" moodCode="EVN">{template(".4.122")}{identity}<code nullFlavor="NP"/>'
        f"{author('Aino', '1999999984', '20240104')}</act>"
    )
    aim = (
        f'<observation classCode="OBS" moodCode="GOL">{template(".4.121")}{code("code", "8302-2", LOINC)}'
        f"{related(refers, 'REFR')}</observation>"
    )
    done = converted(section("11450-4", problem()), section("61146-7", aim), header=SAME_TIME)
    assert the(done, "Goal")["addresses"]
    assert authors_of(done, "Condition") == []


def test_who_wrote_a_frame_around_a_result_wrote_the_result() -> None:
    held = related(result(90, ""), "REFR")
    concern = (
        f'<act classCode="ACT" moodCode="EVN">{template(".4.132")}<code code="75310-3" codeSystem="{LOINC}"/>'
        f'<statusCode code="active"/>{author("Onni", "1999999976", "20240103")}{held}</act>'
    )
    done = converted(section("75310-3", concern), header=SAME_TIME)
    assert authors_of(done, "Observation") == ["Onni"]


def test_the_same_document_gives_the_same_provenance() -> None:
    xml = document(
        section("30954-2", result(90, author("Onni", "1999999976", "20240103"))),
        section(
            "29762-2", observation("", code("code", "76689-9", LOINC), value("F", "2.16.840.1.113883.5.1"))
        ),
        header=AUTHOR + CUSTODIAN,
    )
    one, other = convert(xml, PATIENT_ID), convert(xml, PATIENT_ID)
    assert of_type(one, "Provenance") == of_type(other, "Provenance")
    assert one.bundle == other.bundle
