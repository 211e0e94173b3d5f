"""What would harm somebody if the summary got it wrong: negations, status, units, ranges, dates, absence."""

from __future__ import annotations

from typing import Any

import pytest

from tests.summary.charts import (
    Json,
    allergy,
    coded,
    condition,
    lab,
    medication,
    page,
    row,
    rows,
    section_text,
    text,
    words_of,
)

ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"


def classes(key: str, resource: Json) -> str:
    (found,) = page(resource).xpath(f"//section[@id='{key}']//tbody/tr")
    return str(found.get("class", ""))


class TestNegation:
    def test_a_refuted_condition_is_not_present(self) -> None:
        held = condition("Stroke", verificationStatus=coded("refuted"), clinicalStatus=coded("inactive"))
        held["code"] = coded("230690007", "Stroke")
        assert row("conditions", held).startswith("NOT PRESENT: refuted Stroke")
        assert classes("conditions", held) == "negated"
        assert "inactive" not in row("conditions", held)

    def test_the_text_of_a_refuted_condition_does_not_negate_the_negation(self) -> None:
        held = condition("No history of: Stroke", verificationStatus=coded("refuted"))
        held["code"]["coding"] = [{"code": "230690007", "display": "Stroke"}]
        shown = row("conditions", held)
        assert shown.startswith("NOT PRESENT: refuted Stroke 230690007")
        assert 'source: "No history of: Stroke"' in shown

    def test_a_refuted_allergy_is_not_an_allergy(self) -> None:
        held = allergy("Penicillin", verificationStatus=coded("refuted"), criticality="high")
        assert row("allergies", held).startswith("REFUTED: not an allergy")
        assert classes("allergies", held) == "negated"

    def test_no_known_allergy_is_a_statement_and_not_an_allergy(self) -> None:
        held = allergy("") | {"code": coded("716186003", "No known allergy")}
        held["clinicalStatus"] = coded("active")
        assert row("allergies", held).startswith("statement that there is none No known allergy")

    def test_an_immunization_not_done_was_not_given_for_a_reason(self) -> None:
        held = {
            "resourceType": "Immunization",
            "status": "not-done",
            "vaccineCode": text("Zoster vaccine"),
            "statusReason": coded("PATOBJ", "Patient objection"),
            "occurrenceDateTime": "2022-05-24",
        }
        assert "NOT GIVEN Zoster vaccine May 24, 2022 reason: Patient objection" in row("immunizations", held)
        del held["statusReason"]
        assert "reason: not stated" in row("immunizations", held)

    def test_a_procedure_not_done_says_so(self) -> None:
        held = {"resourceType": "Procedure", "status": "not-done", "code": text("Colonoscopy")}
        assert row("procedures", held).startswith("NOT DONE Colonoscopy date unknown reason: not stated")

    def test_an_order_not_to_give_says_so_and_stands_first(self) -> None:
        held = medication("MedicationRequest", "Ibuprofen", doNotPerform=True, authoredOn="2001-01-01")
        other = medication("MedicationRequest", "Aspirin", authoredOn="2025-01-01")
        assert rows("medications", other, held)[0].startswith("DO NOT GIVE Ibuprofen")

    @pytest.mark.parametrize(
        ("kind", "status", "words"),
        [
            ("MedicationStatement", "not-taken", "NOT TAKEN"),
            ("MedicationAdministration", "not-done", "NOT GIVEN"),
            ("MedicationDispense", "declined", "DECLINED"),
        ],
    )
    def test_a_medication_not_taken_or_given_says_so(self, kind: str, status: str, words: str) -> None:
        held = medication(kind, "Aspirin", status=status)
        assert row("medications", held).startswith(f"{words} Aspirin")
        assert classes("medications", held) == "negated"

    def test_a_service_not_to_be_performed_says_so(self) -> None:
        held = {
            "resourceType": "ServiceRequest",
            "status": "active",
            "code": text("CPR"),
            "doNotPerform": True,
        }
        assert "DO NOT PERFORM CPR" in row("other", held)

    def test_an_observation_of_no_is_shown_as_no(self) -> None:
        assert "No" in row("labs", lab("HIV", valueBoolean=False)).split()

    def test_a_modifier_that_we_do_not_know_is_pointed_out(self) -> None:
        held = condition("Asthma", modifierExtension=[{"url": "urn:x", "valueBoolean": True}])
        assert row("conditions", held).startswith("meaning modified: see the source")


