"""What a file is, by its content."""

from __future__ import annotations

import time

import pytest

from chartbridge.features.documents.media_types import is_accepted, sniff

CDA = '<ClinicalDocument xmlns="urn:hl7-org:v3"/>'


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"%PDF-1.4\n", "application/pdf"),
        (b"\0scanner's own\n%PDF-1.4\n", "application/pdf"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"II*\0", "image/tiff"),
        (b"MM\0*", "image/tiff"),
        (b"\0" * 128 + b"DICM", "application/dicom"),
        (b"{\\rtf1\\ansi hello}", "text/rtf"),
        (b"Seen in clinic today.", "text/plain"),
        ("Größe 170 cm".encode(), "text/plain"),
        ("Größe 170 cm".encode("cp1252"), "text/plain"),
        ("\ufeffSeen".encode("utf-16-le"), "text/plain"),
        (b"<5 mg/l, normal", "text/plain"),
        (b"<!DOCTYPE html><html></html>", "text/html"),
        (b"\n <!-- a -->\n<HTML><body>", "text/html"),
        (b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"/>', "text/html"),
        (CDA.encode(), "application/xml"),
        (b"\xef\xbb\xbf\n" + CDA.encode(), "application/xml"),
        (b'<?xml version="1.0"?><?xml-stylesheet href="x"?><!-- y -->' + CDA.encode(), "application/xml"),
        (b"<cda:ClinicalDocument xmlns:cda='urn:hl7-org:v3'/>", "application/xml"),
        (f"\ufeff{CDA}".encode("utf-16-be"), "application/xml"),
        (CDA.encode("utf-16-le"), "application/xml"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_is_taken_in(data: bytes, found: str) -> None:
    assert sniff(data) == found
    assert is_accepted(found)


@pytest.mark.parametrize(
    "data",
    [
        b"MZ\x90\0",
        b"MZ" + b"\0" * 126 + b"DICM",
        b"MZ\x90\0 %PDF-1.4",
        b"\x7fELF\2",
        b"\xca\xfe\xba\xbe\0",
        b"\xcf\xfa\xed\xfe\7",
        b"PK\3\4",
        b"\x1f\x8b\x08\0",
        b"Rar!\x1a\7",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        b"#!/usr/bin/env python\n",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>",
        b'<?xml version="1.0"?><svg:svg xmlns:svg="http://www.w3.org/2000/svg"/>',
        b"text with \0 in it",
        b"\0\1\2\3",
        b"GIF89a\1\0",
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_is_not_taken_in(data: bytes) -> None:
    assert sniff(data) is None


@pytest.mark.parametrize(
    "data",
    [
        b"<!--x-->" * 200_000 + b"<a>",
        b"<!--" * 200_000,
        b"<?x " * 200_000,
        b" " * 2_000_000 + b"<",
        b"<!DOCTYPE " * 100_000,
        b"<!DOCTYPE x [" * 100_000,
        b"<" * 2_000_000,
    ],
    ids=lambda value: repr(value[:20]),
)
def test_looking_takes_no_longer_for_a_file_made_to_take_long(data: bytes) -> None:
    started = time.process_time()
    sniff(data)
    assert time.process_time() - started < 2
