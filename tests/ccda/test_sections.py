"""What each kind of statement becomes."""

# ruff: noqa: E501 - XML reads better unbroken
from __future__ import annotations

import pytest

from tests.ccda.builders import (
    AUTHOR,
    CVX,
    LOINC,
    PATIENT_ID,
    SNOMED,
    allergy,
    code,
    codes,
    converted,
    immunization,
    medication,
    observation,
    of_type,
    problem,
    related,
    section,
    status_of,
    template,
    the,
    value,
)

PATIENT = {"reference": f"Patient/{PATIENT_ID}"}


def test_the_patient_has_us_cores_race_and_ethnicity_and_all_demographics() -> None:
    made = the(converted(), "Patient")
    extensions = {one["url"].rsplit("/", 1)[1]: one for one in made["extension"]}
    assert extensions["us-core-race"]["extension"][0]["valueCoding"]["code"] == "2106-3"
    assert extensions["us-core-ethnicity"]["extension"][-1] == {
        "url": "text",
        "valueString": "Not Hispanic or Latino",
    }
    assert (made["gender"], made["birthDate"]) == ("female", "1981-03-14")
    assert made["identifier"] == [{"system": "urn:oid:2.16.840.1.113883.3.9911.2", "value": "MRN-77"}]
    assert made["telecom"] == [{"system": "phone", "value": "+1-218-555-0142", "use": "mobile"}]
    assert made["address"][0]["line"] == ["12 Elm Row"]


def test_the_composition_holds_each_section_with_its_narrative_and_its_entries() -> None:
    text = '<table border="1"><tbody><tr><td ID="p1" styleCode="Bold">Hypertension</td></tr></tbody></table>'
    done = converted(section("11450-4", problem(), text=text, title="Problems"))
    made = the(done, "Composition")
    [part] = made["section"]
    assert part["title"] == "Problems"
    assert '<td id="p1" style="font-weight: bold">Hypertension</td>' in part["text"]["div"]
    assert part["entry"] == [{"reference": f"Condition/{the(done, 'Condition')['id']}"}]
    assert made["date"] == "2024-01-05T09:30:00-05:00"
    assert made["author"][0]["display"] == "Wilma Okonkwo"


def test_an_npi_is_an_npi() -> None:
    made = the(converted(), "Practitioner")
    assert made["identifier"] == [{"system": "http://hl7.org/fhir/sid/us-npi", "value": "1999999984"}]


def test_a_problem_is_a_condition_of_the_problem_list() -> None:
    entry = problem('<effectiveTime><low value="20120301"/></effectiveTime>' + AUTHOR)
    made = the(converted(section("11450-4", entry)), "Condition")
    assert (status_of(made["clinicalStatus"]), status_of(made["verificationStatus"])) == (
        "active",
        "confirmed",
    )
    assert codes(made["category"][0])[0][1] == "problem-list-item"
    assert (made["onsetDateTime"], made["subject"]) == ("2012-03-01", PATIENT)
    assert made["recordedDate"] == "2024-01-05T09:15:00-05:00"
    assert made["recorder"]["display"] == "Wilma Okonkwo"


def test_a_problem_with_an_end_is_resolved_and_abated() -> None:
    entry = problem('<effectiveTime><low value="2012"/><high value="201305"/></effectiveTime>')
    made = the(converted(section("11450-4", entry)), "Condition")
    assert status_of(made["clinicalStatus"]) == "resolved"
    assert (made["onsetDateTime"], made["abatementDateTime"]) == ("2012", "2013-05")


@pytest.mark.parametrize(
    ("said", "status"), [("413322009", "resolved"), ("73425007", "inactive"), ("55561003", "active")]
)
def test_a_problem_status_observation_is_the_clinical_status(said: str, status: str) -> None:
    inner = related(
        observation(template(".4.6"), code("code", "33999-4", LOINC), value(said, SNOMED)), "REFR"
    )
    entry = problem().replace(
        "</observation></entryRelationship></act>", inner + "</observation></entryRelationship></act>"
    )
    done = converted(section("11450-4", entry))
    assert status_of(the(done, "Condition")["clinicalStatus"]) == status
    assert not of_type(done, "Observation")


