"""Bookmarks, language and display title of a PDF, which PlutoPrint does not write.

They are appended as an incremental update (ISO 32000-1, 7.5.6): the bytes of the PDF stay as they are, and
new objects with a new cross-reference stream follow. The bookmarks lead to the named destinations that
PlutoPrint writes for what the page links to.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass

_START = re.compile(rb"startxref\s+(\d+)\s+%%EOF\s*$")
_OBJECT = re.compile(rb"(\d+) 0 obj\s*(<<.*?>>)\s*stream\r?\n", re.DOTALL)
_NUMBER = {name: re.compile(rb"/" + name + rb"\s+(\d+)") for name in (b"Size", b"First", b"N")}
_REFERENCE = {name: re.compile(rb"/" + name + rb"\s+(\d+) 0 R") for name in (b"Root", b"Info")}
_WIDTHS = re.compile(rb"/W\s*\[\s*(\d+)\s+(\d+)\s+(\d+)\s*\]")


@dataclass(frozen=True, slots=True)
class Bookmark:
    """A bookmark: the id of an element that something on the page links to, and what it is called."""

    anchor: str
    title: str


def with_outline(pdf: bytes, bookmarks: list[Bookmark], *, language: str) -> bytes:
    """The PDF with bookmarks, its language, and its title in the window instead of the file's name.

    ``pdf`` is one as PlutoPrint writes them: with a cross-reference stream, and its catalogue in an object
    stream. Raises ValueError where it is not.
    """
    table = _found(_START.search(pdf[-64:]), "no cross-reference")
    at = int(table[1])
    header = _found(_OBJECT.match(pdf, at), "no cross-reference stream")
    size, root, info = (
        int(_found(pattern.search(header[2]), "an incomplete trailer")[1])
        for pattern in (_NUMBER[b"Size"], _REFERENCE[b"Root"], _REFERENCE[b"Info"])
    )
    catalogue = _object_in_stream(pdf, _entry(pdf, header, root), root)
    count = len(bookmarks)
    added = b"/Lang (%s)\n/ViewerPreferences << /DisplayDocTitle true >>\n" % language.encode("ascii")
    if count:
        added += b"/Outlines %d 0 R\n/PageMode /UseOutlines\n" % size
    objects = {root: catalogue.rstrip().removesuffix(b">>") + added + b">>"}
    if count:
        first, last = size + 1, size + count
        objects[size] = b"<< /Type /Outlines /First %d 0 R /Last %d 0 R /Count %d >>" % (first, last, count)
    for number, one in enumerate(bookmarks, size + 1):
        near = (b" /Prev %d 0 R" % (number - 1) if number > size + 1 else b"") + (
            b" /Next %d 0 R" % (number + 1) if number < size + count else b""
        )
        title = b"<%s>" % ("\ufeff" + one.title).encode("utf-16-be").hex().encode()
        objects[number] = b"<< /Title %s /Parent %d 0 R%s /Dest (%s) >>" % (
            title, size, near, one.anchor.encode("ascii"),
        )  # fmt: skip
    return _appended(pdf, objects, at, root, info)


def _found(match: re.Match[bytes] | None, problem: str) -> re.Match[bytes]:
    if match is None:
        raise ValueError(f"the PDF has {problem}")
    return match


def _stream(pdf: bytes, header: re.Match[bytes]) -> bytes:
    reader = zlib.decompressobj()
    return reader.decompress(pdf[header.end() :])


def _entry(pdf: bytes, header: re.Match[bytes], number: int) -> tuple[int, int]:
    """Where an object in an object stream stands: the offset of that stream and the index in it."""
    widths = [int(one) for one in _found(_WIDTHS.search(header[2]), "no field widths").groups()]
    table, length = _stream(pdf, header), sum(widths)

    def fields(index: int) -> tuple[int, int, int]:
        entry = table[index * length : (index + 1) * length]
        ends = (widths[0], widths[0] + widths[1])
        parts = entry[: ends[0]], entry[ends[0] : ends[1]], entry[ends[1] :]
        return int.from_bytes(parts[0]), int.from_bytes(parts[1]), int.from_bytes(parts[2])

    kind, stream, index = fields(number)
    if kind != 2:
        raise ValueError("the PDF has its catalogue in no object stream")
    return fields(stream)[1], index


def _object_in_stream(pdf: bytes, entry: tuple[int, int], number: int) -> bytes:
    offset, index = entry
    header = _found(_OBJECT.match(pdf, offset), "no object stream")
    first, count = (
        int(_found(_NUMBER[name].search(header[2]), "an odd object stream")[1]) for name in (b"First", b"N")
    )
    content = _stream(pdf, header)
    numbers = [int(one) for one in content[:first].split()]
    starts = numbers[1::2]
    if numbers[2 * index] != number:
        raise ValueError("the PDF has another object where its catalogue should be")
    end = first + starts[index + 1] if index + 1 < count else len(content)
    return content[first + starts[index] : end]


def _appended(pdf: bytes, objects: dict[int, bytes], before: int, root: int, info: int) -> bytes:
    """The objects and the cross-reference stream that finds them, after the PDF."""
    body = bytearray(pdf if pdf.endswith(b"\n") else pdf + b"\n")
    table = max(objects) + 1
    offsets = {}
    for number, content in sorted(objects.items()):
        offsets[number] = len(body)
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    offsets[table] = len(body)
    index = b" ".join(b"%d 1" % number for number in sorted(offsets))
    rows = b"".join(b"\x01" + offsets[number].to_bytes(4) + b"\x00" for number in sorted(offsets))
    body += (
        b"%d 0 obj\n<< /Type /XRef /Size %d /Root %d 0 R /Info %d 0 R /Prev %d /W [1 4 1] /Index [%s] "
        b"/Length %d >>\nstream\n%s\nendstream\nendobj\nstartxref\n%d\n%%%%EOF\n"
    ) % (table, table + 1, root, info, before, index, len(rows), rows, offsets[table])
    return bytes(body)
