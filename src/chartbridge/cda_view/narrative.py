"""A section's text as HTML. Its words come out whole and in their order; of its markup, what is listed here.

A browser moves or closes elements that stand where HTML does not allow them, so what is written is what a
browser's tree will be: paragraphs are ``div``, and what stands loose in a table or list is put into a cell
or item.
"""

from __future__ import annotations

import re
from html import escape

from chartbridge.cda_view.media import Media
from chartbridge.cda_view.texts import Element, local

_ID = re.compile(r"[^\s\"'<>&]{1,200}")
_LINK = re.compile(r"(?:https?://|mailto:)[^\s\"'<>]+", re.IGNORECASE)
_SPAN = re.compile(r"[1-9]\d{0,2}")
_STYLES = {
    "bold": "b", "italics": "i", "underline": "u", "emphasis": "i", "lrule": "lrule", "rrule": "rrule",
    "toprule": "toprule", "botrule": "botrule", "littleroman": "lroman", "bigroman": "uroman",
    "littlealpha": "lalpha", "bigalpha": "ualpha", "arabic": "arabic", "disc": "disc", "circle": "circle",
    "square": "square",
}  # fmt: skip
_ALIGNED = {"left": "left", "right": "right", "center": "center"}
_WRAPPED = {
    "paragraph": ("div", "p"),
    "caption": ("div", "caption"),
    "footnote": ("span", "footnote"),
    "sub": ("sub", ""),
    "sup": ("sup", ""),
    **dict.fromkeys(("thead", "tbody", "tfoot", "tr", "th", "td", "item"), ("div", "")),
}
"""Elements that become one of ours around what they hold; parts of tables and lists where there is none."""
DEEPEST = 50
"""What is nested deeper is shown as words without markup; nobody writes so."""
_ROWS = frozenset(("thead", "tbody", "tfoot"))
_CELLS = frozenset(("th", "td"))


