"""Documents of many vendors: nothing of their text is lost, and nothing else gets into a page."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from chartbridge.ccda.document import parse
from chartbridge.cda_view import render_html, render_pdf
from chartbridge.cda_view.header import patient_name, title
from tests.ccda.test_corpus import PRESENT
from tests.cda_view.words import assert_harmless, shown_texts, source_texts, tree


def name_of(path: Path | None) -> str:
    return path.stem if path else "none"


@pytest.fixture(params=PRESENT, ids=name_of)
def source(request: pytest.FixtureRequest) -> bytes:
    if request.param is None:
        pytest.skip("the corpus of real documents is not beside this checkout")
    data: bytes = request.param.read_bytes()
    return data


def test_every_word_of_every_section_is_shown_in_its_order(source: bytes) -> None:
    root = parse(source)
    page = render_html(root)
    assert shown_texts(page) == source_texts(root)
    assert_harmless(page)
    whole = "".join(tree(page).text_content().split())
    assert "".join(title(root).split()) in whole
    assert "".join(patient_name(root).split()) in whole
    assert len(tree(page).xpath("//nav//a")) == len(tree(page).xpath("//div[starts-with(@class,'section')]"))


def test_a_page_is_the_same_each_time(source: bytes) -> None:
    assert render_html(parse(source)) == render_html(parse(source))


@pytest.mark.parametrize("path", PRESENT[:: max(1, len(PRESENT) // 8)], ids=name_of)
def test_it_can_be_printed(path: Path | None) -> None:
    if path is None:
        pytest.skip("the corpus of real documents is not beside this checkout")
    made = render_pdf(parse(path.read_bytes()), created=datetime(2026, 1, 1, tzinfo=UTC))
    assert made.startswith(b"%PDF-")
    assert made.rstrip().endswith(b"%%EOF")
