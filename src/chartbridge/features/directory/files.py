"""Reading directory files piece by piece: FHIR Bundles, NDJSON, CSV, each also gzip-compressed.

However large a file is, one resource or row of it is in memory at a time.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TextIO

import orjson

Format = Literal["bundle", "ndjson", "csv"]
MAX_ITEM = 16 * 1024 * 1024
"""Characters of one resource, or of one line."""
MAX_FIELD = 100_000
_CHUNK = 1024 * 1024
_GZIP = b"\x1f\x8b"
_BLANKS = " \t\r\n"
_BROKEN = (UnicodeDecodeError, OSError, EOFError, zlib.error)
_DECODER = json.JSONDecoder()


class UnreadableFileError(Exception):
    """The rest of the file cannot be read; the text says where and why, and quotes nothing."""


@dataclass(frozen=True, slots=True)
class Item:
    """A resource or row, and where it stands: ``line 12``, ``entry 7``. ``fault`` says why it has none."""

    place: str
    value: dict[str, Any]
    fault: str | None = None


def format_of(path: Path) -> Format:
    """By what the file begins with. Raises UnreadableFileError when it is none of the three."""
    try:
        with _opened(path) as file:
            line = file.readline(MAX_ITEM)
            while line and not line.strip():
                line = file.readline(MAX_ITEM)
            is_whole = not file.read(_CHUNK).strip()
    except _BROKEN as error:
        raise UnreadableFileError(_reason(error)) from None
    if not line.lstrip().startswith("{"):
        if "," in line:
            return "csv"
        raise UnreadableFileError("is neither a FHIR Bundle, nor NDJSON, nor CSV")
    try:
        first = orjson.loads(line)
    except orjson.JSONDecodeError:
        return "bundle"
    return "bundle" if is_whole and first.get("resourceType") == "Bundle" else "ndjson"


def resources(path: Path, kind: Literal["bundle", "ndjson"]) -> Iterator[Item]:
    """The resources of a Bundle's entries, or of lines that each hold a resource or a Bundle.

    Raises UnreadableFileError where a Bundle is no longer JSON.
    """
    with _opened(path) as file:
        yield from _of_bundle(file) if kind == "bundle" else _of_lines(file)


def rows(path: Path) -> Iterator[Item]:
    """The rows of a CSV file with a header, by column. Raises UnreadableFileError."""
    csv.field_size_limit(MAX_FIELD)
    with _opened(path) as file:
        reader = csv.DictReader(_lines(file), restkey="")
        while True:
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error:
                yield Item(f"line {reader.line_num}", {}, "is no CSV")
                continue
            except _BROKEN as error:
                raise UnreadableFileError(f"line {reader.line_num}: {_reason(error)}") from None
            yield Item(f"line {reader.line_num}", row, "has too many columns" if "" in row else None)


def _lines(file: TextIO) -> Iterator[str]:
    """The lines of a file. Raises UnreadableFileError for one that is longer than anything may be."""
    number = 0
    while line := file.readline(MAX_ITEM):
        number += 1
        if len(line) == MAX_ITEM:
            raise UnreadableFileError(f"line {number} is longer than {MAX_ITEM} characters")
        yield line


def _opened(path: Path) -> TextIO:
    """The file as text, unpacked when it is packed."""
    binary = path.open("rb")
    packed = binary.read(2) == _GZIP
    binary.seek(0)
    source: Any = gzip.GzipFile(fileobj=binary) if packed else binary
    return _Text(source, binary)


class _Text(io.TextIOWrapper):
    """Closes the packed file beneath, too."""

    def __init__(self, source: Any, beneath: io.BufferedReader) -> None:
        super().__init__(source, encoding="utf-8-sig", newline="")
        self._beneath = beneath

    def close(self) -> None:
        super().close()
        self._beneath.close()


def _of_lines(file: TextIO) -> Iterator[Item]:
    number = 0
    while True:
        number += 1
        place = f"line {number}"
        try:
            line = file.readline(MAX_ITEM)
        except _BROKEN as error:
            raise UnreadableFileError(f"{place}: {_reason(error)}") from None
        if not line:
            return
        if len(line) == MAX_ITEM:
            raise UnreadableFileError(f"{place} is longer than {MAX_ITEM} characters")
        if not line.strip():
            continue
        try:
            value = orjson.loads(line)
        except (orjson.JSONDecodeError, UnicodeEncodeError):
            yield Item(place, {}, "is no JSON")
            continue
        if not isinstance(value, dict):
            yield Item(place, {}, "is no resource")
        elif value.get("resourceType") == "Bundle":
            entries = value.get("entry")
            for position, entry in enumerate(entries if isinstance(entries, list) else [], start=1):
                yield _entry(f"{place}, entry {position}", entry)
        else:
            yield Item(place, value)


def _entry(place: str, entry: object) -> Item:
    resource = entry.get("resource") if isinstance(entry, dict) else None
    return Item(place, resource) if isinstance(resource, dict) else Item(place, {}, "has no resource")


class _Reader:
    """JSON values one after the other from a stream."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._text = ""
        self._at = 0
        self._ended = False
        self.place = "the beginning"

    def _more(self) -> bool:
        if self._ended:
            return False
        try:
            chunk = self._file.read(max(_CHUNK, len(self._text) - self._at))
        except _BROKEN as error:
            raise UnreadableFileError(f"{self.place}: {_reason(error)}") from None
        self._ended = not chunk
        self._text, self._at = self._text[self._at :] + chunk, 0
        return bool(chunk)

    def peek(self) -> str:
        """The next character that is not blank; none at the end."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in _BLANKS:
                self._at += 1
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def take(self, expected: str) -> None:
        if self.peek() != expected:
            raise UnreadableFileError(f"{self.place}: is no JSON")
        self._at += 1

    def value(self) -> Any:
        """The next value, which is bounded in size. Within a Bundle something always follows it."""
        self.peek()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except RecursionError:
                raise UnreadableFileError(f"{self.place}: is nested too deep") from None
            except ValueError:
                end = len(self._text)
            if end < len(self._text):
                self._at = end
                return value
            if len(self._text) - self._at > MAX_ITEM:
                raise UnreadableFileError(f"{self.place}: is no JSON, or longer than {MAX_ITEM} characters")
            if not self._more():
                raise UnreadableFileError(f"{self.place}: is no JSON")


def _of_bundle(file: TextIO) -> Iterator[Item]:
    reader = _Reader(file)
    reader.take("{")
    number = 0
    while reader.peek() != "}":
        key = reader.value()
        reader.take(":")
        if key == "entry" and reader.peek() == "[":
            reader.take("[")
            while reader.peek() != "]":
                number += 1
                reader.place = f"entry {number}"
                yield _entry(reader.place, reader.value())
                if reader.peek() != "]":
                    reader.take(",")
            reader.take("]")
        elif reader.value() != "Bundle" and key == "resourceType":
            raise UnreadableFileError("is no Bundle")
        if reader.peek() != "}":
            reader.take(",")


def _reason(error: Exception) -> str:
    return "is not UTF-8" if isinstance(error, UnicodeDecodeError) else "cannot be unpacked or read"
