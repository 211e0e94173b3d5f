"""What standardising makes of a resource, rule by rule."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from chartbridge.terminology.edition import Edition
from chartbridge.terminology.standardise import (
    AS_GIVEN,
    CROSSWALK,
    NORMALISED_QUANTITY,
    PatientFacts,
    is_display_only,
    standardise,
)
from chartbridge.terminology.standardise.conditions import SYSTEM as CHRONICITY
from chartbridge.terminology.standardise.conditions import URL as CONDITION_RELATED
from chartbridge.terminology.standardise.marks import is_ours
from tests.terminology.standardising import (
    CVX,
    GEM,
    ICD9,
    ICD9_PROCEDURES_OID,
    ICD10,
    ICD10_OID,
    LOINC,
    NDC,
    RXNORM,
    SNOMED,
    UCUM,
    V3_FUNCTION,
    V3_FUNCTION_OID,
    coding,
    concept,
    condition,
    edition_of,
    observation,
)

Json = dict[str, Any]
GLUCOSE = concept(coding(LOINC, "2345-7", display="Glucose"))


@pytest.fixture(scope="module")
def edition(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edition]:
    with edition_of(tmp_path_factory.mktemp("edition")) as opened:
        yield opened


def codings(resource: Json, element: str = "code") -> list[Json]:
    made: list[Json] = resource[element]["coding"]
    return made


def pairs(resource: Json, element: str = "code") -> list[tuple[str, str]]:
    return [(one["system"], one["code"]) for one in codings(resource, element)]


def chronicity(resource: Json) -> list[str]:
    return [
        one["valueCoding"]["code"]
        for one in resource.get("extension", [])
        if one["url"] == CONDITION_RELATED and "valueCoding" in one
    ]


def test_an_oid_becomes_the_canonical_uri_and_can_be_had_back(edition: Edition) -> None:
    made = standardise(condition(coding(ICD10_OID, "E11.9", display="Diabetes")), edition)
    (one,) = codings(made)
    assert (one["system"], one["code"], one["display"]) == (ICD10, "E11.9", "Diabetes")
    assert one["_system"] == {"extension": [{"url": AS_GIVEN, "valueString": ICD10_OID}]}


def test_an_unknown_system_and_a_known_display_stay(edition: Edition) -> None:
    given = condition(coding("urn:oid:1.2.3.4.5", "x1"), coding(ICD10, "I10", display="High blood pressure"))
    assert codings(standardise(given, edition)) == codings(given)


def test_a_code_that_hl7s_table_lacks_keeps_the_oid(edition: Edition) -> None:
    (known,) = codings(standardise(condition(coding(V3_FUNCTION_OID, "ATTPHYS")), edition))
    assert (known["system"], known["display"]) == (V3_FUNCTION, "attending physician")
    mistyped = condition(coding(V3_FUNCTION_OID, "ATTYPHYS"))
    assert standardise(mistyped, edition) is mistyped


def test_a_missing_display_is_filled_and_the_text_left_alone(edition: Edition) -> None:
    given = observation(concept(coding(LOINC, "2345-7"), text="BLOOD SUGAR"), category=[{"text": "mine"}])
    made = standardise(given, edition)
    assert codings(made)[0]["display"] == "Glucose [Mass/volume] in Serum or Plasma"
    assert made["code"]["text"] == "BLOOD SUGAR"


@pytest.mark.parametrize(
    ("system", "written", "code"),
    [
        (ICD10, "E119", "E11.9"),
        (ICD10, "e11.9", "E11.9"),
        (ICD10, "I10.", "I10"),
        (ICD9, "25000", "250.00"),
        (ICD9, "v1582", "V15.82"),
        (ICD10, "B00B0ZZ", "B00B0ZZ"),  # of ICD-10-PCS
        (LOINC, "GLUCOSE FASTING", "GLUCOSE FASTING"),
        (ICD9, "4513", "4513"),  # 451.3, phlebitis, or 45.13, an endoscopy
        (LOINC, " 2345 -7", "2345-7"),
        (CVX, "8", "08"),
        (CVX, "008", "08"),
        (CVX, "08", "08"),
        (CVX, "115", "115"),
        (ICD10, "Diabetes", "Diabetes"),
    ],
)
def test_a_code_is_spelt_as_its_system_spells_it_where_that_is_certain(
    edition: Edition, system: str, written: str, code: str
) -> None:
    one = codings(standardise(condition(coding(system, written)), edition))[0]
    assert one["code"] == code
    kept = one.get("_code", {}).get("extension", [{}])[0].get("valueString", code)
    assert kept == written if written != code else "_code" not in one


def test_a_retired_code_with_one_successor_gets_it(edition: Edition) -> None:
    made = standardise(observation(concept(coding(LOINC, "2339-0"))), edition)
    assert pairs(made) == [(LOINC, "2339-0"), (LOINC, "2345-7")]
    successor = codings(made)[1]
    assert successor["userSelected"] is False
    assert successor["extension"] == [{"url": CROSSWALK, "valueString": "LOINC 2.80 replacements"}]
    assert successor["display"] == "Glucose [Mass/volume] in Serum or Plasma"
    assert made["category"][0]["coding"][0]["code"] == "laboratory"


def test_of_several_successors_none_is_chosen(edition: Edition) -> None:
    given = observation(concept(coding(LOINC, "1000-9")))
    assert pairs(standardise(given, edition)) == [(LOINC, "1000-9")]


def test_only_an_exact_map_of_one_to_one_is_taken_between_the_icds(edition: Edition) -> None:
    assert pairs(standardise(condition(coding(ICD9, "401.1")), edition)) == [(ICD9, "401.1"), (ICD10, "I10")]
    for inexact, split, gone in [("250.00", "465.9", "401.0")]:
        for code in (inexact, split, gone):
            assert pairs(standardise(condition(coding(ICD9, code)), edition)) == [(ICD9, code)]


def test_a_legacy_uri_and_an_undotted_code_still_find_their_map(edition: Edition) -> None:
    made = standardise(condition(coding("http://hl7.org/fhir/sid/icd-9-cm", "40110")), edition)
    assert pairs(made) == [(ICD9, "401.10")]
    made = standardise(condition(coding("http://hl7.org/fhir/sid/icd-9-cm", "401.1")), edition)
    assert codings(made)[1]["extension"] == [{"url": CROSSWALK, "valueString": GEM}]


def test_an_ndc_gets_its_eleven_digits_and_its_drug_which_is_wider(edition: Edition) -> None:
    medication = {"resourceType": "Medication", "id": "m", "code": concept(coding(NDC, "0093-1048-01"))}
    made = standardise(medication, edition)
    assert pairs(made) == [(NDC, "0093-1048-01"), (NDC, "00093104801"), (RXNORM, "860975")]
    assert [is_display_only(one) for one in codings(made)] == [False, False, True]
    unclear = {"resourceType": "Medication", "id": "m", "code": concept(coding(NDC, "0093104801"))}
    assert standardise(unclear, edition) is unclear


def test_nothing_is_derived_from_what_was_derived(edition: Edition) -> None:
    ours = {
        **coding(LOINC, "2339-0", userSelected=False),
        "extension": [{"url": CROSSWALK, "valueString": "An earlier edition"}],
    }
    given = observation(concept(ours), category=[{"text": "laboratory"}])
    assert standardise(given, edition) is given


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ({"value": 7, "unit": "mg/dl"}, {"value": 7, "unit": "mg/dl", "system": UCUM, "code": "mg/dL"}),
        (
            {"value": 7, "system": UCUM, "code": "K/uL"},
            {"value": 7, "system": UCUM, "code": "10*3/uL", "unit": "K/uL"},
        ),
        (
            {"value": 7, "unit": "thou", "system": UCUM, "code": "K/uL"},
            {
                "value": 7,
                "unit": "thou",
                "system": UCUM,
                "code": "10*3/uL",
                "_code": {"extension": [{"url": AS_GIVEN, "valueString": "K/uL"}]},
            },
        ),
        ({"value": 2, "unit": "vials"}, {"value": 2, "unit": "vials"}),
        ({"value": 2}, {"value": 2}),
    ],
)
def test_a_unit_gets_its_ucum_code_beside_what_was_written(edition: Edition, given: Json, made: Json) -> None:
    resource = observation(concept(text="x"), category=[{"text": "c"}], valueQuantity=given)
    assert standardise(resource, edition)["valueQuantity"] == made


def test_an_amount_stands_in_the_usual_unit_too(edition: Edition) -> None:
    limits = [{"low": {"value": 0.7, "unit": "g/L"}, "high": {"value": 1, "unit": "g/L"}}]
    value = {"value": 0.954, "comparator": "<", "unit": "g/L"}
    made = standardise(observation(GLUCOSE, valueQuantity=value, referenceRange=limits), edition)
    assert made["valueQuantity"]["value"] == 0.954
    assert made["valueQuantity"]["extension"] == [
        {
            "url": NORMALISED_QUANTITY,
            "valueQuantity": {
                "value": 95.4,
                "comparator": "<",
                "unit": "mg/dL",
                "system": UCUM,
                "code": "mg/dL",
            },
        }
    ]
    (limit,) = made["referenceRange"]
    usual = [limit[side]["extension"][0]["valueQuantity"]["value"] for side in ("low", "high")]
    assert usual == [70, 100]


def test_vital_signs_and_counts_can_be_compared_over_units(edition: Edition) -> None:
    weight = observation(concept(coding(LOINC, "29463-7")), valueQuantity={"value": 180, "unit": "lbs"})
    made = standardise(weight, edition)["valueQuantity"]
    assert (made["code"], made["unit"]) == ("[lb_av]", "lbs")
    assert made["extension"][0]["valueQuantity"]["value"] == 81.6466266
    count = observation(concept(text="WBC"), valueQuantity={"value": 7.1, "unit": "10*9/L"})
    usual = standardise(count, edition)["valueQuantity"]["extension"][0]["valueQuantity"]
    assert (usual["value"], usual["code"]) == (7.1, "10*3/uL")


def test_no_fraction_becomes_a_percentage_and_no_mole_a_mass(edition: Edition) -> None:
    hematocrit = concept(coding(LOINC, "4544-3"))
    for code, unit in ((hematocrit, "1"), (GLUCOSE, "mmol/L")):
        value = {"value": 0.42, "unit": unit, "system": UCUM, "code": unit}
        assert standardise(observation(code, valueQuantity=value), edition)["valueQuantity"] == value


def test_a_category_follows_from_loinc_only_where_none_was_given(edition: Edition) -> None:
    made = standardise(observation(GLUCOSE), edition)["category"]
    assert [one["coding"][0]["code"] for one in made] == ["laboratory"]
    assert is_ours(made[0]["coding"][0])
    weight = standardise(observation(concept(coding(LOINC, "29463-7"))), edition)["category"]
    assert weight[0]["coding"][0]["code"] == "vital-signs"
    given = observation(GLUCOSE, category=[{"text": "Point of care"}])
    assert standardise(given, edition)["category"] == [{"text": "Point of care"}]
    both = observation(concept(coding(LOINC, "2345-7"), coding(LOINC, "29463-7")))
    assert "category" not in standardise(both, edition)
    assert "category" not in standardise(observation(concept(coding(LOINC, "4544-3"))), edition)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([coding(ICD10, "E11.9")], ["C"]),
        ([coding(ICD10_OID, "J069")], ["NC"]),
        ([coding(ICD10, "Z00.00")], ["U"]),
        ([coding(ICD9, "401.1")], ["C"]),
        ([coding(ICD10, "E11.9"), coding(ICD10, "I10")], ["C"]),
        ([coding(ICD10, "E11.9"), coding(ICD10, "J06.9")], ["U"]),
        ([coding(ICD10, "Q99.9")], []),
        ([coding(ICD9, "250.00")], []),
        ([], []),
    ],
)
def test_chronicity_is_that_of_the_icd_10_cm_codes(
    edition: Edition, given: list[Json], expected: list[str]
) -> None:
    assert chronicity(standardise(condition(*given), edition)) == expected


def test_snomed_ct_is_mapped_for_the_patient_and_is_not_the_same(edition: Edition) -> None:
    given = condition(coding(SNOMED, "10001005", display="Illness"))
    for gender, code in (("female", "I10"), ("male", "E11.9")):
        made = standardise(given, edition, PatientFacts(gender, "1980-02-03"))
        assert pairs(made) == [(SNOMED, "10001005"), (ICD10, code)]
        assert is_display_only(codings(made)[1])
        assert chronicity(made) == []
        assert standardise(made, edition, PatientFacts("unknown")) is made
    assert standardise(given, edition, PatientFacts("unknown")) is given
    coded = condition(*codings(given), coding(ICD10, "J06.9", display="Cold"))
    assert pairs(standardise(coded, edition, PatientFacts("female"))) == pairs(coded)


@pytest.mark.parametrize("status", ["refuted", "entered-in-error"])
def test_what_the_patient_does_not_have_is_not_chronic(edition: Edition, status: str) -> None:
    system = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
    denied = concept(coding(system, status, display=status))
    made = standardise(condition(coding(ICD10, "E11.9"), verificationStatus=denied), edition)
    assert chronicity(made) == []


def test_a_stated_chronicity_gives_way_and_a_related_condition_does_not(edition: Edition) -> None:
    related = {"url": CONDITION_RELATED, "valueReference": {"reference": "Condition/other"}}
    stated = {"url": CONDITION_RELATED, "valueCoding": {"system": CHRONICITY, "code": "NC"}}
    made = standardise(condition(coding(ICD10, "E11.9"), extension=[stated, related]), edition)
    assert made["extension"][0] == related
    assert chronicity(made) == ["C"]
    unknown = condition(coding(ICD10, "Q99.9"), extension=[stated])
    assert standardise(unknown, edition) is unknown


def test_codes_and_units_are_found_wherever_they_stand(edition: Edition) -> None:
    icd, unit = coding(ICD10_OID, "I10"), {"value": 5, "unit": "mg"}
    contained = {"resourceType": "Medication", "id": "m", "ingredient": [{"strength": {"numerator": unit}}]}
    given = {
        "resourceType": "MedicationRequest",
        "id": "r",
        "contained": [contained],
        "reasonCode": [concept(icd)],
        "dosageInstruction": [
            {"doseAndRate": [{"doseQuantity": unit}], "asNeededCodeableConcept": concept(icd)}
        ],
        "extension": [{"url": "urn:x", "extension": [{"url": "y", "valueCoding": icd}]}],
    }
    made = standardise(given, edition)
    dosage = made["dosageInstruction"][0]
    assert made["contained"][0]["ingredient"][0]["strength"]["numerator"]["code"] == "mg"
    assert dosage["doseAndRate"][0]["doseQuantity"]["code"] == "mg"
    assert made["extension"][0]["extension"][0]["valueCoding"]["system"] == ICD10
    for found in (made["reasonCode"][0], dosage["asNeededCodeableConcept"]):
        assert found["coding"][0]["system"] == ICD10


def test_the_input_is_not_touched_and_what_needs_nothing_comes_back_itself(edition: Edition) -> None:
    given = condition(coding(ICD10_OID, "E119"))
    before = copy.deepcopy(given)
    made = standardise(given, edition)
    assert given == before
    assert standardise(made, edition) is made
    race = [{"url": "race", "valueCoding": coding("urn:oid:2.16.840.1.113883.6.238", "2106-3")}]
    person = {"resourceType": "RelatedPerson", "id": "p", "extension": race}
    assert standardise(person, edition) is person


def procedure(system: str, code: str) -> Json:
    return {"resourceType": "Procedure", "status": "completed", "code": concept(coding(system, code))}


@pytest.mark.parametrize("system", [ICD9, ICD9_PROCEDURES_OID, ICD9_PROCEDURES_OID.removeprefix("urn:oid:")])
def test_a_procedure_without_its_point_is_no_diagnosis(edition: Edition, system: str) -> None:
    made = standardise(procedure(system, "311"), edition)
    (one,) = codings(made)
    assert (one["system"], one["code"], one["display"]) == (ICD9, "31.1", "Temporary tracheostomy")
    assert one["_code"] == {"extension": [{"url": AS_GIVEN, "valueString": "311"}]}
    assert standardise(made, edition) is made
    assert pairs(standardise(condition(coding(ICD9, "311")), edition)) == [(ICD9, "311"), (ICD10, "J06.9")]


@pytest.mark.parametrize("code", ["401.1", "4011", "25000"])
def test_what_is_said_to_be_a_procedure_and_is_none_is_not_taken_for_a_diagnosis(
    edition: Edition, code: str
) -> None:
    given = procedure(ICD9_PROCEDURES_OID, code)
    assert standardise(given, edition) is given


@pytest.mark.parametrize(
    "one",
    [
        {"system": ["x"], "code": "311"},
        {"system": LOINC, "code": {"a": 1}},
        {"system": LOINC, "code": "\ud800"},
        {"system": LOINC, "code": "2345-7", "x": 2**70},
        ["x"],
        None,
    ],
)
def test_a_coding_of_wrong_types_stops_no_chart(edition: Edition, one: Any) -> None:
    kinds: list[Any] = ["Condition", "Procedure", "Observation", ["Condition"], {}]
    for kind in kinds:
        given = {"resourceType": kind, "code": {"coding": [one]}, "valueCoding": one}
        before = copy.deepcopy(given)
        made = standardise(given, edition)
        assert (made["code"], made["valueCoding"]) == (before["code"], before["valueCoding"])
    assert edition.concept(LOINC, "\ud800") is None


def test_two_codes_of_one_category_agree_whoever_says_so(edition: Edition) -> None:
    both = concept(coding(LOINC, "29463-7"), coding(LOINC, "3141-9"))  # FHIR's vital signs, and the edition
    made = standardise(observation(both), edition)
    assert pairs({"code": made["category"][0]})[0][1] == "vital-signs"
