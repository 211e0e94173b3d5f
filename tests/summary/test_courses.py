"""Results over time: one row a test, its drawing, earlier results whole, values outside the range given."""

from __future__ import annotations

from typing import Any

import pytest
from lxml import etree

from tests.summary.charts import Json, coded, lab, page, rows, text, words_of

LIMITS = {"low": {"value": 3.5, "unit": "mmol/L"}, "high": {"value": 5.1, "unit": "mmol/L"}}


def potassium(value: Any, date: str, unit: str = "mmol/L", **elements: Any) -> Json:
    quantity = {"value": value, "unit": unit} if unit else {"value": value}
    return lab("K", valueQuantity=quantity, effectiveDateTime=date, **elements)


def three(**elements: Any) -> list[Json]:
    return [
        potassium(value, f"202{year}-03-0{year}", **elements) for value, year in [(4, 3), (6, 4), (4.5, 5)]
    ]


def drawings(*resources: Json) -> list[Any]:
    return list(page(*resources).xpath("//section[@id='labs']//*[local-name()='svg']"))


class TestOneRowATest:
    def test_the_newest_stands_by_itself_and_all_earlier_ones_beside_it(self) -> None:
        (shown,) = rows("labs", *three())
        assert shown.startswith("K 4.5 mmol/L Mar 5, 2025")
        assert shown.rindex("6 Mar 4, 2024") < shown.rindex("4 Mar 3, 2023")

    def test_results_that_share_a_loinc_code_are_of_one_test_whatever_their_names(self) -> None:
        loinc = {"coding": [{"system": "http://loinc.org", "code": "2823-3"}]}
        held = [
            potassium(4, "2024-01-01", code=loinc | text("Potassium")),
            potassium(5, "2023-01-01", code=loinc | text("Potassium, serum")),
            lab("potassium", valueInteger=6, effectiveDateTime="2022-01-01"),
        ]
        (shown,) = rows("labs", *held)
        assert "also: Potassium, serum" in shown
        assert "6 Jan 1, 2022" in shown

    def test_tests_of_one_name_with_other_codes_stay_apart_and_say_which_they_are(self) -> None:
        held = [
            lab("", code={"coding": [{"system": "http://loinc.org", "code": code}], "text": "Glucose"})
            for code in ("2345-7", "2339-0")
        ]
        shown = rows("labs", *held)
        assert [one.split(")")[0] for one in shown] == ["Glucose (LOINC 2339-0", "Glucose (LOINC 2345-7"]

    def test_a_result_without_a_unit_is_not_taken_for_one_with(self) -> None:
        (shown,) = rows("labs", potassium(4, "2024-01-01"), potassium(39, "2023-01-01", unit=""))
        assert "39 (no unit given)" in shown
        (shown,) = rows("labs", potassium(4, "2024-01-01"), potassium(3900, "2023-01-01", unit="umol/L"))
        assert "3900 µmol/L" in shown

    def test_an_earlier_result_says_where_it_differs(self) -> None:
        earlier = potassium(
            7,
            "2023-01-01",
            referenceRange=[{"text": "3-8"}],
            note=[{"text": "hemolyzed"}],
            status="preliminary",
        )
        (shown,) = rows("labs", potassium(4, "2024-01-01", referenceRange=[LIMITS]), earlier)
        assert "range 3-8; hemolyzed" in shown
        assert "preliminary" in shown

    def test_several_of_one_day_have_their_time(self) -> None:
        moments = ("2024-01-02T08:00:00-05:00", "2024-01-01T18:30:00-05:00", "2024-01-01T06:15:00Z")
        (shown,) = rows("labs", *(potassium(4 + i, one) for i, one in enumerate(moments)))
        assert "Jan 1, 2024 18:30" in shown
        assert "Jan 1, 2024 06:15 UTC" in shown

    def test_two_sources_of_one_result_stand_together(self) -> None:
        held = [
            potassium(value, "2024-01-02T08:00:00Z", meta={"source": source})
            for value, source in [(4, "a.xml"), (4.0, "b.xml")]
        ]
        (shown,) = rows("labs", *held)
        assert shown.endswith("S1, S2")
        other = potassium(4.1, "2024-01-02T08:00:00Z", meta={"source": "c.xml"})
        assert "4.1" in rows("labs", *held, other)[0]

    def test_panels_are_those_of_the_reports(self) -> None:
        held = [
            lab("K", id="k", valueInteger=1),
            lab("Na", id="n", valueInteger=2),
            lab("TSH", valueInteger=3),
        ]
        results = [{"reference": f"Observation/{id_}"} for id_ in "kn"]
        report = {"resourceType": "DiagnosticReport", "code": text("Electrolytes"), "result": results}
        tree = page(report, *held)
        assert [words_of(one) for one in tree.xpath("//section[@id='labs']//h3")] == [
            "Electrolytes", "Other results",
        ]  # fmt: skip

    def test_blood_pressure_is_written_as_one_reads_it(self) -> None:
        def part(code: str, value: int, **more: Any) -> Json:
            return {"code": coded(code), "valueQuantity": {"value": value, "unit": "mm[Hg]"}} | more

        both = [part("8462-4", 72), part("8480-6", 146, interpretation=[coded("H")])]
        held = lab("BP", category=[coded("vital-signs")], component=both)
        assert "146/72 mmHg (systolic: High)" in rows("vitals", held)[0]
        third = part("8478-0", 97)
        assert "8480-6: 146 mmHg" in rows("vitals", held | {"component": [*both, third]})[0]


