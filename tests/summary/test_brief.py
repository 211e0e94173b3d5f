"""The brief by rules: what it tells, what it must never tell, and from where."""

from __future__ import annotations

import random
from typing import Any

import pytest

from chartbridge.summary.brief import Brief, extract
from chartbridge.summary.brief.binary import SENTENCE_URL, binary
from chartbridge.summary.brief.statements import CONFLICT_URL
from chartbridge.summary.page import BRIEF_SOURCE
from tests.fhir.test_schema import everything_about
from tests.summary.charts import PATIENT, Json, coded, lab, medication, text

LIST = [coded("problem-list-item")]


def problem(id_: str, name: str, **elements: Any) -> Json:
    stated = {
        "category": LIST,
        "clinicalStatus": coded("active"),
        "verificationStatus": coded("confirmed"),
        "recordedDate": "2024-05-01",
    }
    return {"resourceType": "Condition", "id": id_, "code": text(name), **stated, **elements}


def allergy(id_: str, name: str, **elements: Any) -> Json:
    stated = {"clinicalStatus": coded("active"), "verificationStatus": coded("confirmed")}
    return {"resourceType": "AllergyIntolerance", "id": id_, "code": text(name), **stated, **elements}


def taken(id_: str, name: str, **elements: Any) -> Json:
    return medication("MedicationStatement", name, id=id_, **elements)


def told(*resources: Json, patient: Json = PATIENT) -> str:
    return extract(resources, patient).text


def chronic(code: str) -> list[Json]:
    url = "http://hl7.org/fhir/StructureDefinition/condition-related"
    return [{"url": url, "valueCoding": {"code": code}}]


@pytest.mark.parametrize("first_name", ["Jane", "Kyla", "Ollie"])
def test_a_personas_brief_is_short_and_each_sentence_says_from_where(first_name: str) -> None:
    chart = everything_about(first_name)
    brief = extract(chart, PATIENT)
    assert 80 <= len(brief.text.split()) <= 180
    assert "\n" not in brief.text
    names = {f"{one['resourceType']}/{one['id']}" for one in [*chart, PATIENT]}
    for sentence in brief.sentences:
        assert sentence.references
        assert set(sentence.references) <= names
    random.Random(5).shuffle(chart)
    assert extract(chart, PATIENT) == brief


def test_it_tells_what_matters_most_first() -> None:
    brief = extract(
        [
            problem("c1", "Sprain", onsetDateTime="2024"),
            problem("c2", "Asthma", extension=chronic("C"), onsetDateTime="1999"),
            allergy("a1", "Latex"),
            allergy("a2", "Penicillin", criticality="high", reaction=[{"manifestation": [text("Hives")]}]),
            taken("m1", "Salbutamol", effectivePeriod={"start": "2023-02-01"}),
            lab(
                "Potassium",
                id="o1",
                effectiveDateTime="2024-04-30T08:00:00Z",
                valueQuantity={"value": 6.1, "unit": "mmol/L"},
                interpretation=[coded("HH")],
            ),
        ],
        PATIENT,
    )
    assert [sentence.text for sentence in brief.sentences] == [
        "This is the chart of a 28-year-old female patient, as of its latest entry on May 1, 2024.",
        "The one active chronic problem is Asthma (since 1999).",
        "Another active problem is Sprain (since 2024).",
        "Known allergies and intolerances are Penicillin (high criticality, reaction Hives); Latex.",
        "The one current medication is Salbutamol (since Feb 1, 2023).",
        "A recent result marked as abnormal is Potassium 6.1 mmol/L (Critically high, Apr 30, 2024).",
    ]
    assert brief.sentences[3].references == ("AllergyIntolerance/a1", "AllergyIntolerance/a2")


