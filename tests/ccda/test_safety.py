"""What must never be said of a patient: another's problem, a plan as a fact, an error as a diagnosis."""

from __future__ import annotations

import pytest

from tests.ccda.builders import (
    AUTHOR,
    SNOMED,
    allergy,
    code,
    converted,
    medication,
    observation,
    of_type,
    problem,
    related,
    section,
    status_of,
    template,
    the,
)

FATHER = (
    '<subject><relatedSubject classCode="PRS"><code code="FTH" codeSystem="2.16.840.1.113883.5.111"/>'
    "</relatedSubject></subject>"
)
ONESELF = FATHER.replace("FTH", "SELF")


def _visit(ids: str, time: str, mood: str = "EVN", inner: str = "", root: str = ".4.49") -> str:
    return (
        f'<encounter classCode="ENC" moodCode="{mood}">{template(root)}{ids}'
        f"{code('code', '185349003', SNOMED, 'Check up')}{inner}<effectiveTime value='{time}'/></encounter>"
    )


@pytest.mark.parametrize(
    "ids", ['<id root="2.16.840.1.113883.3.9911.20"/>', '<id root="1.2.3" extension="0"/>']
)
def test_visits_at_different_times_stay_apart_whatever_identifier_they_share(ids: str) -> None:
    done = converted(section("46240-8", *(_visit(ids, f"202401{day}") for day in ("05", "06", "07"))))
    assert sorted(one["period"]["start"] for one in of_type(done, "Encounter")) == [
        "2024-01-05",
        "2024-01-06",
        "2024-01-07",
    ]


def test_a_bare_oid_does_not_join_encounters_of_the_same_time_and_a_uuid_does() -> None:
    header = AUTHOR + (
        "<componentOf><encompassingEncounter>{}<effectiveTime value='20240105'/></encompassingEncounter>"
        "</componentOf>"
    )
    for ids, expected in (
        ('<id root="2.16.840.1.113883.3.9911.20"/>', 2),
        ('<id root="1b0e4c9a-3d51-4a4e-9a55-0c1de1f7a001"/>', 1),
    ):
        done = converted(section("46240-8", _visit(ids, "20240105")), header=header.format(ids))
        assert len(of_type(done, "Encounter")) == expected


def test_an_encounter_that_is_said_once_with_and_once_without_its_end_is_one() -> None:
    ids = '<id root="2.16.840.1.113883.3.9911.20" extension="V7"/>'
    header = AUTHOR + (
        f"<componentOf><encompassingEncounter>{ids}<effectiveTime><low value='20240105'/>"
        "<high value='20240109'/></effectiveTime></encompassingEncounter></componentOf>"
    )
    made = the(converted(section("46240-8", _visit(ids, "20240105")), header=header), "Encounter")
    assert made["period"] == {"start": "2024-01-05", "end": "2024-01-09"}


@pytest.mark.parametrize("where", ["act", "observation"])
@pytest.mark.parametrize(
    ("statement", "section_code", "kind"),
    [(problem(), "11450-4", "Condition"), (allergy(), "48765-2", "AllergyIntolerance")],
)
def test_what_is_nullified_is_entered_in_error(
    where: str, statement: str, section_code: str, kind: str
) -> None:
    old = "active" if where == "act" else "completed"
    entry = statement.replace(f'<statusCode code="{old}"/>', '<statusCode code="nullified"/>', 1)
    made = the(converted(section(section_code, entry)), kind)
    assert status_of(made["verificationStatus"]) == "entered-in-error"
    assert "clinicalStatus" not in made


def test_a_nullified_health_concern_is_entered_in_error() -> None:
    entry = (
        f'<act classCode="ACT" moodCode="EVN">{template(".4.132")}<code code="75310-3"/>'
        '<text>Lives alone</text><statusCode code="nullified"/></act>'
    )
    made = the(converted(section("75310-3", entry)), "Condition")
    assert status_of(made["verificationStatus"]) == "entered-in-error"
    assert "clinicalStatus" not in made


def test_a_status_code_that_is_no_clinical_status_is_not_made_active() -> None:
    for statement, section_code, kind in (
        (problem(), "11450-4", "Condition"),
        (allergy(), "48765-2", "AllergyIntolerance"),
    ):
        entry = statement.replace('<statusCode code="active"/>', '<statusCode code="obsolete"/>')
        made = the(converted(section(section_code, entry)), kind)
        assert "coding" not in made.get("clinicalStatus", {})


def test_a_problem_of_the_father_is_family_history_and_his_result_is_only_reported() -> None:
    entry = problem().replace('<statusCode code="active"/>', f'<statusCode code="active"/>{FATHER}')
    done = converted(section("11450-4", entry))
    assert not of_type(done, "Condition")
    made = the(done, "FamilyMemberHistory")
    assert status_of(made["relationship"]) == "FTH"
    assert status_of(made["condition"][0]["code"]) == "38341003"
    result = observation(template(".4.2"), code("code", "718-7", "2.16.840.1.113883.6.1"), "", FATHER)
    done = converted(section("30954-2", result))
    assert not of_type(done, "Observation")
    assert [one.reason for one in done.report.statements] == ["about another person"]


