"""What a process of the pool does to read a document's text; it imports parsers and little else.

Whatever cannot be read has no text: content search then finds the document by its reference alone.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator

import pypdfium2  # type: ignore[import-untyped]  # it has no stubs
from lxml import etree

from chartbridge.ccda.document import parse
from chartbridge.ccda.errors import CcdaError, ForbiddenXmlError, TooLargeError
from chartbridge.features.documents.plain_text import decoded, without_rtf
from chartbridge.search.content import searchable

MAX_BYTES = 50 * 1024 * 1024
MAX_CHARACTERS = 2_000_000
MAX_PAGES = 2_000
_INLINE = (
    "a abbr acronym b bdi bdo big cite code em font i kbd label mark q s samp small span strike strong sub "
    "sup tt u var wbr"
)
_WITHIN_WORDS = frozenset((*_INLINE.split(), "{urn:hl7-org:v3}sub", "{urn:hl7-org:v3}sup"))
"""Elements that may begin or end within a word: of HTML, and of C-CDA, whose ``content`` is often a line."""
_UNSEEN = frozenset({"script", "style", "template", "noscript", "head"})
_SPACE = re.compile(r"\s+")


def text_of(data: bytes, mime_type: str) -> str:
    """Runs in a process of the pool: the document's searchable text, blank where there is none.

    At most two million characters are read, of a PDF at most 2,000 pages.
    """
    return searchable(_text(data, mime_type, embedded=False)[:MAX_CHARACTERS])


def _text(data: bytes, mime_type: str, *, embedded: bool) -> str:
    kind = mime_type.partition(";")[0].strip().lower()
    if len(data) > MAX_BYTES or not data:
        return ""
    if kind == "application/pdf" or data.startswith(b"%PDF-"):
        return _pdf(data)
    if data.startswith(b"{\\rtf"):
        return without_rtf(data, MAX_CHARACTERS)
    if kind.endswith(("/html", "/xhtml+xml")):
        return _html(data)
    if kind.endswith(("/xml", "+xml")):
        return _xml(data, embedded=embedded)
    if kind.startswith("text/") or kind == "application/json":
        return decoded(data, mime_type)
    return ""


def _pdf(data: bytes) -> str:
    pages: list[str] = []
    left = MAX_CHARACTERS
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError:
        return ""
    try:
        for number in range(min(len(document), MAX_PAGES)):
            text = _page(document, number)
            pages.append(text)
            left -= len(text)
            if left <= 0:
                break
    finally:
        document.close()
    return "\n".join(pages)


def _page(document: pypdfium2.PdfDocument, number: int) -> str:
    """A page's text; hyphens that the layout put at the ends of lines (U+FFFE, U+0002) join words again."""
    try:
        page = document[number]
        text = page.get_textpage()
        read = str(text.get_text_bounded())
        text.close()
        page.close()
    except pypdfium2.PdfiumError:  # one page that is broken does not hide the others
        return ""
    return re.sub(r"[\x02\ufffe]\s*", "", read)


def _html(data: bytes) -> str:
    parser = etree.HTMLParser(encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True)
    try:
        root = etree.fromstring(decoded(data, "text/html").encode("utf-8", "replace"), parser)
    except (etree.XMLSyntaxError, ValueError):  # nothing in it at all
        return ""
    return "" if root is None else _joined(root, _html_parts)


def _xml(data: bytes, *, embedded: bool) -> str:
    try:
        root = parse(data)
    except (ForbiddenXmlError, TooLargeError):
        return ""
    except CcdaError:  # other XML, or not well-formed: what can be read of it is text all the same
        return _html(data)
    return _joined(root, lambda element: _cda_parts(element, embedded=embedded))


Parts = Callable[[etree._Element], Iterator[str] | None]


def _joined(root: etree._Element, parts_of: Parts) -> str:
    """The texts of a tree in order. ``parts_of`` gives what an element itself adds before its content, or
    None for one that is not looked into. Iterative, since a tree may be deep."""
    parts: list[str] = []
    left = MAX_CHARACTERS
    skipped: etree._Element | None = None
    for event, element in etree.iterwalk(root, events=("start", "end")):
        if skipped is not None:
            if event == "end" and element is skipped:
                skipped = None
                parts.append(element.tail or "")
            continue
        separator = "" if element.tag in _WITHIN_WORDS else " "
        if event == "start":
            own = parts_of(element)
            if own is None:
                skipped = element
                parts.append(separator)
                continue
            added = [separator, *own, element.text or ""]
        else:
            added = [separator, element.tail or "" if element is not root else ""]
        parts += added
        left -= sum(map(len, added))
        if left <= 0:
            break
    return "".join(parts)


def _html_parts(element: etree._Element) -> Iterator[str] | None:
    return None if element.tag in _UNSEEN else iter(())


def _cda_parts(element: etree._Element, *, embedded: bool) -> Iterator[str] | None:
    """What attributes of C-CDA say in words, with the codes they explain; and a file that is embedded."""
    if element.get("representation") == "B64":
        return None if embedded else iter((f" {_embedded(element)} ",))
    return _named(element)


def _named(element: etree._Element) -> Iterator[str]:
    display = element.get("displayName")
    if display:
        yield f" {element.get('code') or ''} {display} "


def _embedded(element: etree._Element) -> str:
    packed = _SPACE.sub("", element.text or "")
    element.text = None
    try:
        data = base64.b64decode(packed, validate=True)
    except binascii.Error:
        return ""
    return _text(data, element.get("mediaType") or "text/plain", embedded=True)