class TestStatus:
    def test_what_another_entry_refers_to_says_when_it_does_not_hold(self) -> None:
        error = condition("Gout", id="e", verificationStatus=coded("entered-in-error"))
        refuted = condition("Stroke", id="r", verificationStatus=coded("refuted"))
        visit = {
            "resourceType": "Encounter",
            "diagnosis": [{"condition": {"reference": f"Condition/{id_}"}} for id_ in ("e", "r")],
        }
        shown = rows("encounters", error, refuted, visit)
        assert "Diagnoses: Gout (entered in error), Stroke (refuted)" in shown[0]
        result = lab("K", id="k", status="entered-in-error")
        made = {"resourceType": "DiagnosticReport", "result": [{"reference": "Observation/k"}]}
        assert "Results: K (entered in error)" in rows("reports", result, made)[0]

    @pytest.mark.parametrize(
        ("key", "held"),
        [
            ("conditions", condition("Asthma", verificationStatus=coded("entered-in-error"))),
            ("allergies", allergy("Latex", verificationStatus=coded("entered-in-error"))),
            (
                "observations",
                {"resourceType": "Observation", "status": "entered-in-error", "code": text("A")},
            ),
            ("medications", medication("MedicationRequest", "Aspirin", status="entered-in-error")),
            ("documents", {"resourceType": "DocumentReference", "docStatus": "entered-in-error"}),
            ("other", {"resourceType": "Goal", "lifecycleStatus": "entered-in-error"}),
            ("other", {"resourceType": "CarePlan", "status": "entered-in-error"}),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_what_was_entered_in_error_is_counted_and_not_shown(self, key: str, held: Json) -> None:
        assert rows(key, held) == []
        assert "1 entry that its source calls entered in error is not shown." in section_text(key, held)

    @pytest.mark.parametrize(
        ("status", "words"),
        [
            ("preliminary", "preliminary"),
            ("cancelled", "CANCELLED"),
            ("registered", "registered, no final result"),
            ("corrected", "corrected"),
            ("unknown", "status unknown"),
        ],
    )
    def test_a_result_that_is_not_final_says_so(self, status: str, words: str) -> None:
        assert words in row("labs", lab("K", status=status, valueInteger=1))
        assert words not in row("labs", lab("K", valueInteger=1))

    @pytest.mark.parametrize("status", ["provisional", "differential", "unconfirmed"])
    def test_a_doubted_condition_says_so(self, status: str) -> None:
        held = condition("Asthma", verificationStatus=coded(status), clinicalStatus=coded("active"))
        assert row("conditions", held).startswith(f"{status} Asthma")

    def test_a_status_that_is_not_there_is_not_made_up(self) -> None:
        assert "status not stated" in row("conditions", condition("Asthma"))
        assert "active" not in row("conditions", condition("Asthma"))
        assert "status not stated" in row("allergies", allergy("Latex"))

    def test_chronic_conditions_come_first_and_refuted_ones_last(self) -> None:
        url = "http://hl7.org/fhir/StructureDefinition/condition-related"
        chronic = condition(
            "Old", onsetDateTime="1990", extension=[{"url": url, "valueCoding": {"code": "C"}}]
        )
        over = condition("Over", clinicalStatus=coded("resolved"), onsetDateTime="2025")
        refuted = condition("Never", verificationStatus=coded("refuted"), recordedDate="2025-12-31")
        shown = rows("conditions", refuted, over, condition("New", onsetDateTime="2024"), chronic)
        assert [next(n for n in ("Old", "New", "Over", "Never") if n in one) for one in shown] == [
            "Old", "New", "Over", "Never",
        ]  # fmt: skip
        assert shown[0].startswith("chronic Old")


class TestResults:
    @pytest.mark.parametrize(
        ("value", "shown"),
        [
            ({"valueQuantity": {"value": 13.20, "unit": "g/dL"}}, "13.2 g/dL"),
            ({"valueQuantity": {"value": 0, "unit": "mg/dL"}}, "0 mg/dL"),
            ({"valueQuantity": {"value": 0.4, "comparator": "<", "unit": "ng/mL"}}, "< 0.4 ng/mL"),
            ({"valueQuantity": {"value": 120, "code": "mm[Hg]"}}, "120 mmHg"),
            ({"valueQuantity": {"value": 36.4, "unit": "Cel"}}, "36.4 °C"),
            ({"valueQuantity": {"value": 7, "unit": "%"}}, "7%"),
            ({"valueQuantity": {"value": 7}}, "7"),
            ({"valueQuantity": {"unit": "mg"}}, "number not given mg"),
            ({"valueInteger": 0}, "0"),
            ({"valueString": "Positive"}, "Positive"),
            ({"valueCodeableConcept": coded("A", "Amber")}, "Amber"),
            ({"valueRatio": {"numerator": {"value": 1}, "denominator": {"value": 128}}}, "1 / 128"),
            (
                {"valueRange": {"low": {"value": 1, "unit": "mg"}, "high": {"value": 2, "unit": "g"}}},
                "1 mg–2 g",
            ),
            ({"valueDateTime": "2024-03"}, "Mar 2024"),
            ({"dataAbsentReason": coded("not-performed", "Not Performed")}, "not available: Not Performed"),
            (
                {"_valueQuantity": {"extension": [{"url": ABSENT, "valueCode": "asked-unknown"}]}},
                "not available: asked unknown",
            ),
            ({}, "no value given"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_a_value_is_shown_as_it_is(self, value: Json, shown: str) -> None:
        (cell,) = page(lab("Test", **value)).xpath("//section[@id='labs']//*[@class='c1']")
        assert words_of(cell) == shown

    def test_each_component_has_its_own_value_flag_and_range(self) -> None:
        parts = [
            {"code": text("Systolic"), "valueQuantity": {"value": 190, "unit": "mm[Hg]"},
             "interpretation": [coded("HH")]},
            {"code": text("Diastolic"), "dataAbsentReason": coded("unknown", "Unknown")},
        ]  # fmt: skip
        shown = row("labs", lab("Blood pressure", component=parts))
        assert "Systolic: 190 mmHg (Critically high)" in shown
        assert "Diastolic: not available: Unknown" in shown

    @pytest.mark.parametrize(
        ("code", "words", "look"),
        [
            ("HH", "Critically high", "stop"),
            ("L", "Low", "warn"),
            ("A", "Abnormal", "warn"),
            ("N", "Normal", ""),
        ],
    )
    def test_the_flag_of_the_source_is_shown(self, code: str, words: str, look: str) -> None:
        (mark,) = page(lab("K", valueInteger=1, interpretation=[coded(code)])).xpath("//b")
        assert (words_of(mark), mark.get("class").split()[1:]) == (words, [look] if look else [])

    def test_a_flag_that_we_do_not_know_is_shown_in_its_own_words(self) -> None:
        assert "Odd" in row("labs", lab("K", valueInteger=1, interpretation=[coded("ZZ", "Odd")]))

    @pytest.mark.parametrize(
        ("limits", "shown"),
        [
            (
                {"low": {"value": 3.5, "unit": "mmol/L"}, "high": {"value": 5.1, "unit": "mmol/L"}},
                "3.5–5.1 mmol/L",
            ),
            ({"low": {"value": 60, "unit": "mL/min"}}, "≥ 60 mL/min"),
            ({"high": {"value": 5, "unit": "mg/dL"}}, "≤ 5 mg/dL"),
            ({"text": "negative"}, "negative"),
            ({"text": "1–2", "appliesTo": [text("Female")]}, "1–2 Female"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_the_range_of_the_source_is_shown(self, limits: Json, shown: str) -> None:
        tree = page(lab("K", valueInteger=1, referenceRange=[limits]))
        assert words_of(tree.xpath("//section[@id='labs']//*[@class='c3']")[0]) == shown

    def test_results_of_one_test_stand_together_newest_first(self) -> None:
        given = [
            lab(name, valueString=value, effectiveDateTime=when)
            for name, value, when in [
                ("K", "k1", "2024-01-01"), ("Na", "na1", "2025-06-01"),
                ("K", "k2", "2025-01-01"), ("Na", "na2", "2020"),
            ]
        ]  # fmt: skip
        tree = page(*given, lab("K", valueString="k3"))
        assert tree.xpath("//section[@id='labs']//th[contains(@class, 'group')]/bdi/text()") == ["K", "Na"]
        shown = tree.xpath("//section[@id='labs']//*[@class='c1']")
        assert [words_of(one) for one in shown] == ["k2", "k1", "k3", "na1", "na2"]


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({"onsetDateTime": "2024"}, "2024"),
        ({"onsetDateTime": "2024-03"}, "Mar 2024"),
        ({"onsetDateTime": "2024-03-05"}, "Mar 5, 2024"),
        ({"onsetDateTime": "2024-03-05T08:10:00-07:00"}, "Mar 5, 2024 08:10 UTC−07:00"),
        ({"onsetDateTime": "2024-03-05T08:10:00.5Z"}, "Mar 5, 2024 08:10 UTC"),
        ({"onsetPeriod": {"start": "2020"}}, "since 2020"),
        ({"onsetPeriod": {"end": "2021-05"}}, "until May 2021"),
        ({"onsetPeriod": {"start": "2020", "end": "2021"}}, "2020 – 2021"),
        ({"onsetAge": {"value": 40, "unit": "a", "code": "a"}}, "at 40 years"),
        ({"onsetString": "in childhood"}, "in childhood"),
        ({"_onsetDateTime": {"extension": [{"url": ABSENT, "valueCode": "unknown"}]}}, "date unknown"),
        ({"recordedDate": "2024-03-05"}, "recorded Mar 5, 2024"),
        ({}, "onset unknown"),
        ({"onsetDateTime": "99 March"}, "99 March"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_date_is_as_precise_as_its_source(given: Json, shown: str) -> None:
    (cell,) = page(condition("Asthma", **given)).xpath("//section[@id='conditions']//td[@class='c3']")
    assert words_of(cell) == shown


def test_what_is_unknown_is_shown_as_unknown() -> None:
    bare: dict[str, Any] = {
        "AllergyIntolerance": ("allergies", "substance not stated"),
        "Condition": ("conditions", "condition not stated"),
        "MedicationRequest": ("medications", "medication not stated"),
        "Immunization": ("immunizations", "vaccine not stated"),
        "Procedure": ("procedures", "procedure not stated"),
        "DiagnosticReport": ("reports", "report not named"),
        "Encounter": ("encounters", "encounter of unknown kind"),
        "FamilyMemberHistory": ("family-member-history", "relative not stated"),
        "RelatedPerson": ("related-persons", "name not stated"),
        "Task": ("tasks", "task not described"),
        "Coverage": ("coverages", "payer not stated"),
        "DocumentReference": ("documents", "document of unknown kind"),
        "Observation": ("observations", "no value given"),
        "Goal": ("other", "not described"),
        "Flag": ("directives", "not described"),
    }
    for kind, (key, words) in bare.items():
        shown = row(key, {"resourceType": kind})
        assert words in shown
        assert shown.endswith("source not stated")


def test_family_history_that_is_not_known_says_why() -> None:
    held = {
        "resourceType": "FamilyMemberHistory",
        "status": "health-unknown",
        "relationship": text("Father"),
        "dataAbsentReason": coded("subject-unknown", "Subject Unknown"),
    }
    assert row("family-member-history", held).startswith(
        "history health unknown not available: Subject Unknown Father"
    )
