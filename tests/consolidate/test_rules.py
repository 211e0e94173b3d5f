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


LOINC, CPT = "http://loinc.org", "http://www.ama-assn.org/go/cpt"
NO_KNOWN_ALLERGY = coded((SCT, "716186003"))


def count(kind: str, *resources: Resource) -> int:
    """How many of a kind are in the chart of documents with one resource each."""
    return len(by_type(chart_of(*(document(f"d{n}", one) for n, one in enumerate(resources))), kind))


@pytest.mark.parametrize("code", ["419199007", "419511003", "416098002", "420134006", "418038007"])
def test_no_known_allergy_does_not_give_way_to_an_allergy_without_a_substance(code: str) -> None:
    unnamed = coded((SCT, code), ("http://terminology.hl7.org/CodeSystem/v3-NullFlavor", "UNK"))
    assert count("AllergyIntolerance", allergy("a1", NO_KNOWN_ALLERGY), allergy("a2", unnamed)) == 2
    in_words = allergy("a3", {"text": "Allergy to substance"})
    assert count("AllergyIntolerance", allergy("a1", NO_KNOWN_ALLERGY), in_words) == 2


def test_no_known_allergy_is_one_whatever_its_code_day_and_status() -> None:
    over = allergy("a2", coded((SCT, "160244002")), clinicalStatus={"coding": [{"code": "inactive"}]})
    dated = allergy("a3", {"text": "No known allergies"}, onsetDateTime="2015-07-22")
    assert count("AllergyIntolerance", allergy("a1", NO_KNOWN_ALLERGY), over, dated) == 1
    no_drug = allergy("a4", coded((SCT, "409137002")))
    assert count("AllergyIntolerance", allergy("a1", NO_KNOWN_ALLERGY), no_drug) == 2


def test_a_whole_kind_denied_is_one_and_never_one_with_a_refused_vaccine() -> None:
    def vaccine(id_: str, code: Resource, **elements: Any) -> Resource:
        return resource("Immunization", id_, status="not-done", vaccineCode=code, **elements)

    denied = [
        vaccine("i1", coded((SCT, "71181003"), text="Vaccination")),
        vaccine("i2", {"text": "No Known Immunizations"}),
        vaccine("i3", coded((SCT, "410942007")), occurrenceDateTime="2017-05-04"),
    ]
    assert count("Immunization", *denied) == 1
    refused = vaccine("i4", coded(("http://hl7.org/fhir/sid/cvx", "140")), occurrenceDateTime="2017-05-04")
    assert count("Immunization", *denied, refused) == 2


def ordered(id_: str, *dosage: Resource, **elements: Any) -> Resource:
    return resource("MedicationRequest", id_, status="active", intent="order", dosageInstruction=list(dosage),
                    medicationCodeableConcept=coded((SCT, "387517004")), **elements)  # fmt: skip


def test_an_undated_order_takes_no_day_of_another_order() -> None:
    valid = {"validityPeriod": {"start": "2017-10-30"}}
    orders = [ordered("m1"), ordered("m2"), ordered("m3", dispenseRequest=valid),
              ordered("m4", authoredOn="2015-06-22")]  # fmt: skip
    assert count("MedicationRequest", *orders) == 3
    assert count("MedicationRequest", orders[2], ordered("m5", authoredOn="2017-10-30")) == 1


