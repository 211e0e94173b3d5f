"""A C-CDA document as a page to be read: HTML without scripts, and the same as PDF.

In: the root that :func:`chartbridge.ccda.document.parse` gives, which is hardened and bounds size and
depth. Out: one self-contained page. Every element and attribute of it is written by us; of the source
come text, the structure of its narrative, and embedded PNG and JPEG images. No script, address, style
or name of the source gets into the page as such, and nothing in the page loads anything.

    page        the whole: head, contents, sections
    header      whose document it is, who wrote it, when and where
    narrative   a section's text, nothing of it lost
    media       embedded images, and documents that are no structured text
    texts       names, addresses, times as people write them
    style       how it looks on a screen and on paper
"""

from __future__ import annotations

from chartbridge.cda_view.page import render_html, render_pdf

VERSION = "1"
"""To be raised when pages look different: they are then made anew."""

__all__ = ["VERSION", "render_html", "render_pdf"]
