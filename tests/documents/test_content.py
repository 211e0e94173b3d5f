"""Reading the text of documents, and searching it."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from chartbridge.features.documents import service, texts
from chartbridge.features.documents.models import Document
from chartbridge.features.documents.plain_text import decoded, without_rtf
from chartbridge.features.documents.text_task import text_of
from chartbridge.features.documents.texts_models import DocumentText
from chartbridge.printing import to_pdf
from chartbridge.search.content import parse
from chartbridge.storage import keys
from tests.ccda import builders
from tests.documents.stored import store
from tests.running import Caller, World, running, wait_until
from tests.search.test_content import documents as said
from tests.search.test_content import search_terms
from tests.support import people
from tests.support.client import M


def pdf(words: str) -> bytes:
    page = f"<html><body><p>{words}</p></body></html>"
    moment = datetime(2024, 1, 1, tzinfo=UTC)
    return to_pdf(page, title="t", author="a", subject="s", created=moment)


def ccda(narrative: str) -> bytes:
    return builders.document(builders.section("11450-4", builders.problem())).replace(
        b"</title>", b"</title>" + narrative.encode(), 1
    )


RTF = (
    rb"{\rtf1\ansi{\fonttbl{\f0 Arial;}}{\*\generator Hidden;}\f0 "
    rb"Caf\'e9 \b bold\b0\par na\u239?ve {in}side \{x\}}"
)
HTML = (
    b"<html><head><title>Unseen</title><style>p{unseen:1}</style></head><body><p>Hy<b>per</b>tension</p>"
    b"<script>unseen()</script><!-- unseen --><table><tr><td>left</td><td>right</td></tr></table>caf\xc3\xa9"
)


@pytest.mark.parametrize(
    ("mime_type", "data", "text"),
    [
        ("text/plain", b"Plain, TEXT!", " plain text "),
        ("text/plain", "\ufeffnaïve".encode(), " naive "),
        ("text/plain", "naïve".encode("latin-1"), " naive "),
        ("text/plain", "naïve".encode("utf-16"), " naive "),
        ("text/plain; charset=windows-1252", b"\x80uro na\xefve", " uro naive "),
        ("text/plain; charset=idna", b"ok", " ok "),
        ("text/html", HTML, " hypertension left right cafe "),
        ("text/html", "<meta charset='iso-8859-1'>naïve".encode("latin-1"), " naive "),
        ("application/xml", b"<x><y>one</y><y>two</y></x>", " one two "),
        ("text/xml", b"<broken><y>one</y><y>two", " one two "),
        ("application/xml", b'<!DOCTYPE x [<!ENTITY e "boom">]><x>&e; one</x>', "  "),
        ("text/rtf", RTF, " cafe bold naive inside x "),
        ("application/octet-stream", RTF, " cafe bold naive inside x "),
        ("application/json", b'{"note": "a b"}', " note a b "),
        ("application/pdf", b"%PDF-1.7 this is broken", "  "),
        ("application/pdf", b"not even that", "  "),
        ("image/png", b"\x89PNG text", "  "),
        ("text/plain", b"", "  "),
    ],
    ids=lambda value: value[:20] if isinstance(value, str | bytes) else None,
)
def test_what_a_document_says(mime_type: str, data: bytes, text: str) -> None:
    assert text_of(data, mime_type) == text


def test_a_pdf_is_read() -> None:
    assert " quick brown fox " in text_of(pdf("The quick <b>brown</b> fox"), "application/pdf")


def test_of_ccda_narrative_and_displays_are_read_and_no_ids() -> None:
    text = text_of(
        ccda("<text>Wheezing<br/>at night <content>H<sub>2</sub>O</content></text>"), "application/xml"
    )
    assert " wheezing at night h2o " in text
    assert "38341003 hypertension" in text, "a code beside what it means"
    assert "2 16 840" not in text


def test_a_file_within_a_ccda_is_read() -> None:
    packed = base64.b64encode(pdf("embedded sentence")).decode()
    body = f'<text mediaType="application/pdf" representation="B64">{packed}</text>'
    assert " embedded sentence " in text_of(ccda(body), "application/xml")
    assert " embedded" not in text_of(ccda(body.replace(packed, "%%%")), "application/xml")


def test_a_text_is_bounded() -> None:
    assert len(text_of(b"word " * 1_000_000, "text/plain")) <= 2_000_001
    assert len(text_of(b"<p>word " * 500_000, "text/html")) <= 2_000_100
    assert len(without_rtf(b"{\\rtf1 " + b"word " * 1_000_000, 1000)) < 5_000_001


@given(
    st.binary(max_size=300),
    st.sampled_from(["text/plain", "text/html", "text/xml", "text/rtf", "application/pdf"]),
)
def test_no_bytes_make_reading_fail(data: bytes, mime_type: str) -> None:
    for variant in (data, b"{\\rtf1" + data, b"<a>" + data):
        assert text_of(variant, mime_type).strip(" ") == " ".join(text_of(variant, mime_type).split())


@given(st.text(max_size=100))
def test_text_in_the_usual_encodings_is_read_as_it_is(text: str) -> None:
    assert (
        decoded(b"\xef\xbb\xbf" + text.encode("utf-8", "replace"), "")
        == text.encode("utf-8", "replace").decode()
    )


# with a database


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running(request.param, tmp_path_factory, request) as started:
        yield started


@pytest.fixture
def patient(world: World) -> tuple[Caller, str]:
    api = world.caller()
    return api, api.patient_id(people.stranger())


FILES = {
    "letter": ("text/plain", b"The quick brown fox jumps over the lazy dog."),
    "page": ("text/html", b"<p>A lazy cat; na\xc3\xafve fox</p>"),
    "scan": ("image/png", b"\x89PNG fox"),
    "broken": ("application/pdf", b"%PDF-1.4 nothing"),
}


def found(api: Caller, patient_id: str, content: str, **query: str) -> set[str]:
    return {d["description"] for d in api.documents(patient_id, content=content, output="dto", **query)}


def held_texts(world: World, api: Caller, patient_id: str) -> dict[str, tuple[str, int]]:
    with world.platform.db.read(world.tenant(api)) as session:
        rows = session.scalars(select(DocumentText).where(DocumentText.patient_id == patient_id))
        return {row.document_id: (row.text, row.attempts) for row in rows}


def test_texts_are_read_once_for_each_content(world: World, patient: tuple[Caller, str]) -> None:
    api, patient_id = patient
    ids = store(world, api, patient_id, FILES)
    tenant = world.tenant(api)
    assert held_texts(world, api, patient_id) == {}
    texts.extract_stored(world.platform, tenant, [ids["letter"], ids["broken"], "unknown"])
    first = held_texts(world, api, patient_id)
    assert first == {
        ids["letter"]: (" the quick brown fox jumps over the lazy dog ", 0),
        ids["broken"]: ("  ", 0),
    }
    with world.platform.db.read(tenant) as session:
        moments = {t.document_id: t.updated_at for t in session.scalars(select(DocumentText))}
    texts.extract_stored(world.platform, tenant, list(ids.values()))
    with world.platform.db.read(tenant) as session:
        later = {t.document_id: t.updated_at for t in session.scalars(select(DocumentText))}
    assert moments.items() <= later.items(), "what was read is not read again"
    service.store_bytes(world.platform, tenant, ids["letter"], b"Other words")
    texts.extract_stored(world.platform, tenant, list(ids.values()))
    assert held_texts(world, api, patient_id)[ids["letter"]] == (" other words ", 0)


def test_a_search_reads_what_was_not_read_yet(world: World, patient: tuple[Caller, str]) -> None:
    api, patient_id = patient
    store(world, api, patient_id, FILES)
    assert found(api, patient_id, "fox") == {"letter", "page"}
    assert len(held_texts(world, api, patient_id)) == 4
    assert found(api, patient_id, "naive -quick") == {"page"}
    assert found(api, patient_id, "fox", dateFrom="2024-01-02") == {"page"}
    assert [d["description"] for d in api.documents(patient_id, content="lazy", count=1, output="dto")] == [
        "page"
    ]


def test_a_network_query_reads_the_texts(world: World) -> None:
    api = world.caller()
    patient_id = api.patient_id()
    api.query(patient_id, "hie")
    read = held_texts(world, api, patient_id)
    assert len(read) == 6
    assert sum(text.strip() != "" for text, _ in read.values()) == 4, "a C-CDA and three PDFs, two images"


def _die(*_: object) -> str:
    os._exit(1)


def test_a_document_that_kills_its_reader_is_tried_three_times_and_stops_no_other(
    world: World, patient: tuple[Caller, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    api, patient_id = patient
    ids = store(world, api, patient_id, {"deadly": FILES["letter"]})
    monkeypatch.setattr(texts, "text_of", _die)
    for _ in range(5):
        assert found(api, patient_id, "quick") == set()
    assert held_texts(world, api, patient_id) == {ids["deadly"]: ("", 3)}
    monkeypatch.undo()
    assert found(api, patient_id, "quick") == set(), "given up on this content"
    service.store_bytes(world.platform, world.tenant(api), ids["deadly"], b"quick again")
    assert found(api, patient_id, "quick") == {"deadly"}


def test_texts_go_with_their_patient(world: World, patient: tuple[Caller, str]) -> None:
    api, patient_id = patient
    store(world, api, patient_id, FILES)
    assert found(api, patient_id, "fox")
    api.http.delete(f"{M}/patient/{patient_id}")
    wait_until(lambda: not held_texts(world, api, patient_id), "the texts are gone")


def test_another_tenants_documents_are_not_read(world: World, patient: tuple[Caller, str]) -> None:
    api, patient_id = patient
    ids = store(world, api, patient_id, FILES)
    texts.extract_stored(world.platform, world.tenant(world.caller()), list(ids.values()))
    assert held_texts(world, api, patient_id) == {}


@pytest.fixture(scope="module")
def shelf(world: World) -> tuple[Caller, str]:
    """A patient with one document, whose text each example sets anew."""
    api = world.caller()
    patient_id = api.patient_id(people.stranger())
    store(world, api, patient_id, {"one": ("text/plain", b"x")})
    found(api, patient_id, "xxx")
    return api, patient_id


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(search=search_terms(), document=said)
def test_the_database_finds_what_the_language_says(
    world: World, shelf: tuple[Caller, str], search: str, document: str
) -> None:
    api, patient_id = shelf
    query = parse(search)
    text = text_of(document.encode(), "text/plain")
    with world.platform.db.write(world.tenant(api)) as session:
        row = session.scalars(select(DocumentText).where(DocumentText.patient_id == patient_id)).one()
        row.text = text
        session.flush()
        ids = texts.ids_with_text(session, patient_id, query)
    assert bool(ids) is query.matches(text)


def test_a_document_gone_from_the_store_is_no_error(world: World, patient: tuple[Caller, str]) -> None:
    api, patient_id = patient
    ids = store(world, api, patient_id, FILES)
    tenant = world.tenant(api)
    with world.platform.db.read(tenant) as session:
        row = session.get(Document, ids["letter"])
    assert row is not None
    world.platform.store.delete(keys.document(tenant, patient_id, row.file_name))
    assert found(api, patient_id, "fox") == {"page"}
