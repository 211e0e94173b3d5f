"""What a page says, as a browser would read it, for comparison with what the document says."""

from __future__ import annotations

import re
from typing import Any

from lxml import etree
from lxml import html as lxml_html

V3 = "{urn:hl7-org:v3}"
ADDED = "note"
"""The class of words that the viewer itself puts among those of the document."""
ELEMENTS = frozenset(
    (
        "html", "head", "meta", "title", "style", "body", "main", "header", "section", "h1", "h2", "h3", "h4",
        "h5", "h6", "p", "dl", "div", "dt", "dd", "nav", "ol", "ul", "li", "a", "span", "br", "table",
        "caption", "thead", "tbody", "tfoot", "tr", "th", "td", "sub", "sup", "ins", "del", "img", "pre",
        "footer",
    )
)  # fmt: skip
ATTRIBUTES = frozenset(
    (
        "id", "class", "href", "rel", "colspan", "rowspan", "src", "alt", "lang", "charset", "name",
        "content", "http-equiv",
    )
)  # fmt: skip
_HREF = re.compile(r"#[^\s]+|https?://[^\s\"'<>]+|mailto:[^\s\"'<>]+", re.IGNORECASE)
_IMAGE = re.compile(r"data:image/(?:png|jpeg);base64,[A-Za-z0-9+/=]+")


def tree(page: str) -> Any:
    """The page as a tree, with its characters as they are."""
    parser = lxml_html.HTMLParser(encoding="utf-8", huge_tree=True)
    return lxml_html.document_fromstring(page.encode(), parser=parser)


def shown_texts(page: str) -> list[str]:
    """The text of each narrative block, without white space and without what the viewer added."""
    blocks = tree(page).xpath("//div[@class='text' or starts-with(@class, 'text ')]")
    said = f".//text()[not(ancestor::*[contains(concat(' ', @class, ' '), ' {ADDED} ')])]"
    return ["".join("".join(block.xpath(said)).split()) for block in blocks]


def source_texts(root: etree._Element) -> list[str]:
    """The text of each section's narrative in document order, without white space."""
    return [
        "".join("".join(map(str, text.itertext())).split())
        for section in root.iter(f"{V3}section")
        for text in section.findall(f"{V3}text")
    ]


def assert_harmless(page: str) -> None:
    """Nothing stands in the page but elements and attributes that the viewer writes, each once by id."""
    root = tree(page)
    ids = root.xpath("//@id")
    assert len(ids) == len(set(ids))
    for element in root.iter():
        assert element.tag in ELEMENTS, element.tag
        for name, value in element.attrib.items():
            assert name in ATTRIBUTES, (element.tag, name)
            if name == "href":
                assert _HREF.fullmatch(value), value
            if name == "src":
                assert _IMAGE.fullmatch(value), value[:100]
    [policy] = root.xpath("//meta[@http-equiv]/@content")
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert len(root.xpath("//style")) == 1
