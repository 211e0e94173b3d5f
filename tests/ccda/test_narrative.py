"""CDA narrative becomes clean XHTML with its links, and its ids give plain text."""

# ruff: noqa: E501 - XML reads better unbroken
from __future__ import annotations

from lxml import etree

from chartbridge.ccda.narrative import Narrative, div

CDA = "urn:hl7-org:v3"


def shown(text: str, prefix: str = "") -> tuple[str | None, Narrative]:
    """The XHTML of a narrative block, and the narrative that holds its ids."""
    narrative = Narrative()
    namespace = f'xmlns:{prefix}="{CDA}"' if prefix else f'xmlns="{CDA}"'
    name = f"{prefix}:text" if prefix else "text"
    return narrative.add(etree.fromstring(f"<{name} {namespace}>{text}</{name}>")), narrative


def test_elements_of_cda_become_elements_of_xhtml() -> None:
    html, _ = shown('<paragraph>One<br/>two</paragraph><list listType="ordered"><item>A</item></list>')
    assert html == "<p>One<br/>two</p><ol><li>A</li></ol>"


def test_ids_and_links_to_them_are_kept() -> None:
    html, _ = shown('<content ID="a">x</content><linkHtml href="#a">see</linkHtml>')
    assert html == '<span id="a">x</span><a href="#a">see</a>'


def test_a_repeated_id_is_kept_once() -> None:
    html, _ = shown('<content ID="a">x</content><content ID="a">y</content>')
    assert html == '<span id="a">x</span><span>y</span>'


def test_script_links_and_unknown_attributes_are_gone_and_the_text_stays() -> None:
    html, _ = shown(
        '<linkHtml href="javascript:alert(1)" onclick="x()">here</linkHtml><blink class="c">now</blink>'
    )
    assert html is not None
    assert "<a" not in html
    assert "onclick" not in html
    assert 'href="' not in html
    assert "here" in html
    assert "<span>now</span>" in html


def test_a_prefix_makes_no_difference() -> None:
    html, narrative = shown('<cda:content ID="a">x</cda:content>', "cda")
    assert html == '<span id="a">x</span>'
    assert narrative.text("#a") == "x"


def test_the_text_of_an_id_is_plain_and_spaced() -> None:
    _, narrative = shown(
        '<table><tbody><tr ID="r"><td>Aspirin &amp; co</td><td>81 mg</td></tr></tbody></table>'
    )
    assert narrative.text("#r") == "Aspirin & co 81 mg"
    assert narrative.text("r") == "Aspirin & co 81 mg"
    assert narrative.text("#gone") is None


def test_a_caption_of_a_list_is_an_item() -> None:
    html, _ = shown("<list><caption>Title</caption><item>A</item></list>")
    assert html == "<ul><li>Title</li><li>A</li></ul>"


def test_a_block_without_text_is_none() -> None:
    assert shown(" <table><tbody><tr><td/></tr></tbody></table> ")[0] is None


def test_the_result_is_well_formed() -> None:
    html, _ = shown(
        '<content styleCode="Bold Italics">a &lt; b</content><br/><table width="100%"><tr><td colspan="2">c</td></tr></table>'
    )
    assert html is not None
    root = etree.fromstring(div(html))
    assert "".join(str(part) for part in root.itertext()) == "a < bc"
