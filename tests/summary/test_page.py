"""The page as a whole: sections and their order, filters, sources, escaping, the brief, and the PDF."""

from __future__ import annotations

import base64
import re
from typing import Any, ClassVar

import pypdfium2  # type: ignore[import-untyped]
import pytest

from chartbridge.summary import SECTION_KEYS, render_html, render_pdf
from tests.fhir.test_schema import everything_about
from tests.summary.charts import (
    NOW,
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
from tests.support.work import calls_made_by

ONE_EACH: list[Json] = [
    {"resourceType": "DiagnosticReport"},
    condition("Asthma"),
    medication("MedicationStatement", "Aspirin"),
    allergy("Latex"),
    {"resourceType": "Procedure"},
    lab("Smoking", category=[coded("social-history")]),
    lab("Weight", category=[coded("vital-signs")]),
    lab("K"),
    lab("PHQ-9", category=[coded("survey")]),
    {"resourceType": "Immunization"},
    {"resourceType": "FamilyMemberHistory"},
    {"resourceType": "RelatedPerson"},
    {"resourceType": "Task"},
    {"resourceType": "Coverage"},
    {"resourceType": "Encounter"},
    {"resourceType": "DocumentReference"},
]


def ids(tree: Any) -> list[str]:
    return [str(one) for one in tree.xpath("//section/@id")]


def filters(**by_key: Json) -> list[Json]:
    """All 16 sections, as settings have them, with some changed."""
    return [{"key": key, **by_key.get(key.replace("-", "_"), {})} for key in SECTION_KEYS]


def pages_of(pdf: bytes) -> list[str]:
    return [page_.get_textpage().get_text_range() for page_ in pypdfium2.PdfDocument(pdf)]


def test_there_are_sixteen_sections() -> None:
    assert sorted(SECTION_KEYS) == sorted(
        [
            "reports",
            "conditions",
            "medications",
            "allergies",
            "procedures",
            "social-history",
            "vitals",
            "labs",
            "observations",
            "immunizations",
            "family-member-history",
            "related-persons",
            "tasks",
            "coverages",
            "encounters",
            "documents",
        ]
    )
    assert ids(page(*ONE_EACH)) == list(SECTION_KEYS)


def test_the_order_of_the_filters_is_the_order_of_the_sections() -> None:
    turned = list(reversed(SECTION_KEYS))
    assert ids(page(*ONE_EACH, filters=[{"key": key} for key in turned])) == turned


def test_sections_that_no_filter_names_are_not_lost() -> None:
    shown = ids(page(*ONE_EACH, filters=[{"key": "labs"}]))
    assert shown[0] == "labs"
    assert sorted(shown) == sorted(SECTION_KEYS)


class TestFilters:
    def test_by_text_whatever_the_case_and_wherever_it_stands(self) -> None:
        held = [condition("Asthma"), condition("Eczema", note=[{"text": "after ASTHMA"}]), condition("Gout")]
        shown = section_text("conditions", *held, filters=filters(conditions={"stringFilter": "asthma"}))
        assert "Asthma" in shown
        assert "Eczema" in shown
        assert "Gout" not in shown
        assert 'Only entries containing "asthma"; 1 other is in the chart.' in shown

    def test_by_the_name_of_a_test(self) -> None:
        held = [lab("Potassium", valueInteger=4), lab("Sodium", valueInteger=140)]
        shown = rows("labs", *held, filters=filters(labs={"stringFilter": "potass"}))
        assert len(shown) == 1

    @pytest.mark.parametrize(
        ("dates", "kept"),
        [
            ({"from": "2024-03-05"}, ["day", "month", "year", "none", "ongoing"]),
            ({"to": "2024-03-05"}, ["day", "month", "year", "none", "old", "ongoing"]),
            ({"from": "2024-03-06"}, ["month", "year", "none", "ongoing"]),
            ({"to": "2024-03-04"}, ["month", "year", "none", "old", "ongoing"]),
            ({"from": "2023-01-01", "to": "2023-12-31"}, ["none", "ongoing"]),
            ({}, ["day", "month", "year", "none", "old", "ongoing"]),
        ],
        ids=str,
    )
    def test_by_date_both_ends_included_and_what_has_no_date_kept(self, dates: Json, kept: list[str]) -> None:
        held: list[Json] = [
            medication("MedicationRequest", name, status="completed", authoredOn=when)
            for name, when in [("day", "2024-03-05T23:00:00Z"), ("month", "2024-03"), ("year", "2024")]
        ]
        held.append(medication("MedicationRequest", "none"))
        held.append(
            medication("MedicationStatement", "old", effectivePeriod={"start": "2001", "end": "2002"})
        )
        held.append(medication("MedicationStatement", "ongoing", effectivePeriod={"start": "2001"}))
        shown = rows("medications", *held, filters=filters(medications={"dateFilter": dates}))
        names = ["day", "month", "year", "none", "old", "ongoing"]
        assert [name for name in names if any(name in one.split() for one in shown)] == kept

    def test_a_section_that_is_all_filtered_away_says_so(self) -> None:
        shown = section_text("tasks", {"resourceType": "Task"}, filters=filters(tasks={"stringFilter": "x"}))
        assert shown == 'Tasks Only entries containing "x"; 1 other is in the chart.'

    def test_no_filter_hides_directives(self) -> None:
        held = {
            "resourceType": "Consent",
            "status": "active",
            "scope": coded("adr"),
            "policyRule": text("DNR"),
        }
        tree = page(held, *ONE_EACH, filters=filters())
        assert ids(tree)[0] == "directives"
        assert "DNR" in words_of(tree.xpath("//section[@id='directives']")[0])


def test_each_entry_names_its_source() -> None:
    url = "https://public.metriport.com/fhir/StructureDefinition/data-source.json"
    held = condition(
        "Asthma",
        meta={"source": "a/b.xml"},
        extension=[{"url": url, "valueCoding": {"code": code}} for code in ("CAREQUALITY", "COMMONWELL")],
    )
    other = condition("Gout", meta={"source": "c.xml"})
    tree = page(held, other, allergy("Latex", meta={"source": "c.xml"}), lab("K"))
    marks = [words_of(one) for one in tree.xpath("//*[@class='source'][not(self::th)]")]
    assert marks == ["S1", "S2", "S1", "source not stated"]
    listed = [words_of(one) for one in tree.xpath("//section[@class='sources']//tbody/tr")]
    assert listed == ["S1 c.xml", "S2 a/b.xml · CAREQUALITY · COMMONWELL"]


def test_entries_are_found_by_the_name_of_their_file() -> None:
    held = [condition("Asthma", meta={"source": "a.xml"}), condition("Gout", meta={"source": "b.xml"})]
    assert len(rows("conditions", *held, filters=filters(conditions={"stringFilter": "B.XML"}))) == 1


def test_a_filter_by_dates_reads_as_one_range() -> None:
    dates = {"from": "2024-01-01", "to": "2025-01-01"}
    both = filters(tasks={"dateFilter": dates, "stringFilter": "x"})
    shown = section_text("tasks", {"resourceType": "Task"}, filters=both)
    assert 'Only entries from 2024-01-01 to 2025-01-01, containing "x"; 1 other' in shown


def test_a_chart_without_data_says_so_once() -> None:
    tree = page({"resourceType": "Practitioner", "name": [{"family": "A"}]})
    assert words_of(tree.xpath("//p[@class='nothing']")[0]) == "There are no data in this chart."
    assert ids(tree) == []


def test_sections_without_data_are_named() -> None:
    shown = words_of(page(condition("Asthma")).xpath("//section")[-1])
    assert shown.startswith("No data The chart has no entries for: Allergies and intolerances, Medications,")
    assert "Conditions" not in shown


def test_types_without_a_section_are_in_the_chart_too() -> None:
    held = {
        "resourceType": "Goal",
        "lifecycleStatus": "active",
        "description": text("Walk"),
        "startDate": "2024",
    }
    assert row("other", held).startswith("Walk active 2024")
    assert "Care plan" in section_text("other", {"resourceType": "CarePlan", "title": "Plan"})


def test_references_lead_to_what_they_name() -> None:
    medicine = {"resourceType": "Medication", "id": "m", "code": text("Metformin")}
    inner = {"resourceType": "Medication", "id": "i", "code": text("Insulin")}
    held: list[Json] = [
        {"resourceType": "MedicationRequest", "medicationReference": {"reference": "Medication/m"}},
        {
            "resourceType": "MedicationRequest",
            "contained": [inner],
            "medicationReference": {"reference": "#i"},
            "requester": {"reference": "PractitionerRole/r"},
        },
        {"resourceType": "PractitionerRole", "id": "r", "practitioner": {"reference": "Practitioner/d"}},
        {"resourceType": "Practitioner", "id": "d", "name": [{"family": "Okafor", "given": ["Ngozi"]}]},
    ]
    shown = rows("medications", medicine, *held)
    assert shown[0].startswith("Metformin")
    assert shown[1].startswith("Insulin")
    assert "Ngozi Okafor" in shown[1]


class TestHead:
    @staticmethod
    def head(*resources: Json, **patient: Any) -> str:
        return words_of(page(*resources, patient=PATIENT | patient).xpath("//header")[0])

    def test_it_names_the_patient_and_the_organization(self) -> None:
        clinic = {"resourceType": "Organization", "id": "o", "name": "Clinic", "telecom": [{"value": "555"}]}
        shown = self.head(clinic, managingOrganization={"reference": "Organization/o"})
        assert "Jane Smith Born Feb 10, 1996 (29 years) Sex female" in shown
        assert "Organization Clinic, 555" in shown
        assert "Made Feb 1, 2026 10:05 UTC" in shown

    def test_the_dead_have_no_age(self) -> None:
        assert "Born Feb 10, 1996 Sex female Died Mar 2025" in self.head(deceasedDateTime="2025-03")
        assert "Died date unknown" in self.head(deceasedBoolean=True)

    def test_what_is_not_known_is_not_made_up(self) -> None:
        assert "Born 1996 Sex not stated" in self.head(birthDate="1996", gender=None)
        assert "Name not stated Born not stated" in self.head(name=[], birthDate=None)


class TestBrief:
    HELD: ClassVar[Json] = {
        "resourceType": "Binary",
        "contentType": "text/plain",
        "meta": {"source": "metriport:ai-generated-brief"},
        "data": base64.b64encode(b"Jane is well.\n\n<b>Truly</b>").decode(),
    }

    def test_it_heads_the_summary_and_says_who_wrote_it(self) -> None:
        tree = page(condition("Asthma"), self.HELD)
        first = tree.xpath("//section")[0]
        assert first.get("class") == "brief"
        assert "Written by a machine" in words_of(first)
        assert [words_of(one) for one in first.xpath("p")[1:]] == ["Jane is well.", "<b>Truly</b>"]

    def test_other_binaries_are_none(self) -> None:
        assert not page(self.HELD | {"meta": {"source": "a.pdf"}}).xpath("//section[@class='brief']")

    def test_one_that_cannot_be_read_says_so(self) -> None:
        assert "cannot be read" in words_of(page(self.HELD | {"data": "%%%"}).xpath("//section")[0])


def test_whatever_the_sources_say_is_text() -> None:
    evil = '<script>alert(1)</script><img src="http://x.org/a">'
    held = [
        condition(evil, note=[{"text": evil}], meta={"source": evil}),
        lab(evil, valueString=evil, referenceRange=[{"text": evil}]),
        {"resourceType": "Goal", "description": text(evil)},
    ]
    patient = PATIENT | {"name": [{"text": evil}], "id": evil}
    tree = page(*held, patient=patient, filters=filters(conditions={"stringFilter": "<script>"}))
    assert tree.xpath("//script | //img | //link | //iframe | //*[@src] | //*[@style]") == []
    assert {str(one)[:1] for one in tree.xpath("//@href")} == {"#"}
    markup = render_html(held, patient=PATIENT, generated_at=NOW)
    assert "url(" not in markup
    assert "@import" not in markup


def test_a_text_that_is_very_long_is_cut_and_says_so() -> None:
    shown = row("conditions", condition("Asthma", note=[{"text": "x" * 10_000}]))
    assert len(shown) < 1_000
    assert "[cut; the whole text is in the chart]" in shown


@pytest.mark.parametrize("first_name", ["Jane", "Kyla", "Ollie"])
def test_every_clinical_statement_of_a_persona_is_in_the_summary(first_name: str) -> None:
    chart = everything_about(first_name)
    silent = {"Patient", "Practitioner", "PractitionerRole", "Organization", "Location", "Medication"}
    silent |= {"Specimen", "Provenance"}
    statements = [one for one in chart if one["resourceType"] not in silent]
    tree = page(*chart)
    shown_rows = len(tree.xpath("//section[@id]//table[not(contains(@class, 'flow'))]//tbody/tr"))
    for key in ("vitals", "labs"):
        (count,) = tree.xpath(f"//section[@id='{key}']//h2/span")
        shown_rows += int(words_of(count).split()[0])
    panels = sum(
        int(re.findall(r"(\d+) panels? ha", words_of(one))[0])
        for one in tree.xpath("//p[@class='note'][contains(., 'panel')]")
    )
    folded = sum(int(count) for count in re.findall(r"also diagnosed at (\d+) encounter", words_of(tree)))
    folded += sum(int(count) for count in re.findall(r"(\d+) fills?: last", words_of(tree)))
    folded += len(re.findall(r"prescribed \w+ \d+, \d{4}: ", words_of(tree)))
    folded += sum(int(count) - 1 for count in re.findall(r"(\d+) reports: ", words_of(tree)))
    assert shown_rows + panels + folded == len(statements)
    shown = words_of(tree)
    for resource in statements:
        code = resource.get("code") or resource.get("vaccineCode") or {}
        if code.get("text"):
            assert " ".join(code["text"].split()) in shown
    if first_name == "Kyla":
        assert "Do not resuscitate" in words_of(tree.xpath("//section[@id='directives']")[0])
    if first_name == "Ollie":
        assert "statement that there is none No known allergy" in shown


class TestPdf:
    def test_it_has_the_same_content_on_numbered_letter_pages(self) -> None:
        chart = everything_about("Kyla")
        pdf = render_pdf(chart, patient=PATIENT, generated_at=NOW)
        found = pages_of(pdf)
        assert pypdfium2.PdfDocument(pdf)[0].get_size() == (612, 792)
        assert all("Jane Smith · born Feb 10, 1996 · record p" in one for one in found)
        assert f"Page 1 of {len(found)}" in found[0]
        assert f"Page {len(found)} of {len(found)}" in found[-1]
        whole = re.sub(r"\s+", " ", " ".join(found))
        for words in ("Jane Smith", "NOT GIVEN", "Zoster vaccine", "NOT PRESENT: refuted", "146/72 mmHg"):
            assert words in whole

    def test_a_table_that_goes_on_repeats_its_head(self) -> None:
        held = [lab(f"Test {i}", valueInteger=i, effectiveDateTime="2024") for i in range(200)]
        found = pages_of(render_pdf(held, patient=PATIENT, generated_at=NOW))
        assert len(found) > 3
        assert all("Newest result" in one for one in found[:-1])

    def test_no_section_begins_at_the_foot_of_a_page_with_its_heading_alone(self) -> None:
        for count in range(20, 44):
            held = [lab(f"Test {i}", valueInteger=i, effectiveDateTime="2024") for i in range(count)]
            later = {"resourceType": "Procedure", "status": "completed", "code": text("Appendectomy")}
            found = pages_of(render_pdf([*held, later], patient=PATIENT, generated_at=NOW))
            heads = [one for one in found if "Procedures 1" in one]
            assert len(heads) == 1
            assert "Appendectomy" in heads[0]

    def test_a_name_at_the_foot_can_not_leave_its_place(self) -> None:
        name = '"; } </style><script>alert(1)</script> é \u202e\\ ' + "x" * 200
        who = PATIENT | {"name": [{"text": name}]}
        markup = render_html([], patient=who, generated_at=NOW)
        assert "<script" not in markup
        assert markup.count("</style>") == 1
        found = pages_of(render_pdf([condition("Asthma")], patient=who, generated_at=NOW))
        assert '"; } </style><script>alert(1)</script> é' in found[0].split("S1")[-1]
        assert "born Feb 10, 1996 · record p" in found[0]

    def test_the_same_chart_gives_the_same_bytes(self) -> None:
        first, second = (render_pdf(ONE_EACH, patient=PATIENT, generated_at=NOW) for _ in range(2))
        assert first == second


def test_a_huge_chart_takes_work_in_proportion() -> None:
    def calls(count: int) -> int:
        held = [
            lab(
                f"Test {i % 100}",
                valueQuantity={"value": i, "unit": "mg"},
                effectiveDateTime=f"20{i % 25:02}-01-01",
            )
            for i in range(count)
        ]
        return calls_made_by(lambda: render_html(held, patient=PATIENT, generated_at=NOW))

    calls(100)
    assert calls(4_000) < 11 * calls(400)