def test_all_translations_and_the_original_text_of_a_code_are_kept() -> None:
    inner = (
        '<originalText><reference value="#p9"/></originalText>'
        '<translation code="I10" codeSystem="2.16.840.1.113883.6.90" displayName="Essential hypertension"/>'
        '<translation code="401.9" codeSystem="2.16.840.1.113883.6.103"/><translation nullFlavor="UNK"/>'
    )
    entry = problem(coded=value("38341003", SNOMED, "Hypertension", inner))
    text = '<content ID="p9">High   blood <sub>pressure</sub></content>'
    made = the(converted(section("11450-4", entry, text=text)), "Condition")["code"]
    assert [one for _, one in codes(made)] == ["38341003", "I10", "401.9"]
    assert made["text"] == "High blood pressure"


def test_an_allergy_has_type_category_criticality_and_reactions_with_severity() -> None:
    severity = observation(
        template(".4.8"), code("code", "SEV", "2.16.840.1.113883.5.4"), value("24484000", SNOMED, "Severe")
    )
    reaction = observation(
        template(".4.9"),
        code("code", "ASSERTION", "2.16.840.1.113883.5.4"),
        value("247472004", SNOMED, "Hives"),
        related(severity),
    )
    criticality = observation(
        template(".4.145"), code("code", "82606-5", LOINC), value("CRITH", "2.16.840.1.113883.5.1063")
    )
    entry = allergy(related(reaction, "MFST") + related(criticality), kind="416098002")
    done = converted(section("48765-2", entry))
    made = the(done, "AllergyIntolerance")
    assert (made["type"], made["category"], made["criticality"]) == ("allergy", ["medication"], "high")
    assert made["reaction"][0]["severity"] == "severe"
    assert codes(made["reaction"][0]["manifestation"][0]) == [("http://snomed.info/sct", "247472004")]
    assert done.report.totals == {
        "statements": 5, "converted": 1, "absorbed": 4, "merged": 0, "no-information": 0, "not-converted": 0,
    }  # fmt: skip


def test_a_medication_that_is_taken_is_a_statement_with_dose_route_and_timing() -> None:
    times = (
        '<effectiveTime xsi:type="IVL_TS"><low value="20230401"/><high nullFlavor="NI"/></effectiveTime>'
        '<effectiveTime xsi:type="PIVL_TS" institutionSpecified="true" operator="A"><period value="12" unit="h"/>'
        "</effectiveTime>"
    )
    inner = '<doseQuantity value="2"/>'
    made = the(converted(section("10160-0", medication(inner, times=times))), "MedicationStatement")
    assert (made["status"], made["effectivePeriod"]) == ("active", {"start": "2023-04-01"})
    [dosage] = made["dosage"]
    assert dosage["timing"]["repeat"] == {"frequency": 1, "period": 12, "periodUnit": "h"}
    assert status_of(dosage["timing"]["code"]) == "BID", "the institution says at what hours"
    assert dosage["doseAndRate"] == [{"doseQuantity": {"value": 2}}]


def test_the_medication_is_a_resource_of_its_own() -> None:
    done = converted(section("10160-0", medication()))
    drug = the(done, "Medication")
    assert codes(drug["code"]) == [("http://www.nlm.nih.gov/research/umls/rxnorm", "197361")]
    assert the(done, "MedicationStatement")["medicationReference"] == {
        "reference": f"Medication/{drug['id']}",
        "display": "Amlodipine 5 MG Oral Tablet",
    }


def test_a_period_without_a_value_is_no_timing() -> None:
    times = '<effectiveTime xsi:type="PIVL_TS" operator="A"><period nullFlavor="UNK"/></effectiveTime>'
    made = the(converted(section("10160-0", medication(times=times))), "MedicationStatement")
    assert "dosage" not in made


def test_a_medication_before_breakfast_is_so() -> None:
    times = '<effectiveTime xsi:type="EIVL_TS" operator="A"><event code="ACM"/></effectiveTime>'
    made = the(converted(section("10160-0", medication(times=times))), "MedicationStatement")
    assert made["dosage"][0]["timing"] == {"repeat": {"when": ["ACM"]}}


def test_a_medication_that_is_ordered_is_a_request() -> None:
    done = converted(section("10160-0", medication(AUTHOR, mood="INT")))
    made = the(done, "MedicationRequest")
    assert (made["status"], made["intent"]) == ("active", "order")
    assert made["requester"]["display"] == "Wilma Okonkwo"
    assert not of_type(done, "MedicationStatement")


