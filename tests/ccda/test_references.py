"""References between statements by id: an Entry Reference, an encounter, an indication."""

# ruff: noqa: E501 - XML reads better unbroken
from __future__ import annotations

import pytest

from tests.ccda.builders import (
    LOINC,
    SNOMED,
    code,
    converted,
    immunization,
    medication,
    observation,
    of_type,
    problem,
    related,
    section,
    template,
    the,
    value,
)

PROBLEM_ID = '<id root="2.16.840.1.113883.3.9911.5" extension="P1"/>'


def entry_reference(identifier: str, attributes: str = 'moodCode="EVN"', status: str = "completed") -> str:
    """An Entry Reference to a statement of this id."""
    return (
        f'<act classCode="ACT" {attributes}>{template(".4.122")}{identifier}<code nullFlavor="NP"/>'
        f'<statusCode code="{status}"/></act>'
    )


def goal(inner: str) -> str:
    """A goal with a statement within it."""
    return (
        f'<observation classCode="OBS" moodCode="GOL">{template(".4.121")}<id root="2.16.840.1.113883.3.9911.20" extension="G1"/>'
        f'{code("code", "8302-2", LOINC, "Weight")}<statusCode code="active"/>{inner}</observation>'
    )


def test_a_goal_addresses_the_problem_that_it_refers_to_wherever_that_stands() -> None:
    aim = section("61146-7", goal(related(entry_reference(PROBLEM_ID), "REFR")))
    for parts in ((aim, section("11450-4", problem())), (section("11450-4", problem()), aim)):
        done = converted(*parts)
        condition = the(done, "Condition")
        assert the(done, "Goal")["addresses"] == [{"reference": f"Condition/{condition['id']}"}]
        account = next(one for one in done.report.statements if one.template.endswith("22.4.122"))
        assert account.outcome == "absorbed"
        assert f"Condition/{condition['id']}" in account.resources


def test_an_id_of_two_different_problems_is_not_guessed() -> None:
    other = problem(coded=value("73211009", SNOMED, "Diabetes"))
    aim = section("61146-7", goal(related(entry_reference(PROBLEM_ID), "REFR")))
    done = converted(aim, section("11450-4", problem(), other))
    assert "addresses" not in the(done, "Goal")
    account = next(one for one in done.report.statements if one.template.endswith("22.4.122"))
    assert account.reason == "the id that it refers to is that of several entries"


def test_a_reference_to_nothing_in_the_document_is_reported() -> None:
    done = converted(section("61146-7", goal(related(entry_reference(PROBLEM_ID), "REFR"))))
    account = next(one for one in done.report.statements if one.template.endswith("22.4.122"))
    assert (account.outcome, account.reason) == ("absorbed", "refers to another entry by its id")


def test_what_is_planned_for_a_goal_pertains_to_it() -> None:
    aim = '<id root="2.16.840.1.113883.3.9911.20" extension="G1"/>'
    plan = (
        f'<procedure classCode="PROC" moodCode="INT">{template(".4.41")}{code("code", "73761001", SNOMED, "Colonoscopy")}'
        f'<statusCode code="active"/>{related(entry_reference(aim), "RSON")}</procedure>'
    )
    done = converted(section("18776-5", plan), section("61146-7", goal("")))
    made = {one["url"]: one for one in the(done, "ServiceRequest")["extension"]}
    found = made["http://hl7.org/fhir/StructureDefinition/resource-pertainsToGoal"]
    assert found["valueReference"] == {"reference": f"Goal/{the(done, 'Goal')['id']}"}


def test_the_reason_of_a_procedure_may_be_an_entry_elsewhere() -> None:
    done_procedure = (
        f'<procedure classCode="PROC" moodCode="EVN">{template(".4.14")}{code("code", "80146002", SNOMED, "Appendectomy")}'
        f'<statusCode code="completed"/>{related(entry_reference(PROBLEM_ID), "RSON")}</procedure>'
    )
    done = converted(section("47519-4", done_procedure), section("11450-4", problem()))
    assert the(done, "Procedure")["reasonReference"] == [
        {"reference": f"Condition/{the(done, 'Condition')['id']}"}
    ]


def operation(inner: str, identifier: str = "") -> str:
    """A procedure with a statement within it."""
    coded = code("code", "80146002", SNOMED, "Appendectomy")
    return (
        f'<procedure classCode="PROC" moodCode="EVN">{template(".4.14")}{identifier}{coded}'
        f'<statusCode code="completed"/>{inner}</procedure>'
    )


