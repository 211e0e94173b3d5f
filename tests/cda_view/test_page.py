"""What a page shows of a document."""

from __future__ import annotations

import base64
import struct
import zlib
from datetime import UTC, datetime
from typing import Any

import pypdfium2  # type: ignore[import-untyped]  # it has no stubs
import pytest

from chartbridge.ccda.document import parse
from chartbridge.cda_view import media, render_html, render_pdf, texts
from tests.ccda.builders import document, section
from tests.cda_view.words import assert_harmless, tree

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"\0" * 20).decode()
ROLE = (
    '<patientRole><id root="1.2.3" extension="MRN-7" assigningAuthorityName="North Clinic"/>'
    '<addr use="HP"><streetAddressLine>1 Pine St</streetAddressLine><city>Boise</city><state>ID</state>'
    "<postalCode>83702</postalCode></addr>"
    '<telecom use="MC" value="tel:+1(208)555-0100"/><telecom value="mailto:ana@example.org"/>'
    "<patient><name><given>Ana</given><given>María</given><family>Ruiz</family></name>"
    '<administrativeGenderCode code="F"/><birthTime value="19800402"/>'
    '<raceCode displayName="White"/><sdtc:raceCode displayName="Asian"/>'
    '<sdtc:deceasedInd value="true"/></patient></patientRole>'
)
HEADER = (
    '<author><assignedAuthor><code displayName="Cardiology"/>'
    "<assignedPerson><name>Dr. Kim Lee</name></assignedPerson>"
    "<representedOrganization><name>Heart Group</name></representedOrganization></assignedAuthor></author>"
    "<author><assignedAuthor><assignedAuthoringDevice><softwareName>NoteMaker</softwareName>"
    "</assignedAuthoringDevice></assignedAuthor></author>"
    "<custodian><assignedCustodian><representedCustodianOrganization><name>North Clinic</name>"
    "</representedCustodianOrganization></assignedCustodian></custodian>"
    '<componentOf><encompassingEncounter><code displayName="Office visit"/>'
    '<effectiveTime><low value="202401050930-0500"/><high value="20240105"/></effectiveTime>'
    "<location><healthCareFacility><location><name>Room 4</name></location></healthCareFacility></location>"
    "</encompassingEncounter></componentOf>"
)


def facts(page: str) -> dict[str, list[str]]:
    """The header block: what stands under each label."""
    return {
        row.find("dt").text_content(): [d.text_content() for d in row.findall("dd")]
        for row in tree(page).xpath("//dl/div")
    }


def shown(text: str, entries: str = "") -> Any:
    page = render_html(
        parse(document(section("11450-4", entries, text=text) if entries else section("1", text=text)))
    )
    assert_harmless(page)
    [block] = tree(page).xpath("//div[@class='text']")
    return block


def test_the_header_says_whose_document_it_is_and_who_made_it() -> None:
    page = render_html(parse(document(section("1"), role=ROLE, header=HEADER)))
    assert_harmless(page)
    assert tree(page).xpath("//h1/text()") == ["Summary"]
    assert tree(page).xpath("//title/text()") == ["Summary – Ana María Ruiz"]
    assert facts(page) | {
        "Name": ["Ana María Ruiz"],
        "Date of birth": ["April 2, 1980"],
        "Deceased": ["yes"],
        "Sex": ["female"],
        "Identifiers": ["MRN-7 (North Clinic)"],
        "Address": ["1 Pine St, Boise, ID 83702 (home)"],
        "Contact": ["+1(208)555-0100 (mobile)", "ana@example.org"],
        "Race": ["White", "Asian"],
        "Created": ["January 5, 2024, 09:30 (UTC-05:00)"],
        "Identifier": ["DOC-1"],
        "Encounter": ["Office visit"],
        "Encounter time": ["January 5, 2024, 09:30 (UTC-05:00) – January 5, 2024"],
        "Place": ["Room 4"],
        "Author": ["Dr. Kim Lee, Cardiology, Heart Group", "NoteMaker"],
        "Custodian": ["North Clinic"],
    } == facts(page)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("2012", "2012"),
        ("201203", "March 2012"),
        ("20120304", "March 4, 2012"),
        ("2012030410", "March 4, 2012, 10:00"),
        ("20120304102059.123+0100", "March 4, 2012, 10:20 (UTC+01:00)"),
        ("20121399", "20121399"),
        ("not known", "not known"),
        ("", ""),
        (None, ""),
    ],
)
def test_a_time_is_as_exact_as_it_was_given(value: str | None, said: str) -> None:
    assert texts.moment(value) == said


