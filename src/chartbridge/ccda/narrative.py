"""CDA narrative blocks as FHIR XHTML, and the plain text behind each of their ids.

A block is serialised once by libxml2 and then split at its tags; most tags are answered from a
dictionary. Nothing of a block's text is lost: an element that is unknown keeps its content.
"""

from __future__ import annotations

import re
from html import unescape

from lxml import etree

from chartbridge.ccda.names import Element

_TAGS = re.compile(r"(<[^>]*>)")
_ATTRIBUTES = re.compile(r'([\w:.-]+)="([^"]*)"')
_ONLY_ID = re.compile(r'<([\w:.-]+) ID="([^\s"<>&]+)">')
_XML_ID = re.compile(r"[^\s\"<>&]+")
_SAFE_LINK = re.compile(r"(?:https?:|mailto:|tel:|#)", re.IGNORECASE)
_LENGTH = re.compile(r"\d+%?")

_ELEMENTS = {
    "paragraph": "p",
    "content": "span",
    "caption": "span",
    "footnote": "span",
    "footnoteRef": "a",
    "renderMultiMedia": "span",
    "linkHtml": "a",
    "list": "ul",
    "item": "li",
    "br": "br",
    "sub": "sub",
    "sup": "sup",
    "table": "table",
    "thead": "thead",
    "tbody": "tbody",
    "tfoot": "tfoot",
    "tr": "tr",
    "th": "th",
    "td": "td",
    "col": "col",
    "colgroup": "colgroup",
}
_CELL_ATTRIBUTES = frozenset(("colspan", "rowspan"))
_STYLES = {
    "bold": "font-weight: bold",
    "italics": "font-style: italic",
    "underline": "text-decoration: underline",
    "emphasis": "font-style: italic",
}
_BREAKS = frozenset(("br", "p", "td", "th", "tr", "li", "ul", "ol", "table", "div"))
_TABLE_PARTS = frozenset(("table", "thead", "tbody", "tfoot", "tr", "colgroup", "ul", "ol"))

DIV_OPEN = '<div xmlns="http://www.w3.org/1999/xhtml">'


class _Tag:
    """What an opening tag of the source becomes; the same tag text always becomes the same."""

    __slots__ = ("close", "empty", "id", "name", "open")

    def __init__(self, name: str, opening: str, empty: bool, source_id: str | None) -> None:
        self.name = name
        self.open = opening
        self.close = "" if empty and name in ("br", "col") else f"</{name}>"
        self.empty = empty
        self.id = source_id


class Narrative:
    """All narrative blocks of one document: their XHTML and the text that their ids stand for."""

    __slots__ = ("_ids", "_tags", "_texts")

    def __init__(self) -> None:
        self._ids: dict[str, tuple[list[str], int]] = {}
        self._texts: dict[str, str | None] = {}
        self._tags: dict[str, _Tag] = {}

    def add(self, text: Element) -> str | None:  # noqa: PLR0912 - one pass over all tags, no calls
        """The XHTML content (without the outer div) of a block; ``None`` if it holds no text at all."""
        parts = _TAGS.split(etree.tostring(text, encoding="unicode", with_tail=False))
        own = _tag(parts[1])
        if own.id is not None and not own.empty:
            self._ids.setdefault(unescape(own.id), (parts, 1))
        out: list[str] = []
        stack: list[_Tag] = []
        seen: set[str] = set()
        has_text = False
        last = len(parts) - 2
        for index in range(2, last + 1):
            part = parts[index]
            if not index & 1:
                if part:
                    if not part.isspace():
                        has_text = True
                        out.append(part)
                    elif not stack or stack[-1].name not in _TABLE_PARTS:
                        out.append(" ")
                continue
            if index == last:
                break
            if part[1] == "/":
                if stack:
                    out.append(stack.pop().close)
                continue
            tag = self._tags.get(part)
            if tag is None:
                tag = self._tags[part] = self._identified(part) or _tag(part)
            if tag.name == "span" and stack and stack[-1].name in _TABLE_PARTS:
                tag = _in_place(tag, stack[-1].name)
            opening = tag.open
            if tag.id is not None:
                if tag.id in seen:
                    opening = opening.replace(f' id="{tag.id}"', "", 1)
                seen.add(tag.id)
                self._ids.setdefault(unescape(tag.id), (parts, index))
            if tag.empty:
                out.append(f"{opening[:-1]}/>" if not tag.close else opening + tag.close)
            else:
                out.append(opening)
                stack.append(tag)
        return "".join(out).strip() if has_text else None

    def _identified(self, source: str) -> _Tag | None:
        """A tag that has nothing but an ID, by far the most frequent of those not seen before."""
        match = _ONLY_ID.fullmatch(source)
        if match is None:
            return None
        bare = f"<{match[1]}>"
        plain = self._tags.get(bare)
        if plain is None:
            plain = self._tags[bare] = _tag(bare)
        if plain.name == "a":
            return None
        return _Tag(plain.name, f'{plain.open[:-1]} id="{match[2]}">', False, match[2])

    def text(self, reference: str) -> str | None:
        """The plain text of the element that a reference (``#id``, or the bare id) points to."""
        name = reference[1:] if reference.startswith("#") else reference
        if name in self._texts:
            return self._texts[name]
        place = self._ids.get(name)
        found = None if place is None else self._plain(*place)
        self._texts[name] = found
        return found

    def _plain(self, parts: list[str], index: int) -> str | None:
        if parts[index].endswith("/>"):
            return None
        out: list[str] = []
        depth = 1
        while depth:
            index += 1
            part = parts[index]
            if not index & 1:
                out.append(part)
                continue
            if part[1] == "/":
                depth -= 1
            elif not part.endswith("/>"):
                depth += 1
            if part[1] == "/" or part.endswith("/>"):
                name = _local(part.strip("</>"))
                if _ELEMENTS.get(name) in _BREAKS:
                    out.append(" ")
        return squeeze(unescape("".join(out)))


