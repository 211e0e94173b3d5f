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
_CELLS = frozenset(("td", "th"))
_WHOLES = frozenset(("table", "thead", "tbody", "tfoot", "ul", "ol"))
"""Elements that hold several rows or items, and so the words of several entries."""
_TABLE_PARTS = frozenset(("table", "thead", "tbody", "tfoot", "tr", "colgroup", "ul", "ol"))

_APART = "\x00"
"""Between two cells: no character of XML."""

DIV_OPEN = '<div xmlns="http://www.w3.org/1999/xhtml">'


class _Tag:
    """What an opening tag of the source becomes: its name, and its text before and after an id."""

    __slots__ = ("breaks", "close", "empty", "head", "name", "rest")

    def __init__(self, name: str, rest: str, empty: bool, breaks: bool) -> None:
        self.name = name
        self.head = f"<{name}"
        self.empty = empty
        bare = empty and name in ("br", "col")
        self.rest = f"{rest}/>" if bare else f"{rest}></{name}>" if empty else f"{rest}>"
        self.close = f"</{name}>"
        self.breaks = breaks
        """Whether words on either side of it are apart in plain text."""


_MAX_TAGS = 4096
_MAX_TAG_LENGTH = 256
_TAGS_SEEN: dict[str, _Tag] = {}
"""Tags of any document without their ids, bounded; the same few come again and again."""


class Narrative:
    """All narrative blocks of one document: their XHTML and the text that their ids stand for."""

    __slots__ = ("_ids", "_texts")

    def __init__(self) -> None:
        self._ids: dict[str, tuple[list[str], int]] = {}
        self._texts: dict[str, str | None] = {}

    def add(self, text: Element) -> str | None:  # noqa: PLR0912 - one pass over all tags, few calls
        """The XHTML content (without the outer div) of a block; ``None`` if it holds no text at all."""
        parts = _TAGS.split(etree.tostring(text, encoding="unicode", with_tail=False))
        root, own = _identified(parts[1])
        if own is not None and not root.empty:
            self._ids.setdefault(unescape(own), (parts, 1))
        out: list[str] = []
        stack: list[_Tag] = []
        seen: set[str] = set()
        has_text = False
        tight = False
        for index in range(2, len(parts) - 2, 2):
            said = parts[index]
            if said:
                if not said.isspace():
                    has_text = True
                    out.append(said)
                elif not tight:
                    out.append(" ")
            source = parts[index + 1]
            if source[1] == "/":
                if stack:
                    out.append(stack.pop().close)
            else:
                tag, name = _identified(source)
                if tight and tag.name == "span":
                    tag = _in_place(tag, stack[-1].name)
                if name is None:
                    out.append(tag.head + tag.rest)
                else:
                    self._ids.setdefault(unescape(name), (parts, index + 1))
                    if name in seen:
                        out.append(tag.head + tag.rest)
                    else:
                        seen.add(name)
                        out.append(f'{tag.head} id="{name}"{tag.rest}')
                if tag.empty:
                    continue
                stack.append(tag)
            tight = bool(stack) and stack[-1].name in _TABLE_PARTS
        return "".join(out).strip() if has_text else None

    def text(self, reference: str) -> str | None:
        """The plain text of the element that a reference (``#id``, or the bare id) points to."""
        name = reference[1:] if reference.startswith("#") else reference
        if name in self._texts:
            return self._texts[name]
        place = self._ids.get(name)
        found = None if place is None else self._plain(*place)
        self._texts[name] = found
        return found

    def cells(self, reference: str, rows: bool) -> list[str]:
        """The words of the element that a reference points to, as far as they are those of one entry.

        A row of a table is told cell by cell where ``rows`` are wanted; a whole table or list, and a
        block that holds one, is not told: the list is empty then.
        """
        name = reference[1:] if reference.startswith("#") else reference
        place = self._ids.get(name)
        if place is None:
            return []
        parts, index = place
        kind = _identified(parts[index])[0].name
        if kind in _WHOLES or (
            index == 1 and any(_identified(tag)[0].name in _WHOLES for tag in _opened(parts))
        ):
            return []
        if kind != "tr":
            said = self.text(reference)
            return [] if said is None else [said]
        said = self._plain(parts, index, _APART) if rows else None
        return [] if said is None else [one for cell in said.split(_APART) if (one := cell.strip())]

    def _plain(self, parts: list[str], index: int, apart: str = " ") -> str | None:
        if parts[index].endswith("/>"):
            return None
        out: list[str] = []
        open_tags = [_identified(parts[index])[0]]
        while open_tags:
            out.append(parts[index + 1])
            index += 2
            source = parts[index]
            if source[1] == "/":
                tag = open_tags.pop()
            else:
                tag = _identified(source)[0]
                if not tag.empty:
                    open_tags.append(tag)
                    continue
            if tag.breaks:
                out.append(apart if tag.name in _CELLS else " ")
        return squeeze(unescape("".join(out)))


def _opened(parts: list[str]) -> list[str]:
    """The opening tags within a block."""
    return [tag for tag in parts[3:-2:2] if tag[1] != "/"]


def _identified(source: str) -> tuple[_Tag, str | None]:
    """What an opening tag becomes, and the ID that it has where that can be an XHTML id."""
    tag = _TAGS_SEEN.get(source)
    if tag is not None:
        return tag, None
    name: str | None = None
    start = source.find(' ID="')
    if start > 0:
        end = source.index('"', start + 5)
        name = source[start + 5 : end]
        source = source[:start] + source[end + 1 :]
        if _XML_ID.fullmatch(name) is None:
            name = None
        tag = _TAGS_SEEN.get(source)
    if tag is None:
        tag = _tag(source)
        if len(source) <= _MAX_TAG_LENGTH:
            if len(_TAGS_SEEN) >= _MAX_TAGS:
                _TAGS_SEEN.clear()
            _TAGS_SEEN[source] = tag
    return tag, name


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


def _local(text: str) -> str:
    name = text.split(None, 1)[0] if text else ""
    return name[name.rfind(":") + 1 :]


def _in_place(tag: _Tag, parent: str) -> _Tag:
    """A caption, or text that stands where XHTML allows none, as the element that may stand there."""
    name = {"ul": "li", "ol": "li", "table": "caption"}.get(parent)
    if name is None:
        return tag
    rest = tag.rest.removesuffix(tag.close).removesuffix(">")
    return _Tag(name, rest, tag.empty, tag.breaks)


def _tag(source: str) -> _Tag:
    """An opening tag of CDA, whose ID was taken out, as the opening tag of XHTML."""
    empty = source.endswith("/>")
    body = source[1:-2] if empty else source[1:-1]
    name = _ELEMENTS.get(_local(body), "span")
    attributes: list[str] = []
    styles: list[str] = []
    href: str | None = None
    for key, value in _ATTRIBUTES.findall(body):
        if key == "IDREF":
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
    if name == "a":
        if href is None:
            name = "span"
        elif _SAFE_LINK.match(href):
            attributes.append(f' href="{href}"')
        else:
            attributes.append(f' title="{href}"')
            name = "span"
    if styles:
        attributes.append(f' style="{"; ".join(styles)}"')
    return _Tag(name, "".join(attributes), empty, name in _BREAKS)
