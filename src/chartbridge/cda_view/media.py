"""Embedded images, and bodies that are files instead of structured text."""

from __future__ import annotations

import base64
import binascii
from html import escape

from lxml import etree
from lxml import html as lxml_html

from chartbridge.cda_view.texts import V3, Element, child, local, squeezed, words

MAX_IMAGE_BYTES = 10_000_000
MAX_IMAGES_BYTES = 30_000_000
_SIGNATURES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}
_MEDIA = frozenset((f"{V3}observationMedia", f"{V3}regionOfInterest"))


class Media:
    """The pictures of a document by their IDs, and which of them were shown.

    PNG and JPEG that lie within the document are shown, up to a bound for each and for all; of others it
    is said what they are.
    """

    def __init__(self, root: Element) -> None:
        self._by_id: dict[str, Element] = {}
        self._shown: set[Element] = set()
        self._left = MAX_IMAGES_BYTES
        for element in root.iter(*_MEDIA):
            name = element.get("ID")
            if name:
                self._by_id.setdefault(name, element)

    def referenced(self, names: str) -> str:
        """What a ``renderMultiMedia`` shows: the pictures whose IDs it names."""
        found = [self._by_id[name] for name in names.split() if name in self._by_id]
        return "".join(self._figure(m) for e in found for m in e.iter(f"{V3}observationMedia"))

    def left_over(self, section: Element) -> str:
        """Pictures among a section's own entries that its text did not show."""
        made = []
        for entry in section.findall(f"{V3}entry"):
            for media in entry.iter(f"{V3}observationMedia"):
                if media not in self._shown:
                    made.append(self._figure(media))
        return "".join(made)

    def _figure(self, media: Element) -> str:
        self._shown.add(media)
        return self.value(child(media, "value"))

    def value(self, value: Element | None) -> str:
        """An ED value as a picture, or as a note that says what it is."""
        if value is None:
            return ""
        data = embedded(value)
        media_type = data and next((t for s, t in _SIGNATURES.items() if data.startswith(s)), None)
        if data and media_type and len(data) <= min(MAX_IMAGE_BYTES, self._left):
            self._left -= len(data)
            encoded = base64.b64encode(data).decode()
            source = f"data:{media_type};base64,{encoded}"
            return f'<span class="figure"><img alt="embedded image" src="{source}"></span>'
        return f'<span class="note">[{escape(_described(value, data))}]</span>'


def embedded(value: Element) -> bytes | None:
    """The bytes within an ED value, decoded; None when it has none, or they cannot be decoded."""
    text = "".join((value.text or "", *(inner.tail or "" for inner in value)))
    if not text.strip():
        return None
    if (value.get("representation") or "").upper() != "B64":
        return text.encode()
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return None


def _described(value: Element, data: bytes | None) -> str:
    kind = squeezed(value.get("mediaType")) or "unknown type"
    if data is not None:
        return f"embedded file of {kind}, {len(data):,} bytes: open the original document to see it"
    where = child(value, "reference")
    address = squeezed(where.get("value")) if where is not None else ""
    return f"file of {kind} at {address}" if address else f"file of {kind} that is not in the document"


def unstructured(body: Element, media: Media) -> str:
    """A ``nonXMLBody``: its text or picture, or what it is and where."""
    text = child(body, "text")
    if text is None:
        return '<p class="note">The body of this document is empty.</p>'
    kind = (text.get("mediaType") or "").partition(";")[0].strip().lower()
    data = embedded(text)
    if data is not None and kind in ("text/plain", "", "text/html", "text/xml", "application/xml"):
        said = _decoded(data)
        said = _text_of_html(said) if kind == "text/html" else said
        return f'<pre class="whole">{escape(said)}</pre>'
    if data is None and len(text):  # structure where none belongs: its words all the same
        names = {local(inner) for inner in text}
        if names - {"reference", "thumbnail"}:
            return f"<p>{escape(words(text))}</p>"
    return f"<p>{media.value(text)}</p>"


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _text_of_html(source: str) -> str:
    """The words of an HTML page, its blocks on lines of their own; no script, no style."""
    try:
        tree = lxml_html.fromstring(source.encode("utf-8", "replace"), parser=_html_parser())
    except (etree.LxmlError, ValueError):
        return source
    etree.strip_elements(tree, "script", "style", "head", with_tail=False)
    for element in tree.iter("p", "div", "br", "tr", "li", "h1", "h2", "h3", "h4", "h5", "h6", "table"):
        element.tail = "\n" + (element.tail or "")
    lines = (squeezed(line) for line in "".join(map(str, tree.itertext())).splitlines())
    return "\n".join(line for line in lines if line)


def _html_parser() -> lxml_html.HTMLParser:
    return lxml_html.HTMLParser(encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True)