@pytest.mark.parametrize(
    "silent",
    [
        problem("x", "Stroke", verificationStatus=coded("refuted")),
        problem("x", "Stroke", verificationStatus=coded("entered-in-error")),
        problem("x", "Stroke", verificationStatus=coded("provisional")),
        problem("x", "Stroke", clinicalStatus=coded("resolved")),
        problem("x", "Stroke", abatementDateTime="2020"),
        problem("x", "Stroke", modifierExtension=[{"url": "urn:x", "valueBoolean": True}]),
        problem("x", "Family history of stroke"),
        problem("x", "No current problems: stroke"),
        problem("x", "Rule out stroke"),
        problem("x", "Stroke?"),
        problem("x", "Stroke " * 40),
        problem("x", "Stroke", subject={"reference": "RelatedPerson/1"}),
        {"resourceType": "FamilyMemberHistory", "id": "x", "condition": [{"code": text("Stroke")}]},
        taken("x", "Stroke drug", status="not-taken"),
        taken("x", "Stroke drug", status="intended"),
        taken("x", "Stroke drug", effectivePeriod={"end": "2024-04-30"}),
        medication("MedicationRequest", "Stroke drug", id="x", intent="plan"),
        medication("MedicationRequest", "Stroke drug", id="x", status="draft", intent="order"),
        {"resourceType": "Procedure", "id": "x", "status": "not-done", "code": text("Stroke care"),
         "performedDateTime": "2024-01-01"},
        {"resourceType": "Procedure", "id": "x", "status": "preparation", "code": text("Stroke care"),
         "performedDateTime": "2024-01-01"},
        {"resourceType": "Immunization", "id": "x", "status": "not-done", "vaccineCode": text("Stroke"),
         "occurrenceDateTime": "2024-01-01"},
        {"resourceType": "Encounter", "id": "x", "status": "planned", "type": [text("Stroke unit")],
         "period": {"start": "2024-01-01"}},
        {"resourceType": "Encounter", "id": "x", "status": "entered-in-error", "type": [text("Stroke unit")],
         "period": {"start": "2024-01-01"}},
        lab("Stroke marker", id="x", effectiveDateTime="2024-01-01", valueInteger=9, status="cancelled",
            interpretation=[coded("H")]),
        lab("Stroke marker", id="x", effectiveDateTime="2024-01-01", valueInteger=9,
            interpretation=[coded("N")]),
        {"resourceType": "Goal", "id": "x", "description": text("No more stroke")},
    ],
)  # fmt: skip
def test_it_is_silent_about(silent: Json) -> None:
    assert "stroke" not in told(problem("c", "Asthma"), silent).casefold()
    assert "Asthma" in told(problem("c", "Asthma"), silent)


class TestAllergies:
    def test_none_known_is_told_as_stated(self) -> None:
        none = allergy("n", "") | {"code": coded("716186003", "No known allergy")}
        assert "Of allergies the chart states: No known allergy." in told(problem("c", "Asthma"), none)
        both = told(none, allergy("a", "Latex"))
        assert "Latex" in both
        assert "No known" not in both

    def test_nothing_stated_is_not_none(self) -> None:
        shown = told(problem("c", "Asthma"))
        assert "No active allergy is stated, nor that there is none." in shown

    def test_a_refuted_one_and_a_refuted_denial_are_told_as_neither(self) -> None:
        refuted = coded("refuted")
        denial = allergy("n", "") | {"code": coded("716186003", "No known allergy")}
        for held in (
            allergy("a", "Latex", verificationStatus=refuted),
            denial | {"verificationStatus": refuted},
        ):
            shown = told(problem("c", "Asthma"), held)
            assert "Latex" not in shown
            assert "No known" not in shown

    def test_one_without_a_name_and_one_in_doubt_are_not_left_out(self) -> None:
        shown = told(allergy("a", ""), allergy("b", "Latex", verificationStatus=coded("unconfirmed")))
        assert "a substance that is not named" in shown
        assert "Latex (unconfirmed)" in shown

    def test_one_that_is_over_says_so(self) -> None:
        shown = told(allergy("a", "Latex", clinicalStatus=coded("resolved")))
        assert "An allergy that is no longer active is Latex." in shown

    def test_what_there_is_no_room_for_is_counted(self) -> None:
        shown = told(
            *(allergy(f"a{i:02}", f"Substance {'of great and terrible length ' * 3}{i}") for i in range(40))
        )
        assert len(shown.split()) <= 250
        assert "and 34 more" in shown