class Narrative:
    """Writes narrative blocks of one document; ids are written once each."""

    def __init__(self, media: Media) -> None:
        self._media = media
        self._ids: set[str] = set()
        self._depth = 0

    def block(self, text: Element) -> str:
        """A section's ``text``."""
        out: list[str] = ['<div class="text"', self._identity(text), ">"]
        self._inside(text, out)
        out.append("</div>")
        return "".join(out)

    def _inside(self, element: Element, out: list[str], *, in_link: bool = False) -> None:
        """Text and children of an element that may hold both."""
        _say(element.text, out)
        for inner in element:
            self._element(inner, out, in_link)
            _say(inner.tail, out)

    def _element(self, element: Element, out: list[str], in_link: bool) -> None:
        if self._depth == DEEPEST:
            _say("".join(map(str, element.itertext())), out)
            return
        self._depth += 1
        self._marked_up(element, out, in_link)
        self._depth -= 1

    def _marked_up(self, element: Element, out: list[str], in_link: bool) -> None:
        name = local(element)
        if name in _WRAPPED:
            tag, kind = _WRAPPED[name]
            self._wrapped(tag, kind, element, out, in_link)
            return
        match name:
            case "br":
                out.append("<br>")
                self._inside(element, out, in_link=in_link)  # empty, or it should be
            case "list":
                self._list(element, out)
            case "table":
                self._table(element, out)
            case "footnoteRef":
                self._link(f"#{self._reference(element.get('IDREF'))}", element, out, in_link, mark="*")
            case "linkHtml":
                self._link(self._address(element.get("href")), element, out, in_link)
            case "renderMultiMedia":
                out.append(self._media.referenced(element.get("referencedObject") or ""))
                self._wrapped("span", "", element, out, in_link)
            case _:
                self._wrapped(_revised(element), "", element, out, in_link)

    def _wrapped(self, tag: str, kind: str, element: Element, out: list[str], in_link: bool) -> None:
        out += (f"<{tag}", self._identity(element, kind), ">")
        self._inside(element, out, in_link=in_link)
        out.append(f"</{tag}>")

    def _link(
        self, href: str | None, element: Element, out: list[str], in_link: bool, mark: str = ""
    ) -> None:
        if href in (None, "#") or in_link:
            self._wrapped("span", "", element, out, in_link)
            return
        out += (
            "<a",
            self._identity(element, "link"),
            f' href="{escape(str(href))}" rel="noopener noreferrer">',
        )
        self._inside(element, out, in_link=True)
        if mark and not element.text and not len(element):
            out.append(f'<sup class="note">{mark}</sup>')
        out.append("</a>")

    def _list(self, element: Element, out: list[str]) -> None:
        ordered = (element.get("listType") or "").lower() == "ordered"
        tag = "ol" if ordered else "ul"
        out.append('<div class="list">')
        inner = list(element)
        while inner and local(inner[0]) == "caption" and not (element.text or "").strip():
            caption = inner.pop(0)
            self._element(caption, out, in_link=False)
            if (caption.tail or "").strip():
                _say(caption.tail, out)
        out += (f"<{tag}", self._identity(element), ">")
        _loose(element.text, "li", out)
        for item in inner:
            if local(item) == "item":
                self._wrapped("li", "", item, out, in_link=False)
            else:
                out.append('<li class="loose">')
                self._element(item, out, in_link=False)
                out.append("</li>")
            _loose(item.tail, "li", out)
        out.append(f"</{tag}></div>")

    def _table(self, element: Element, out: list[str]) -> None:
        out += ('<div class="wide"><table', self._identity(element), ">")
        self._table_part(element, out)
        out.append("</table></div>")

    def _table_part(self, element: Element, out: list[str]) -> None:
        """What stands in a table, or in its head, body or foot."""
        _loose(element.text, "tr", out)
        for inner in element:
            self._table_child(inner, element, out)
            _loose(inner.tail, "tr", out)

    def _table_child(self, inner: Element, table: Element, out: list[str]) -> None:
        name = local(inner)
        in_table = local(table) == "table"
        if name == "tr":
            self._row(inner, out)
        elif name in _ROWS and in_table:
            out += (f"<{name}", self._identity(inner), ">")
            self._table_part(inner, out)
            out.append(f"</{name}>")
        elif name == "caption" and in_table and inner is table[0]:
            self._wrapped("caption", "", inner, out, in_link=False)
        elif name in ("col", "colgroup") and not "".join(map(str, inner.itertext())).strip():
            return  # widths of columns: a browser finds better ones
        elif name in _CELLS:
            out.append("<tr>")
            self._cell(inner, out)
            out.append("</tr>")
        else:
            out.append('<tr><td class="loose">')
            self._element(inner, out, in_link=False)
            out.append("</td></tr>")

    def _row(self, row: Element, out: list[str]) -> None:
        out += ("<tr", self._identity(row), ">")
        _loose(row.text, "td", out)
        for cell in row:
            if local(cell) in _CELLS:
                self._cell(cell, out)
            else:
                out.append('<td class="loose">')
                self._element(cell, out, in_link=False)
                out.append("</td>")
            _loose(cell.tail, "td", out)
        out.append("</tr>")

    def _cell(self, cell: Element, out: list[str]) -> None:
        name = local(cell)
        align = _ALIGNED.get((cell.get("align") or "").lower(), "")
        out += (f"<{name}", self._identity(cell, align))
        for span in ("colspan", "rowspan"):
            count = cell.get(span) or ""
            if _SPAN.fullmatch(count) and count != "1":
                out.append(f' {span}="{count}"')
        out.append(">")
        self._inside(cell, out)
        out.append(f"</{name}>")

    def _identity(self, element: Element, kind: str = "") -> str:
        """``id`` and ``class`` of what an element becomes."""
        made = ""
        name = element.get("ID")
        if name and name not in self._ids and _ID.fullmatch(name):
            self._ids.add(name)
            made = f' id="{escape(self._reference(name))}"'
        styles = [
            _STYLES[code] for code in (element.get("styleCode") or "").lower().split() if code in _STYLES
        ]
        classes = " ".join([kind, *styles] if kind else styles)
        return f'{made} class="{classes}"' if classes else made

    @staticmethod
    def _reference(name: str | None) -> str:
        """An ID of the source among the ids of the page, which has its own."""
        return f"n-{name}" if name and _ID.fullmatch(name) else ""

    def _address(self, href: str | None) -> str | None:
        target = (href or "").strip()
        if target.startswith("#") and _ID.fullmatch(target[1:]):
            return f"#{self._reference(target[1:])}"
        return target if _LINK.fullmatch(target) else None


def _say(text: str | None, out: list[str]) -> None:
    """Text, with its line breaks where they were meant: where lines are not merely indented source."""
    if not text:
        return
    inner = text.strip()
    if "\n" in inner and not any(line[:1] in (" ", "\t") for line in inner.split("\n")[1:]):
        start = text.index(inner)
        broken = escape(inner, quote=False).replace("\n", "<br>\n")
        out += (text[:start], broken, text[start + len(inner) :])
        return
    out.append(escape(text, quote=False))


def _loose(text: str | None, within: str, out: list[str]) -> None:
    """Text that stands where HTML allows none."""
    if not text or not text.strip():
        return
    start, end = {
        "li": ('<li class="loose">', "</li>"),
        "td": ('<td class="loose">', "</td>"),
        "tr": ('<tr><td class="loose">', "</td></tr>"),
    }[within]
    out.append(start)
    _say(text, out)
    out.append(end)


def _revised(element: Element) -> str:
    """Text that the author put in or struck out in a revision is shown so."""
    return {"insert": "ins", "delete": "del"}.get((element.get("revised") or "").lower(), "span")
