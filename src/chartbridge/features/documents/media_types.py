"""Which kinds of file are taken in, and what a file's own first bytes say that it is."""

from __future__ import annotations

import codecs
import re

XML_TYPES = frozenset({"application/xml", "text/xml", "application/hl7-v3+xml", "application/cda+xml"})
EXTENSIONS = {
    "application/pdf": ".pdf",
    "image/jpeg": ".jpeg",
    "image/tiff": ".tiff",
    "image/png": ".png",
    "text/plain": ".txt",
    "text/html": ".html",
    "application/json": ".json",
    "text/rtf": ".rtf",
    "application/rtf": ".rtf",
    "application/dicom": ".dcm",
} | dict.fromkeys(XML_TYPES, ".xml")
UNTOLD = frozenset(
    {"", "application/octet-stream", "binary/octet-stream", "application/x-www-form-urlencoded"}
)
"""What clients send when they do not know, or did not think of it."""

_FAMILY = {"application/rtf": "text/rtf"} | dict.fromkeys(XML_TYPES, "application/xml")
_BINARY = (
    (b"%PDF-", "application/pdf"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"II+\0", "image/tiff"),
    (b"MM\0+", "image/tiff"),
)
_DICOM_AT, _DICOM = 128, b"DICM"
_PDF_WITHIN = 1024
"""Readers find a PDF's header within so many bytes; scanners put some of their own before it."""
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0e-\x1f]")
_PROLOG = re.compile(
    r"(?>(?:\s+|<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^>\[]*(?:\[.*?\]\s*)?>)*)", re.DOTALL | re.IGNORECASE
)
_ROOT = re.compile(r"<(?:[\w.-]+:)?([A-Za-z_][\w.-]*)[\s/>]")
_HTML_START = re.compile(
    r"(?>\s*(?:<!--.*?-->\s*)*)<(?:!doctype\s+html|html|head|body)\b", re.DOTALL | re.IGNORECASE
)
_LOOKED_AT = 65_536
ACCEPTED = "C-CDA and other XML, PDF, TIFF, JPEG, PNG, DICOM, RTF, HTML and plain text"


def bare(content_type: str | None) -> str:
    """A media type without its parameters, in lower case, by its registered name."""
    named = (content_type or "").partition(";")[0].strip().lower()
    return "image/jpeg" if named == "image/jpg" else named


def family(media_type: str) -> str:
    """The one name under which types of the same form are compared."""
    return _FAMILY.get(media_type, media_type)


def is_accepted(media_type: str) -> bool:
    """Whether files that are said to be of that type are taken in."""
    return family(media_type) in {
        "application/xml", "application/pdf", "image/tiff", "image/jpeg", "image/png", "application/dicom",
        "text/rtf", "text/html", "text/plain",
    }  # fmt: skip


def sniff(data: bytes) -> str | None:
    """What a file is, by its content; None for all that is not taken in (programs, archives, SVG, …)."""
    for signature, found in _BINARY:
        if data.startswith(signature):
            return found
    if data[_DICOM_AT : _DICOM_AT + len(_DICOM)] == _DICOM and not data.startswith(
        (b"MZ", b"\x7fELF", b"#!")
    ):
        return "application/dicom"
    text = _text(data)
    if text is None:
        behind_something = b"%PDF-" in data[:_PDF_WITHIN] and not data.startswith((b"MZ", b"\x7fELF", b"PK"))
        return "application/pdf" if behind_something else None
    return _kind_of_text(text)


def _text(data: bytes) -> str | None:
    """The beginning of a file that is text from end to end."""
    marked = (found for found in _MARKS if data.startswith(found[0]))
    mark, encoding = next(marked, (b"", _encoding_without_mark(data)))
    try:
        text = data[len(mark) :].decode(encoding)
    except UnicodeDecodeError:
        if encoding != "utf-8" or mark:
            return None
        text = data.decode("latin-1")  # clinical systems still write Windows-1252, where any byte is text
    return None if _CONTROLS.search(text) else text[:_LOOKED_AT]


def _encoding_without_mark(data: bytes) -> str:
    """XML may be UTF-16 without a byte order mark: its ``<`` tells."""
    if data.startswith(b"<\0"):
        return "utf-16-le"
    return "utf-16-be" if data.startswith(b"\0<") else "utf-8"


def _kind_of_text(text: str) -> str | None:
    if text.startswith("#!"):
        return None
    if text.startswith("{\\rtf"):
        return "text/rtf"
    if _HTML_START.match(text):
        return "text/html"
    if not text.lstrip().startswith("<"):
        return "text/plain"
    prolog = _PROLOG.match(text)
    root = _ROOT.match(text, prolog.end() if prolog else 0)
    if root is None:
        return "text/plain" if not text.lstrip().startswith("<?xml") else "application/xml"
    match root[1].lower():
        case "html":
            return "text/html"
        case "svg":
            return None
        case _:
            return "application/xml"
