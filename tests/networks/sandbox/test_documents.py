from __future__ import annotations

import datetime as dt
import io
import os
import re
import shutil
import subprocess
import sys
import zlib

import pytest
from PIL import Image

from chartbridge.features.networks.sandbox import SandboxHie
from chartbridge.features.networks.sandbox.persona import load
from tests.networks.sandbox.support import PERSONAS, contents, remote

MAGIC = {
    "application/xml": b"<?xml",
    "application/pdf": b"%PDF-",
    "image/jpeg": b"\xff\xd8\xff",
    "image/tiff": b"II*\x00",
}
FINGERPRINTS = """
import hashlib, json
from tests.networks.sandbox.support import PERSONAS, contents, fills, lab_reports
for key in PERSONAS:
    for name, data in contents(key).items():
        print(key, name, hashlib.sha256(data).hexdigest())
    print(key, hashlib.sha256(json.dumps([fills(key), lab_reports(key)]).encode()).hexdigest())
"""


@pytest.mark.parametrize("key", PERSONAS)
def test_a_persona_has_one_c_cda_three_pdf_one_jpeg_and_one_tiff(key: str) -> None:
    documents = SandboxHie().list_documents(remote(key), timeout_s=5)
    assert [document.mime_type for document in documents] == [
        "application/xml",
        *["application/pdf"] * 3,
        "image/jpeg",
        "image/tiff",
    ]


@pytest.mark.parametrize("key", PERSONAS)
def test_descriptions_are_those_of_the_contract(key: str) -> None:
    described = [d.description for d in SandboxHie().list_documents(remote(key), timeout_s=5)]
    assert described[:3] == ["C-CDA R2.1 Patient Record", "Physical Examination", "Pathology Report"]
    assert described[4:] == ["Clinical Photograph or X-ray"] * 2


@pytest.mark.parametrize("key", PERSONAS)
def test_the_listing_tells_the_true_size_and_every_detail(key: str) -> None:
    hie, patient = SandboxHie(), remote(key)
    for document in hie.list_documents(patient, timeout_s=5):
        assert document.size == len(hie.fetch(patient, document, timeout_s=5))
        assert document.author_organization
        assert document.period is not None
        assert document.period["start"] <= document.period["end"]
        assert document.created is not None
        assert dt.datetime.fromisoformat(document.created).tzinfo is not None
        assert document.type_code["coding"][0]["system"] == "http://loinc.org"


def test_the_c_cda_is_typed_as_the_contract_says() -> None:
    document = SandboxHie().list_documents(remote("jane"), timeout_s=5)[0]
    assert document.type_code["coding"][0]["code"] == "34133-9"


@pytest.mark.parametrize("key", PERSONAS)
def test_documents_are_spread_over_years(key: str) -> None:
    created = {str(d.created)[:4] for d in SandboxHie().list_documents(remote(key), timeout_s=5)}
    assert len(created) >= 3


def test_document_ids_are_unique_over_all_personas() -> None:
    ids = [d.unique_id for key in PERSONAS for d in SandboxHie().list_documents(remote(key), timeout_s=5)]
    assert len(set(ids)) == 6 * len(PERSONAS)


@pytest.mark.parametrize("key", PERSONAS)
def test_the_bytes_are_of_the_type_that_is_said(key: str) -> None:
    for name, data in contents(key).items():
        assert data.startswith(MAGIC[name.split()[1]]), name


@pytest.mark.parametrize("key", PERSONAS)
def test_images_open_and_are_not_blank(key: str) -> None:
    for name, data in contents(key).items():
        if "image/" in name:
            with Image.open(io.BytesIO(data)) as image:
                assert image.width >= 600
                used = [level for level, count in enumerate(image.convert("L").histogram()) if count]
                assert max(used) - min(used) > 100


def _streams(pdf: bytes) -> list[bytes]:
    found = []
    for stream in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL):
        try:
            found.append(zlib.decompress(stream))
        except zlib.error:
            found.append(stream)
    return found


@pytest.mark.parametrize("key", PERSONAS)
def test_pdfs_hold_text_with_its_unicode_and_their_own_date(key: str) -> None:
    reports = load(key).each("report")
    pdfs = [data for name, data in contents(key).items() if "pdf" in name]
    for report, pdf in zip(reports, pdfs, strict=True):
        streams = _streams(pdf)
        assert any(re.search(rb"\bTJ\b|\bTj\b", stream) for stream in streams), "no text is drawn"
        assert any(b"beginbfchar" in s or b"beginbfrange" in s for s in streams), "text has no Unicode map"
        moment = report["created"].astimezone(dt.UTC).strftime("%Y%m%d%H%M%S")
        assert any(moment.encode() in part for part in (pdf, *streams))


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="poppler's pdftotext is not installed")
@pytest.mark.parametrize("key", PERSONAS)
def test_the_text_of_a_pdf_can_be_extracted(key: str) -> None:
    reports = load(key).each("report")
    pdfs = [data for name, data in contents(key).items() if "pdf" in name]
    for report, pdf in zip(reports, pdfs, strict=True):
        run = subprocess.run(["pdftotext", "-", "-"], input=pdf, capture_output=True, check=True)
        words = " ".join(run.stdout.decode().split())
        assert report["title"] in words
        assert load(key).full_name in words
        for section in report["section"]:
            assert section["heading"] in words


def test_everything_is_the_same_in_another_process_with_another_hash_seed() -> None:
    runs = [
        subprocess.run(
            [sys.executable, "-c", FINGERPRINTS],
            env={**os.environ, "PYTHONHASHSEED": seed, "TZ": zone},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed, zone in (("1", "UTC"), ("4242", "America/Phoenix"))
    ]
    assert len(runs[0].splitlines()) == 7 * len(PERSONAS)
    assert runs[0] == runs[1]
