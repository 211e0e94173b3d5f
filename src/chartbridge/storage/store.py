"""One object store over obstore."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

import obstore
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import LocalStore, S3Store, from_url

from chartbridge.config import ConfigurationError, Settings
from chartbridge.storage.disposition import disposition
from chartbridge.storage.signing import InvalidSignatureError, SignedObject, UrlSigner

if TYPE_CHECKING:
    from obstore.store import ObjectStore as Backend

_ANY_TYPE = "application/octet-stream"
_PART_BYTES = 1 << 20
_SAFE_SEGMENT = re.compile(r"[A-Za-z0-9_.\-]+")


class StorageError(Exception):
    """The store did not answer, or refused. The message names no object."""


class ObjectNotFoundError(StorageError):
    """There is no object under that key."""


@dataclass(frozen=True, slots=True)
class Listed:
    """An object that a listing found, and when it was last written, by the store's clock."""

    key: str
    modified: datetime


class ObjectStore:
    """Bytes under keys; once a put returns they survive a loss of power.

    Keys are slash-separated segments of letters, digits, ``_``, ``-`` and ``.``.

    A put is atomic: a reader sees the old bytes or the new ones, never a part. All methods raise
    StorageError when the store fails, and ValueError for a key that is not of the form above.
    """

    def __init__(self, backend: Backend, signer: UrlSigner, signing_backend: Backend | None = None) -> None:
        self._backend = backend
        self._signer = signer
        self._signing_backend = signing_backend or backend
        self.is_local = isinstance(backend, LocalStore)

    def put(
        self,
        key: str,
        data: bytes | Path,
        *,
        content_type: str,
        filename: str | None = None,
        inline: bool = False,
    ) -> None:
        """Write bytes, or what a file holds, in parts. A cloud store serves it with that type,
        under that file name, and, where its type could run something, to be saved instead of shown, unless
        ``inline``."""
        attributes: Any = None
        if not self.is_local:
            shown = disposition(content_type, filename, inline=inline)
            attributes = {"Content-Type": content_type, "Content-Disposition": shown}
        try:
            obstore.put(self._backend, _checked(key), data, attributes=attributes)
            if self.is_local:
                _sync(self.local_path(key))
        except (BaseError, OSError) as error:
            raise StorageError("the object store refused a write") from error

    def get(self, key: str) -> bytes:
        """Raises ObjectNotFoundError."""
        try:
            return bytes(obstore.get(self._backend, _checked(key)).bytes())
        except (NotFoundError, FileNotFoundError) as error:
            raise ObjectNotFoundError("no such object") from error
        except (BaseError, OSError) as error:
            raise StorageError("the object store refused a read") from error

    def get_file(self, key: str, path: Path) -> None:
        """Write what the object holds to a file, in parts. Raises ObjectNotFoundError."""
        try:
            parts = obstore.get(self._backend, _checked(key)).stream(min_chunk_size=_PART_BYTES)
            with path.open("wb") as file:
                for part in parts:
                    file.write(part)
        except (NotFoundError, FileNotFoundError) as error:
            raise ObjectNotFoundError("no such object") from error
        except (BaseError, OSError) as error:
            raise StorageError("the object store refused a read") from error

    def size(self, key: str) -> int | None:
        """Bytes under the key, or None when there is no object."""
        try:
            return int(obstore.head(self._backend, _checked(key))["size"])
        except (NotFoundError, FileNotFoundError):
            return None
        except (BaseError, OSError) as error:
            raise StorageError("the object store refused a read") from error

    def keys(self, prefix: str) -> Iterator[str]:
        """Keys below a folder, in no particular order."""
        for item in self.listing(prefix):
            yield item.key

    def listing(self, prefix: str) -> Iterator[Listed]:
        """The objects below a folder, in no particular order."""
        try:
            for batch in obstore.list(self._backend, prefix=_checked(prefix.rstrip("/"))):
                for item in batch:
                    yield Listed(str(item["path"]), item["last_modified"])
        except (BaseError, OSError) as error:
            raise StorageError("the object store refused a listing") from error

    def folders(self, prefix: str) -> list[str]:
        """Names of the folders directly below a folder, in no particular order. Empty ones, which only a
        local store has, are among them."""
        try:
            found = obstore.list_with_delimiter(self._backend, prefix=_checked(prefix.rstrip("/")))
            return [str(path).rstrip("/").rpartition("/")[2] for path in found["common_prefixes"]]
        except (BaseError, OSError) as error:
            raise StorageError("the object store refused a listing") from error

    def delete(self, key: str) -> None:
        """Delete one object; nothing happens when there is none."""
        try:
            obstore.delete(self._backend, _checked(key))
        except (NotFoundError, FileNotFoundError):
            return
        except (BaseError, OSError) as error:
            raise StorageError("the object store refused a deletion") from error

    def delete_below(self, prefix: str) -> int:
        """Delete all objects below a folder; returns how many there were."""
        found = list(self.keys(prefix))
        for start in range(0, len(found), 1000):
            try:
                obstore.delete(self._backend, found[start : start + 1000])
            except (NotFoundError, FileNotFoundError):
                continue  # somebody else deleted them first, which is what was wanted
            except (BaseError, OSError) as error:
                raise StorageError("the object store refused a deletion") from error
        return len(found)

    def presigned_get(
        self,
        key: str,
        *,
        expires_in_s: int,
        content_type: str,
        filename: str | None = None,
        inline: bool = False,
    ) -> str:
        """A URL that reads the object. ``filename`` is what a browser saves it as, and ``inline`` has it
        shown (local store; a cloud store does as its ``put`` said)."""
        if self.is_local:
            return self._signer.url(
                "GET",
                _checked(key),
                expires_in_s=expires_in_s,
                content_type=content_type,
                filename=filename,
                inline=inline,
            )
        backend: Any = self._signing_backend
        return str(obstore.sign(backend, "GET", _checked(key), timedelta(seconds=expires_in_s)))

    def upload_url(self, key: str, *, expires_in_s: int) -> str:
        """A URL of the API's own, whatever the store is, that takes a file by PUT: what arrives must be
        looked at before it is kept."""
        return self._signer.url("PUT", _checked(key), expires_in_s=expires_in_s, content_type=_ANY_TYPE)

    def verify_upload(self, key: str, query: Mapping[str, str]) -> None:
        """Raises InvalidSignatureError unless a URL of ``upload_url`` was used."""
        self._signer.verify("PUT", _checked_or_refused(key), query)

    def verify(self, method: str, key: str, query: Mapping[str, str]) -> SignedObject:
        """What a presigned URL of the local store entitles to. Raises InvalidSignatureError."""
        if not self.is_local:
            raise InvalidSignatureError("objects are not served here")
        return self._signer.verify(method, _checked_or_refused(key), query)

    def local_path(self, key: str) -> Path:
        """Where the local store keeps the object. Only for a store that ``is_local``."""
        if not isinstance(self._backend, LocalStore) or self._backend.prefix is None:
            raise StorageError("not a local store")
        return Path(self._backend.prefix) / _checked(key)

    def ensure_answers(self) -> None:
        """Raises StorageError unless it answers a question; changes nothing."""
        if self.is_local and not os.access(self.local_path("doctor").parent, os.W_OK | os.X_OK):
            raise StorageError("the folder of objects is not there, or may not be written")
        self.size("doctor/probe")

    def check(self) -> None:
        """Write, read and delete one small object; raises StorageError."""
        key = "doctor/probe"
        self.put(key, b"chartbridge", content_type="text/plain")
        if self.get(key) != b"chartbridge":
            raise StorageError("the object store gave back other bytes than were written")
        self.delete_below("doctor")