def squeeze(text: str | None) -> str | None:
    """A text with its white space collapsed; ``None`` where nothing is left."""
    if text is None:
        return None
    return " ".join(text.split()) or None


def words(el: Element | None) -> str | None:
    """All text within an element, white space collapsed."""
    if el is None:
        return None
    if not len(el):
        return squeeze(el.text)
    return squeeze(" ".join(part if isinstance(part, str) else part.decode() for part in el.itertext()))


def div(content: str) -> str:
    """XHTML content as the div of a FHIR Narrative."""
    return f"{DIV_OPEN}{content}</div>"


def plain_text(xhtml: str) -> str | None:
    """The text of some XHTML without its tags."""
    return squeeze(unescape(_TAGS.sub(" ", xhtml)))


def _local(text: str) -> str:
    name = text.split(None, 1)[0] if text else ""
    return name[name.rfind(":") + 1 :]


def _in_place(tag: _Tag, parent: str) -> _Tag:
    """A caption, or text that stands where XHTML allows none, as the element that may stand there."""
    name = {"ul": "li", "ol": "li", "table": "caption"}.get(parent)
    if name is None:
        return tag
    return _Tag(name, tag.open.replace("<span", f"<{name}", 1), tag.empty, tag.id)


def _tag(source: str) -> _Tag:  # noqa: PLR0912 - one branch for each attribute
    """An opening tag of CDA as the opening tag of XHTML."""
    empty = source.endswith("/>")
    body = source[1:-2] if empty else source[1:-1]
    cda_name = _local(body)
    name = _ELEMENTS.get(cda_name, "span")
    attributes: list[str] = []
    styles: list[str] = []
    source_id: str | None = None
    href: str | None = None
    for key, value in _ATTRIBUTES.findall(body):
        if key == "ID" and _XML_ID.fullmatch(value):
            source_id = value
        elif key == "IDREF":
            href = "#" + value
        elif key == "href":
            href = value
        elif key == "styleCode":
            styles.extend(_STYLES[code] for code in value.lower().split() if code in _STYLES)
        elif key == "listType" and value.lower() == "ordered" and name == "ul":
            name = "ol"
        elif (key in _CELL_ATTRIBUTES and value.isdigit()) or (
            key in ("border", "width") and name == "table" and _LENGTH.fullmatch(value)
        ):
            attributes.append(f' {key}="{value}"')
    if source_id is not None:
        attributes.insert(0, f' id="{source_id}"')
    if name == "a":
        if href is not None and _SAFE_LINK.match(href):
            attributes.append(f' href="{href}"')
        elif href is not None:
            attributes.append(f' title="{href}"')
            name = "span"
        else:
            name = "span"
    if styles:
        attributes.append(f' style="{"; ".join(styles)}"')
    return _Tag(name, f"<{name}{''.join(attributes)}>", empty, source_id)
