"""The scorer notices what consolidation may do wrong: told with invented charts and a table of four facts."""

from __future__ import annotations

from typing import Any

import pytest

from tests.consolidate.truth.dates import fits
from tests.consolidate.truth.scoring import Score, report, score
from tests.consolidate.truth.statement import statements
from tests.consolidate.truth.table import load, names, row

Resource = dict[str, Any]
PRESSURE = row(
    "observation", {"name": "pressure", "code": "L:85354-9", "on": "2020-03-01T08:00Z", "value": "120/80"}
)
LATER = row(
    "observation", {"name": "pressure", "code": "L:85354-9", "on": "=2020-03-01T12:00Z", "value": "130/90"}
)
FEVER = row("condition", {"name": "fever", "code": "S:386661006", "words": "fever", "on": "2020-02-27"})
COUGH = row("condition", {"name": "cough", "code": "S:49727002", "on": "2020-02-27"})
ROWS = [PRESSURE, LATER, FEVER, COUGH]


def pressure(id_: str, systolic: int, diastolic: int, at: str) -> Resource:
    return {
        "resourceType": "Observation",
        "id": id_,
        "status": "final",
        "code": coded("http://loinc.org", "85354-9"),
        "effectiveDateTime": at,
        "component": [
            {"code": coded("http://loinc.org", code), "valueQuantity": {"value": value, "unit": "mm[Hg]"}}
            for code, value in (("8480-6", systolic), ("8462-4", diastolic))
        ],
    }


def problem(id_: str, *codes: str, onset: str = "2020-02-27", refuted: bool = False) -> Resource:
    given: Resource = {
        "resourceType": "Condition",
        "id": id_,
        "code": coded("http://snomed.info/sct", *codes),
        "onsetDateTime": onset,
    }
    return given | ({"verificationStatus": coded("urn:ver-status", "refuted")} if refuted else {})


def coded(system: str, *codes: str) -> Resource:
    return {"coding": [{"system": system, "code": code} for code in codes]}


def scored(*resources: Resource) -> Score:
    return score(ROWS, statements(list(resources)))


def right() -> list[Resource]:
    return [
        pressure("1", 120, 80, "2020-03-01T09:00:00+01:00"),
        pressure("2", 130, 90, "2020-03-01T12:00:20Z"),
        problem("3", "386661006"),
        problem("4", "49727002", onset="2020-02"),
    ]


def test_a_right_chart_is_complete() -> None:
    result = scored(*right())
    assert (result.precision, result.recall) == (1, 1)
    assert "duplicates 0  missing 0  no fact 0  wrongly merged 0" in report(result)


def test_a_duplicate_costs_both_figures_and_is_listed() -> None:
    result = scored(*right(), problem("5", "386661006", onset="2020-02-27T00:00:00-05:00"))
    assert result.precision == pytest.approx(4 / 5)
    assert result.recall == pytest.approx(3 / 4)
    assert [said.key for said in result.duplicates[FEVER]] == ["Condition/3", "Condition/5"]
    assert "DUPLICATE 2x condition | fever" in report(result)


def test_a_missing_fact_costs_recall_and_is_listed() -> None:
    result = scored(*right()[:3])
    assert (result.precision, result.recall, result.missing) == (1, 0.75, [COUGH])
    assert "MISSING condition | cough" in report(result)


def test_two_facts_joined_under_both_codes_are_a_wrong_merge() -> None:
    result = scored(*right()[:2], problem("3", "386661006", "49727002"))
    assert [rows for _, rows in result.wrong] == [[FEVER, COUGH]]
    assert result.missing == [FEVER, COUGH]
    assert result.precision == pytest.approx(2 / 3)
    assert "WRONGLY MERGED" in report(result)


def test_two_measurements_joined_leave_one_missing() -> None:
    joined = pressure("1", 120, 80, "2020-03-01T08:00:00Z")
    joined["component"] += pressure("2", 130, 90, "")["component"]
    assert scored(*right()[2:], right()[0]).missing == [LATER]
    result = scored(*right()[2:], joined)
    assert result.missing == [PRESSURE, LATER]
    assert [said.key for said in result.unmatched] == ["Observation/1"]


