"""What the rules join, what they keep apart, and what becomes of the rest."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chartbridge.consolidate.conflicts import CONFLICT_URL
from chartbridge.consolidate.merge import SourceBundle, consolidate
from chartbridge.fhir.references import Resource
from tests.consolidate.builders import PATIENT, by_type, document, resource

SCT, ICD = "http://snomed.info/sct", "http://hl7.org/fhir/sid/icd-10-cm"


def coded(*codes: tuple[str, str], text: str | None = None) -> Resource:
    made: Resource = {"coding": [{"system": system, "code": code} for system, code in codes]}
    return made if text is None else {**made, "text": text}


def problem(id_: str, code: Resource, status: str = "active", **elements: Any) -> Resource:
    return resource("Condition", id_, code=code, clinicalStatus={"coding": [{"code": status}]}, **elements)


def allergy(id_: str, code: Resource, **elements: Any) -> Resource:
    active = {"coding": [{"code": "active"}]}
    return resource("AllergyIntolerance", id_, **{"code": code, "clinicalStatus": active, **elements})


def chart_of(*sources: SourceBundle) -> list[Resource]:
    made = consolidate(sources, patient=PATIENT)
    assert consolidate(reversed(sources), patient=PATIENT) == made
    assert consolidate([made.as_source()], patient=PATIENT).resources == made.resources
    return made.resources


def conflicting(held: Resource) -> list[str]:
    found = [one for one in held.get("extension", []) if one["url"] == CONFLICT_URL]
    return [one["valueReference"]["reference"] for one in found]


DIABETES = coded((SCT, "44054006"))


def test_a_shared_translation_joins_and_every_coding_is_kept() -> None:
    both = coded((SCT, "44054006"), (ICD, "E11.9"))
    chart = chart_of(document("a", problem("c1", DIABETES)), document("b", problem("c2", both)),
                     document("c", problem("c3", coded((ICD, "E11.9")))))  # fmt: skip
    (held,) = by_type(chart, "Condition")
    assert {one["code"] for one in held["code"]["coding"]} == {"44054006", "E11.9"}


def test_an_inexact_crosswalk_joins_nothing() -> None:
    extension = {
        "url": "https://chartbridge.dev/fhir/StructureDefinition/crosswalk",
        "valueString": "m (wider)",
    }
    code = coded((SCT, "44054006"))
    code["coding"].append({"system": ICD, "code": "E11.9", "userSelected": False, "extension": [extension]})
    chart = chart_of(document("a", problem("c1", code)), document("b", problem("c2", coded((ICD, "E11.9")))))
    assert len(by_type(chart, "Condition")) == 2


@pytest.mark.parametrize(("one", "other", "count"), [("2012", "2012-03-05", 1), ("2012", "2013-03-05", 2)])
def test_a_date_fits_a_more_precise_one_within_it(one: str, other: str, count: int) -> None:
    chart = chart_of(document("a", problem("c1", DIABETES, onsetDateTime=one)),
                     document("b", problem("c2", DIABETES, onsetDateTime=other)))  # fmt: skip
    held = by_type(chart, "Condition")
    assert len(held) == count
    assert count == 2 or held[0]["onsetDateTime"] == other


def test_an_undated_problem_between_two_episodes_stays_apart() -> None:
    chart = chart_of(document("a", problem("c1", DIABETES, onsetDateTime="2012")),
                     document("b", problem("c2", DIABETES, onsetDateTime="2015")),
                     document("c", problem("c3", DIABETES)))  # fmt: skip
    assert len(by_type(chart, "Condition")) == 3


def test_what_newer_sources_call_resolved_is_resolved() -> None:
    over = problem("c2", DIABETES, "resolved", onsetDateTime="2012", abatementDateTime="2020")
    chart = chart_of(document("a", problem("c1", DIABETES, onsetDateTime="2012"), date="2019"),
                     document("b", over, date="2021"))  # fmt: skip
    (held,) = by_type(chart, "Condition")
    assert held["clinicalStatus"]["coding"][0]["code"] == "resolved"
    assert held["abatementDateTime"] == "2020"


def test_what_was_resolved_and_is_active_again_stays_two_that_refer_to_each_other() -> None:
    chart = chart_of(document("a", problem("c1", DIABETES, "resolved"), date="2019"),
                     document("b", problem("c2", DIABETES), date="2021"))  # fmt: skip
    assert [conflicting(held) for held in by_type(chart, "Condition")] == [["Condition/c2"], ["Condition/c1"]]


def test_a_refuted_allergy_never_joins_an_affirmed_one() -> None:
    penicillin = coded((SCT, "373270004"))
    refuted = allergy("a2", penicillin, verificationStatus={"coding": [{"code": "refuted"}]})
    chart = chart_of(document("a", allergy("a1", penicillin)), document("b", refuted))
    linked = [conflicting(held) for held in by_type(chart, "AllergyIntolerance")]
    assert linked == [["AllergyIntolerance/a2"], ["AllergyIntolerance/a1"]]


def test_no_known_allergies_give_way_to_a_known_one_and_can_still_be_read() -> None:
    none = allergy("a1", coded((SCT, "716186003")), identifier=[{"system": "urn:x", "value": "nka"}])
    paper = resource("Composition", "p", section=[{"entry": [{"reference": "AllergyIntolerance/a1"}]}])
    chart = chart_of(document("a", none, paper), document("b", allergy("a2", coded((SCT, "373270004")))))
    assert [held["id"] for held in by_type(chart, "AllergyIntolerance")] == ["a2"]
    (trace,) = by_type(chart, "Provenance")
    assert trace["contained"][0]["identifier"] == none["identifier"]
    assert trace["target"] == [{"reference": "AllergyIntolerance/a2"}]
    entry = by_type(chart, "Composition")[0]["section"][0]["entry"]
    assert entry == [{"reference": f"Provenance/{trace['id']}"}]


def test_no_known_drug_allergy_stays_beside_an_allergy_to_a_food() -> None:
    peanut = allergy("a2", coded((SCT, "762952008")), category=["food"])
    chart = chart_of(document("a", allergy("a1", coded((SCT, "409137002")))), document("b", peanut))
    assert len(by_type(chart, "AllergyIntolerance")) == 2


@pytest.mark.parametrize(
    ("npis", "count"), [(("1234567893", "1234567893"), 1), (("1234567893", "1245319599"), 2)]
)
def test_practitioners_are_told_by_their_npi(npis: tuple[str, str], count: int) -> None:
    def doctor(number: int) -> Resource:
        identifier = {"system": "http://hl7.org/fhir/sid/us-npi", "value": npis[number]}
        phone = [{"system": "phone", "value": "555-555-1002"}]
        name = [{"family": "Davis", "given": ["Albert"]}]
        return resource("Practitioner", f"d{number}", identifier=[identifier], telecom=phone, name=name)

    assert len(by_type(chart_of(document("a", doctor(0)), document("b", doctor(1))), "Practitioner")) == count


def test_two_doses_contradict_each_other_and_tablets_do_not() -> None:
    def taken(id_: str, value: float, unit: str) -> Resource:
        dose = {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit}
        return resource("MedicationStatement", id_, status="active", effectiveDateTime="2015-06-22",
                        medicationCodeableConcept=coded((SCT, "387517004")),
                        dosage=[{"doseAndRate": [{"doseQuantity": dose}]}])  # fmt: skip

    chart = chart_of(document("a", taken("m1", 500, "mg")), document("b", taken("m2", 250, "mg")))
    assert [len(conflicting(held)) for held in by_type(chart, "MedicationStatement")] == [1, 1]
    (one,) = by_type(
        chart_of(document("a", taken("m1", 500, "mg")), document("b", taken("m2", 2, "{tbl}"))),
        "MedicationStatement",
    )
    assert "{tbl}" in json.dumps(one)
    assert one["dosage"][0]["doseAndRate"][0]["doseQuantity"]["value"] == 500
