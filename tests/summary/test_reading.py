"""What makes a summary easy to read right: doses, directives, diagnoses told once, order, whole lists."""

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
    text,
    words_of,
)

DNR = coded("304253006", "Do not resuscitate")
PROBLEM, DIAGNOSIS = [coded("problem-list-item")], [coded("encounter-diagnosis")]


def dose(**dosage: Any) -> str:
    return row("medications", medication("MedicationRequest", "Aspirin", dosageInstruction=[dosage]))


class TestDoses:
    @pytest.mark.parametrize(
        ("code", "words"),
        [
            ("QD", "once a day"),
            ("q.d.", "once a day"),
            ("BID", "twice a day"),
            ("TID", "three times a day"),
            ("QID", "four times a day"),
            ("QOD", "every other day"),
            ("HS", "at bedtime"),
            ("AM", "in the morning"),
            ("PM", "in the afternoon or evening"),
            ("Q4H", "every 4 hours"),
            ("Q4-6H", "every 4–6 hours"),
            ("Q1H", "every hour"),
            ("every day with food", "every day with food"),
            ("XYZ", "XYZ"),
            ("OD", "OD"),
        ],
    )
    def test_abbreviations_of_time_are_written_out(self, code: str, words: str) -> None:
        assert f"Aspirin Prescribed, active {words} " in dose(timing={"code": {"text": code}})
        assert f"Aspirin Prescribed, active {words} " in dose(timing={"code": coded(code)})

    def test_the_moments_of_a_day_are_written_out(self) -> None:
        when = {"when": ["HS", "ACM"], "dayOfWeek": ["mon"]}
        assert "at bedtime, before breakfast, Monday" in dose(timing={"repeat": when})

    def test_a_dose_without_a_unit_says_so(self) -> None:
        assert "1 (no unit given)" in dose(doseAndRate=[{"doseQuantity": {"value": 1}}])
        assert "no unit" not in dose(doseAndRate=[{"doseQuantity": {"value": 1, "unit": "tablet"}}])
        held = {"resourceType": "Immunization", "vaccineCode": text("Tdap"), "doseQuantity": {"value": 0.5}}
        assert "0.5 (no unit given)" in row("immunizations", held)


def consent(**elements: Any) -> Json:
    return {
        "resourceType": "Consent",
        "status": "active",
        "scope": coded("adr", "Advanced Care Directive"),
        "category": [coded("42348-3", "Advance directives"), text("Resuscitation status")],
    } | elements


class TestDirectives:
    @pytest.mark.parametrize(
        "decision",
        [
            {"policyRule": DNR},
            {"provision": {"type": "permit", "code": [DNR]}},
            {"policyRule": DNR, "provision": {"type": "permit", "code": [DNR]}},
            {"policyRule": coded("Z66")},
            {"policyRule": coded("x", "Not for resuscitation")},
        ],
    )
    def test_not_to_resuscitate_comes_first_and_plain(self, decision: Json) -> None:
        shown = row("directives", consent(**decision))
        assert shown.startswith("DO NOT RESUSCITATE ")
        assert "(Resuscitation status)" in shown
        assert "provision" not in shown
        assert "permit" not in shown

    def test_it_stands_before_all_other_directives(self) -> None:
        other = consent(policyRule=text("Living will"), dateTime="2025-12-01")
        flag = {"resourceType": "Flag", "status": "active", "code": text("Falls")}
        shown = rows("directives", flag, other, consent(policyRule=DNR, dateTime="2001"))
        assert [one.split()[0] for one in shown] == ["DO", "Resuscitation", "Falls"]

    @pytest.mark.parametrize(
        ("elements", "mark"),
        [
            ({"status": "inactive"}, "NOT IN FORCE: inactive"),
            ({"status": "rejected"}, "NOT IN FORCE: rejected"),
            ({"status": "proposed"}, "NOT IN FORCE: proposed"),
            ({"provision": {"period": {"start": "2020", "end": "2025-12-31"}}}, "ENDED"),
            ({"provision": {"type": "deny"}}, "CONSENT DENIED: read the source, the meaning is not clear"),
        ],
        ids=str,
    )
    def test_one_that_does_not_hold_is_not_called_so(self, elements: Json, mark: str) -> None:
        shown = row("directives", consent(policyRule=DNR, **elements))
        assert shown.startswith(f"{mark} Do not resuscitate")
        assert "DO NOT RESUSCITATE" not in shown

    def test_one_that_lasts_until_today_holds(self) -> None:
        held = consent(policyRule=DNR, provision={"period": {"end": "2026-02-01"}})
        assert row("directives", held).startswith("DO NOT RESUSCITATE")

    def test_other_directives_are_shown_by_kind_and_value(self) -> None:
        held = consent(policyRule=coded("304252001", "For resuscitation"))
        assert row("directives", held).startswith("Resuscitation status: For resuscitation active")
        denied = consent(category=[], provision={"type": "deny", "code": [text("Intubation")]})
        assert row("directives", denied).startswith("CONSENT DENIED Intubation active")

    def test_exceptions_are_pointed_out(self) -> None:
        held = consent(policyRule=DNR, provision={"provision": [{"type": "deny"}]})
        assert "with exceptions: see the source" in row("directives", held)


