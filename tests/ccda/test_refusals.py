"""What is no C-CDA document is refused with a reason, and an attack does no harm."""

# ruff: noqa: E501 - XML reads better unbroken
from __future__ import annotations

import time

import pytest

from chartbridge.ccda import (
    CcdaError,
    ForbiddenXmlError,
    NotCdaError,
    NotXmlError,
    TooLargeError,
    convert,
)
from tests.ccda.builders import PATIENT_ID, document, problem, section


@pytest.mark.parametrize(
    "junk", [b"", b"   \n", b"hello", b"{}", b"<a>", b"\x00\x01\x02", b"%PDF-1.7 \xff\xfe"]
)
def test_what_is_not_xml_is_refused(junk: bytes) -> None:
    with pytest.raises(NotXmlError):
        convert(junk, PATIENT_ID)


@pytest.mark.parametrize(
    "other",
    [
        b"<html><body/></html>",
        b"<ClinicalDocument/>",
        b'<Bundle xmlns="http://hl7.org/fhir"/>',
        b'<ClinicalDocument xmlns="urn:other"/>',
    ],
)
def test_xml_that_is_no_clinical_document_is_refused(other: bytes) -> None:
    with pytest.raises(NotCdaError):
        convert(other, PATIENT_ID)


def test_an_empty_clinical_document_converts_to_a_patient_and_a_composition() -> None:
    done = convert(b'<ClinicalDocument xmlns="urn:hl7-org:v3"/>', PATIENT_ID)
    kinds = {entry["resource"]["resourceType"] for entry in done.bundle["entry"]}
    assert kinds == {"Patient", "Composition", "DocumentReference"}


def test_an_external_entity_is_refused_and_not_read(tmp_path: object) -> None:
    evil = document(section("11450-4", problem())).replace(
        b"<ClinicalDocument", b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><ClinicalDocument', 1
    )
    with pytest.raises(ForbiddenXmlError):
        convert(evil.replace(b"Summary", b"&e;"), PATIENT_ID)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_billion_laughs_are_refused_at_once(encoding: str) -> None:
    levels = "".join(
        f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' if n else '<!ENTITY l0 "ha">' for n in range(12)
    )
    text = f'<!DOCTYPE x [{levels}]><ClinicalDocument xmlns="urn:hl7-org:v3"><title>&l11;</title></ClinicalDocument>'
    began = time.monotonic()
    with pytest.raises(ForbiddenXmlError):
        convert(f'<?xml version="1.0" encoding="{encoding}"?>{text}'.encode(encoding), PATIENT_ID)
    assert time.monotonic() - began < 2


def test_an_undefined_entity_behind_an_external_dtd_is_refused() -> None:
    evil = document().replace(
        b"<ClinicalDocument", b'<!DOCTYPE x SYSTEM "http://localhost:1/x.dtd"><ClinicalDocument', 1
    )
    with pytest.raises((ForbiddenXmlError, NotXmlError)):
        convert(evil.replace(b"Summary", b"&gone;"), PATIENT_ID)


def test_a_document_over_the_size_bound_is_refused() -> None:
    with pytest.raises(TooLargeError):
        convert(b"<a>" + b" " * (50 * 1024 * 1024) + b"</a>", PATIENT_ID)


@pytest.mark.parametrize("padding", [0, 10_000_000])
def test_a_document_nested_too_deeply_is_refused(padding: int) -> None:
    deep = b"<a>" * 300 + b" " * padding + b"</a>" * 300
    with pytest.raises(TooLargeError):
        convert(b'<ClinicalDocument xmlns="urn:hl7-org:v3">' + deep + b"</ClinicalDocument>", PATIENT_ID)


def test_the_message_of_a_refusal_quotes_nothing_of_the_document() -> None:
    broken = (
        document(section("11450-4", problem()))
        .replace(b"</birthTime>", b"")
        .replace(b"Halvorsen</family>", b"Halvorsen&nbsp;</fam>")
    )
    with pytest.raises(CcdaError) as refused:
        convert(broken, PATIENT_ID)
    assert "Halvorsen" not in str(refused.value)
    assert "fam" not in str(refused.value).replace("well-formed", "")
