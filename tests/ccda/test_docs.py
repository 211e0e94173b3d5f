"""The conversion pages name every template that the converter knows, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import chartbridge.ccda.sections  # noqa: F401 - registers all mappers
from chartbridge.ccda.registry import BY_TEMPLATE, PARTS
from chartbridge.ccda.templates import ALIASES

PAGES = Path(__file__).parents[2] / "docs" / "conversion"
ENTRIES = (
    "advance-directives", "allergies", "care-team", "devices", "encounters", "family-history",
    "immunizations", "medications", "notes", "payers", "plan", "problems", "procedures", "results",
    "social-history", "status",
)  # fmt: skip
"""The pages about entries; the others are about the header and how to call the converter."""
_OID = re.compile(r"\b2\.16\.840\.1\.113883\.10\.20\.[0-9.]*[0-9]\b")


def written() -> set[str]:
    """All template OIDs of the pages."""
    return {oid for name in ENTRIES for oid in _OID.findall((PAGES / f"{name}.md").read_text("utf-8"))}


def test_every_template_that_is_mapped_is_on_a_page() -> None:
    assert {*BY_TEMPLATE, *PARTS} - written() == set()


def test_every_template_on_a_page_is_mapped() -> None:
    known = {*BY_TEMPLATE, *PARTS, *ALIASES}
    assert written() - known == set()
