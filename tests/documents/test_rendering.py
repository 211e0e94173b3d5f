"""A C-CDA as a page or PDF, by the download operation."""

from __future__ import annotations

from typing import Any

import pytest

from chartbridge.features.documents import rendering, service
from chartbridge.storage import keys
from tests.ccda import builders
from tests.cda_view.words import assert_harmless, tree
from tests.documents.conftest import Fetched
from tests.documents.uploading import PDF, listed, upload
from tests.running import Caller, World, wait_until
from tests.support import people
from tests.support.client import M

DOWNLOAD = f"{M}/document/download-url"
pytestmark = pytest.mark.parametrize("world", ["sqlite", "postgres"], indirect=True, scope="module")


def name_of(jane: Fetched, mime_type: str) -> str:
    return str(
        next(
            d["fileName"]
            for d in jane.api.documents(jane.patient, output="dto")
            if d["mimeType"] == mime_type
        )
    )


def shown(api: Caller, name: str, kind: str) -> Any:
    return api.fetch(api.get(DOWNLOAD, fileName=name, conversionType=kind)["url"])


def test_a_c_cda_is_shown_as_a_page(jane: Fetched) -> None:
    name = name_of(jane, "application/xml")
    answer = shown(jane.api, name, "html")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-disposition"] == f'inline; filename="{name.rsplit("/", 1)[-1]}.html"'
    assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'; style-src ")
    assert answer.headers["x-content-type-options"] == "nosniff"
    page = tree(answer.text)
    assert_harmless(answer.text)
    assert "Jane Smith" in page.xpath("//title/text()")[0]
    assert "Allergies" in page.xpath("//nav")[0].text_content()


def test_a_c_cda_is_shown_as_pdf(jane: Fetched) -> None:
    answer = shown(jane.api, name_of(jane, "application/xml"), "pdf")
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF-")


def test_a_rendering_is_made_once_for_each_content(
    jane: Fetched, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = name_of(jane, "application/xml")
    first = shown(jane.api, name, "html").text

    def fail(*_: Any) -> None:
        raise AssertionError("it is rendered already")

    with monkeypatch.context() as resting:
        resting.setattr(rendering, "render", fail)
        assert shown(jane.api, name, "html").text == first
    tenant = world.tenant(jane.api)
    with world.platform.db.write(tenant) as session:
        row = service.find_stored(session, name)
        key = keys.document(tenant, row.patient_id, row.file_name)
        held, sha256 = world.platform.store.get(key), row.sha256
        row.sha256 = "0" * 64
    changed = held.replace(b"<title>", b"<title>Another ", 1)
    world.platform.store.put(key, changed, content_type="application/xml")
    try:
        assert shown(jane.api, name, "html").text != first
    finally:
        world.platform.store.put(key, held, content_type="application/xml")
        with world.platform.db.write(tenant) as session:
            service.find_stored(session, name).sha256 = sha256


def test_renderings_go_with_the_patient(world: World) -> None:
    api = world.caller()
    patient = api.patient_id(people.stranger())
    made = upload(api, patient, builders.document(builders.section("1", text="words")))
    shown(api, listed(api, patient, made)["meta"]["source"], "html")
    folder = keys.patient_folder(world.tenant(api), patient)
    assert [k for k in world.platform.store.keys(folder) if "/renderings/" in k]
    api.delete(f"{M}/patient/{patient}")
    wait_until(lambda: not list(world.platform.store.keys(folder)), "nothing is left")


@pytest.mark.parametrize(
    ("xml", "reason"),
    [
        (b"<ClinicalDocument xmlns='urn:hl7-org:v3'>", "The document is not well-formed XML: line 1"),
        (b"<a/>", "The root element is not a ClinicalDocument of namespace urn:hl7-org:v3."),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "The document declares XML entities"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_xml_that_cannot_be_shown(world: World, xml: bytes, reason: str) -> None:
    api = world.caller()
    patient = api.patient_id(people.stranger())
    name = listed(api, patient, upload(api, patient, xml))["meta"]["source"]
    refused = api.get(DOWNLOAD, status=400, fileName=name, conversionType="html")
    assert refused["detail"].startswith(f"The document cannot be shown as html: {reason}")
    assert api.fetch(api.get(DOWNLOAD, fileName=name)["url"]).content == xml, "it can be had as it is"


def test_an_uploaded_page_is_saved_and_not_shown(world: World) -> None:
    api = world.caller()
    patient = api.patient_id(people.stranger())
    name = listed(api, patient, upload(api, patient, b"<html><script>alert(1)</script></html>"))["meta"][
        "source"
    ]
    answer = api.fetch(api.get(DOWNLOAD, fileName=name)["url"])
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["content-security-policy"].startswith("sandbox;")


def test_what_is_no_xml_is_not_converted(world: World) -> None:
    api = world.caller()
    patient = api.patient_id(people.stranger())
    name = listed(api, patient, upload(api, patient, PDF))["meta"]["source"]
    for kind in ("html", "pdf"):
        refused = api.get(DOWNLOAD, status=400, fileName=name, conversionType=kind)
        expected = f"Source file must be xml to convert to {kind}, but it was application/pdf"
        assert refused["detail"] == expected
    refused = api.get(DOWNLOAD, status=400, fileName=name, conversionType="hl7")
    assert refused["detail"] == (
        "Source file must be an HL7 v2 message to convert to hl7, but it was application/pdf"
    )
