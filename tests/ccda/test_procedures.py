"""Procedures: what they found, what they instruct, and how true either is."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ccda.builders import SNOMED, code, converted, of_type, related, section, template, the

POSITIVE = '<value xsi:type="ST">Positive</value>'


def finding(status: str, said: str = POSITIVE, attributes: str = "") -> Any:
    """The conversion of a Procedure Activity Observation."""
    return converted(
        section(
            "47519-4",
            f'<observation classCode="OBS" moodCode="EVN" {attributes}>{template(".4.13")}'
            f"{code('code', '252160004', SNOMED, 'Tuberculin test')}"
            f'<statusCode code="{status}"/>{said}</observation>',
        )
    )


@pytest.mark.parametrize(
    ("said", "procedure", "observation"),
    [
        ("completed", "completed", "final"),
        ("active", "in-progress", "unknown"),
        ("nullified", "entered-in-error", "entered-in-error"),
        ("cancelled", "not-done", "cancelled"),
        ("aborted", "stopped", "cancelled"),
    ],
)
def test_what_a_procedure_found_is_as_true_as_the_procedure(
    said: str, procedure: str, observation: str
) -> None:
    done = finding(said)
    assert the(done, "Procedure")["status"] == procedure
    found = the(done, "Observation")
    assert (found["status"], found["valueString"]) == (observation, "Positive")


def test_a_procedure_that_was_not_done_found_nothing() -> None:
    assert not of_type(finding("completed", attributes='negationInd="true"'), "Observation")


def test_further_values_of_a_procedure_are_components() -> None:
    found = the(finding("completed", POSITIVE + '<value xsi:type="PQ" value="12" unit="mm"/>'), "Observation")
    assert [one["valueQuantity"]["value"] for one in found["component"]] == [12]
    assert found["component"][0]["code"] == found["code"]


def instructed(mood: str, attributes: str = "", status: str = "completed") -> Any:
    """The conversion of a procedure with an instruction."""
    instruction = (
        f'<act classCode="ACT" moodCode="INT" {attributes}>{template(".4.20")}'
        f"{code('code', '409073007', SNOMED, 'Education')}<text>Keep the wound wet</text>"
        f'<statusCode code="{status}"/></act>'
    )
    return converted(
        section(
            "47519-4" if mood == "EVN" else "18776-5",
            f'<procedure classCode="PROC" moodCode="{mood}">{template(".4.14" if mood == "EVN" else ".4.41")}'
            f"{code('code', '25267002', SNOMED, 'Insertion')}"
            f'<statusCode code="active"/>{related(instruction)}</procedure>',
        )
    )


def test_an_instruction_is_the_patients_or_a_note() -> None:
    assert the(instructed("INT"), "ServiceRequest")["patientInstruction"] == "Keep the wound wet"
    assert the(instructed("EVN"), "Procedure")["note"] == [{"text": "Keep the wound wet"}]


@pytest.mark.parametrize(
    ("attributes", "status"),
    [
        pytest.param('negationInd="true"', "completed", id="denied"),
        pytest.param("", "nullified", id="nullified"),
        pytest.param("", "cancelled", id="cancelled"),
        pytest.param('nullFlavor="NI"', "completed", id="null"),
    ],
)
def test_an_instruction_that_does_not_hold_is_none(attributes: str, status: str) -> None:
    assert "patientInstruction" not in the(instructed("INT", attributes, status), "ServiceRequest")
    said = the(instructed("EVN", attributes, status), "Procedure").get("note", [])
    assert {"text": "Keep the wound wet"} not in said
