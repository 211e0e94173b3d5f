"""Where documents come from and where results go: a folder of this machine, or a bucket.

A place is written as a path or a URL (``s3://bucket/prefix``, ``gs://``, ``az://``). It is picklable and
opens its store when it is first used: each process has connections of its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import LocalStore, from_url

from chartbridge.config import Settings
from chartbridge.storage.store import s3_store

if TYPE_CHECKING:
    from obstore.store import ObjectStore as Backend

SCHEMES = ("s3", "gs", "az", "abfs", "abfss")


class PlaceError(Exception):
    """The place cannot be used; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Found:
    """A document by its key within the place, with ``/`` between the parts, and its size in bytes."""

    key: str
    size: int


@dataclass(frozen=True)
class Place:
    """``url`` is a path or a URL; ``settings`` tell how S3 is reached."""

    url: str
    settings: Settings

    @cached_property
    def folder(self) -> Path | None:
        """The folder, or None for a bucket. Raises PlaceError for a URL of another kind."""
        parts = urlsplit(self.url)
        if parts.scheme == "file":
            return Path(unquote(parts.path)).absolute()
        if parts.scheme in SCHEMES:
            return None
        if "://" in self.url:
            raise PlaceError(f"{self.url} is neither a folder nor a bucket ({', '.join(SCHEMES)})")
        return Path(self.url).expanduser().absolute()

    @property
    def name(self) -> str:
        """The same for every way to write it."""
        return self.url.rstrip("/") if self.folder is None else self.folder.as_uri()

    @cached_property
    def _store(self) -> Backend:
        try:
            if self.folder is not None:
                return LocalStore(self.folder, mkdir=True)
            return s3_store(self.settings, self.url) if self.url.startswith("s3:") else from_url(self.url)
        except (BaseError, OSError, ValueError) as error:
            raise PlaceError(f"{self.name} cannot be opened ({type(error).__name__})") from None

    def __getstate__(self) -> dict[str, Any]:
        return {"url": self.url, "settings": self.settings}

    def documents(self) -> Iterator[Found]:
        """What lies in the place, in an order of its own; a folder's in the order of their names. Links to
        folders are not followed. Raises PlaceError."""
        if self.folder is not None:
            yield from _below(self.folder)
            return
        for item in self._listed(""):
            yield Found(item["path"], item["size"])

    def read(self, key: str, limit: int) -> bytes:
        """At most ``limit`` bytes and one more of a document. Raises PlaceError; its message ends a
        sentence that names the document."""
        try:
            if self.folder is not None:
                with (self.folder / key).open("rb") as file:
                    return file.read(limit + 1)
            content = obstore.get(self._store, key, options={"range": (0, limit + 1)}).bytes()
            return bytes(content)
        except (NotFoundError, FileNotFoundError):
            raise PlaceError("is no longer there") from None
        except (BaseError, OSError):
            raise PlaceError("cannot be read") from None

    def keys(self, prefix: str) -> Iterator[str]:
        """Keys of what a run has written below a folder of the place. Raises PlaceError."""
        for item in self._listed(prefix):
            yield item["path"]

    def get(self, key: str) -> bytes | None:
        """What a run has written, or None when there is nothing. Raises PlaceError."""
        try:
            return bytes(obstore.get(self._store, key).bytes())
        except (NotFoundError, FileNotFoundError):
            return None
        except (BaseError, OSError) as error:
            raise PlaceError(f"{self.name} cannot be read ({type(error).__name__})") from None

    def put(self, key: str, content: bytes | Path) -> None:
        """Write an object, which appears whole. Raises PlaceError."""
        try:
            obstore.put(self._store, key, content)
        except (BaseError, OSError) as error:
            raise PlaceError(f"{self.name} cannot be written ({type(error).__name__})") from None

    def _listed(self, prefix: str) -> Iterator[Any]:
        try:
            for batch in obstore.list(self._store, prefix=prefix or None, chunk_size=1000):
                yield from batch
        except (BaseError, OSError) as error:
            raise PlaceError(f"{self.name} cannot be listed ({type(error).__name__})") from None


def _below(folder: Path) -> Iterator[Found]:
    def cannot_be_listed(error: OSError) -> None:
        raise PlaceError(f"{error.filename} cannot be listed: {error.strerror}")

    for within, folders, files in os.walk(folder, onerror=cannot_be_listed):
        folders.sort()
        for name in sorted(files):
            path = Path(within, name)
            if path.is_file():
                yield Found(path.relative_to(folder).as_posix(), path.stat().st_size)