class TestDiagnoses:
    @staticmethod
    def diagnosis(**elements: Any) -> Json:
        held = {"category": DIAGNOSIS, "code": coded("I10", "Hypertension"), "meta": {"source": "visit.xml"}}
        return condition("") | held | elements

    @staticmethod
    def problem(**elements: Any) -> Json:
        held: Json = {"category": PROBLEM, "clinicalStatus": coded("active")}
        return condition("") | held | {"code": coded("I10", "Hypertension")} | elements

    def test_those_that_repeat_a_problem_stand_with_it(self) -> None:
        visits = [self.diagnosis(onsetDateTime=f"202{i}-03-01T10:00:00Z") for i in range(3)]
        tree = page(*visits, self.problem(meta={"source": "list.xml"}))
        (shown,) = tree.xpath("//section[@id='conditions']//tbody/tr")
        said = "also diagnosed at 3 encounters: Mar 1, 2022; Mar 1, 2021; Mar 1, 2020"
        assert said in words_of(shown)
        assert words_of(shown).endswith("S1, S2")

    @pytest.mark.parametrize(
        "more",
        [
            {"code": coded("I11", "Heart disease")},
            {"note": [{"text": "worse"}]},
            {"verificationStatus": coded("provisional")},
            {"clinicalStatus": coded("resolved")},
            {"abatementDateTime": "2025"},
        ],
        ids=lambda more: next(iter(more)),
    )
    def test_one_that_says_more_keeps_its_row(self, more: Json) -> None:
        assert len(rows("conditions", self.diagnosis(**more), self.problem())) == 2

    def test_one_is_not_hidden_behind_a_refuted_problem(self) -> None:
        refuted = self.problem(verificationStatus=coded("refuted"))
        assert len(rows("conditions", self.diagnosis(), refuted)) == 2

    def test_one_whose_problem_is_filtered_away_is_shown(self) -> None:
        problem = self.problem(onsetDateTime="2020", abatementDateTime="2021")
        visit = self.diagnosis(onsetDateTime="2024")
        chosen = [{"key": "conditions", "dateFilter": {"from": "2023-01-01"}}]
        assert len(rows("conditions", problem, visit, filters=chosen)) == 1

    def test_others_come_last_and_the_status_is_the_clinical_one(self) -> None:
        over = self.problem(code=text("Gout"), clinicalStatus=coded("resolved"))
        shown = rows(
            "conditions", self.diagnosis(onsetDateTime="2025"), over, self.problem(code=text("Acne"))
        )
        assert [one.split()[0] for one in shown] == ["Acne", "Gout", "Hypertension"]
        cells = page(over).xpath("//section[@id='conditions']//td[@class='c2' or @class='c5']")
        assert [words_of(one) for one in cells] == ["resolved", "problem list"]


class TestOrder:
    def test_vital_signs_stand_in_the_order_in_which_they_are_read(self) -> None:
        names = [
            "Zeal", "Body mass index", "Body weight", "Body height", "Oxygen saturation", "Body temperature",
            "Respiratory rate", "Heart rate", "Blood pressure", "Head circumference",
        ]  # fmt: skip
        held = [lab(one, category=[coded("vital-signs")], valueInteger=1) for one in names]
        found = page(*held).xpath("//section[@id='vitals']//th[@class='group']/bdi")
        assert [words_of(one) for one in found] == [*reversed(names[1:-1]), "Head circumference", "Zeal"]

    def test_a_panel_is_left_out_where_its_results_are_shown(self) -> None:
        inner = lab("K", id="k", valueInteger=4)
        panel = lab("Panel", hasMember=[{"reference": "Observation/k"}])
        assert len(rows("labs", panel, inner)) == 1
        assert len(rows("labs", panel)) == 1
        assert len(rows("labs", panel | {"note": [{"text": "hemolysed"}]}, inner)) == 2
        assert len(rows("labs", panel | {"status": "cancelled"}, inner)) == 2

    def test_a_normal_range_is_not_called_normal(self) -> None:
        limits = {"low": {"value": 0.2}, "high": {"value": 1.2}, "type": coded("N", "Normal")}
        (cell,) = page(lab("K", valueInteger=9, referenceRange=[limits])).xpath("//*[@class='c3']")
        assert words_of(cell) == "0.2–1.2"
        critical = limits | {"type": coded("critical", "Critical Range")}
        (cell,) = page(lab("K", valueInteger=9, referenceRange=[critical])).xpath("//*[@class='c3']")
        assert words_of(cell) == "Critical Range 0.2–1.2"