def test_a_dispense_within_a_medication_is_a_dispense_of_it() -> None:
    supply = (
        f'<supply classCode="SPLY" moodCode="EVN">{template(".4.18")}<statusCode code="completed"/>'
        '<effectiveTime value="20230402"/><repeatNumber value="1"/><quantity value="30" unit="{tbl}"/></supply>'
    )
    done = converted(section("10160-0", medication(related(supply, "REFR"))))
    made = the(done, "MedicationDispense")
    assert made["medicationReference"] == the(done, "MedicationStatement")["medicationReference"]
    assert (made["quantity"]["value"], made["whenHandedOver"]) == (30, "2023-04-02")


def test_a_supply_order_counts_refills_where_c_cda_counts_fills() -> None:
    supply = (
        f'<supply classCode="SPLY" moodCode="INT">{template(".4.17")}<statusCode code="active"/>'
        '<repeatNumber value="3"/><quantity value="30" unit="{tbl}"/></supply>'
    )
    done = converted(section("10160-0", medication(related(supply, "REFR"))))
    assert the(done, "MedicationRequest")["dispenseRequest"]["numberOfRepeatsAllowed"] == 2


def test_an_immunization_keeps_the_precision_of_its_date_and_has_the_canonical_cvx() -> None:
    made = the(converted(section("11369-6", immunization())), "Immunization")
    assert made["occurrenceDateTime"] == "1999-11"
    assert codes(made["vaccineCode"]) == [("http://hl7.org/fhir/sid/cvx", "88")]


def test_an_immunization_without_a_date_says_that_it_is_absent() -> None:
    made = the(converted(section("11369-6", immunization(when='nullFlavor="UNK"'))), "Immunization")
    assert "occurrenceDateTime" not in made
    assert made["_occurrenceDateTime"]["extension"][0]["valueCode"] == "unknown"


def test_an_immunization_of_which_nothing_is_known_is_none() -> None:
    done = converted(section("11369-6", immunization(attributes='nullFlavor="NI"')))
    assert not of_type(done, "Immunization")
    assert done.report.totals["no-information"] == 1


@pytest.mark.parametrize("mood", ["INT", "RQO", "PRP"])
def test_a_planned_procedure_is_a_service_request_and_no_procedure(mood: str) -> None:
    entry = (
        f'<procedure classCode="PROC" moodCode="{mood}">{template(".4.41")}{code("code", "73761001", SNOMED, "Colonoscopy")}'
        '<statusCode code="active"/><effectiveTime value="20240601"/></procedure>'
    )
    done = converted(section("18776-5", entry))
    made = the(done, "ServiceRequest")
    assert (made["status"], made["occurrenceDateTime"]) == ("active", "2024-06-01")
    assert not of_type(done, "Procedure")


def test_a_procedure_has_its_performer_device_and_date() -> None:
    device = (
        '<participant typeCode="DEV"><participantRole classCode="MANU"><id root="2.16.840.1.113883.3.3719" '
        'extension="(01)09999999999998(17)301231"/><playingDevice>'
        f"{code('code', '14106009', SNOMED, 'Cardiac pacemaker')}</playingDevice></participantRole></participant>"
    )
    performer = (
        AUTHOR.replace("author>", "performer>")
        .replace("assignedAuthor", "assignedEntity")
        .replace('<time value="20240105091500-0500"/>', "")
    )
    entry = (
        f'<procedure classCode="PROC" moodCode="EVN">{template(".4.14")}{code("code", "25267002", SNOMED, "Insertion of pacemaker")}'
        f'<statusCode code="completed"/><effectiveTime value="2021"/>{performer}{device}</procedure>'
    )
    done = converted(section("47519-4", entry))
    made, carrier = the(done, "Procedure"), the(done, "Device")
    assert (made["status"], made["performedDateTime"]) == ("completed", "2021")
    assert made["performer"][0]["actor"]["display"] == "Wilma Okonkwo"
    assert made["focalDevice"] == [{"manipulated": {"reference": f"Device/{carrier['id']}"}}]
    assert carrier["udiCarrier"][0]["carrierHRF"] == "(01)09999999999998(17)301231"


