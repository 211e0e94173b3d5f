"""Details of single sections: what is easily lost or turned round."""

# ruff: noqa: E501 - XML reads better unbroken
from __future__ import annotations

import pytest

from tests.ccda.builders import (
    AUTHOR,
    LOINC,
    SNOMED,
    allergy,
    code,
    codes,
    converted,
    immunization,
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

MEMBER = (
    AUTHOR.replace("author>", "performer>")
    .replace("assignedAuthor", "assignedEntity")
    .replace('<time value="20240105091500-0500"/>', "")
)


@pytest.mark.parametrize("words", ["No Known Allergies", "NKDA", "None"])
def test_a_negated_substance_that_is_none_is_no_known_allergy(words: str) -> None:
    entry = allergy(
        negated=True, substance=f'<code nullFlavor="NI"><originalText>{words}</originalText></code>'
    )
    made = the(converted(section("48765-2", entry)), "AllergyIntolerance")
    assert status_of(made["verificationStatus"]) == "confirmed"
    assert codes(made["code"]) == [("http://snomed.info/sct", "716186003")]
    assert made["code"]["text"] == words


@pytest.mark.parametrize("words", ["No. 5 dye", "Nonoxynol", "Latex"])
def test_a_negated_substance_that_only_begins_so_is_refuted(words: str) -> None:
    entry = allergy(
        negated=True, substance=f'<code nullFlavor="NI"><originalText>{words}</originalText></code>'
    )
    made = the(converted(section("48765-2", entry)), "AllergyIntolerance")
    assert status_of(made["verificationStatus"]) == "refuted"


def test_an_allergy_keeps_its_end_and_a_severity_that_its_reaction_does_not_share() -> None:
    def severity(sct: str, words: str) -> str:
        return related(
            observation(
                template(".4.8"), code("code", "SEV", "2.16.840.1.113883.5.4"), value(sct, SNOMED, words)
            )
        )

    reaction = observation(
        template(".4.9"), code("code", "ASSERTION", "2.16.840.1.113883.5.4"), value("247472004", SNOMED, "Hives"), severity("255604002", "Mild"),
    )  # fmt: skip
    entry = allergy(related(reaction, "MFST") + severity("24484000", "Severe")).replace(
        '<low value="201905"/>', '<low value="201905"/><high value="2021"/>'
    )
    made = the(converted(section("48765-2", entry)), "AllergyIntolerance")
    assert made["reaction"][0]["severity"] == "mild"
    assert made["note"] == [{"text": "Severity: Severe"}, {"text": "Ended: 2021"}]


def test_an_age_at_onset_is_kept_beside_a_date_and_a_number_without_a_unit_is_no_age() -> None:
    def with_age(said: str, when: str) -> str:
        age = related(observation(template(".4.31"), code("code", "445518008", SNOMED), said))
        end = "</observation></entryRelationship></act>"
        return problem(when).replace(end, age + end)

    years = '<value xsi:type="PQ" value="57" unit="a"/>'
    made = the(
        converted(section("11450-4", with_age(years, '<effectiveTime><low value="2012"/></effectiveTime>'))),
        "Condition",
    )
    assert made["onsetDateTime"] == "2012"
    assert made["note"] == [{"text": "Age at onset: 57 a"}]
    made = the(converted(section("11450-4", with_age(years, ""))), "Condition")
    assert made["onsetAge"]["code"] == "a"
    made = the(converted(section("11450-4", with_age('<value xsi:type="INT" value="57"/>', ""))), "Condition")
    assert made["onsetString"] == "57"


def test_the_dose_number_within_an_immunization_is_its_own() -> None:
    dose = observation(
        template("2.16.840.1.113883.10.20.1.46"),
        code("code", "30973-2", LOINC),
        '<value xsi:type="INT" value="2"/>',
    )
    done = converted(section("11369-6", immunization(related(dose, "SUBJ") + AUTHOR)))
    made = the(done, "Immunization")
    assert made["protocolApplied"] == [{"doseNumberPositiveInt": 2}]
    assert made["recorded"] == "2024-01-05T09:15:00-05:00"
    assert not of_type(done, "Observation")


def test_a_diagnosis_of_an_encounter_has_its_rank_and_use() -> None:
    rank = observation(
        template("2.16.840.1.113883.10.20.24.3.166"),
        code("code", "263486008", SNOMED),
        '<value xsi:type="INT" value="1"/>',
    )
    diagnosis = (
        f'<act classCode="ACT" moodCode="EVN">{template(".4.33")}{code("code", "11535-2", LOINC)}'
        + related(
            observation(
                template(".4.4"),
                code("code", "282291009", SNOMED),
                value("233604007", SNOMED, "Pneumonia"),
                related(rank),
            )
        )
        + "</act>"
    )
    entry = (
        f'<encounter classCode="ENC" moodCode="EVN">{template(".4.49")}{code("code", "185349003", SNOMED)}'
        f'<statusCode code="completed"/><effectiveTime value="2024"/>{related(diagnosis)}</encounter>'
    )
    done = converted(section("46240-8", entry))
    [made] = the(done, "Encounter")["diagnosis"]
    assert made["rank"] == 1
    assert status_of(made["use"]) == "DD"
    assert made["condition"] == {"reference": f"Condition/{the(done, 'Condition')['id']}"}


def test_a_care_team_member_has_the_function_of_the_extension_namespace() -> None:
    function = '<sdtc:functionCode code="PCP" codeSystem="2.16.840.1.113883.5.88"/>'
    member = MEMBER.replace("<performer>", f"<performer>{function}")
    entry = (
        f'<organizer classCode="CLUSTER" moodCode="EVN">{template(".4.500")}{code("code", "86744-0", LOINC)}'
        f'<statusCode code="active"/><component><act classCode="PCPR" moodCode="EVN">{template(".4.500.1")}'
        f'{code("code", "85847-2", LOINC)}<statusCode code="active"/>{member}</act></component></organizer>'
    )
    made = the(converted(section("85847-2", entry)), "CareTeam")
    assert status_of(made["participant"][0]["role"][0]) == "PCP"


def test_a_guarantor_is_no_payer() -> None:
    def performer(root: str, name: str) -> str:
        return (
            f'<performer typeCode="PRF">{template(root)}<assignedEntity><id root="2.16.840.1.113883.3.9911.10" extension="{name}"/>'
            f"<representedOrganization><name>{name}</name></representedOrganization></assignedEntity></performer>"
        )

    policy = (
        f'<act classCode="ACT" moodCode="EVN">{template(".4.61")}<statusCode code="completed"/>'
        + performer("2.16.840.1.113883.10.20.22.4.88", "Parent Company")
        + performer("2.16.840.1.113883.10.20.22.4.87", "North Mutual")
        + "</act>"
    )
    done = converted(
        section(
            "48768-6",
            f'<act classCode="ACT" moodCode="EVN">{template(".4.60")}{related(policy, "COMP")}</act>',
        )
    )
    assert [one["display"] for one in the(done, "Coverage")["payor"]] == ["North Mutual"]
    assert any("guarantor" in issue for account in done.report.statements for issue in account.issues)


@pytest.mark.parametrize(("loinc", "reports"), [("18748-4", 1), ("11488-4", 0)])
def test_a_note_of_a_diagnostic_service_is_a_report_as_well(loinc: str, reports: int) -> None:
    entry = (
        f'<act classCode="ACT" moodCode="EVN">{template(".4.202")}{code("code", loinc, LOINC, "Note")}'
        '<text>No acute findings.</text><statusCode code="completed"/><effectiveTime value="20240105"/></act>'
    )
    done = converted(section("34109-9", entry))
    found = of_type(done, "DiagnosticReport")
    assert len(found) == reports
    for report in found:
        assert report["presentedForm"][0]["data"] == "Tm8gYWN1dGUgZmluZGluZ3Mu"
        assert report["effectiveDateTime"] == "2024-01-05"


def test_an_act_that_names_a_document_elsewhere_is_a_document_reference_and_no_procedure() -> None:
    entry = (
        '<act classCode="ACT" moodCode="EVN"><code code="DOCCLIN" codeSystem="2.16.840.1.113883.5.6"/><reference typeCode="REFR">'
        f'<externalDocument><id root="2.16.840.1.113883.3.9911.40" extension="D7"/>{code("code", "18842-5", LOINC, "Discharge summary")}'
        "</externalDocument></reference></act>"
    )
    done = converted(section("18776-5", entry))
    found = [
        one
        for one in of_type(done, "DocumentReference")
        if one["content"][0]["attachment"].get("title") == "Discharge summary"
    ]
    assert [one["identifier"][0]["value"] for one in found] == ["D7"]
    assert not of_type(done, "Procedure")


@pytest.mark.parametrize(("subject", "kept"), [("", 0), ('<subject><relatedSubject classCode="PRS"><code code="ONESELF"/></relatedSubject></subject>', 1)])  # fmt: skip
def test_a_procedure_in_the_family_history_is_not_the_patients_unless_it_says_so(
    subject: str, kept: int
) -> None:
    entry = (
        f'<procedure classCode="PROC" moodCode="EVN">{template(".4.14")}{code("code", "80146002", SNOMED, "Appendectomy")}'
        f'<statusCode code="completed"/>{subject}</procedure>'
    )
    assert len(of_type(converted(section("10157-6", entry)), "Procedure")) == kept


def test_how_a_procedure_was_done_is_kept_beside_where_it_stands_in_the_source() -> None:
    entry = (
        f'<procedure classCode="PROC" moodCode="EVN">{template(".4.14")}{code("code", "80146002", SNOMED, "Appendectomy")}'
        f'<statusCode code="completed"/>{code("methodCode", "51316009", SNOMED, "Laparoscopic")}</procedure>'
    )
    urls = [
        one["url"].rsplit("/", 1)[1]
        for one in the(converted(section("47519-4", entry)), "Procedure")["extension"]
    ]
    assert urls == ["source-element", "procedure-method"]


def test_monitoring_that_is_planned_with_a_medication_is_requested() -> None:
    act = (
        f'<act classCode="ACT" moodCode="INT">{template(".4.123")}{code("code", "395170001", SNOMED, "Medication monitoring")}'
        '<statusCode code="active"/></act>'
    )
    done = converted(section("10160-0", act))
    assert the(done, "ServiceRequest")["intent"] == "plan"


def test_an_encounter_without_a_code_is_of_the_type_that_its_text_tells() -> None:
    entry = (
        f'<encounter classCode="ENC" moodCode="EVN">{template(".4.49")}<code nullFlavor="UNK"/>'
        '<text>Visit at the asthma clinic</text><effectiveTime value="2024"/></encounter>'
    )
    assert the(converted(section("46240-8", entry)), "Encounter")["type"] == [
        {"text": "Visit at the asthma clinic"}
    ]


def test_a_medication_that_is_only_described_is_kept_in_its_words() -> None:
    entry = (
        f'<substanceAdministration classCode="SBADM" moodCode="EVN">{template(".4.16")}<text>Some eye drops</text>'
        '<statusCode code="active"/></substanceAdministration>'
    )
    made = the(converted(section("10160-0", entry)), "MedicationStatement")
    assert made["medicationCodeableConcept"] == {"text": "Some eye drops"}


def test_a_measurement_without_a_value_says_that_it_is_absent_and_a_finding_that_is_all_said_does_not() -> (
    None
):
    pending = observation(template(".4.2"), code("code", "718-7", LOINC, "Hemoglobin"), "")
    made = the(converted(section("30954-2", pending)), "Observation")
    assert status_of(made["dataAbsentReason"]) == "unknown"
    finding = observation(template(".4.67"), code("code", "225612007", SNOMED, "Walks alone"), "")
    assert "dataAbsentReason" not in the(converted(section("47420-5", finding)), "Observation")


def test_a_vaccination_that_the_patient_told_of_is_not_from_the_primary_source() -> None:
    told = '<informant><relatedEntity classCode="PRS"><code code="MTH"/></relatedEntity></informant>'
    made = the(converted(section("11369-6", immunization(told))), "Immunization")
    assert made["primarySource"] is False
    made = the(converted(section("11369-6", immunization())), "Immunization")
    assert "primarySource" not in made
    assert made["_primarySource"]["extension"]


def test_the_age_at_death_of_a_relative_is_kept() -> None:
    age = observation(
        template(".4.46"),
        code("code", "39016-1", LOINC, "Age at death"),
        '<value xsi:type="PQ" value="71" unit="a"/>',
    )
    entry = (
        f'<organizer classCode="CLUSTER" moodCode="EVN">{template(".4.45")}<statusCode code="completed"/><subject>'
        '<relatedSubject classCode="PRS"><code code="FTH" codeSystem="2.16.840.1.113883.5.111"/></relatedSubject></subject>'
        f"<component>{age}</component></organizer>"
    )
    made = the(converted(section("10157-6", entry)), "FamilyMemberHistory")
    assert made["deceasedAge"]["value"] == 71
    assert "condition" not in made


def test_what_is_planned_for_a_relative_is_no_illness_of_theirs() -> None:
    entry = observation(
        template(".4.46"), code("code", "64572001", SNOMED), value("22298006", SNOMED, "Infarction")
    )
    done = converted(section("10157-6", entry.replace('moodCode="EVN"', 'moodCode="INT"')))
    assert not of_type(done, "FamilyMemberHistory")
    assert not of_type(done, "Condition")
    assert [one.reason for one in done.report.statements] == ["planned, and about another person"]


def test_words_of_its_own_are_kept_beside_a_code_and_not_where_they_repeat_it() -> None:
    def done(words: str) -> dict[str, object]:
        entry = (
            f'<procedure classCode="PROC" moodCode="EVN">{template(".4.14")}{code("code", "80146002", SNOMED, "Appendectomy")}'
            f'<text>{words}</text><statusCode code="completed"/></procedure>'
        )
        return the(converted(section("47519-4", entry)), "Procedure")

    assert done("Three small cuts")["note"] == [{"text": "Three small cuts"}]
    assert "note" not in done("APPENDECTOMY")


def test_a_measurement_that_was_not_taken_keeps_the_words_that_say_so() -> None:
    entry = observation(
        template(".4.27"), code("code", "8867-4", LOINC, "Pulse"), "<text>Refused by the patient</text>"
    )
    made = the(converted(section("8716-3", entry)), "Observation")
    assert made["note"] == [{"text": "Refused by the patient"}]
    with_value = observation(
        template(".4.27"),
        code("code", "8867-4", LOINC, "Pulse"),
        '<text>71</text><value xsi:type="PQ" value="71" unit="/min"/>',
    )
    assert "note" not in the(converted(section("8716-3", with_value)), "Observation")


def test_a_prognosis_is_no_problem_of_the_patient() -> None:
    prognosis = observation(
        template(".4.113"), code("code", "75328-5", LOINC, "Prognosis"), value("67334001", SNOMED, "Guarded"), attributes=""
    )  # fmt: skip
    end = "</observation></entryRelationship></act>"
    done = converted(section("11450-4", problem().replace(end, related(prognosis, "REFR") + end)))
    assert status_of(the(done, "Condition")["code"]) == "38341003"
    assert codes(the(done, "Observation")["code"]) == [("http://loinc.org", "75328-5")]


@pytest.mark.parametrize(("entry", "section_code", "kind"), [(problem(), "11450-4", "Condition"), (allergy(), "48765-2", "AllergyIntolerance")])  # fmt: skip
def test_an_unknown_detail_of_a_problem_or_an_allergy_is_not_another_one(
    entry: str, section_code: str, kind: str
) -> None:
    detail = related(
        observation("", code("code", "X9", "1.2.3.4", "Likelihood"), value("2931005", SNOMED, "Probable")),
        "REFR",
    )
    end = "</observation></entryRelationship></act>"
    done = converted(section(section_code, entry.replace(end, detail + end)))
    assert the(done, kind)
    assert the(done, "Observation")["valueCodeableConcept"]["coding"][0]["code"] == "2931005"