class TestWholeLists:
    def test_the_last_answer_of_a_questionnaire_is_shown(self) -> None:
        parts = [{"code": text(f"Item {i} {'x' * 80}"), "valueString": "Several days"} for i in range(1, 9)]
        parts.append({"code": text("Thoughts of self-harm"), "valueString": "Nearly every day"})
        held = lab("PHQ-9", category=[coded("survey")], valueInteger=9, component=parts)
        assert "Thoughts of self-harm: Nearly every day" in row("observations", held)

    def test_a_questionnaire_response_is_shown_down_to_its_last_answer(self) -> None:
        items: list[Json] = [
            {"linkId": str(i), "text": "x" * 90, "answer": [{"valueInteger": 0}]} for i in range(40)
        ]
        last = {"linkId": "9", "text": "Self-harm", "answer": [{"valueCoding": {"display": "Every day"}}]}
        items.append({"linkId": "g", "text": "More", "item": [last, {"linkId": "10", "text": "Sleep"}]})
        held = {"resourceType": "QuestionnaireResponse", "status": "completed", "item": items}
        assert "Self-harm: Every day Sleep: no answer given completed" in row("other", held)

    def test_the_last_reaction_is_shown(self) -> None:
        reactions = [{"manifestation": [text("y" * 90)]} for _ in range(9)]
        held = allergy("Latex", reaction=[*reactions, {"manifestation": [text("Anaphylaxis")]}])
        assert "Anaphylaxis" in row("allergies", held)


def test_an_adverse_event_is_described() -> None:
    held = {
        "resourceType": "AdverseEvent",
        "actuality": "actual",
        "event": text("Fall from bed"),
        "category": [coded("unsafe", "Unsafe environment")],
        "date": "2025-03-04",
        "seriousness": coded("serious", "Serious"),
        "severity": coded("moderate", "Moderate"),
        "outcome": coded("resolved", "Resolved"),
    }
    shown = row("other", held)
    assert shown.startswith(
        "serious Fall from bed; Unsafe environment happened; seriousness: Serious; severity: Moderate; "
        "outcome: Resolved Mar 4, 2025"
    )
    assert row("other", held | {"actuality": "potential"}).startswith("POTENTIAL: did not happen")
    bare = row("other", {"resourceType": "AdverseEvent"})
    assert bare.startswith("event not described not stated whether it happened date unknown")


def test_what_is_to_come_is_planned_and_not_since() -> None:
    plan = {"resourceType": "Encounter", "status": "planned", "period": {"start": "2026-05-01"}}
    assert "planned for May 1, 2026" in row("encounters", plan)
    assert "since May 1, 2026" in row("encounters", plan | {"status": "in-progress"})
    order = {"resourceType": "ServiceRequest", "status": "active", "code": text("MRI")}
    assert "planned for May 1, 2026" in row("other", order | {"occurrenceDateTime": "2026-05-01"})
    assert "planned by May 2026" in row("other", order | {"occurrencePeriod": {"end": "2026-05"}})


def test_a_text_that_is_a_row_of_a_table_is_shown_without_the_cells_beside_it() -> None:
    goal = {
        "resourceType": "Goal",
        "description": text("Exercise five days a week Jun 12, 2025 Dec 11, 2025"),
        "startDate": "2025-06-12",
        "target": [{"measure": text("Days"), "detailQuantity": {"value": 5}, "dueDate": "2025-12-11"}],
    }
    shown = row("other", goal)
    assert shown.startswith("Exercise five days a week; target Days: 5, by Dec 11, 2025 ")
    sentence = goal | {"description": text("Exercise until Dec 11, 2025")}
    assert row("other", sentence).startswith("Exercise until Dec 11, 2025; target")
    coverage = {
        "resourceType": "Coverage",
        "type": coded("MB", "Medicare Part B"),
        "subscriberId": "A1",
        "period": {"start": "1992-05-01"},
        "class": [{"type": text("Plan"), "name": "Medicare Medicare Part B A1 May 1, 1992"}],
    }
    assert "Medicare Part B; Plan: Medicare A1 " in row("coverages", coverage)


def test_a_source_can_not_turn_the_text_around_it() -> None:
    held = condition("\u202eamhtsA\u202c", note=[{"text": "\u2067note\u2069 שלום"}])
    shown = row("conditions", held)
    assert "amhtsA" in shown
    assert "note שלום" in shown
    assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
    assert [one.tag for one in page(held).xpath("//*[contains(text(), 'amhtsA')]")] == ["bdi"]


def test_on_a_telephone_each_cell_has_its_label() -> None:
    tree = page(condition("Asthma", onsetDateTime="2024"))
    cells = tree.xpath("//section[@id='conditions']//td")
    assert {one.get("data-label"): words_of(one) for one in cells if words_of(one)} == {
        "Condition": "Asthma", "Status": "status not stated", "Onset": "2024", "Source": "source not stated",
    }  # fmt: skip
    assert all(len(one) == 0 and not one.text for one in cells if not one.get("data-label"))
