"""What is said of an act or organizer holds of what it is about."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ccda.builders import (
    LOINC,
    SNOMED,
    allergy,
    code,
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
    value,
)

PULSE = observation(
    template(".4.27"), code("code", "8867-4", LOINC), '<value xsi:type="PQ" value="72" unit="/min"/>'
)
PROCEDURE = (
    f'<procedure classCode="PROC" moodCode="EVN">{template(".4.14")}'
    f'{code("code", "80146002", SNOMED, "Appendectomy")}<statusCode code="completed"/></procedure>'
)
CASES = {
    "medication": ("10160-0", medication(), "MedicationStatement"),
    "immunization": ("11369-6", immunization(), "Immunization"),
    "observation": ("8716-3", PULSE, "Observation"),
    "procedure": ("47519-4", PROCEDURE, "Procedure"),
    "problem": ("11450-4", problem(), "Condition"),
    "allergy": ("48765-2", allergy(), "AllergyIntolerance"),
}
DENIED = {"not-taken", "not-done", "refuted"}


def framed(name: str, attributes: str, status: str, kind: str = "SUBJ") -> dict[str, Any]:
    """What becomes of a statement within an act of these attributes and this statusCode."""
    where, statement, resource_type = CASES[name]
    act = (
        f'<act classCode="ACT" moodCode="EVN" {attributes}>'
        f'<code code="CONC" codeSystem="2.16.840.1.113883.5.6"/><statusCode code="{status}"/>'
        f"{related(statement, kind)}</act>"
    )
    (made,) = of_type(converted(section(where, act)), resource_type)
    return made


def said(made: dict[str, Any]) -> str:
    return status_of(made["verificationStatus"]) if "verificationStatus" in made else str(made["status"])


@pytest.mark.parametrize("name", CASES)
def test_what_a_denied_act_is_about_is_denied(name: str) -> None:
    made = framed(name, 'negationInd="true"', "active")
    if name == "observation":
        assert "valueQuantity" not in made
        assert "dataAbsentReason" in made
    else:
        assert said(made) in DENIED


@pytest.mark.parametrize("name", CASES)
def test_what_a_retracted_act_is_about_is_retracted(name: str) -> None:
    assert said(framed(name, "", "nullified")) == "entered-in-error"


@pytest.mark.parametrize("name", CASES)
def test_an_act_that_holds_changes_nothing(name: str) -> None:
    made = framed(name, "", "active")
    assert said(made) not in DENIED | {"entered-in-error"}
    assert name != "observation" or made["valueQuantity"]["value"] == 72


def test_the_members_of_a_retracted_organizer_are_retracted() -> None:
    organizer = (
        f'<organizer classCode="CLUSTER" moodCode="EVN">{template(".4.26")}'
        f'{code("code", "46680005", SNOMED)}<statusCode code="nullified"/>'
        f"<component>{PULSE}</component></organizer>"
    )
    made = of_type(converted(section("8716-3", organizer)), "Observation")
    assert [one["status"] for one in made] == ["entered-in-error", "entered-in-error"]


def test_a_reason_for_what_was_not_done_is_not_denied() -> None:
    why = (
        f'<observation classCode="OBS" moodCode="EVN">{template(".4.4")}'
        f'{code("code", "55607006", SNOMED)}<statusCode code="completed"/>'
        f"{value('233604007', SNOMED, 'Pneumonia')}</observation>"
    )
    act = (
        f'<act classCode="ACT" moodCode="EVN" negationInd="true">{template(".4.12")}'
        f'{code("code", "80146002", SNOMED, "Appendectomy")}<statusCode code="completed"/>'
        f"{related(why, 'RSON')}</act>"
    )
    done = converted(section("47519-4", act))
    (procedure,) = of_type(done, "Procedure")
    assert procedure["status"] == "not-done"
    assert procedure["reasonCode"][0]["coding"][0]["code"] == "233604007"
    assert all(said(one) == "confirmed" for one in of_type(done, "Condition"))