@pytest.mark.parametrize(
    ("attributes", "status"),
    [
        ('moodCode="EVN" negationInd="true"', "completed"),
        ('moodCode="EVN" nullFlavor="NI"', "completed"),
        ('moodCode="INT"', "active"),
        ('moodCode="EVN"', "nullified"),
        ('moodCode="EVN"', "cancelled"),
    ],
)
def test_a_reference_that_does_not_hold_connects_nothing(attributes: str, status: str) -> None:
    reason = related(entry_reference(PROBLEM_ID, attributes, status), "RSON")
    done = converted(section("47519-4", operation(reason)), section("11450-4", problem()))
    assert "reasonReference" not in the(done, "Procedure")
    account = next(one for one in done.report.statements if one.template.endswith("22.4.122"))
    assert account.reason == "does not hold as a reference to another entry"


def test_an_id_of_a_problem_and_a_procedure_is_not_guessed_by_what_would_fit() -> None:
    aim = section("61146-7", goal(related(entry_reference(PROBLEM_ID), "REFR")))
    done = converted(aim, section("11450-4", problem()), section("47519-4", operation("", PROBLEM_ID)))
    assert "addresses" not in the(done, "Goal")
    account = next(one for one in done.report.statements if one.template.endswith("22.4.122"))
    assert account.reason == "the id that it refers to is that of several entries"
    assert account.resources == ()


def test_a_problem_that_stands_twice_in_the_document_is_one() -> None:
    aim = section("61146-7", goal(related(entry_reference(PROBLEM_ID), "REFR")))
    done = converted(aim, section("11450-4", problem(), problem()))
    assert len(the(done, "Goal")["addresses"]) == 1


def finding(loinc: str, inner: str) -> str:
    coded = code("code", loinc, LOINC)
    return observation(template(".4.2"), inner + coded, '<value xsi:type="PQ" value="1" unit="kg"/>')


@pytest.mark.parametrize(
    ("attributes", "holder", "other"),
    [("", "29463-7", "8302-2"), ('inversionInd="true"', "8302-2", "29463-7")],
    ids=["straight", "inverted"],
)
@pytest.mark.parametrize(("kind", "field"), [("SPRT", "derivedFrom"), ("COMP", "hasMember")])
def test_an_inverted_reference_is_said_of_what_is_referred_to(
    attributes: str, holder: str, other: str, kind: str, field: str
) -> None:
    number = '<id root="2.16.840.1.113883.3.9911.50" extension="O1"/>'
    refers = finding("29463-7", "").replace(
        "</observation>", related(entry_reference(number), kind, attributes) + "</observation>"
    )
    done = converted(section("30954-2", refers, finding("8302-2", number)))
    made = {one["code"]["coding"][0]["code"]: one for one in of_type(done, "Observation")}
    assert made[holder][field] == [{"reference": f"Observation/{made[other]['id']}"}]
    assert field not in made[other]


def test_an_inverted_reason_makes_what_refers_the_reason() -> None:
    number = '<id root="2.16.840.1.113883.3.9911.51" extension="X1"/>'
    inverted = related(entry_reference(number), "RSON", 'inversionInd="true"')
    done = converted(section("11450-4", problem(inverted)), section("47519-4", operation("", number)))
    assert the(done, "Procedure")["reasonReference"] == [
        {"reference": f"Condition/{the(done, 'Condition')['id']}"}
    ]


def test_what_many_entries_share_costs_no_more_than_a_count_of_them() -> None:
    shared = '<id root="2.16.840.1.113883.3.9911.52" extension="S"/>'
    entries = [
        finding(f"{number}-1", shared).replace(
            "</observation>", related(entry_reference(shared), "SPRT") + "</observation>"
        )
        for number in range(30)
    ]
    done = converted(section("30954-2", *entries))
    told = [one for one in done.report.statements if one.template.endswith("22.4.122")]
    assert len(told) == 30
    assert {(one.resources, one.reason) for one in told} == {
        ((), "the id that it refers to is that of several entries")
    }


@pytest.mark.parametrize(("said", "expected"), [("NA", "(NA)"), ("Ines Halvorsen", "(of no known flavor)")])
def test_the_report_repeats_no_words_of_a_sender_as_null_flavor(said: str, expected: str) -> None:
    supply = f'<supply classCode="SPLY" moodCode="EVN" nullFlavor="{said}"/>'
    done = converted(section("46264-8", supply))
    account = next(one for one in done.report.statements if one.path.endswith("supply"))
    assert account.reason == f"the statement is null as a whole {expected}"