class TestTrend:
    def test_three_comparable_results_are_drawn_with_their_range_in_words_too(self) -> None:
        (found,) = drawings(*three(referenceRange=[LIMITS]))
        assert found.get("aria-label") == (
            "Trend of K, mmol/L. 3 results from Mar 3, 2023 to Mar 5, 2025, lowest 4, highest 6, latest 4.5; "
            "reference range from 3.5 to 5.1."
        )
        inside = etree.tostring(found).decode()
        assert inside.count("<circle") == 2
        assert inside.count('width="4.4"') == 1, "the value above the range has a shape of its own"
        assert "Mar 3, 2023" in words_of(found)

    @pytest.mark.parametrize(
        "held",
        [
            three()[:2],
            [*three()[:2], potassium(4, "2025-01-01", unit="mg/dL")],
            [*three()[:2], potassium(4, "2025")],
            [*three()[:2], potassium(4, "2025-01-01", status="cancelled")],
            [*three()[:2], potassium(4, "2024-03-04")],
            [lab("K", valueString=str(i), effectiveDateTime=f"202{i}-01-01") for i in range(4)],
            [
                lab("K", valueQuantity={"value": i, "comparator": "<"}, effectiveDateTime=f"202{i}-01-01")
                for i in range(4)
            ],
        ],
        ids=["two", "units", "year only", "cancelled", "two days", "text", "comparator"],
    )
    def test_what_cannot_be_compared_is_not_drawn(self, held: list[Json]) -> None:
        assert drawings(*held) == []

    def test_ranges_that_differ_give_no_band(self) -> None:
        other = potassium(4, "2020-01-01", referenceRange=[{"low": {"value": 1}, "high": {"value": 9}}])
        (found,) = drawings(*three(referenceRange=[LIMITS]), other)
        assert "reference range" not in found.get("aria-label")

    def test_the_name_of_a_test_can_not_leave_the_drawing(self) -> None:
        evil = '"><script>alert(1)</script>'
        held = [one | {"code": text(evil)} for one in three()]
        tree = page(*held)
        assert tree.xpath("//script") == []
        assert evil in drawings(*held)[0].get("aria-label")


class TestOutsideTheRange:
    @staticmethod
    def marks(value: Json, *limits: Json, **more: Any) -> list[str]:
        tree = page(lab("K", valueQuantity=value, referenceRange=list(limits), **more))
        return [words_of(one) for one in tree.xpath("//section[@id='labs']//b")]

    @pytest.mark.parametrize(
        ("value", "said"),
        [
            ({"value": 5.2, "unit": "mmol/L"}, ["above the range given"]),
            ({"value": 3.4, "unit": "mmol/L"}, ["below the range given"]),
            ({"value": 5.1, "unit": "mmol/L"}, []),
            ({"value": 3.5, "unit": "mmol/L"}, []),
            ({"value": 90, "unit": "mg/dL"}, []),
            ({"value": 9}, []),
            ({"value": 9, "unit": "mmol/L", "comparator": ">"}, ["above the range given"]),
            ({"value": 4, "unit": "mmol/L", "comparator": ">"}, []),
            ({"value": 9, "unit": "mmol/L", "comparator": "<"}, []),
            ({"value": 3.5, "unit": "mmol/L", "comparator": "<"}, ["below the range given"]),
        ],
        ids=str,
    )
    def test_a_number_outside_the_range_given_with_it_says_so(self, value: Json, said: list[str]) -> None:
        assert self.marks(value, LIMITS) == said

    @pytest.mark.parametrize(
        "more",
        [
            {"appliesTo": [text("Pregnant")]},
            {"age": {"low": {"value": 70}}},
            {"type": coded("critical", "Critical Range")},
            {"high": {"value": 1, "unit": "mmol/L"}},
        ],
        ids=lambda more: next(iter(more)),
    )
    def test_a_range_that_may_not_be_the_patients_says_nothing(self, more: Json) -> None:
        assert self.marks({"value": 9, "unit": "mmol/L"}, LIMITS | more) == []

    def test_two_ranges_say_nothing(self) -> None:
        assert self.marks({"value": 9, "unit": "mmol/L"}, LIMITS, LIMITS) == []

    def test_the_flag_of_the_source_comes_before_ours(self) -> None:
        nine = {"value": 9, "unit": "mmol/L"}
        assert self.marks(nine, LIMITS, interpretation=[coded("HH")]) == ["Critically high"]
        assert self.marks(nine, LIMITS, interpretation=[coded("N")]) == ["Normal", "above the range given"]