def test_sections_and_those_within_them_are_in_the_contents() -> None:
    inner = section("2", title="Inner", text="b")
    outer = section("1", title="Outer", text="a").replace("</section>", f"{inner}</section>")
    untitled = (
        '<component><section><code code="9" displayName="Plan of care"/><text>c</text></section></component>'
    )
    root = tree(render_html(parse(document(outer, untitled, "<component><section/></component>"))))
    links = [(a.text_content(), a.get("href")) for a in root.xpath("//nav//a")]
    assert links == [
        ("Outer", "#s-1"), ("Inner", "#s-2"), ("Plan of care", "#s-3"), ("Untitled section", "#s-4"),
    ]  # fmt: skip
    assert [h.text_content() for h in root.xpath("//div[@class='body']//h3")] == ["Inner"]
    assert root.xpath("//div[@id='s-1']//div[@id='s-2']")
    assert "This section has no text." in root.xpath("//div[@id='s-4']")[0].text_content()


def test_tables_lists_and_emphasis_keep_their_form() -> None:
    block = shown(
        "<table><caption>Doses</caption><colgroup><col width='10'/></colgroup>"
        "<thead><tr><th colspan='2' align='center'>Drug</th></tr></thead>"
        "<tbody><tr styleCode='Botrule'><td rowspan='2'>A</td><td>1</td></tr></tbody></table>"
        "<list listType='ordered' styleCode='LittleRoman'><caption>Steps</caption><item>one</item>"
        "<item><list><item>two</item></list></item></list>"
        "<paragraph><caption>Note</caption>x<br/>y<sub>2</sub><sup>3</sup></paragraph>"
        "<content styleCode='Bold Italics'>loud</content><content revised='delete'>gone</content>"
    )
    assert block.xpath(".//table/caption/text()") == ["Doses"]
    [head] = block.xpath(".//thead/tr/th")
    assert (head.get("colspan"), head.get("class")) == ("2", "center")
    assert block.xpath(".//tbody/tr[@class='botrule']/td[@rowspan='2']/text()") == ["A"]
    assert block.xpath(".//ol[@class='lroman']/li/text()") == ["one"]
    assert block.xpath(".//ol/li//ul/li/text()") == ["two"]
    assert block.xpath(".//div[@class='list']/div[@class='caption']/text()") == ["Steps"]
    assert block.xpath(".//div[@class='p']/text()") == ["x", "y"]
    assert block.xpath(".//span[@class='b i']/text()") == ["loud"]
    assert block.xpath(".//del/text()") == ["gone"]


def test_what_stands_where_html_allows_nothing_gets_a_place_of_its_own() -> None:
    block = shown(
        "<table>loose<tbody>in body<tr>in row<td>cell</td><content>beside</content></tr><td>no row</td>"
        "</tbody><paragraph>p</paragraph><caption>late</caption></table><list>before<item>i</item>"
        "<paragraph>no item</paragraph></list>"
    )
    [table] = block.xpath(".//table")
    assert "".join(table.text_content().split()) == "loosein bodyin rowcellbesideno rowplate".replace(" ", "")
    assert {e.tag for e in table} <= {"tr", "tbody"}
    assert [li.text_content() for li in block.xpath(".//li")] == ["before", "i", "no item"]


@pytest.mark.parametrize(
    ("text", "breaks"),
    [("one\ntwo\n\nthree", 3), ("one\n     two\n     three", 0), ("\n  one\n  ", 0), ("one", 0)],
)
def test_line_breaks_stay_where_they_were_meant(text: str, breaks: int) -> None:
    block = shown(f"<paragraph>{text}</paragraph>")
    assert len(block.xpath(".//br")) == breaks
    assert block.text_content().split() == text.split()


# Pictures and files.


def figure(value: str, names: str = "m1") -> Any:
    media_entry = (
        f'<observationMedia classCode="OBS" moodCode="EVN" ID="m1"><value {value}</value></observationMedia>'
    )
    return shown(
        f'see <renderMultiMedia referencedObject="{names}"><caption>Fig. 1</caption></renderMultiMedia>',
        media_entry,
    )


def test_an_embedded_picture_is_shown_where_the_text_wants_it() -> None:
    block = figure(f'mediaType="image/png" representation="B64">{PNG[:20]}\n  {PNG[20:]}')
    assert block.xpath(".//img/@src") == [f"data:image/png;base64,{PNG}"]
    assert block.xpath(".//div[@class='caption']/text()") == ["Fig. 1"]


