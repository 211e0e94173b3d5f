"""The medical record summary of a chart: one HTML page, and the same as PDF.

In: FHIR R4 resources as plain dicts, the current Patient, the moment, and the operator's filters by section.
Out: a page of its own, without scripts and without references to anything else; it prints on letter paper.

    words          data types as words: dates at their precision, quantities with their units
    abbreviations  the abbreviations of dose times, written out
    chart          resources by type and reference; a row, its marks and its sources
    entries        one resource as one row, by section; results, people, directives and others do the same
    conditions     conditions, and the diagnoses of encounters under the problems that they repeat
    medications    medications, with what was dispensed of them
    reports        diagnostic reports; those that only list results in one row
    limits         reference ranges as numbers, and values outside of them
    trend          the course of a test as a drawing
    flowsheet      results as a table with one row a test
    also           what other sources say besides
    conflicts      statements that contradict each other
    sections       the 16 sections, their order and filters
    heading        what the head of the page says of the patient, and the foot of each page
    sources        the numbers of the sources, and the list of them
    page           the page, and the PDF
    outline        bookmarks and language of the PDF
    brief          the brief of a chart

Never: works out what the sources do not say (that a number is outside the range that came with it is said
as just that), or shows as present what they say is not. What was entered in
error is counted, not shown; what is unknown says so.
"""

from __future__ import annotations

from chartbridge.summary.page import render_html, render_pdf
from chartbridge.summary.sections import SECTION_KEYS

__all__ = ["SECTION_KEYS", "render_html", "render_pdf"]
