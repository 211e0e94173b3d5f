"""What is denied, refused or known to be absent never appears as present, nor the other way round."""

# ruff: noqa: E501 - XML reads better unbroken
from __future__ import annotations

import pytest

from tests.ccda.builders import (
    LOINC,
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

REFUSAL = (
    f'<observation classCode="OBS" moodCode="EVN">{template(".4.53")}'
    f'{code("code", "PATOBJ", "2.16.840.1.113883.5.8", "Patient objection")}<statusCode code="completed"/>'
    "</observation>"
)


def test_no_known_allergies_is_the_negated_concept_and_not_an_allergy() -> None:
    made = the(converted(section("48765-2", allergy(negated=True, substance=""))), "AllergyIntolerance")
    assert codes(made["code"]) == [("http://snomed.info/sct", "716186003")]
    assert status_of(made["verificationStatus"]) == "confirmed"


def test_no_known_drug_allergies_says_so_of_drugs() -> None:
    null = '<code nullFlavor="NA"/>'
    entry = allergy(negated=True, substance=null, kind="416098002")
    made = the(converted(section("48765-2", entry)), "AllergyIntolerance")
    assert codes(made["code"]) == [("http://snomed.info/sct", "409137002")]


def test_a_denied_allergy_to_a_substance_is_refuted() -> None:
    made = the(converted(section("48765-2", allergy(negated=True))), "AllergyIntolerance")
    assert status_of(made["verificationStatus"]) == "refuted"
    assert codes(made["code"]) == [("http://www.nlm.nih.gov/research/umls/rxnorm", "70618")]


def test_a_stated_allergy_is_confirmed_with_the_allergen_as_its_code() -> None:
    made = the(converted(section("48765-2", allergy())), "AllergyIntolerance")
    assert status_of(made["verificationStatus"]) == "confirmed"
    assert status_of(made["clinicalStatus"]) == "active"
    assert codes(made["code"]) == [("http://www.nlm.nih.gov/research/umls/rxnorm", "70618")]
    assert made["onsetDateTime"] == "2019-05"
    assert "category" not in made


def test_a_negated_problem_is_refuted() -> None:
    made = the(converted(section("11450-4", problem(negated=True))), "Condition")
    assert status_of(made["verificationStatus"]) == "refuted"
    assert codes(made["code"]) == [("http://snomed.info/sct", "38341003")]


def test_a_problem_within_a_negated_concern_is_refuted() -> None:
    entry = problem().replace(
        '<act classCode="ACT" moodCode="EVN">', '<act classCode="ACT" moodCode="EVN" negationInd="true">'
    )
    made = the(converted(section("11450-4", entry)), "Condition")
    assert status_of(made["verificationStatus"]) == "refuted"


def test_no_known_problems_is_its_own_concept() -> None:
    entry = problem(negated=True, coded=value("55607006", SNOMED, "Problem"))
    made = the(converted(section("11450-4", entry)), "Condition")
    assert codes(made["code"]) == [("http://snomed.info/sct", "160245001")]
    assert status_of(made["verificationStatus"]) == "confirmed"


def test_a_refused_vaccine_is_not_done_and_keeps_the_reason() -> None:
    entry = immunization(related(REFUSAL, "RSON"), 'negationInd="true"')
    made = the(converted(section("11369-6", entry)), "Immunization")
    assert made["status"] == "not-done"
    assert codes(made["statusReason"]) == [("http://terminology.hl7.org/CodeSystem/v3-ActReason", "PATOBJ")]


def test_a_refusal_without_a_negation_indicator_is_not_done() -> None:
    made = the(converted(section("11369-6", immunization(related(REFUSAL, "RSON")))), "Immunization")
    assert made["status"] == "not-done"


def test_a_refusal_that_the_negation_indicator_contradicts_is_kept_as_a_note_and_reported() -> None:
    entry = immunization(related(REFUSAL, "RSON"), 'negationInd="false"')
    done = converted(section("11369-6", entry))
    made = the(done, "Immunization")
    assert made["status"] == "completed"
    assert made["note"] == [{"text": "Reason for refusal: Patient objection"}]
    assert any("refusal" in issue for account in done.report.statements for issue in account.issues)


def test_a_given_vaccine_is_completed() -> None:
    made = the(converted(section("11369-6", immunization(attributes='negationInd="false"'))), "Immunization")
    assert (made["status"], made["occurrenceDateTime"], made["lotNumber"]) == ("completed", "1999-11", "L7")


def test_a_negated_medication_is_not_taken() -> None:
    made = the(
        converted(section("10160-0", medication(attributes='negationInd="true"'))), "MedicationStatement"
    )
    assert made["status"] == "not-taken"


def test_a_negated_order_is_not_to_be_performed() -> None:
    entry = medication(mood="INT", attributes='negationInd="true"')
    assert the(converted(section("10160-0", entry)), "MedicationRequest")["doNotPerform"] is True


@pytest.mark.parametrize("element", ["procedure", "act", "observation"])
def test_a_negated_procedure_is_not_done(element: str) -> None:
    templates = {"procedure": ".4.14", "act": ".4.12", "observation": ".4.13"}
    entry = (
        f'<{element} classCode="PROC" moodCode="EVN" negationInd="true">{template(templates[element])}'
        f'{code("code", "73761001", SNOMED, "Colonoscopy")}<statusCode code="completed"/></{element}>'
    )
    assert the(converted(section("47519-4", entry)), "Procedure")["status"] == "not-done"


def test_a_negated_finding_is_said_to_be_not_present() -> None:
    entry = observation(
        template(".4.38"),
        code("code", "ASSERTION", "2.16.840.1.113883.5.4"),
        value("77386006", SNOMED, "Pregnant"),
        attributes='negationInd="true"',
    )
    made = the(converted(section("29762-2", entry)), "Observation")
    assert made["valueString"] == "Not present: Pregnant"
    assert "valueCodeableConcept" not in made


def test_a_negated_family_history_is_said_to_be_none() -> None:
    finding = observation(
        template(".4.46"),
        code("code", "64572001", SNOMED, "Condition"),
        value("22298006", SNOMED, "Myocardial infarction"),
        attributes='negationInd="true"',
    )
    entry = (
        f'<organizer classCode="CLUSTER" moodCode="EVN">{template(".4.45")}<statusCode code="completed"/>'
        '<subject><relatedSubject classCode="PRS"><code code="FTH" displayName="Father" '
        'codeSystem="2.16.840.1.113883.5.111"/></relatedSubject></subject>'
        f"<component>{finding}</component></organizer>"
    )
    made = the(converted(section("10157-6", entry)), "FamilyMemberHistory")
    assert made["condition"][0]["code"] == {"text": "No history of: Myocardial infarction"}


def test_a_reaction_that_was_denied_is_not_listed_as_one() -> None:
    reaction = observation(
        template(".4.9"),
        code("code", "ASSERTION", "2.16.840.1.113883.5.4"),
        value("56018004", SNOMED, "Wheezing"),
        attributes='negationInd="true"',
    )
    done = converted(section("48765-2", allergy(related(reaction, "MFST"))))
    made = the(done, "AllergyIntolerance")
    assert "reaction" not in made
    assert not of_type(done, "Observation")
    assert made["note"] == [{"text": "Not so: Wheezing"}]


def test_a_blood_pressure_of_which_one_half_is_negated_is_not_joined() -> None:
    systolic = observation(
        template(".4.27"), code("code", "8480-6", LOINC), '<value xsi:type="PQ" value="120" unit="mm[Hg]"/>'
    )
    diastolic = observation(
        template(".4.27"),
        code("code", "8462-4", LOINC),
        '<value xsi:type="PQ" value="80" unit="mm[Hg]"/>',
        attributes='negationInd="true"',
    )
    entry = (
        f'<organizer classCode="CLUSTER" moodCode="EVN">{template(".4.26")}{code("code", "46680005", SNOMED)}'
        f'<statusCode code="completed"/><component>{systolic}</component><component>{diastolic}</component></organizer>'
    )
    made = of_type(converted(section("8716-3", entry)), "Observation")
    negated = [one for one in made if codes(one["code"]) == [("http://loinc.org", "8462-4")]]
    assert len(negated) == 1
    assert "valueQuantity" not in negated[0]