@pytest.mark.parametrize(
    ("value", "note"),
    [
        (
            'mediaType="image/png"><reference value="http://x.example/a.png"/>',
            "file of image/png at http://x.example/a.png",
        ),
        (
            'mediaType="image/svg+xml" representation="B64">PHN2Zy8+',
            "embedded file of image/svg+xml, 6 bytes",
        ),
        ('mediaType="image/png" representation="B64">PHN2Zy8+', "embedded file of image/png, 6 bytes"),
        (
            'mediaType="image/png" representation="B64">not base64!',
            "file of image/png that is not in the document",
        ),
        (">", "file of unknown type that is not in the document"),
    ],
    ids=lambda value: value[:60],
)
def test_other_pictures_are_told_of(value: str, note: str) -> None:
    block = figure(value)
    assert not block.xpath(".//img")
    assert note in block.text_content()


def test_pictures_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media, "MAX_IMAGES_BYTES", 50)
    block = figure(f'mediaType="image/png" representation="B64">{PNG}', "m1 m1")
    assert len(block.xpath(".//img")) == 1
    monkeypatch.setattr(media, "MAX_IMAGE_BYTES", 27)
    assert not figure(f'mediaType="image/png" representation="B64">{PNG}').xpath(".//img")


def test_a_picture_that_the_text_does_not_name_is_shown_after_it() -> None:
    entry = f'<observationMedia ID="m9"><value representation="B64">{PNG}</value></observationMedia>'
    page = render_html(parse(document(section("1", entry, text="words"))))
    [part] = tree(page).xpath("//div[@class='section']")
    assert len(part.xpath("./span/img")) == 1


def unstructured(text: str) -> Any:
    page = render_html(parse(document(body=f"<nonXMLBody>{text}</nonXMLBody>")))
    assert_harmless(page)
    [body] = tree(page).xpath("//div[@class='body']")
    return body


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('<text mediaType="text/plain">Line one\nLine &lt;two&gt;</text>', "Line one\nLine <two>"),
        (f'<text mediaType="text/plain" representation="B64">{b64("Größe".encode())}</text>', "Größe"),
        (
            '<text mediaType="text/html" representation="B64">'
            + b64(b"<html><style>x</style><body><p>One</p><p>Two<script>alert(1)</script></p></body></html>")
            + "</text>",
            "One\nTwo",
        ),
        (
            f'<text mediaType="application/pdf" representation="B64">{b64(b"%PDF-1.4")}</text>',
            "[embedded file of application/pdf, 8 bytes: open the original document to see it]",
        ),
        (
            '<text mediaType="application/pdf"><reference value="urn:scan:9"/></text>',
            "[file of application/pdf at urn:scan:9]",
        ),
        ("", "The body of this document is empty."),
        ("<text><paragraph>One</paragraph><paragraph>Two</paragraph></text>", "One Two"),
    ],
    ids=lambda value: value[:50],
)
def test_a_body_that_is_a_file(text: str, said: str) -> None:
    assert unstructured(text).text_content() == said


def test_a_body_that_is_a_picture() -> None:
    body = unstructured(f'<text mediaType="image/png" representation="B64">{PNG}</text>')
    assert body.xpath(".//img/@src") == [f"data:image/png;base64,{PNG}"]


def test_a_document_without_a_body_says_so() -> None:
    page = render_html(parse(document(body="")))
    assert "This document has no text." in tree(page).text_content()


# On paper.


def test_the_pdf_has_the_words_and_says_what_it_is() -> None:
    created = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    root = parse(
        document(section("1", title="Problems", text="Essential hypertension"), role=ROLE, header=HEADER)
    )
    made = render_pdf(root, created=created)
    assert made == render_pdf(root, created=created)
    pdf = pypdfium2.PdfDocument(made)
    words = "".join(page.get_textpage().get_text_range() for page in pdf)
    for word in ("Ana María Ruiz", "Problems", "Essential hypertension", "April 2, 1980"):
        assert word in words
    told = pdf.get_metadata_dict()
    assert (told["Title"], told["Author"]) == ("Summary – Ana María Ruiz", "Dr. Kim Lee")
    assert "20260102" in told["CreationDate"]
    pdf.close()


def test_a_picture_is_printed() -> None:
    head = struct.pack("!IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(b"\0\xff\0\0")), (b"IEND", b""))
    dot = b64(
        b"\x89PNG\r\n\x1a\n"
        + b"".join(
            struct.pack("!I", len(data)) + kind + data + struct.pack("!I", zlib.crc32(kind + data))
            for kind, data in parts
        )
    )
    root = parse(
        document(
            body=f'<nonXMLBody><text mediaType="image/png" representation="B64">{dot}</text></nonXMLBody>'
        )
    )
    pdf = pypdfium2.PdfDocument(render_pdf(root, created=datetime(2026, 1, 1, tzinfo=UTC)))
    kinds = [held.type for page in pdf for held in page.get_objects()]
    assert 3 in kinds, "FPDF_PAGEOBJ_IMAGE"
    pdf.close()