def _sync(path: Path) -> None:
    """Have the file and its name on disk, so that no committed row names bytes that a power cut took."""
    for target in (path, path.parent):
        descriptor = os.open(target, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _checked(key: str) -> str:
    segments = key.split("/")
    if not all(_SAFE_SEGMENT.fullmatch(s) and set(s) != {"."} for s in segments):
        raise ValueError("not an object key")
    return key


def _checked_or_refused(key: str) -> str:
    try:
        return _checked(key)
    except ValueError:
        raise InvalidSignatureError("the URL's signature does not fit") from None


def open_store(settings: Settings) -> ObjectStore:
    """The store that the settings name. Raises ConfigurationError."""
    signer = UrlSigner(settings.origin, settings.signing_key)
    url = urlsplit(settings.store_url)
    try:
        if url.scheme == "file":
            return ObjectStore(LocalStore(Path(unquote(url.path)), mkdir=True), signer)
        if url.scheme == "s3":
            if not url.netloc:
                raise ConfigurationError("CHARTBRIDGE_OBJECT_STORE_URL names no bucket: s3://bucket/prefix")
            backend = s3_store(settings, settings.store_url)
            shown = settings.s3_public_endpoint
            public = s3_store(settings, settings.store_url, endpoint=shown) if shown else None
            return ObjectStore(backend, signer, public)
        if url.scheme in ("gs", "az", "abfs", "abfss"):
            return ObjectStore(from_url(settings.store_url), signer)
    except (BaseError, OSError, ValueError) as error:
        raise ConfigurationError(
            f"the object store of CHARTBRIDGE_OBJECT_STORE_URL cannot be opened ({type(error).__name__})"
        ) from error
    raise ConfigurationError(f"CHARTBRIDGE_OBJECT_STORE_URL has an unknown scheme: {quote(url.scheme)}")


def s3_store(settings: Settings, place: str, *, endpoint: str | None = None) -> S3Store:
    """The bucket of a URL ``s3://bucket/prefix``, reached as the settings say, at their endpoint unless
    another is named. Raises ConfigurationError."""
    url = urlsplit(place)
    endpoint = endpoint or settings.s3_endpoint
    if not url.netloc:
        raise ConfigurationError(f"{place} names no bucket: s3://bucket/prefix")
    config: dict[str, Any] = {"region": settings.s3_region}
    if settings.s3_access_key_id and settings.s3_secret_access_key:
        config["access_key_id"] = settings.s3_access_key_id
        config["secret_access_key"] = settings.s3_secret_access_key.get_secret_value()
    options: dict[str, Any] = {"timeout": "30s"}
    if endpoint:
        config["endpoint"] = endpoint
        options["allow_http"] = endpoint.startswith("http://")
    return S3Store(
        url.netloc,
        prefix=url.path.strip("/") or None,
        config=config,  # type: ignore[arg-type]  # a TypedDict whose keys depend on what is set
        client_options=options,  # type: ignore[arg-type]
        retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=30)},
    )
