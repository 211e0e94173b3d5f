"""What stands together in a section: fills and their medication, reports, problems; the head of the page."""

from __future__ import annotations

from typing import Any

import pytest

from tests.summary.charts import (
    PATIENT,
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

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"


def captions(key: str, *resources: Json) -> list[str]:
    return [words_of(one) for one in page(*resources).xpath(f"//section[@id='{key}']//h3")]


class TestFills:
    DRUG: Json = {"coding": [{"system": RXNORM, "code": "1", "display": "Lisinopril 10 MG"}]}  # noqa: RUF012

    def fill(self, day: str, **elements: Any) -> Json:
        held: Json = {
            "status": "completed",
            "medicationCodeableConcept": self.DRUG,
            "whenHandedOver": f"{day}T10:00:00Z",
            "quantity": {"value": 90, "unit": "tablet"},
            "daysSupply": {"value": 90, "unit": "d"},
            "performer": [{"actor": {"display": "Apothecary"}}],
            "meta": {"source": "pharmacy"},
        }
        return medication("MedicationDispense", "x") | held | elements

    def order(self, **elements: Any) -> Json:
        held = {"medicationCodeableConcept": self.DRUG, "meta": {"source": "a.xml"}}
        return medication("MedicationRequest", "x") | held | elements

    def test_fills_stand_with_the_medication_of_the_same_code(self) -> None:
        (shown,) = rows("medications", self.fill("2025-01-05"), self.fill("2025-04-02"), self.order())
        assert "2 fills: last Apr 2, 2025; 90 tablet, for 90 days, Apothecary; before: Jan 5, 2025" in shown
        assert shown.endswith("S1, S2")

    def test_or_with_the_prescription_they_were_dispensed_for(self) -> None:
        local = self.fill(
            "2025-01-05",
            medicationCodeableConcept=text("LISINOPRIL 10MG TAB"),
            authorizingPrescription=[{"reference": "MedicationRequest/m"}],
        )
        assert "1 fill: last Jan 5, 2025" in rows("medications", local, self.order(id="m"))[0]

    def test_the_current_medication_has_them_before_a_past_one(self) -> None:
        past = self.order(status="completed", authoredOn="2025-12-01")
        shown = rows("medications", past, self.order(authoredOn="2001"), self.fill("2025-01-05"))
        assert ["1 fill" in one for one in shown] == [True, False]

    def test_what_differs_from_the_last_one_is_told(self) -> None:
        earlier = self.fill("2025-01-05", quantity={"value": 30, "unit": "tablet"})
        last = self.fill("2025-04-02", dosageInstruction=[{"text": "Take 2 tablets"}])
        (shown,) = rows(
            "medications", earlier, last, self.order(dosageInstruction=[{"text": "Take 1 tablet"}])
        )
        assert 'labelled "Take 2 tablets"' in shown
        assert "before: Jan 5, 2025 (30 tablet, for 90 days)" in shown

    @pytest.mark.parametrize(
        "more",
        [
            {"status": "declined"},
            {"status": "cancelled"},
            {"note": [{"text": "brand given"}]},
            {"whenHandedOver": None},
            {"medicationCodeableConcept": {"coding": [{"system": RXNORM, "code": "2"}]}},
        ],
        ids=lambda more: next(iter(more)),
    )
    def test_one_that_says_more_keeps_its_row(self, more: Json) -> None:
        assert len(rows("medications", self.fill("2025-01-05", **more), self.order())) == 2

    def test_a_prescription_of_an_amount_stands_with_the_medication_as_it_is_taken(self) -> None:
        taken = medication("MedicationStatement", "x", medicationCodeableConcept=self.DRUG)
        amount = self.order(
            id="m",
            authoredOn="2024-02-12",
            dispenseRequest={"quantity": {"value": 90, "unit": "tablet"}, "numberOfRepeatsAllowed": 3},
            requester={"display": "Kwame Osei MD"},
        )
        fill = self.fill(
            "2025-01-05",
            medicationCodeableConcept=text("other"),
            authorizingPrescription=[{"reference": "MedicationRequest/m"}],
        )
        (shown,) = rows("medications", taken, amount, fill)
        assert "prescribed Feb 12, 2024: 90 tablet, 3 refills, Kwame Osei MD" in shown
        assert "1 fill: last Jan 5, 2025" in shown
        for more in ({"status": "stopped"}, {"dosageInstruction": [{"text": "2 a day"}]}, {"intent": "plan"}):
            assert len(rows("medications", taken, amount | more)) == 2

    def test_none_stands_with_what_is_not_to_be_given(self) -> None:
        assert len(rows("medications", self.fill("2025-01-05"), self.order(doNotPerform=True))) == 2

    def test_current_and_past_are_told_apart_and_one_drug_stands_together(self) -> None:
        other = medication("MedicationStatement", "Aspirin", effectiveDateTime="2024-06")
        held = [self.order(authoredOn="2025"), other, self.order(authoredOn="2020", intent="plan")]
        held.append(self.order(status="stopped"))
        assert captions("medications", *held) == ["Current, or not said to be over", "Past, or not taken"]
        assert ["Aspirin" in one for one in rows("medications", *held)] == [False, False, True, False]


class TestConditions:
    def test_active_past_refuted_and_unstated_have_their_own_tables(self) -> None:
        held = [
            condition("Never", verificationStatus=coded("refuted")),
            condition("Over", clinicalStatus=coded("resolved")),
            condition("Now", clinicalStatus=coded("active")),
            condition("Unsaid"),
        ]
        assert captions("conditions", *held) == [
            "Active problems", "Problems whose status no source states", "Past problems",
            "Not present, as a source says",
        ]  # fmt: skip


class TestReports:
    @staticmethod
    def report(**elements: Any) -> Json:
        return {"resourceType": "DiagnosticReport", "status": "final", "code": text("BMP")} | elements

    def test_those_that_only_list_results_stand_in_one_row_with_all_their_dates(self) -> None:
        held: list[Json] = [lab("K", id="k", valueInteger=1)]
        for day in ("2024-01-01", "2025-01-01"):
            result = [{"reference": "Observation/k"}]
            held.append(self.report(result=result, effectiveDateTime=day, meta={"source": f"{day}.xml"}))
        spoken = self.report(conclusion="All fine", effectiveDateTime="2020")
        shown = rows("reports", *held, spoken)
        assert "All fine" in shown[0]
        assert "2 reports: Jan 1, 2025; Jan 1, 2024" in shown[1]
        preliminary = self.report(result=[{"reference": "Observation/k"}], status="preliminary")
        missing = self.report(result=[{"reference": "Observation/gone", "display": "Na"}])
        assert len(rows("reports", *held, preliminary, missing)) == 3

    def test_a_long_text_is_shown_whole(self) -> None:
        words = " ".join(f"word{i}" for i in range(1_000))
        assert "word999" in row("reports", self.report(conclusion=words))

    def test_the_narrative_is_shown_where_there_is_nothing_else(self) -> None:
        div = '<div xmlns="http://www.w3.org/1999/xhtml"><p>No fracture &amp; no</p><p>effusion</p></div>'
        held = self.report(text={"status": "generated", "div": div})
        assert "No fracture & no effusion" in row("reports", held)
        assert "fracture" not in row("reports", held | {"conclusion": "Normal"})


class TestAllergies:
    def test_that_no_source_speaks_of_them_is_said_and_is_not_none(self) -> None:
        shown = words_of(page(condition("Asthma")).xpath("//*[@class='unstated']")[0])
        assert shown.startswith("Allergies: not stated in any source. That is not the same as none")
        assert not page(allergy("Latex")).xpath("//*[@class='unstated']")
        assert not page().xpath("//*[@class='unstated']")

    def test_a_severe_reaction_is_marked(self) -> None:
        reaction = {"manifestation": [text("Anaphylaxis")], "severity": "severe"}
        severe = allergy("Latex", reaction=[reaction])
        assert row("allergies", severe).startswith("severe reaction Latex")
        refuted = severe | {"verificationStatus": coded("refuted")}
        assert "severe reaction" not in row("allergies", refuted)


def conflicting(*references: str) -> list[Json]:
    url = "https://chartbridge.dev/fhir/StructureDefinition/conflicting-statement"
    return [{"url": url, "valueReference": {"reference": one}} for one in references]


class TestDisagreement:
    def test_both_statements_say_so_and_lead_to_each_other(self) -> None:
        yes = condition(
            "Stroke", id="a", clinicalStatus=coded("active"), extension=conflicting("Condition/b")
        )
        no = condition("Stroke", id="b", verificationStatus=coded("refuted"))
        tree = page(yes, no)
        found = tree.xpath("//section[@id='conditions']//tbody/tr")
        assert ["SOURCES DISAGREE" in words_of(one) for one in found] == [True, True]
        assert "against: NOT PRESENT: refuted, Stroke" in words_of(found[0])
        for one in found:
            (target,) = one.xpath(".//div[@class='aside']/a/@href")
            assert tree.xpath(f"//*[@id='{target[1:]}']")

    def test_results_say_so_too(self) -> None:
        held = [
            lab(
                "K", id=id_, valueInteger=number, effectiveDateTime="2024-01-01", extension=conflicting(other)
            )
            for id_, number, other in [("a", 4, "Observation/b"), ("b", 9, "Observation/a")]
        ]
        (shown,) = rows("labs", *held)
        assert shown.count("SOURCES DISAGREE") == 2
        assert "against: K, Jan 1, 2024, 9" in shown

    def test_one_that_is_not_shown_is_named(self) -> None:
        held = condition("Gout", extension=conflicting("Condition/x"), id="a")
        assert "against: another statement (in the chart, not in this summary)" in row("conditions", held)


class TestFromSeveralSources:
    @staticmethod
    def stated(element: str, **value: Any) -> Json:
        url = "https://chartbridge.dev/fhir/StructureDefinition/also-stated"
        parts = [{"url": "element", "valueString": element}, {"url": "value", **value}]
        return {"url": url, "extension": parts}

    @staticmethod
    def document(id_: str) -> Json:
        url = "https://public.metriport.com/fhir/StructureDefinition/doc-id-extension.json"
        return {"url": url, "valueString": id_}

    def test_what_others_say_besides_is_shown(self) -> None:
        others = [
            self.stated("onsetDateTime", valueString="1975"),
            self.stated("onsetDateTime", valueString="2023-05-30T13:00:00-04:00"),
            self.stated("severity", valueCodeableConcept=text("mild")),
            self.stated("recordedDate", valueString="2020-01-01"),
        ]
        shown = row("conditions", condition("Asthma", onsetDateTime="2022", extension=others))
        assert "also stated: onset 1975 or May 30, 2023; severity mild" in shown
        assert "2020" not in shown

    def test_other_names_are_shown(self) -> None:
        url = "https://chartbridge.dev/fhir/StructureDefinition/also-called"
        code = text("Hypertension") | {"extension": [{"url": url, "valueString": "High blood pressure"}]}
        assert 'also called "High blood pressure"' in row("conditions", condition("", code=code))
        assert 'also called "High blood pressure"' in row("labs", lab("", code=code))

    def test_all_documents_are_named_that_a_statement_is_from(self) -> None:
        held = [
            condition("Gout", meta={"source": "a.xml"}, extension=[self.document("1")]),
            condition("Acne", meta={"source": "b.xml"}, extension=[self.document("2")]),
            condition("Both", meta={"source": "b.xml"}, extension=list(map(self.document, "123"))),
        ]
        shown = {one.split()[0]: one for one in rows("conditions", *held)}
        assert shown["Both"].endswith("S1, S2, S3")
        listed = page(*held).xpath("//section[@class='sources']//tbody/tr")
        assert [words_of(one) for one in listed] == ["S1 a.xml", "S2 b.xml", "S3 document 3"]


class TestCrosswalk:
    URL = "https://chartbridge.dev/fhir/StructureDefinition/crosswalk"

    def ours(self, code: str, display: str) -> Json:
        added = {"extension": [{"url": self.URL, "valueString": "map 1"}], "userSelected": False}
        return {"system": "urn:y", "code": code, "display": display} | added

    def test_what_we_mapped_is_not_the_sources_word(self) -> None:
        code = {"coding": [self.ours("E11", "Type 2 diabetes"), {"code": "44054006", "display": "DM2"}]}
        shown = row("conditions", condition("", code=code))
        assert shown.startswith("DM2 E11 (mapped), 44054006")
        assert "Type 2 diabetes" not in shown

    def test_it_is_shown_as_mapped_where_the_source_has_only_a_code(self) -> None:
        code = {"coding": [{"code": "250.00"}, self.ours("E11", "Type 2 diabetes")]}
        assert row("conditions", condition("", code=code)).startswith("250.00 (mapped: Type 2 diabetes)")


class TestHead:
    @staticmethod
    def head(*resources: Json, **patient: Any) -> str:
        return words_of(page(*resources, patient=PATIENT | patient).xpath("//header")[0])

    def test_primary_care_is_who_the_patient_or_a_care_team_names(self) -> None:
        role = {"coding": [{"code": "PCP"}]}
        team: Json = {
            "resourceType": "CareTeam",
            "participant": [{"role": [role], "member": {"display": "Anne Thibault MD"}}],
        }
        assert "Primary care Anne Thibault MD" in self.head(team)
        assert "Primary care" not in self.head(team | {"status": "inactive"})
        over = team | {"period": {"end": "2020-01-01"}}
        assert "Primary care" not in self.head(over)
        ours = team["participant"][0] | {"period": {"start": "2019"}}
        assert "Primary care Anne Thibault MD" in self.head(over | {"participant": [ours]})
        assert "Primary care Dr. Who" in self.head(generalPractitioner=[{"display": "Dr. Who"}])

    def test_of_a_social_security_number_only_the_end_is_printed(self) -> None:
        ids = [
            {"system": "http://hl7.org/fhir/sid/us-ssn", "value": "123456789"},
            {"value": "MRN1", "assigner": {"display": "Clinic"}},
            {"value": "urn:uuid:p"},
        ]
        shown = self.head(identifier=ids)
        assert "Identifiers Social Security number ending in 6789; MRN1 (Clinic)" in shown
        assert "12345" not in shown


def test_the_members_of_a_care_team_have_their_roles() -> None:
    held: Json = {
        "resourceType": "CareTeam",
        "participant": [{"role": [text("nurse")], "member": {"display": "Bo"}}],
    }
    assert "Bo (nurse)" in section_text("other", held)


def test_vaccines_stand_together_newest_first() -> None:
    held = [
        {"resourceType": "Immunization", "vaccineCode": text(name), "occurrenceDateTime": day}
        for name, day in [("Tdap", "2010"), ("Flu", "2020"), ("Tdap", "2020"), ("Flu", "2024")]
    ]
    assert [" ".join(one.split()[:2]) for one in rows("immunizations", *held)] == [
        "Flu 2024", "Flu 2020", "Tdap 2020", "Tdap 2010",
    ]  # fmt: skip