class TestContradictions:
    def conflicting(self, other: str) -> list[Json]:
        return [{"url": CONFLICT_URL, "valueReference": {"reference": other}}]

    def test_what_is_linked_as_conflicting_is_told_as_that(self) -> None:
        shown = told(
            problem("c", "Diabetes", extension=self.conflicting("Condition/d")),
            problem("d", "Diabetes", verificationStatus=coded("refuted")),
            allergy("a", "Latex", extension=self.conflicting("AllergyIntolerance/b")),
        )
        assert "The sources contradict each other about Diabetes; Latex." in shown
        assert "active problem" not in shown
        assert "Known allerg" not in shown

    def test_active_and_refuted_is_a_contradiction_though_nothing_links_them(self) -> None:
        code = {"coding": [{"system": "urn:s", "code": "1", "display": "Gout"}]}
        shown = told(
            problem("c", "") | {"code": code},
            problem("d", "", verificationStatus=coded("refuted")) | {"code": code},
        )
        assert "contradict each other about Gout" in shown

    def test_taken_and_not_taken_is_one(self) -> None:
        shown = told(taken("m", "Warfarin"), taken("n", "Warfarin", status="not-taken"))
        assert "contradict each other about Warfarin" in shown
        assert "current medication" not in shown

    def test_results_of_one_day_that_differ_are_left_out(self) -> None:
        held = [
            lab("K", id=f"o{i}", effectiveDateTime="2024-01-01", valueInteger=i, interpretation=[coded("H")])
            for i in (6, 7)
        ]
        assert "K 6" not in told(problem("c", "Asthma"), *held)

    def test_an_order_not_to_give_is_told_as_that(self) -> None:
        forbidden = medication("MedicationRequest", "Ibuprofen", id="m", doNotPerform=True, intent="order")
        assert "Orders say not to give Ibuprofen." in told(forbidden)


def test_an_abnormal_result_that_a_normal_one_followed_is_past() -> None:
    held = [
        lab("K", id="o1", effectiveDateTime="2024-01-01", valueInteger=7, interpretation=[coded("H")]),
        lab("K", id="o2", effectiveDateTime="2024-02-01", valueInteger=4, interpretation=[coded("N")]),
    ]
    assert "abnormal" not in told(problem("c", "Asthma"), *held)


def test_an_entry_of_the_future_does_not_make_the_patient_older() -> None:
    held = [problem("c", "Asthma"), problem("d", "Gout", recordedDate="2099-01-01")]
    assert "28-year-old" in extract(held, PATIENT, "2026-02-01").text


def test_nothing_to_tell_makes_no_brief() -> None:
    assert extract([], PATIENT) == Brief(())
    assert not extract([{"resourceType": "Organization", "id": "o", "name": "Clinic"}], PATIENT).sentences


def test_as_binary_it_names_its_sources_without_referring_to_them() -> None:
    brief = extract([problem("c", "Asthma")], PATIENT)
    made = binary(brief, "p", writer="rules")
    assert made["meta"]["source"] == BRIEF_SOURCE
    assert (
        made["id"]
        == binary(Brief(()), "p", writer="another")["id"]
        != binary(brief, "q", writer="rules")["id"]
    )
    sentences = [one for one in made["meta"]["extension"] if one["url"] == SENTENCE_URL]
    assert [one["extension"][0]["valueString"] for one in sentences] == [one.text for one in brief.sentences]
    assert {"url": "source", "valueUri": "Condition/c"} in sentences[1]["extension"]
