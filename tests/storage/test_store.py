"""The object store, on a local folder and on a real S3 server."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest

from chartbridge.config import ConfigurationError, Settings
from chartbridge.db import Tenant
from chartbridge.storage import ObjectNotFoundError, ObjectStore, StorageError, keys, open_store
from chartbridge.storage.signing import InvalidSignatureError, UrlSigner
from tests.support.seaweedfs import S3Server

STORES = ("local", "s3")
TENANT = Tenant("account", "sandbox")


@pytest.fixture
def local(tmp_path: Path) -> ObjectStore:
    return open_store(Settings(data_dir=tmp_path / "data"))


@pytest.fixture(scope="module")
def bucket(s3_server: S3Server) -> str:
    """One for all tests here, each below a prefix of its own: the small server has room for few buckets."""
    return s3_server.fresh_bucket()


@pytest.fixture
def s3_settings(s3_server: S3Server, bucket: str, tmp_path: Path) -> dict[str, Any]:
    url = f"s3://{bucket}/{tmp_path.name}"
    return {**s3_server.settings(bucket), "data_dir": tmp_path, "object_store_url": url}


@pytest.fixture
def s3(s3_settings: dict[str, Any]) -> ObjectStore:
    return open_store(Settings.model_validate(s3_settings))


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> ObjectStore:
    found: ObjectStore = request.getfixturevalue(request.param)
    return found


def put(store: ObjectStore, key: str, data: bytes = b"data") -> None:
    store.put(key, data, content_type="application/octet-stream")


@pytest.mark.parametrize("data", [b"", b"\x00\xff" * 10, b"x" * 6_000_000], ids=["none", "few", "many"])
def test_bytes_come_back_as_they_were(store: ObjectStore, data: bytes) -> None:
    put(store, "a/b-c_1.bin", data)
    assert store.get("a/b-c_1.bin") == data
    assert store.size("a/b-c_1.bin") == len(data)


def test_a_put_replaces(store: ObjectStore) -> None:
    put(store, "a/b", b"first and longer")
    put(store, "a/b", b"second")
    assert store.get("a/b") == b"second"


def test_what_is_not_there_is_said_to_be_absent(store: ObjectStore) -> None:
    put(store, "a/b")
    with pytest.raises(ObjectNotFoundError):
        store.get("a/c")
    assert store.size("a/c") is None
    assert store.size("a") is None, "a folder is no object"
    assert list(store.keys("nowhere")) == []
    assert store.delete_below("nowhere") == 0


def test_a_folder_lists_what_is_below_it_alone(store: ObjectStore) -> None:
    for key in ("p/1/a", "p/1/x/b", "p/10/c", "q/1/d"):
        put(store, key)
    assert sorted(store.keys("p/1")) == ["p/1/a", "p/1/x/b"]
    assert sorted(store.keys("p/1/")) == ["p/1/a", "p/1/x/b"]
    assert sorted(store.keys("p")) == ["p/1/a", "p/1/x/b", "p/10/c"]


def test_deleting_below_a_folder_leaves_its_neighbours(store: ObjectStore) -> None:
    for key in ("p/1/a", "p/1/x/b", "p/10/c"):
        put(store, key)
    assert store.delete_below("p/1") == 2
    assert list(store.keys("p")) == ["p/10/c"]
    assert store.delete_below("p/1") == 0


def test_a_check_leaves_nothing_behind(store: ObjectStore) -> None:
    store.check()
    assert list(store.keys("doctor")) == []


BAD_KEYS = (
    "",
    "/",
    "a//b",
    "/a",
    "a/",
    ".",
    "..",
    "a/../b",
    "../a",
    "a/..",
    "a/./b",
    "a/...",
    "a b",
    "a\\b",
    "a%2Fb",
    "a\n",
    "a\0b",
    "é",
)


@pytest.mark.parametrize("key", BAD_KEYS, ids=repr)
def test_a_key_of_another_form_is_refused(local: ObjectStore, key: str) -> None:
    with pytest.raises(ValueError, match="not an object key"):
        put(local, key)
    with pytest.raises(ValueError, match="not an object key"):
        local.get(key)
    with pytest.raises(ValueError, match="not an object key"):
        local.size(key)
    with pytest.raises(ValueError, match="not an object key"):
        local.local_path(key)
    with pytest.raises(ValueError, match="not an object key"):
        local.presigned_get(key, expires_in_s=60, content_type="text/plain")
    with pytest.raises(InvalidSignatureError):
        local.verify("GET", key, {})


@pytest.mark.parametrize("prefix", ["", "/", "..", "a/../b"])
def test_nothing_is_deleted_below_a_bad_folder(local: ObjectStore, prefix: str) -> None:
    put(local, "a/b")
    with pytest.raises(ValueError, match="not an object key"):
        local.delete_below(prefix)
    assert local.get("a/b") == b"data"


def test_every_key_lies_in_its_tenants_and_patients_folder() -> None:
    made = (
        keys.document(TENANT, "p1", "account_p1_doc.xml"),
        keys.document(TENANT, "p1", "account/p1/account_p1_doc.xml"),
        keys.conversion(TENANT, "p1", "ab12", "1.0"),
        keys.source_resources(TENANT, "p1", "lab", "sandbox-lab"),
        keys.snapshot(TENANT, "p1", "s1"),
        keys.query_result(TENANT, "p1", "r1", "json"),
        keys.upload(TENANT, "p1", "d1"),
        keys.rendering(TENANT, "p1", "account/p1/account_p1_doc.xml", "ab12" * 16, "1", "pdf"),
    )
    assert all(key.startswith("sandbox/account/p1/") for key in made)
    assert made[0] == made[1]
    assert len(set(made)) == len(made) - 1


def test_the_key_of_an_upload_is_read_back() -> None:
    assert keys.parse_upload(keys.upload(TENANT, "p1", "d1")) == (TENANT, "p1", "d1")
    for other in ("sandbox/account/p1/documents/d1", "moon/account/p1/uploads/d1", "uploads/d1", ""):
        assert keys.parse_upload(other) is None


def test_a_file_name_cannot_lead_out_of_its_folder(local: ObjectStore) -> None:
    assert keys.document(TENANT, "p1", "../../x.xml") == "sandbox/account/p1/documents/x.xml"
    with pytest.raises(ValueError, match="not an object key"):
        put(local, keys.document(TENANT, "p1", ".."))


def test_a_store_that_refuses_says_so_without_naming_objects(s3_settings: dict[str, Any]) -> None:
    store = open_store(Settings.model_validate({**s3_settings, "s3_secret_access_key": "wrong"}))
    with pytest.raises(StorageError) as refused:
        put(store, "sandbox/account/patient-7/x")
    assert "patient-7" not in str(refused.value)


@pytest.mark.parametrize("url", ["ftp://x/y", "nonsense", "s3:"])
def test_a_store_that_is_no_store_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigurationError, match="OBJECT_STORE_URL"):
        open_store(Settings(data_dir=tmp_path, object_store_url=url))


def test_a_store_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="OBJECT_STORE_URL"):
        open_store(Settings(data_dir=tmp_path, object_store_url=(tmp_path / "file" / "x").as_uri()))


def test_a_folder_with_spaces_in_its_name_can_be_used(tmp_path: Path) -> None:
    folder = tmp_path / "my objects é"
    store = open_store(Settings(data_dir=tmp_path, object_store_url=folder.as_uri()))
    put(store, "a/b")
    assert (folder / "a" / "b").read_bytes() == b"data"
    assert store.local_path("a/b") == folder / "a" / "b"


# Presigned URLs of the S3 server; those of the local store are tested through the API.


def test_an_s3_url_reads_its_object_by_its_method_alone(s3: ObjectStore) -> None:
    put(s3, "a/b", b"mine")
    put(s3, "a/c", b"another's")
    url = s3.presigned_get("a/b", expires_in_s=60, content_type="application/json")
    assert httpx.get(url).content == b"mine"
    assert httpx.put(url, content=b"changed").status_code == 403
    assert httpx.delete(url).status_code == 403
    assert httpx.get(url.replace("/a/b?", "/a/c?")).status_code == 403
    assert s3.get("a/b") == b"mine"


def test_an_s3_url_ends(s3: ObjectStore) -> None:
    put(s3, "a/b")
    url = s3.presigned_get("a/b", expires_in_s=1, content_type="application/json")
    longer = urlsplit(url)
    query = {**dict(parse_qsl(longer.query)), "X-Amz-Expires": "600"}
    assert httpx.get(longer._replace(query=urlencode(query)).geturl()).status_code == 403
    time.sleep(2.2)
    assert httpx.get(url).status_code == 403


@pytest.mark.parametrize(
    ("content_type", "how", "disposition"),
    [
        ("application/pdf", {"filename": 'a "b".pdf'}, 'inline; filename="a _b_.pdf"'),
        ("text/html", {}, "attachment"),
        ("application/xml", {"filename": "a.xml"}, 'attachment; filename="a.xml"'),
        ("text/html; charset=utf-8", {"inline": True}, "inline"),
    ],
)
def test_s3_serves_an_object_with_its_type_and_runs_nothing(
    s3: ObjectStore, content_type: str, how: dict[str, Any], disposition: str
) -> None:
    s3.put("a/b", b"mine", content_type=content_type, **how)
    answer = httpx.get(s3.presigned_get("a/b", expires_in_s=60, content_type=content_type))
    assert answer.headers["content-type"] == content_type
    assert answer.headers["content-disposition"] == disposition


def test_uploads_come_to_us_whatever_the_store_is(s3: ObjectStore) -> None:
    parts = urlsplit(s3.upload_url("a/b", expires_in_s=60))
    s3.verify_upload("a/b", dict(parse_qsl(parts.query)))
    for key in ("a/c", "../b"):
        with pytest.raises(InvalidSignatureError):
            s3.verify_upload(key, dict(parse_qsl(parts.query)))
    assert parts.path == "/storage/a/b"


def test_the_local_store_does_not_answer_for_s3(s3: ObjectStore) -> None:
    with pytest.raises(InvalidSignatureError):
        s3.verify("GET", "a/b", {})
    with pytest.raises(StorageError):
        s3.local_path("a/b")


def test_s3_urls_carry_the_public_endpoint(s3_settings: dict[str, Any]) -> None:
    public = s3_settings["s3_endpoint"].replace("127.0.0.1", "localhost")
    store = open_store(Settings.model_validate({**s3_settings, "s3_public_endpoint": public}))
    put(store, "a/b")
    url = store.presigned_get("a/b", expires_in_s=60, content_type="text/plain")
    assert url.startswith(public + "/")


def test_a_signature_depends_on_each_part_and_on_the_secret() -> None:
    signer = UrlSigner("https://h", b"secret")

    def signature(signer: UrlSigner, method: str = "GET", key: str = "a/b", **changes: Any) -> str:
        values: dict[str, Any] = {"content_type": "text/plain", "filename": "f.txt", **changes}
        url = signer.url(method, key, expires_in_s=60, **values)
        return dict(parse_qsl(urlsplit(url).query))["signature"]

    made = [
        signature(signer),
        signature(UrlSigner("https://h", b"other")),
        signature(signer, method="PUT"),
        signature(signer, key="a/c"),
        signature(signer, content_type="text/html"),
        signature(signer, filename="g.txt"),
        signature(signer, inline=True),
    ]
    assert len(set(made)) == len(made)
