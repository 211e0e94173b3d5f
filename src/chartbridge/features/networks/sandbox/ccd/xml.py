"""Small builders for CDA R2 XML: elements, datatypes, narrative blocks with ids.

Nothing here knows of a persona. Children that are ``None`` are left out, so a section can be written
as one expression in the order of the CDA schema.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from lxml import etree

HL7 = "urn:hl7-org:v3"
SDTC = "urn:hl7-org:sdtc"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
# lxml takes None for the default namespace; its stubs do not know that.
NAMESPACES: Any = {None: HL7, "sdtc": SDTC, "xsi": XSI}

Element = etree._Element
Child = Element | str | None | Iterable["Element | None"]
Attributes = dict[str, str]

SYSTEMS = {
    "snomed": ("2.16.840.1.113883.6.96", "SNOMED CT"),
    "icd10": ("2.16.840.1.113883.6.90", "ICD-10-CM"),
    "loinc": ("2.16.840.1.113883.6.1", "LOINC"),
    "rxnorm": ("2.16.840.1.113883.6.88", "RxNorm"),
    "ndc": ("2.16.840.1.113883.6.69", "NDC"),
    "cvx": ("2.16.840.1.113883.12.292", "CVX"),
    "ncit": ("2.16.840.1.113883.3.26.1.1", "NCI Thesaurus"),
    "actcode": ("2.16.840.1.113883.5.4", "HL7 ActCode"),
    "actclass": ("2.16.840.1.113883.5.6", "HL7 ActClass"),
    "actreason": ("2.16.840.1.113883.5.8", "HL7 ActReason"),
    "interpretation": ("2.16.840.1.113883.5.83", "ObservationInterpretation"),
    "rolecode": ("2.16.840.1.113883.5.111", "HL7 RoleCode"),
    "roleclass": ("2.16.840.1.113883.5.110", "HL7 RoleClass"),
    "gender": ("2.16.840.1.113883.5.1", "AdministrativeGender"),
    "marital": ("2.16.840.1.113883.5.2", "MaritalStatus"),
    "race": ("2.16.840.1.113883.6.238", "Race & Ethnicity - CDC"),
    "confidentiality": ("2.16.840.1.113883.5.25", "Confidentiality"),
    "timing": ("2.16.840.1.113883.5.139", "TimingEvent"),
    "nucc": ("2.16.840.1.113883.6.101", "Health Care Provider Taxonomy"),
    "function": ("2.16.840.1.113883.5.88", "ParticipationFunction"),
    "nubc": ("2.16.840.1.113883.6.301.5", "NUBC"),
    "sopt": ("2.16.840.1.113883.3.221.5", "Source of Payment Typology (PHDSC)"),
    "x12": ("2.16.840.1.113883.6.255.1336", "Insurance Type Code (X12)"),
}


@dataclass(frozen=True, slots=True)
class Code:
    """One coded concept; ``system`` is a key of SYSTEMS."""

    system: str
    code: str
    display: str


def el(tag: str, attributes: Attributes | None = None, *children: Child) -> Element:
    """An element of the CDA namespace (``sdtc:`` prefix for the extension namespace)."""
    node = etree.Element(_qualified(tag), nsmap=NAMESPACES)
    for name, value in (attributes or {}).items():
        node.set(_qualified(name) if ":" in name else name, value)
    for child in children:
        _append(node, child)
    return node


def _qualified(name: str) -> str:
    prefix, _, local = name.rpartition(":")
    return etree.QName({"": HL7, "sdtc": SDTC, "xsi": XSI}[prefix], local).text


def _append(node: Element, child: Child) -> None:
    if child is None:
        return
    if isinstance(child, str):
        if len(node):
            node[-1].tail = (node[-1].tail or "") + child
        else:
            node.text = (node.text or "") + child
    elif isinstance(child, etree._Element):
        node.append(child)
    else:
        for grandchild in child:
            _append(node, grandchild)


def templates(root: str, *extensions: str) -> list[Element]:
    """templateId of the R1.1 form (no extension) followed by the versioned ones."""
    found = [el("templateId", {"root": root})]
    return found + [el("templateId", {"root": root, "extension": extension}) for extension in extensions]


def template(root: str, extension: str | None = None) -> Element:
    return el("templateId", {"root": root} | ({"extension": extension} if extension else {}))


def stamp(when: object) -> str:
    """An ISO date or date-time, whole or partial ("2012", "2012-03"), as a CDA TS value."""
    if isinstance(when, dt.datetime):
        return when.strftime("%Y%m%d%H%M%S%z")
    return str(when).replace("-", "")


def shown(when: object) -> str:
    """A date as people read it in the narrative."""
    if when is None:
        return ""
    if isinstance(when, dt.datetime):
        return f"{when:%b} {when.day}, {when:%Y %H:%M}"
    if isinstance(when, dt.date):
        return f"{when:%b} {when.day}, {when.year}"
    return str(when)


def time(when: object, tag: str = "effectiveTime") -> Element:
    """A point in time; ``nullFlavor="UNK"`` where it is not known."""
    return el(tag, {"value": stamp(when)} if when is not None else {"nullFlavor": "UNK"})


def interval(low: object, high: object = None, *, xsi: bool = False, closed: bool = False) -> Element:
    """An interval; ``closed`` says that it has ended, so an absent end is unknown, not open."""
    return el(
        "effectiveTime",
        {"xsi:type": "IVL_TS"} if xsi else None,
        time(low, "low"),
        time(high, "high") if high is not None or closed else None,
    )


def reference(anchor: str) -> Element:
    return el("reference", {"value": f"#{anchor}"})


def text(anchor: str) -> Element:
    """The ``text`` of an entry, pointing at the narrative that says the same."""
    return el("text", None, reference(anchor))


def coded(
    tag: str, code: Code, *, anchor: str | None = None, also: Sequence[Code] = (), xsi: str | None = None
) -> Element:
    """A coded element with originalText by reference and translations."""
    return el(
        tag,
        ({"xsi:type": xsi} if xsi else {}) | _code_attributes(code),
        el("originalText", None, reference(anchor)) if anchor else None,
        [el("translation", _code_attributes(other)) for other in also],
    )


def _code_attributes(code: Code) -> Attributes:
    oid, name = SYSTEMS[code.system]
    return {"code": code.code, "codeSystem": oid, "codeSystemName": name, "displayName": code.display}


def value(code: Code, *, anchor: str | None = None, also: Sequence[Code] = ()) -> Element:
    return coded("value", code, anchor=anchor, also=also, xsi="CD")


def quantity(amount: float, unit: str | None, tag: str = "value", *, xsi: bool = True) -> Element:
    """A PQ; ``unit`` in UCUM, or None for a count."""
    return el(
        tag,
        ({"xsi:type": "PQ"} if xsi else {}) | {"value": number(amount)} | ({"unit": unit} if unit else {}),
    )


def number(amount: float) -> str:
    """The shortest plain decimal form: 7, 7.4, 0.83."""
    return f"{amount:.10g}"


def status(code: str) -> Element:
    return el("statusCode", {"code": code})


# Narrative -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cell:
    """A table cell with its own id, so an entry can point at it."""

    anchor: str
    text: str


@dataclass(frozen=True, slots=True)
class Row:
    anchor: str
    cells: Sequence[str | Cell]


def table(headers: Sequence[str], rows: Sequence[Row]) -> Element:
    return el(
        "table",
        None,
        el("thead", None, el("tr", None, [el("th", None, header) for header in headers])),
        el("tbody", None, [_row(row) for row in rows]),
    )


def _row(row: Row) -> Element:
    return el("tr", {"ID": row.anchor}, [_cell(cell) for cell in row.cells])


def _cell(cell: str | Cell) -> Element:
    if isinstance(cell, Cell):
        return el("td", None, el("content", {"ID": cell.anchor}, cell.text))
    return el("td", None, cell)


def paragraph(anchor: str, words: str) -> Element:
    return el("paragraph", {"ID": anchor}, words)


def section(
    template_ids: Sequence[Element],
    loinc: str,
    display: str,
    title: str,
    narrative: Sequence[Element],
    entries: Sequence[Element] = (),
) -> Element:
    """One ``component/section`` of the structured body."""
    return el(
        "component",
        None,
        el(
            "section",
            None,
            template_ids,
            coded("code", Code("loinc", loinc, display)),
            el("title", None, title),
            el("text", None, narrative),
            [el("entry", {"typeCode": "DRIV"}, entry) for entry in entries],
        ),
    )
