"""In which encoding a spreadsheet wrote a file.

A byte order mark decides; else a file that is UTF-8 throughout is UTF-8. What is left was written in the
one encoding of an old program: Mac Roman when lines end with a lone carriage return, which only "CSV
(Macintosh)" writes, else Windows-1252.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from pathlib import Path

from chartbridge.features.bulk.errors import SheetError

_CHUNK = 1024 * 1024
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_ADVICE = "save it as CSV UTF-8"
NOT_TEXT = f"CSV cannot be read as text: {_ADVICE}"
MIXED = f"CSV is partly UTF-8 and partly not: {_ADVICE}"

# Bytes that are no UTF-8, as the error handler "surrogateescape" shows them.
_STRAY = re.compile("[\udc80-\udcff]")
_UTF_8 = re.compile("[^\x00-\x7f\udc80-\udcff]")
_NOT_WINDOWS = re.compile("[\udc81\udc8d\udc8f\udc90\udc9d]")


def encoding_of(path: Path) -> str:
    """The name of a codec that decodes the whole file; reads it once. Raises SheetError."""
    with path.open("rb") as file:
        head = file.read(3)
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return _marked(path, encoding)
    return _unmarked(path)


def _marked(path: Path, encoding: str) -> str:
    try:
        if any("\0" in text for text in _decoded(path, encoding, "strict")):
            raise SheetError(NOT_TEXT)
    except UnicodeDecodeError:
        raise SheetError(NOT_TEXT) from None
    return encoding


def _unmarked(path: Path) -> str:
    has_stray = has_utf_8 = has_line_feed = False
    is_windows = True
    for text in _decoded(path, "utf-8", "surrogateescape"):
        if "\0" in text:
            raise SheetError(NOT_TEXT)
        has_line_feed = has_line_feed or "\n" in text
        if not text.isascii():
            has_stray = has_stray or bool(_STRAY.search(text))
            has_utf_8 = has_utf_8 or bool(_UTF_8.search(text))
            is_windows = is_windows and not _NOT_WINDOWS.search(text)
    if not has_stray:
        return "utf-8"
    if has_utf_8:
        # One stray byte must not turn every accent of the file into something else.
        raise SheetError(MIXED)
    if not has_line_feed:
        return "mac-roman"
    if not is_windows:
        raise SheetError(NOT_TEXT)
    return "cp1252"


def _decoded(path: Path, encoding: str, errors: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield decoder.decode(chunk)
    yield decoder.decode(b"", final=True)
