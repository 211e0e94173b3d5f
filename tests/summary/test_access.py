"""The page can be read by everybody: structure, contrast, no scripts; and the PDF has bookmarks and links."""

from __future__ import annotations

import re
from importlib.resources import files
from itertools import pairwise
from typing import Any

import pypdfium2  # type: ignore[import-untyped]
import pytest

from chartbridge.summary import render_html, render_pdf
from chartbridge.summary.outline import Bookmark, with_outline
from tests.fhir.test_schema import everything_about
from tests.summary.charts import NOW, PATIENT, condition, lab, page, words_of

CSS = files("chartbridge.summary").joinpath("templates/summary.css").read_text()
COLOURS = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", CSS))


@pytest.fixture(scope="module")
def kyla() -> list[Any]:
    return everything_about("Kyla")


def luminance(colour: str) -> float:
    """The relative luminance of ``#rrggbb`` (WCAG 2.2)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


class TestContrast:
    def test_it_is_computed_as_the_guideline_says(self) -> None:
        assert contrast("#000000", "#ffffff") == pytest.approx(21)
        assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)

    def test_every_colour_of_text_is_readable_on_every_ground(self) -> None:
        grounds = {"#ffffff", COLOURS["pale"], "#fbf3f3"}
        assert set(re.findall(r"background: (#[0-9a-f]{3,6})", CSS)) <= {"#fff", "#fbf3f3"}
        named = {COLOURS[name] for name in re.findall(r"[^-]color: var\(--(\w+)\)", CSS)}
        written = set(re.findall(r"[^-]color: (#[0-9a-f]{6})", CSS))
        assert len(named) >= 4
        for colour in named | written:
            assert min(contrast(colour, ground) for ground in grounds) >= 4.5, colour
        assert contrast("#ffffff", COLOURS["stop"]) >= 4.5

    def test_no_meaning_is_in_colour_alone(self) -> None:
        for look in ("stop", "warn"):
            assert f'.mark.{look}::before {{ content: "' in CSS


class TestStructure:
    def test_headings_go_down_by_one_step_at_most(self, kyla: list[Any]) -> None:
        levels = [int(one.tag[1]) for one in page(*kyla).xpath("//h1 | //h2 | //h3 | //h4")]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(later - earlier <= 1 for earlier, later in pairwise(levels))

    def test_landmarks_language_and_a_way_past_the_head(self, kyla: list[Any]) -> None:
        tree = page(*kyla)
        for name in ("header", "nav", "main", "footer"):
            assert len(tree.xpath(f"//{name}")) == 1
        assert tree.get("lang") == "en-US"
        assert tree.xpath("//body/*[1]/@href") == ["#record"]

    def test_every_table_has_a_caption_and_every_head_its_scope(self, kyla: list[Any]) -> None:
        tree = page(*kyla)
        assert all(len(one.xpath("./caption")) == 1 for one in tree.xpath("//table"))
        assert {str(one.get("scope")) for one in tree.xpath("//th")} == {"col", "row"}
        for table in tree.xpath("//table"):
            widths = {len(row) for row in table.xpath(".//tr")}
            assert len(widths) == 1, words_of(table)[:80]

    def test_every_drawing_has_its_words(self, kyla: list[Any]) -> None:
        found = page(*kyla).xpath("//*[local-name()='svg']")
        assert len(found) > 15
        assert all(one.get("role") == "img" and one.get("aria-label") for one in found)

    def test_every_link_leads_somewhere_and_every_id_is_there_once(self, kyla: list[Any]) -> None:
        tree = page(*kyla)
        ids = [str(one) for one in tree.xpath("//@id")]
        assert len(ids) == len(set(ids))
        assert {str(one) for one in tree.xpath("//@href")} <= {f"#{one}" for one in ids}

    def test_every_entry_names_its_source_by_a_link(self, kyla: list[Any]) -> None:
        tree = page(*kyla)
        for one in tree.xpath("//section[@id]//table//tbody/tr[td[@class='source']]"):
            assert one.xpath("./td[@class='source']/a[starts-with(@href, '#source-')]"), words_of(one)
        assert all(one.xpath("./a") for one in tree.xpath("//td[@class='before']//li"))

    def test_the_list_of_sources_tells_the_document(self, kyla: list[Any]) -> None:
        listed = [words_of(one) for one in page(*kyla).xpath("//section[@class='sources']//tbody/tr")]
        assert any("Patient Record of Kyla Fields, Jun 24, 2025" in one for one in listed)

    def test_no_text_is_smaller_than_the_page_can_be_enlarged(self) -> None:
        assert "user-scalable" not in render_html([], patient=PATIENT, generated_at=NOW)
        assert "maximum-scale" not in render_html([], patient=PATIENT, generated_at=NOW)


@pytest.fixture(scope="module")
def printed(kyla: list[Any]) -> Any:
    return pypdfium2.PdfDocument(render_pdf(kyla, patient=PATIENT, generated_at=NOW))


class TestPdf:
    def test_each_section_has_its_bookmark_on_its_page(self, kyla: list[Any], printed: Any) -> None:
        found = [(one.get_title(), one.get_dest().get_index()) for one in printed.get_toc()]
        titles = [words_of(one) for one in page(*kyla).xpath("//nav//a")]
        assert [title for title, _ in found] == titles
        assert len(titles) > 15
        assert [number for _, number in found] == sorted(number for _, number in found)
        for title, number in found:
            assert title in printed[number].get_textpage().get_text_range()

    def test_it_says_its_title_and_its_language(self, printed: Any) -> None:
        assert printed.get_metadata_value("Title") == "Medical record summary: Jane Smith"
        raw = render_pdf([condition("Asthma")], patient=PATIENT, generated_at=NOW)
        assert b"/Lang (en-US)" in raw
        assert b"/DisplayDocTitle true" in raw

    def test_it_prints_in_black_and_white(self, printed: Any) -> None:
        for number in range(2):
            shown = printed[number].render(scale=1, grayscale=True).to_pil()
            darkest, lightest = shown.getextrema()
            assert lightest == 255
            assert darkest < 40
        text = " ".join(one.get_textpage().get_text_range() for one in printed)
        for words in ("!! DO NOT RESUSCITATE", "! High", "! Low", "!! NOT PRESENT: refuted"):
            assert words in text

    def test_what_is_no_pdf_of_that_kind_is_refused(self) -> None:
        for odd in (b"", b"%PDF-1.4\nstartxref\n9\n%%EOF\n"):
            with pytest.raises(ValueError, match="the PDF has"):
                with_outline(odd, [Bookmark("a", "A")], language="en")

    def test_one_without_bookmarks_stays_readable(self) -> None:
        document = pypdfium2.PdfDocument(render_pdf([], patient=PATIENT, generated_at=NOW))
        assert list(document.get_toc()) == []
        assert "There are no data" in document[0].get_textpage().get_text_range()

    @pytest.mark.parametrize("kind", ["report", "results"])
    def test_a_row_longer_than_a_page_is_printed_whole(self, kind: str) -> None:
        numbers = range(1_500)
        held = [{"resourceType": "DiagnosticReport", "conclusion": " ".join(f"w{i}" for i in numbers)}]
        if kind == "results":
            held = [lab("K", valueString=f"w{i}", effectiveDateTime="2024-01-01") for i in numbers]
        document = pypdfium2.PdfDocument(render_pdf(held, patient=PATIENT, generated_at=NOW))
        found = set()
        for sheet in document:
            width, height = sheet.get_size()
            # the margins hold the foot of the page and nothing of the table
            text = sheet.get_textpage().get_text_bounded(0, 50, width, height - 30)
            found |= set(text.split())
        assert {f"w{i}" for i in numbers} - found == set()