def test_an_indication_of_a_known_problems_id_is_a_reason_reference_beside_the_code() -> None:
    said = value("38341003", SNOMED, "Hypertension")
    inner = f"{PROBLEM_ID}{code('code', '55607006', SNOMED)}"
    indication = observation(template(".4.19"), inner, said)
    done = converted(
        section("10160-0", medication(related(indication, "RSON"))), section("11450-4", problem())
    )
    made = the(done, "MedicationStatement")
    assert made["reasonReference"] == [{"reference": f"Condition/{the(done, 'Condition')['id']}"}]
    assert made["reasonCode"][0]["coding"][0]["code"] == "38341003"


@pytest.mark.parametrize(
    ("attributes", "inner"),
    [
        ('negationInd="true"', ""),
        ("", '<subject><relatedSubject classCode="PRS"><code code="FTH" displayName="Father"/></relatedSubject></subject>'),
    ],
)  # fmt: skip
def test_an_indication_that_is_denied_or_of_another_is_no_reason(attributes: str, inner: str) -> None:
    said = value("38341003", SNOMED, "Hypertension")
    indication = observation(
        template(".4.19"), code("code", "55607006", SNOMED, "Problem"), said, inner, attributes
    )
    done = converted(section("10160-0", medication(related(indication, "RSON"))))
    made = the(done, "MedicationStatement")
    assert "reasonCode" not in made
    assert not of_type(done, "Condition")
    [note] = made["note"]
    assert note["text"] in ("Not so: Problem: Hypertension", "Of Father: Problem: Hypertension")


VISIT = '<id root="2.16.840.1.113883.3.9911.30" extension="V9"/>'


@pytest.mark.parametrize(
    ("entry", "section_code", "kind", "field"),
    [
        (immunization(related(f'<encounter classCode="ENC" moodCode="EVN">{VISIT}</encounter>', "COMP", 'inversionInd="true"')), "11369-6", "Immunization", "encounter"),
        (medication(related(f'<encounter classCode="ENC" moodCode="EVN">{VISIT}</encounter>', "COMP")), "10160-0", "MedicationStatement", "context"),
    ],
)  # fmt: skip
def test_an_encounter_named_by_its_id_is_the_encounter_of_what_names_it(
    entry: str, section_code: str, kind: str, field: str
) -> None:
    visit = f'<encounter classCode="ENC" moodCode="EVN">{template(".4.49")}{VISIT}{code("code", "185349003", SNOMED)}<effectiveTime value="2024"/></encounter>'
    done = converted(section(section_code, entry), section("46240-8", visit))
    assert the(done, kind)[field] == {"reference": f"Encounter/{the(done, 'Encounter')['id']}"}


def test_a_visit_that_is_only_planned_is_not_when_something_was_found() -> None:
    later = f'<encounter classCode="ENC" moodCode="INT">{VISIT}{code("code", "185389009", SNOMED, "Follow-up")}</encounter>'
    done = converted(section("10160-0", medication(related(later, "COMP"))))
    assert "context" not in the(done, "MedicationStatement")
    assert the(done, "Encounter")["status"] == "planned"


def concern(*inner: str) -> str:
    """A Health Concern Act."""
    return (
        f'<act classCode="ACT" moodCode="EVN">{template(".4.132")}<code code="75310-3" codeSystem="{LOINC}"/>'
        f'<statusCode code="active"/>{"".join(inner)}</act>'
    )


def diagnosis(sct: str, words: str) -> str:
    """A problem within a health concern."""
    return related(
        observation(template(".4.4"), code("code", "55607006", SNOMED), value(sct, SNOMED, words)), "REFR"
    )


def test_the_evidence_of_a_concern_is_that_of_its_only_problem_and_of_no_observation_within_it() -> None:
    number = '<id root="2.16.840.1.113883.3.9911.50" extension="O1"/>'
    weight = observation(
        template(".4.2"),
        f"{number}{code('code', '29463-7', LOINC)}",
        '<value xsi:type="PQ" value="120" unit="kg"/>',
    )
    girth = related(observation(template(".4.67"), code("code", "8280-0", LOINC, "Girth"), ""), "SPRT")
    evidence = related(entry_reference(number), "SPRT")
    one = concern(diagnosis("414916001", "Obesity"), girth, evidence)
    done = converted(section("75310-3", one), section("30954-2", weight))
    result = next(
        made for made in of_type(done, "Observation") if made["code"]["coding"][0]["code"] == "29463-7"
    )
    assert the(done, "Condition")["evidence"] == [{"detail": [{"reference": f"Observation/{result['id']}"}]}]
    assert not any("derivedFrom" in made for made in of_type(done, "Observation"))
    two = concern(diagnosis("414916001", "Obesity"), diagnosis("38341003", "Hypertension"), evidence)
    done = converted(section("75310-3", two), section("30954-2", weight))
    assert not any("evidence" in made for made in of_type(done, "Condition"))
