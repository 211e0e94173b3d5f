"""HTML to PDF with PlutoPrint. A page can load its typeface and nothing else: no file, no network."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, urlsplit

import plutoprint

from chartbridge.typeface import FOLDER

_BASE = "https://page.invalid/"
"""The address of a page while it is printed; nothing is fetched from it (RFC 2606 keeps the name unused)."""


class _TypefaceOnly(plutoprint.ResourceFetcher):
    """Reads the typeface; anything else that a page names is refused."""

    def fetch_url(self, url: str) -> Any:
        parts = urlsplit(url)
        path = unquote(parts.path)
        wanted = FOLDER / path.rsplit("/", 1)[-1]
        if parts.scheme != "file" or str(wanted) != path or not wanted.is_file():
            raise ValueError("a page may load its typeface only")
        return plutoprint.ResourceData(wanted.read_bytes(), mime_type="font/ttf")


def to_pdf(html: str, *, title: str, author: str, subject: str, created: datetime) -> bytes:
    """The page as PDF, letter size; the same arguments give the same bytes."""
    book = plutoprint.Book(plutoprint.PAGE_SIZE_LETTER)
    book.custom_resource_fetcher = _TypefaceOnly()
    book.load_html(html, base_url=_BASE)  # without an address of its own a page can't link to its own parts
    moment = created.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    for entry, words in (
        (plutoprint.PDF_METADATA_TITLE, title),
        (plutoprint.PDF_METADATA_AUTHOR, author),
        (plutoprint.PDF_METADATA_SUBJECT, subject),
        (plutoprint.PDF_METADATA_CREATION_DATE, moment),
        (plutoprint.PDF_METADATA_MODIFICATION_DATE, moment),
    ):
        book.set_metadata(entry, words)
    out = io.BytesIO()
    book.write_to_pdf_stream(out)
    return out.getvalue()