@pytest.mark.parametrize(
    "invented",
    [
        problem("5", "44054006"),
        problem("5", "386661006", onset="2019"),
        problem("5", "386661006", refuted=True),
        pressure("5", 120, 81, "2020-03-01"),
    ],
)
def test_what_no_document_says_is_no_fact(invented: Resource) -> None:
    result = scored(*right(), invented)
    assert [said.key.partition("/")[2] for said in result.unmatched] == ["5"]
    assert result.precision == pytest.approx(4 / 5)


def test_a_statement_that_may_give_way_need_not_stand_but_not_twice() -> None:
    none = row("condition", {"name": "none", "code": "S:160245001", "yields": True})
    held = [problem("1", "160245001"), problem("2", "160245001")]
    assert score([none, *ROWS], statements(right())).recall == 1
    assert score([none, *ROWS], statements([*right(), held[0]])).recall == 1
    assert score([none, *ROWS], statements([*right(), *held])).recall == pytest.approx(4 / 5)


def test_an_undated_diagnosis_is_of_its_visit_and_an_undated_report_of_its_results() -> None:
    fever = {name: value for name, value in problem("3", "386661006").items() if name != "onsetDateTime"}
    visit = {
        "resourceType": "Encounter",
        "id": "6",
        "status": "finished",
        "period": {"start": "2020-02-27T10:00:00Z"},
        "diagnosis": [{"condition": {"reference": "Condition/3"}}],
    }
    report_ = {
        "resourceType": "DiagnosticReport",
        "id": "7",
        "status": "final",
        "code": coded("http://loinc.org", "24357-6"),
        "result": [{"reference": "Observation/1"}],
    }
    said = statements([fever, visit, report_, pressure("1", 120, 80, "2020-03-01T08:00:00Z")])
    assert {one.key: one.on for one in said if one.on and "T" not in one.on} == {
        "Condition/3": "2020-02-27",
        "DiagnosticReport/7": "2020-03-01",
    }


def test_a_fact_left_open_may_stand_as_often_as_the_documents_allow() -> None:
    cough = row("condition", {"name": "cough", "code": "S:49727002", "most": 2})
    more = [problem(str(number), "49727002") for number in (5, 6)]
    for held, precision, recall in ((more[:1], 1, 1), (more, 4 / 5, 3 / 4)):
        result = score([*ROWS[:3], cough], statements([*right(), *held]))
        assert (result.precision, result.recall) == pytest.approx((precision, recall))


@pytest.mark.parametrize(
    ("stated", "wanted", "same"),
    [
        ("2015-06-22", "2015-06-22T10:08-05:00", True),
        ("2015-06-22T15:08:30Z", "2015-06-22T10:08-05:00", True),
        ("2015-06-22T13:00:41+00:00", "2015-06-22T10:08-05:00", False),
        ("2015-06-22T00:00:00-08:00", "2015-06-22", True),
        ("2015-06-22", "=2015-06-22T13:00Z", False),
        ("2015", "2015-06-22", True),
        ("2015-06-23", "2015-06-22", False),
        (None, "none", True),
        (None, "2015-06-22", False),
        ("2015-06-22", "none", False),
    ],
)
def test_dates_are_compared_by_the_less_precise(stated: str | None, wanted: str, same: bool) -> None:
    assert fits(stated, wanted) is same


def test_the_tables_hold_no_row_twice() -> None:
    for name in names():
        rows = load(name).rows
        assert len(set(rows)) == len(rows), name


def test_a_row_that_could_match_anything_is_refused() -> None:
    with pytest.raises(ValueError, match="neither code nor words"):
        row("condition", {"name": "anything"})
    with pytest.raises(ValueError, match="onn"):
        row("condition", {"name": "fever", "code": "S:386661006", "onn": "2020"})