def test_a_dosage_stands_as_one_source_told_it() -> None:
    dose = {"value": 500, "unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg"}
    amount = {"doseAndRate": [{"doseQuantity": dose}]}
    rhythm = {"text": "daily", "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}}}
    newer = document("b", ordered("m2", rhythm, authoredOn="2015-06-22"), date="2024-06-01")
    chart = chart_of(document("a", ordered("m1", amount, authoredOn="2015-06-22")), newer)
    (held,) = by_type(chart, "MedicationRequest")
    assert held["dosageInstruction"] == [rhythm]
    assert "500" in json.dumps(held["extension"])
    twice = {"timing": {"repeat": {"frequency": 2, "period": 1, "periodUnit": "d"}}}
    other = document("c", ordered("m3", twice, authoredOn="2015-06-22"))
    assert len(by_type(chart_of(SourceBundle(chart), other), "MedicationRequest")) == 2


def saturation(id_: str, **elements: Any) -> Resource:
    value = {"value": 95, "unit": "%"}
    code = coded((LOINC, "59408-5"))
    return resource("Observation", id_, status="final", code=code, valueQuantity=value, **elements)


def test_two_times_of_a_day_never_join_by_way_of_the_day() -> None:
    exact = [saturation("o1", effectiveDateTime="2015-06-22T10:12:00-05:00"),
             saturation("o2", effectiveDateTime="2015-06-22T13:00:41Z")]  # fmt: skip
    days = [saturation("o3", effectiveDateTime="2015-06-22"),
            saturation("o4", effectivePeriod={"start": "2015-06-22"})]  # fmt: skip
    newest = document("z", days[1], date="2025-01-01")
    chart = by_type(chart_of(*(document(one["id"], one) for one in [*exact, days[0]]), newest), "Observation")
    assert len(chart) == 2
    assert all("10:12" in str(held) or "13:00" in str(held) for held in chart)


def test_what_happens_more_than_once_a_day_does_not_join_a_time_by_its_day() -> None:
    def given(id_: str, when: str) -> Resource:
        return resource("MedicationAdministration", id_, status="completed", effectiveDateTime=when,
                        medicationCodeableConcept=coded((SCT, "387517004")))  # fmt: skip

    times = [given("m1", "2015-06-22T10:00:00Z"), given("m2", "2015-06-22T18:00:00Z")]
    assert count("MedicationAdministration", *times, given("m3", "2015-06-22")) == 3
    site = saturation("o3", effectiveDateTime="2015-06-22", bodySite=coded((SCT, "7569003")))
    readings = [saturation("o1", effectiveDateTime="2015-06-22T10:00:00Z"),
                saturation("o2", effectiveDateTime="2015-06-22T18:00:00Z")]  # fmt: skip
    assert count("Observation", *readings, site) == 3


def test_one_code_in_two_wordings_of_one_document_is_two_in_every_document() -> None:
    def finding(id_: str, text: str) -> Resource:
        return problem(id_, coded((SCT, "66557003"), text=text), onsetDateTime="2017-10-06")

    both = document("a", finding("c1", "No cognitive impairment"), finding("c2", "No functional impairment"))
    other = document("b", finding("c3", "Cognitive impairment: none"))
    unclear = document("c", finding("c4", "Impairment"))
    chart = consolidate([both, other, unclear], patient=PATIENT)
    assert chart.aliases == {"Condition/c3": "Condition/c1"}
    assert chart_of(both, other, unclear) == chart.resources
    assert count("Condition", finding("c1", "Fever (finding)"), finding("c2", "FEVER, UNSPECIFIED")) == 1


def test_reports_of_one_day_are_one_unless_each_has_results_of_its_own() -> None:
    def report(id_: str, *results: str, **elements: Any) -> list[Resource]:
        told = {"status": "final", "code": coded((LOINC, "24357-6")), **elements}
        made = [saturation(f"{id_}-{code}", effectiveDateTime="2015-06-22") for code in results]
        for one, code in zip(made, results, strict=True):
            one["code"] = coded((LOINC, code))
        links = [{"reference": f"Observation/{one['id']}"} for one in made]
        return [resource("DiagnosticReport", id_, result=links, **told), *made]

    def reports(*given: list[Resource]) -> int:
        chart = chart_of(*(document(f"d{n}", *one) for n, one in enumerate(given)))
        return len(by_type(chart, "DiagnosticReport"))

    day = {"effectiveDateTime": "2015-06-22"}
    assert reports(report("r1", "1-8", "2-6", **day), report("r2", "1-8", **day), report("r3", **day)) == 1
    assert reports(report("r1", "1-8", "2-6", **day), report("r2", "1-8", "3-4", **day)) == 2
    assert reports(report("r1", "1-8", **day), report("r2", "1-8")) == 1
    assert reports(report("r1", "1-8", **day), report("r2", "3-4")) == 2


def test_procedures_without_a_code_on_one_device_and_day_are_one() -> None:
    def implanted(id_: str, device: str, day: str) -> Resource:
        on = [{"manipulated": {"reference": f"Device/{device}"}}]
        return resource("Procedure", id_, status="completed", performedDateTime=day, focalDevice=on)

    def procedures(device: str, day: str) -> int:
        one, other = implanted("p1", "v1", "2011-10-05"), implanted("p2", device, day)
        other["note"] = [{"text": "As planned."}]
        return count("Procedure", one, other)

    assert [procedures("v1", "2011-10-05"), procedures("v2", "2011-10-05"), procedures("v1", "2012")] == [
        1,
        2,
        2,
    ]


def test_a_use_without_a_frequency_joins_that_of_most_documents() -> None:
    def used(id_: str, *often: int) -> Resource:
        dosage = [{"timing": {"repeat": {"frequency": n, "period": 1, "periodUnit": "d"}}} for n in often]
        return resource("MedicationStatement", id_, status="active", effectiveDateTime="2015-06-22",
                        medicationCodeableConcept=coded((SCT, "387517004")), dosage=dosage)  # fmt: skip

    assert count("MedicationStatement", used("m1", 1), used("m2", 1), used("m3", 8), used("m4")) == 2
    assert count("MedicationStatement", used("m1", 1), used("m3", 8), used("m4")) == 3


def test_an_undated_diagnosis_is_of_the_episode_that_began_on_the_day_of_its_visit() -> None:
    category = [{"coding": [{"code": "encounter-diagnosis"}]}]
    diagnosis = resource("Condition", "c3", code=DIABETES, category=category)
    link = [{"condition": {"reference": "Condition/c3"}}]
    visit = resource("Encounter", "e", status="finished", period={"start": "2015-06-22"}, diagnosis=link)
    chart = consolidate([document("a", problem("c1", DIABETES, onsetDateTime="2012-01-01")),
                         document("b", problem("c2", DIABETES, onsetDateTime="2015-06-22")),
                         document("c", diagnosis, visit)], patient=PATIENT)  # fmt: skip
    assert chart.aliases == {"Condition/c3": "Condition/c2"}


def test_the_entry_of_a_visit_joins_its_header_rather_than_another_visit_of_the_day() -> None:
    at = {"start": "2015-06-22T12:52:09Z"}
    kinds = {"type": [coded((CPT, "99201"))], "location": [{"location": {"reference": "Location/l1"}}]}
    other = {"period": {"start": "2015-06-22"}, "location": [{"location": {"reference": "Location/l2"}}]}
    header, entry = (resource("Encounter", id_, status="finished", period=at) for id_ in ("e1", "e2"))
    bare = resource("Encounter", "e3", status="finished", **other)
    chart = consolidate([document("a", header, {**entry, **kinds}), document("b", bare)], patient=PATIENT)
    assert chart.aliases == {"Encounter/e2": "Encounter/e1"}