def test_an_encounter_keeps_its_code_as_type_and_its_diagnosis_as_condition() -> None:
    diagnosis = (
        f'<act classCode="ACT" moodCode="EVN">{template(".4.80")}{code("code", "29308-4", LOINC)}'
        + related(
            observation(
                template(".4.4"), code("code", "282291009", SNOMED), value("233604007", SNOMED, "Pneumonia")
            )
        )
        + "</act>"
    )
    entry = (
        f'<encounter classCode="ENC" moodCode="EVN">{template(".4.49")}{code("code", "99282", "2.16.840.1.113883.6.12", "ED visit")}'
        f'<effectiveTime><low value="20240101"/><high value="20240102"/></effectiveTime>{related(diagnosis, "COMP")}</encounter>'
    )
    done = converted(section("46240-8", entry))
    made, condition = the(done, "Encounter"), the(done, "Condition")
    assert (made["class"]["code"], made["status"]) == ("EMER", "finished")
    assert codes(made["type"][0]) == [("http://www.ama-assn.org/go/cpt", "99282")]
    assert made["period"] == {"start": "2024-01-01", "end": "2024-01-02"}
    assert made["diagnosis"] == [{"condition": {"reference": f"Condition/{condition['id']}"}}]
    assert codes(condition["category"][0])[0][1] == "encounter-diagnosis"


def test_a_class_that_cannot_be_known_is_absent_and_not_invented() -> None:
    entry = f'<encounter classCode="ENC" moodCode="EVN">{template(".4.49")}{code("code", "185349003", SNOMED)}<effectiveTime value="2024"/></encounter>'
    made = the(converted(section("46240-8", entry)), "Encounter")
    assert list(made["class"]) == ["extension"]


def test_a_goal_has_its_target() -> None:
    entry = (
        f'<observation classCode="OBS" moodCode="GOL">{template(".4.121")}{code("code", "8302-2", LOINC, "Weight")}'
        '<statusCode code="active"/><effectiveTime value="20240105"/><value xsi:type="PQ" value="70" unit="kg"/></observation>'
    )
    made = the(converted(section("61146-7", entry)), "Goal")
    assert (made["lifecycleStatus"], made["startDate"]) == ("active", "2024-01-05")
    assert made["target"][0]["detailQuantity"]["value"] == 70


def test_a_health_concern_is_of_us_cores_category() -> None:
    inner = related(
        observation(
            template(".4.4"), code("code", "55607006", SNOMED), value("414916001", SNOMED, "Obesity")
        ),
        "REFR",
    )
    entry = f'<act classCode="ACT" moodCode="EVN">{template(".4.132")}{code("code", "75310-3", LOINC)}<statusCode code="active"/>{inner}</act>'
    made = the(converted(section("75310-3", entry)), "Condition")
    assert codes(made["category"][0]) == [
        ("http://hl7.org/fhir/us/core/CodeSystem/condition-category", "health-concern")
    ]


def test_a_relatives_illness_is_in_the_family_history() -> None:
    age = observation(
        template(".4.31"), code("code", "445518008", SNOMED), '<value xsi:type="PQ" value="57" unit="a"/>'
    )
    finding = observation(
        template(".4.46"),
        code("code", "64572001", SNOMED),
        value("22298006", SNOMED, "Infarction"),
        related(age),
    )
    entry = (
        f'<organizer classCode="CLUSTER" moodCode="EVN">{template(".4.45")}<statusCode code="completed"/><subject>'
        '<relatedSubject classCode="PRS"><code code="MTH" displayName="Mother" codeSystem="2.16.840.1.113883.5.111"/>'
        f"</relatedSubject></subject><component>{finding}</component></organizer>"
    )
    done = converted(section("10157-6", entry))
    made = the(done, "FamilyMemberHistory")
    assert codes(made["relationship"])[0][1] == "MTH"
    assert made["condition"][0]["onsetAge"]["value"] == 57
    assert not of_type(done, "Condition"), "a relative's illness is not the patient's"


def test_an_advance_directive_is_a_consent() -> None:
    entry = observation(
        template(".4.48"),
        code("code", "304251008", SNOMED, "Resuscitation"),
        value("304253006", SNOMED, "Do not resuscitate"),
    )
    made = the(converted(section("42348-3", entry)), "Consent")
    assert codes(made["provision"]["code"][0]) == [("http://snomed.info/sct", "304253006")]


def test_a_note_is_a_document_with_its_text() -> None:
    entry = (
        f'<act classCode="ACT" moodCode="EVN">{template(".4.202")}{code("code", "34109-9", LOINC, "Note")}'
        '<text mediaType="text/plain"><reference value="#n1"/></text><statusCode code="completed"/></act>'
    )
    done = converted(section("11488-4", entry, text='<paragraph ID="n1">Feels better.</paragraph>'))
    data = [one["content"][0]["attachment"].get("data") for one in of_type(done, "DocumentReference")]
    assert "RmVlbHMgYmV0dGVyLg==" in data


