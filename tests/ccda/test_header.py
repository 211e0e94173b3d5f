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
    SNOMED,
    allergy,
    code,
    codes,
    converted,
    document,
    observation,
    of_type,
    problem,
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
        f'<informant><relatedEntity classCode="PRS">{entity}{human("relatedPerson", "Ines")}'
        "</relatedEntity></informant>"
    )
    assert of_type(done, "RelatedPerson") == []
    (made,) = participations(done, "informant-extension")
    assert made["party"] == {"reference": f"Patient/{PATIENT_ID}"}


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
