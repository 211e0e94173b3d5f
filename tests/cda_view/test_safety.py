"""Documents made to do harm."""

from __future__ import annotations

import base64
import hashlib
import re
import time

import pytest

from chartbridge.ccda.document import MAX_DEPTH, parse
from chartbridge.ccda.errors import ForbiddenXmlError, TooLargeError
from chartbridge.cda_view import render_html
from tests.ccda.builders import document, section
from tests.cda_view.words import assert_harmless, shown_texts, source_texts, tree


def page_of(text: str, title: str = "A section", **parts: str) -> str:
    return render_html(parse(document(section("11450-4", text=text, title=title), **parts)))


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        '<html xmlns="http://www.w3.org/1999/xhtml"><script>alert(1)</script></html>',
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        "<![CDATA[<img src=x onerror=alert(1)>]]>",
        '<paragraph onclick="alert(1)" style="background:url(javascript:alert(1))">a</paragraph>',
        '<content styleCode="Bold&quot; onmouseover=&quot;alert(1)">a</content>',
        '<content styleCode="expression(alert(1))">a</content>',
        '<content ID="x&quot; onload=&quot;alert(1)">a</content>',
        '<linkHtml href="javascript:alert(1)">a</linkHtml>',
        '<linkHtml href=" JaVaScRiPt:alert(1)">a</linkHtml>',
        '<linkHtml href="java&#10;script:alert(1)">a</linkHtml>',
        '<linkHtml href="data:text/html,&lt;script&gt;alert(1)&lt;/script&gt;">a</linkHtml>',
        '<linkHtml href="https://x.example/&quot; onclick=&quot;alert(1)">a</linkHtml>',
        '<linkHtml href="file:///etc/passwd">a</linkHtml>',
        '<linkHtml href="//x.example/a">a</linkHtml>',
        '<table><tr><td background="http://x.example/a" colspan="9999999999">a</td></tr></table>',
        '<table><tr><td colspan="1&quot; onclick=&quot;alert(1)">a</td></tr></table>',
        '<renderMultiMedia referencedObject="http://x.example/a.png"/>a',
        "<iframe>a</iframe><object>b</object><embed>c</embed><form>d</form><base>e</base>",
        "<style>body { display: none }</style>",
        "</text-like> &amp;lt;b&amp;gt;".replace("</text-like>", ""),
        "<title>a</title><textarea>b</textarea><plaintext>c</plaintext><xmp>d</xmp>",
    ],
    ids=lambda text: text[:50],
)
def test_nothing_of_the_source_runs_or_loads(text: str) -> None:
    page = page_of(text)
    assert_harmless(page)
    root = parse(document(section("11450-4", text=text)))
    assert shown_texts(page) == source_texts(root), "its words stand there as words"


@pytest.mark.parametrize("title", ["<content>x</content>&lt;script&gt;", "&quot;&gt;&lt;img src=x&gt;"])
def test_titles_and_header_are_words(title: str) -> None:
    page = page_of("a", title=title, header=f"<custodian>{title}</custodian>")
    assert_harmless(page)
    assert "&lt;" in page


def test_a_link_is_one_to_the_web_or_within_the_page() -> None:
    page = page_of(
        '<linkHtml href="https://x.example/a?b=c&amp;d=e">web</linkHtml>'
        '<linkHtml href="mailto:a@x.example">mail</linkHtml>'
        '<content ID="here">x</content><linkHtml href="#here">there</linkHtml>'
        '<footnoteRef IDREF="f1"/><footnote ID="f1">note</footnote>'
    )
    links = {a.text_content(): a.attrib for a in tree(page).xpath("//div[@class='text']//a")}
    assert links["web"]["href"] == "https://x.example/a?b=c&d=e"
    assert links["web"]["rel"] == "noopener noreferrer"
    assert links["mail"]["href"] == "mailto:a@x.example"
    assert links["there"]["href"] == "#n-here"
    assert links["*"]["href"] == "#n-f1"
    assert tree(page).xpath("//*[@id='n-here' or @id='n-f1']/text()") == ["x", "note"]


def test_ids_of_the_source_cannot_take_the_place_of_the_pages_own() -> None:
    page = page_of(
        '<content ID="contents">a</content><content ID="s-1">b</content><content ID="s-1">c</content>'
    )
    assert_harmless(page)
    assert len(tree(page).xpath("//*[@id='s-1']")) == 1


def test_the_policy_names_the_style_that_is_there() -> None:
    page = page_of("a")
    [style] = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in page
    assert "http" not in style.replace('a[href^="http"]', "")


def test_entities_are_refused() -> None:
    bomb = (
        b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>'
        + document(section("11450-4", text="&b;"))[38:]
    )
    with pytest.raises(ForbiddenXmlError):
        parse(bomb)


@pytest.mark.parametrize(
    "name", ["content", "paragraph", "list", "item", "table", "td", "linkHtml", "unknown"]
)
def test_the_deepest_document_that_is_read_can_be_shown(name: str) -> None:
    above = 6  # ClinicalDocument, component, structuredBody, component, section, text
    depth = MAX_DEPTH - above
    deepest = f"<{name}>" * depth + "x" + f"</{name}>" * depth
    assert shown_texts(page_of(deepest)) == ["x"]
    with pytest.raises(TooLargeError):
        page_of(f"<{name}>{deepest}</{name}>")


def test_the_deepest_sections_can_be_shown() -> None:
    depth = (MAX_DEPTH - 6) // 2
    inner = "<component><section><title>t</title>" * depth + "</section></component>" * depth
    page = render_html(
        parse(document(f"<component><section><title>t</title><text>x</text>{inner}</section></component>"))
    )
    assert_harmless(page)
    assert len(tree(page).xpath("//nav//a")) == depth + 1


def test_a_large_document_is_shown_in_bounded_time() -> None:
    row = "<tr>" + "<td><content ID='c'>some words of a cell</content></td>" * 6 + "</tr>"
    rows = row * (45_000_000 // len(row))
    source = document(section("11450-4", text=f"<table><tbody>{rows}</tbody></table>"))
    assert len(source) > 44_000_000
    root = parse(source)
    started = time.process_time()
    page = render_html(root)
    assert time.process_time() - started < 30
    assert page.count("<tr>") == rows.count("<tr>")


def test_a_text_node_of_many_megabytes() -> None:
    words = "word\n" * 4_000_000
    page = page_of(words)
    assert page.count("word") >= 4_000_000