def test_a_policy_is_a_coverage_by_its_payer() -> None:
    policy = (
        f'<act classCode="ACT" moodCode="EVN">{template(".4.61")}<statusCode code="completed"/><performer typeCode="PRF">'
        '<assignedEntity><id root="2.16.840.1.113883.3.9911.10" extension="PAY"/><representedOrganization>'
        '<id root="2.16.840.1.113883.3.9911.10" extension="PAY"/><name>North Mutual</name></representedOrganization>'
        '</assignedEntity></performer><participant typeCode="COV"><participantRole classCode="PAT">'
        '<id root="2.16.840.1.113883.3.9911.11" extension="MEM-5"/></participantRole></participant>'
        + related(
            '<act classCode="ACT" moodCode="DEF"><id root="2.16.840.1.113883.3.9911.12" extension="G1"/>'
            '<code nullFlavor="NA"/><text>Gold Plan</text></act>',
            "REFR",
        )
        + "</act>"
    )
    entry = f'<act classCode="ACT" moodCode="EVN">{template(".4.60")}{related(policy, "COMP")}</act>'
    made = the(converted(section("48768-6", entry)), "Coverage")
    assert made["payor"][0]["display"] == "North Mutual"
    assert (made["subscriberId"], made["beneficiary"]) == ("MEM-5", PATIENT)
    assert [(one["value"], one["name"]) for one in made["class"]] == [("G1", "Gold Plan")]


def test_a_care_team_has_its_members() -> None:
    member = (
        AUTHOR.replace("author>", "performer>")
        .replace("assignedAuthor", "assignedEntity")
        .replace('<time value="20240105091500-0500"/>', "")
    )
    entry = (
        f'<organizer classCode="CLUSTER" moodCode="EVN">{template(".4.500")}{code("code", "86744-0", LOINC, "Care team")}'
        f'<statusCode code="active"/><component><act classCode="PCPR" moodCode="EVN">{template(".4.500.1")}'
        f'{code("code", "86744-0", LOINC)}<statusCode code="active"/>{member}</act></component></organizer>'
    )
    made = the(converted(section("85847-2", entry)), "CareTeam")
    assert made["participant"][0]["member"]["display"] == "Wilma Okonkwo"


def test_a_cane_is_a_device_in_use() -> None:
    entry = (
        f'<supply classCode="SPLY" moodCode="EVN">{template(".4.50")}<statusCode code="completed"/><effectiveTime value="2020"/>'
        '<participant typeCode="PRD"><participantRole classCode="MANU"><playingDevice>'
        f"{code('code', '87405001', SNOMED, 'Cane')}</playingDevice></participantRole></participant></supply>"
    )
    done = converted(section("46264-8", entry))
    assert the(done, "DeviceUseStatement")["device"]["reference"] == f"Device/{the(done, 'Device')['id']}"


def test_a_device_that_is_denied_is_no_device() -> None:
    entry = (
        f'<supply classCode="SPLY" moodCode="EVN" negationInd="true">{template(".4.50")}<statusCode code="completed"/>'
        '<participant typeCode="PRD"><participantRole classCode="MANU"><playingDevice>'
        f"{code('code', '40388003', SNOMED, 'Implant')}</playingDevice></participantRole></participant></supply>"
    )
    done = converted(section("46264-8", entry))
    assert not of_type(done, "Device")
    assert the(done, "Observation")["valueString"] == "Not present: Implant"


def test_a_part_that_has_no_element_of_its_own_is_kept_as_a_note() -> None:
    preference = observation(
        template(".4.143"),
        code("code", "225773000", SNOMED, "Preference"),
        value("394849002", SNOMED, "High priority"),
    )
    entry = problem().replace(
        "</observation></entryRelationship></act>",
        related(preference) + "</observation></entryRelationship></act>",
    )
    assert the(converted(section("11450-4", entry)), "Condition")["note"] == [
        {"text": "Preference: High priority"}
    ]


def test_vaccines_of_the_retired_oid_are_cvx() -> None:
    entry = immunization().replace(CVX, "2.16.840.1.113883.6.59")
    assert (
        codes(the(converted(section("11369-6", entry)), "Immunization")["vaccineCode"])[0][0]
        == "http://hl7.org/fhir/sid/cvx"
    )
