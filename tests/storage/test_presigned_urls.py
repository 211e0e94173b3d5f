"""Presigned URLs of the local store, as the real application serves them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest
from fastapi.testclient import TestClient

from chartbridge.app import create_app
from chartbridge.platform import Platform

KEY = "sandbox/account/p1/documents/report.pdf"
DATA = b"%PDF-1.4 invented"


@pytest.fixture
def backend() -> str:
    """Nothing here depends on the database."""
    return "sqlite"


@pytest.fixture
def client(platform: Platform) -> Iterator[TestClient]:
    """A caller without a key."""
    platform.store.put(KEY, DATA, content_type="application/pdf")
    platform.store.put(KEY + "2", b"another's", content_type="application/pdf")
    with TestClient(create_app(platform)) as caller:
        yield caller


def url_of(platform: Platform, content_type: str = "application/pdf", filename: str | None = None) -> str:
    return platform.store.presigned_get(KEY, expires_in_s=60, content_type=content_type, filename=filename)


def changed(url: str, **changes: str | None) -> str:
    parts = urlsplit(url)
    query = {**dict(parse_qsl(parts.query)), **changes}
    kept = {name: value for name, value in query.items() if value is not None}
    return parts._replace(query=urlencode(kept)).geturl()


def assert_forbidden(answer: httpx.Response) -> None:
    assert answer.status_code == 403
    body = answer.json()
    assert (body["status"], body["name"], body["title"]) == (403, "FORBIDDEN", "ForbiddenError")
    assert body["detail"].startswith("Access is forbidden")


def test_a_url_needs_no_key(client: TestClient, platform: Platform) -> None:
    url = url_of(platform)
    assert url.startswith(platform.settings.origin + "/storage/")
    answer = client.get(url)
    assert (answer.status_code, answer.content) == (200, DATA)
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "no-store" in answer.headers["cache-control"]


def test_a_part_of_an_object_can_be_read(client: TestClient, platform: Platform) -> None:
    answer = client.get(url_of(platform), headers={"range": "bytes=0-3"})
    assert (answer.status_code, answer.content) == (206, DATA[:4])


@pytest.mark.parametrize(
    "changes",
    [
        {"signature": None},
        {"signature": ""},
        {"signature": "0" * 64},
        {"signature": "é"},
        {"expires": None},
        {"expires": "4102444800"},
        {"expires": "soon"},
        {"type": "text/html"},
        {"type": None},
        {"filename": "x.html"},
    ],
    ids=str,
)
def test_a_changed_url_is_refused(
    client: TestClient, platform: Platform, changes: dict[str, str | None]
) -> None:
    assert_forbidden(client.get(changed(url_of(platform), **changes)))


@pytest.mark.parametrize(
    "key",
    [
        KEY + "2",
        "sandbox/other/p1/documents/report.pdf",
        "..%2F..%2Fsecret.key",
        "sandbox/account/p1/documents/..%2Fdocuments/report.pdf",
        "",
    ],
)
def test_a_url_is_for_one_object(client: TestClient, platform: Platform, key: str) -> None:
    answer = client.get(url_of(platform).replace(KEY, key))
    if key:
        assert_forbidden(answer)
    else:
        assert answer.status_code in (403, 404)


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "PATCH"])
def test_a_url_is_for_one_method(client: TestClient, platform: Platform, method: str) -> None:
    assert client.request(method, url_of(platform), content=b"changed").status_code in (403, 405)
    assert platform.store.get(KEY) == DATA


def test_a_url_ends(client: TestClient, platform: Platform) -> None:
    url = platform.store.presigned_get(KEY, expires_in_s=-1, content_type="application/pdf")
    assert_forbidden(client.get(url))


def test_a_url_without_an_object_is_not_found(client: TestClient, platform: Platform) -> None:
    url = url_of(platform)
    platform.store.delete_below("sandbox/account/p1")
    answer = client.get(url)
    assert (answer.status_code, answer.json()["title"]) == (404, "NotFoundError")


@pytest.mark.parametrize(
    ("content_type", "disposition"),
    [
        ("application/pdf", "inline"),
        ("image/png", "inline"),
        ("text/html", "attachment"),
        ("application/xml", "attachment"),
        ("image/svg+xml", "attachment"),
        ("TEXT/PLAIN; charset=utf-8", "inline"),
    ],
)
def test_a_browser_runs_nothing_of_an_object(
    client: TestClient, platform: Platform, content_type: str, disposition: str
) -> None:
    answer = client.get(url_of(platform, content_type, 'My "report".pdf'))
    assert answer.headers["content-disposition"].startswith(disposition)
    assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")


def test_a_page_of_our_own_is_shown(client: TestClient, platform: Platform) -> None:
    url = platform.store.presigned_get(KEY, expires_in_s=60, content_type="text/html", inline=True)
    answer = client.get(url)
    assert answer.headers["content-disposition"].startswith("inline")
    assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert_forbidden(client.get(changed(url, show=None)))
    assert_forbidden(client.get(changed(url_of(platform, "text/html"), show="inline")))


def test_a_url_for_reading_takes_nothing_and_the_other_way_round(
    client: TestClient, platform: Platform
) -> None:
    upload = platform.store.upload_url(KEY, expires_in_s=60)
    assert_forbidden(client.get(upload))
    assert_forbidden(client.put(url_of(platform), content=DATA))
    assert_forbidden(client.put(upload, content=DATA))  # signed by us, but no upload that was announced
    assert platform.store.get(KEY) == DATA


def test_a_folder_is_no_object(client: TestClient, platform: Platform) -> None:
    url = platform.store.presigned_get("sandbox/account", expires_in_s=60, content_type="text/plain")
    assert client.get(url).status_code == 404


def test_objects_and_the_secret_are_not_for_other_users(platform: Platform, data_dir: Path) -> None:
    assert platform.settings.signing_key
    assert (data_dir / "secret.key").stat().st_mode & 0o777 == 0o600
