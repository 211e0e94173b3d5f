"""Bytes of plain text, and of RTF, to text. Pure, and imports nothing."""

from __future__ import annotations

import codecs
import re

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]+)", re.IGNORECASE)
_KNOWN = re.compile(
    r"utf-?(8|16|32)(-?[bl]e)?|(us-)?ascii|latin-?\d+|iso-?8859-?\d+|windows-?125\d|cp\d+|shift[_-]?jis|euc-(jp|kr)"
    r"|gb\d+|gbk|big5|koi8-[ru]|macintosh|mac-?roman",
    re.IGNORECASE,
)
_HEAD = 2048
_RTF_TOKEN = re.compile(
    rb"\\bin(?P<binary>\d{1,9}) ?|\\(?P<word>[a-z]{1,32})(?P<number>-?\d{1,10})? ?"
    rb"|\\'(?P<code>[0-9a-fA-F]{2})|\\(?P<symbol>[^a-z])|(?P<brace>[{}])|[\r\n]+|(?P<plain>[^\\{}\r\n]+)"
)
_RTF_UNSEEN = frozenset(
    b"fonttbl colortbl stylesheet info pict object themedata listtable listoverridetable rsidtbl generator "
    b"xmlnstbl datastore latentstyles colorschememapping".split()
)
_RTF_SYMBOLS = {b"~": " ", b"_": "-", b"-": ""}
_RTF_BREAKS = frozenset(b"par line tab cell row page sect".split())


def decoded(data: bytes, mime_type: str) -> str:
    """The text by its byte order mark, else by the character set that it or its type names, else as UTF-8,
    else as Windows-1252, which has all letters of Latin-1 and a meaning for nearly every byte."""
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    named = _CHARSET.search(mime_type) or _CHARSET.search(data[:_HEAD].decode("latin-1"))
    given = named[1] if named and _KNOWN.fullmatch(named[1]) else "utf-8"
    for encoding in (given, "utf-8"):
        try:
            return data.decode(encoding)
        except (LookupError, UnicodeError):
            continue
    return data.decode("cp1252", "replace")


def without_rtf(data: bytes, limit: int) -> str:
    """What a reader of the RTF document sees, at most some ``limit`` characters; lost markup is skipped."""
    reader = _Rtf(limit)
    place = 0
    while place < len(data) and reader.left > 0:
        token = _RTF_TOKEN.match(data, place)
        if token is None:
            place += 1
        else:
            place = token.end() + int(token["binary"] or 0)
            reader.take(token)
    return "".join(reader.out)


class _Rtf:
    """Where in an RTF document its reader stands: what was shown, and which groups are hidden."""

    def __init__(self, limit: int) -> None:
        self.out: list[str] = []
        self.left = limit
        self._hidden = [False]
        self._is_first = False  # the next token is the first of its group
        self._fallback = 0  # characters to skip: they repeat one of Unicode for old readers

    def take(self, token: re.Match[bytes]) -> None:
        if token["brace"] == b"{":
            self._hidden.append(self._hidden[-1])
            self._is_first = True
            return
        text = self._text(token)
        self._is_first = False
        if text and not self._hidden[-1]:
            self.out.append(text)
            self.left -= len(text)

    def _text(self, token: re.Match[bytes]) -> str:
        if token["word"] is not None:
            return self._control(token["word"], token["number"])
        if token["brace"] is not None and len(self._hidden) > 1:
            self._hidden.pop()
        skipped, self._fallback = self._fallback, 0
        if token["code"] is not None:
            return "" if skipped else bytes.fromhex(token["code"].decode()).decode("cp1252", "replace")
        if token["plain"] is not None:
            return bytes(token["plain"][skipped:]).decode("cp1252", "replace")
        symbol = token["symbol"]
        if symbol == b"*":
            self._hidden[-1] = True
            return ""
        return "" if symbol is None else _RTF_SYMBOLS.get(symbol, symbol.decode("latin-1"))

    def _control(self, word: bytes, number: bytes | None) -> str:
        if word in _RTF_UNSEEN and self._is_first:
            self._hidden[-1] = True
        if word == b"u" and number is not None:
            self._fallback = 1
            point = int(number) % 0x10000
            return "" if 0xD800 <= point < 0xE000 else chr(point)
        return "\n" if word in _RTF_BREAKS else ""