def test_a_subject_who_is_the_patient_changes_nothing_and_that_of_a_section_holds_for_its_entries() -> None:
    entry = problem().replace('<statusCode code="active"/>', f'<statusCode code="active"/>{ONESELF}')
    assert of_type(converted(section("11450-4", entry)), "Condition")
    whole = section("11450-4", problem()).replace("<text>", f"{FATHER}<text>")
    done = converted(whole)
    assert not of_type(done, "Condition")
    assert status_of(the(done, "FamilyMemberHistory")["relationship"]) == "FTH"


def test_a_problem_observation_in_the_family_history_is_not_the_patients() -> None:
    done = converted(section("10157-6", problem()))
    assert not of_type(done, "Condition")
    assert the(done, "FamilyMemberHistory")["condition"]


def test_a_completed_diagnosis_act_says_nothing_of_the_problem() -> None:
    act = problem().replace('<statusCode code="active"/>', '<statusCode code="completed"/>')
    diagnosis = act.replace(template(".4.3"), template(".4.80"))
    inside = related(diagnosis, "COMP")
    done = converted(section("46240-8", _visit("", "20240105", inner=inside)))
    assert "clinicalStatus" not in the(done, "Condition")
    assert status_of(the(converted(section("11450-4", act)), "Condition")["clinicalStatus"]) == "inactive"


@pytest.mark.parametrize("mood", ["INT", "RQO", "PRP", "PRMS", "GOL"])
def test_what_is_only_planned_is_neither_a_finding_nor_a_problem(mood: str) -> None:
    result = observation(template(".4.2"), code("code", "718-7", "2.16.840.1.113883.6.1", "Hemoglobin"), "")
    sign = observation(template(".4.27"), code("code", "8867-4", "2.16.840.1.113883.6.1", "Pulse"), "")
    bare = problem().partition('typeCode="SUBJ">')[2].partition("</entryRelationship>")[0]
    for section_code, entry in (("30954-2", result), ("8716-3", sign), ("11450-4", bare)):
        done = converted(section(section_code, entry.replace('moodCode="EVN"', f'moodCode="{mood}"')))
        assert not of_type(done, "Observation")
        assert not of_type(done, "Condition")
        made = the(done, "Goal" if mood == "GOL" else "ServiceRequest")
        if section_code == "11450-4" and mood != "GOL":
            assert made["note"] == [{"text": "Value in the source: Hypertension"}]


@pytest.mark.parametrize(("said", "expected"), [("cancelled", "cancelled"), ("active", "planned")])
def test_a_planned_encounter_that_was_called_off_is_cancelled(said: str, expected: str) -> None:
    entry = _visit("", "20240105", "INT", f'<statusCode code="{said}"/>', ".4.40")
    assert the(converted(section("18776-5", entry)), "Encounter")["status"] == expected


def _pivl(value: str, unit: str, operator: str = "") -> str:
    return (
        f'<effectiveTime xsi:type="PIVL_TS"{operator}><period value="{value}" unit="{unit}"/></effectiveTime>'
    )


def test_each_event_and_each_period_of_a_medication_is_kept() -> None:
    events = "".join(
        f'<effectiveTime xsi:type="EIVL_TS"><event code="{one}"/></effectiveTime>' for one in ("ACM", "HS")
    )
    done = the(converted(section("10160-0", medication(times=events))), "MedicationStatement")
    assert done["dosage"][0]["timing"]["repeat"]["when"] == ["ACM", "HS"]
    both = the(
        converted(section("10160-0", medication(times=_pivl("12", "h") + _pivl("1", "wk")))),
        "MedicationStatement",
    )
    assert [one["sequence"] for one in both["dosage"]] == [1, 1]
    assert [one["timing"]["repeat"]["periodUnit"] for one in both["dosage"]] == ["h", "wk"]


def test_periods_that_cannot_be_told_together_are_kept_as_text() -> None:
    odd = '<effectiveTime xsi:type="EIVL_TS"><event code="{}"/></effectiveTime>'
    for times, text in (
        (odd.format("NOON") + odd.format("HS"), "at NOON, at HS"),
        (_pivl("12", "h") + _pivl("1", "wk", ' operator="A"'), "every 12 h, every 1 wk"),
        (_pivl("12", "h") + _pivl("3", "moons"), "every 12 h, every 3 moons"),
    ):
        made = the(converted(section("10160-0", medication(times=times))), "MedicationStatement")
        assert made["dosage"] == [{"text": f"Times in the source: {text}"}]


def test_a_dose_of_which_only_the_most_is_known_is_a_range() -> None:
    dose = '<doseQuantity><high value="2" unit="mg"/></doseQuantity>'
    made = the(converted(section("10160-0", medication(dose))), "MedicationStatement")
    (one,) = made["dosage"][0]["doseAndRate"]
    assert one["doseRange"]["high"]["value"] == 2
    assert "low" not in one["doseRange"]
