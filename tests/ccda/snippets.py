"""HL7's example snippets as whole documents: each put where it belongs in a minimal document.

A snippet is a section, an entry, a statement, a part of a statement or a part of the header. It seldom
declares the namespaces that it uses, and is not always well-formed.
"""

from __future__ import annotations

import re

from lxml import etree

from tests.ccda.builders import AUTHOR, PATIENT_ROLE, document, template

V3 = "{urn:hl7-org:v3}"
NAMESPACES = 'xmlns="urn:hl7-org:v3" xmlns:sdtc="urn:hl7-org:sdtc" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
_DECLARATION = re.compile(r"\s*<\?xml.*?\?>", re.DOTALL)

STATEMENTS = (
    "act", "encounter", "observation", "organizer", "procedure", "substanceAdministration", "supply",
)  # fmt: skip
HEADER = (
    "authenticator", "authorization", "componentOf", "custodian", "dataEnterer", "documentationOf",
    "inFulfillmentOf", "informant", "informationRecipient", "legalAuthenticator", "participant",
    "relatedDocument",
)  # fmt: skip

SECTION_OF: dict[str, tuple[str, ...]] = {
    "48765-2": ("7", "8", "9", "30", "145"),
    "11450-4": ("3", "4", "5", "6", "19", "31", "113", "502"),
    "10160-0": ("16", "17", "18", "35", "36", "123", "147"),
    "11369-6": ("52", "53", "118"),
    "30954-2": ("1", "2"),
    "8716-3": ("26", "27"),
    "47519-4": ("12", "13", "14"),
    "46240-8": ("49", "80"),
    "29762-2": ("38", "72", "78", "85", "109", "111", "200", "501", "503", "504", "506"),
    "10157-6": ("45", "46", "47"),
    "47420-5": ("66", "67", "68", "69", "86", "127", "128", "505"),
    "10190-7": ("73", "74", "75"),
    "18776-5": ("39", "40", "41", "42", "43", "44", "120", "129", "130", "140", "141", "146"),
    "61146-7": ("110", "121"),
    "75310-3": ("132", "136"),
    "62387-6": ("131",),
    "11383-7": ("144",),
    "48768-6": ("60", "61"),
    "46264-8": ("37", "50", "135", "311"),
    "42348-3": ("48", "108"),
    "85847-2": ("500", "500.1", "500.2", "500.3"),
    "34109-9": ("202",),
    "29545-1": ("76", "77", "114", "133", "134"),
    "61144-2": ("124", "138"),
    "46241-6": ("34",),
    "11535-2": ("33",),
    "10219-4": ("65",),
    "10218-6": ("51",),
}
"""LOINC code of a section: the templates (``2.16.840.1.113883.10.20.22.4.…``) that belong there."""

_SECTION = {
    f"2.16.840.1.113883.10.20.22.4.{last}": section for section, many in SECTION_OF.items() for last in many
}
_OTHERWISE = "30954-2"

_DRUG = (
    "<consumable><manufacturedProduct><manufacturedMaterial><code code='243670'"
    " codeSystem='2.16.840.1.113883.6.88'/></manufacturedMaterial></manufacturedProduct></consumable>"
)
_PROBLEM = (
    f"<observation classCode='OBS' moodCode='EVN'>{template('.4.4')}<statusCode code='completed'/>"
    "<value xsi:type='CD' code='38341003' codeSystem='2.16.840.1.113883.6.96'/>{}</observation>"
)
_MEDICATION = (
    f"<substanceAdministration classCode='SBADM' moodCode='EVN'>{template('.4.16')}"
    "<statusCode code='active'/>" + _DRUG + "{}</substanceAdministration>"
)
_WOUND = (
    f"<observation classCode='OBS' moodCode='EVN'>{template('.4.114')}<code code='39135-9'"
    " codeSystem='2.16.840.1.113883.6.1'/><statusCode code='completed'/>{}</observation>"
)
_PROCEDURE = (
    f"<procedure classCode='PROC' moodCode='EVN'>{template('.4.14')}<code code='80146002'"
    " codeSystem='2.16.840.1.113883.6.96'/><statusCode code='completed'/>{}</procedure>"
)
_SUPPLY = (
    f"<supply classCode='SPLY' moodCode='EVN'>{template('.4.50')}<statusCode code='completed'/>{{}}</supply>"
)
_ORGANIZER = (
    f"<organizer classCode='CLUSTER' moodCode='EVN'>{template('.4.1')}<code code='18748-4'"
    " codeSystem='2.16.840.1.113883.6.1'/><statusCode code='completed'/>{}<component>"
    + _WOUND.format("")
    + "</component></organizer>"
)
_ACT = (
    f"<act classCode='ACT' moodCode='EVN'>{template('.4.12')}<code code='183856001'"
    " codeSystem='2.16.840.1.113883.6.96'/><statusCode code='completed'/>{}</act>"
)
_PARENTS = {
    "2.16.840.1.113883.10.20.22.4.123": _MEDICATION,
    "2.16.840.1.113883.10.20.22.4.76": _WOUND,
    "2.16.840.1.113883.10.20.22.4.133": _WOUND,
    "2.16.840.1.113883.10.20.22.4.134": _WOUND,
    "2.16.840.1.113883.10.20.22.4.138": _WOUND,
    "2.16.840.1.113883.10.20.24.3.88": _PROCEDURE,
}
_PRODUCTS = {
    "2.16.840.1.113883.10.20.22.4.54": ("11369-6", ".4.52"),
    "2.16.840.1.113883.10.20.22.4.23": ("10160-0", ".4.16"),
}


def fragment(source: bytes) -> etree._Element:
    """The one element that a snippet is; raises ``XMLSyntaxError`` where it is not well-formed."""
    text = _DECLARATION.sub("", source.decode("utf-8-sig"), count=1)
    root = etree.fromstring(f"<snippet {NAMESPACES}>{text}</snippet>".encode())
    elements = [child for child in root if isinstance(child.tag, str)]
    if len(elements) != 1:
        raise ValueError(f"{len(elements)} elements in a snippet")
    return elements[0]


def wrapped(source: bytes) -> bytes:
    """A snippet as a document."""
    el = fragment(source)
    name = etree.QName(el).localname
    text = etree.tostring(el, encoding="unicode", with_tail=False)
    if name == "section":
        return document(f"<component>{text}</component>")
    if name == "component":
        return _component(el, text)
    if name == "entry":
        return document(_section(_section_of(el), text))
    if name in STATEMENTS:
        return document(_section(_section_of(el), f"<entry>{text}</entry>"))
    if name == "recordTarget":
        return document(role=_inner(el))
    if name in HEADER or name == "author":
        return document(header=text if name == "author" else AUTHOR + text)
    return _part(name, el, text)


def _component(el: etree._Element, text: str) -> bytes:
    inner = next(child for child in el if isinstance(child.tag, str))
    if inner.tag == V3 + "section":
        return document(text)
    return document(body=etree.tostring(inner, encoding="unicode", with_tail=False))


def _part(name: str, el: etree._Element, text: str) -> bytes:
    """A part of a statement or of the header."""
    if name == "entryRelationship":
        found = _template(el)
        return _statement(_section_of(el), _PARENTS.get(found, _PROBLEM).format(text))
    if name == "manufacturedProduct":
        section, root = _PRODUCTS[_template(el)]
        return _statement(
            section,
            f"<substanceAdministration classCode='SBADM' moodCode='EVN'>{template(root)}"
            f"<statusCode code='completed'/><consumable>{text}</consumable></substanceAdministration>",
        )
    if name == "participantRole":
        kind = "LOC" if el.get("classCode") == "SDLOC" else "PRD"
        return _statement("46264-8", _SUPPLY.format(f"<participant typeCode='{kind}'>{text}</participant>"))
    if name == "criterion":
        precondition = f"<precondition typeCode='PRCN'>{text}</precondition>"
        return _statement("10160-0", _MEDICATION.format(precondition))
    if name == "relatedSubject":
        return _statement("30954-2", _ORGANIZER.format(f"<subject>{text}</subject>"))
    if name == "externalDocument":
        return _statement("47519-4", _ACT.format(f"<reference typeCode='REFR'>{text}</reference>"))
    header = {
        "assignedAuthor": "<author><time value='20240105'/>{}</author>",
        "serviceEvent": "<documentationOf>{}</documentationOf>",
        "encounterParticipant": "<componentOf><encompassingEncounter><effectiveTime value='20240105'/>{}"
        "</encompassingEncounter></componentOf>",
        "signatureText": "<legalAuthenticator><time value='20240105'/><signatureCode code='S'/>{}"
        "<assignedEntity><id nullFlavor='UNK'/></assignedEntity></legalAuthenticator>",
        "performer": "<documentationOf><serviceEvent classCode='PCPR'>{}</serviceEvent></documentationOf>",
    }
    if name == "addr":
        return document(role=PATIENT_ROLE.replace("<telecom", text + "<telecom", 1))
    return document(header=AUTHOR + header[name].format(text))


def _statement(section: str, text: str) -> bytes:
    return document(_section(section, f"<entry>{text}</entry>"))


def _section(code: str, entries: str) -> str:
    return (
        f"<component><section><code code='{code}' codeSystem='2.16.840.1.113883.6.1'/>"
        f"<title>A section</title><text/>{entries}</section></component>"
    )


def _template(el: etree._Element) -> str:
    found = next(el.iter(V3 + "templateId"), None)
    return "" if found is None else found.get("root") or ""


def _section_of(el: etree._Element) -> str:
    """The section of the first templateId that has one: that of the statement comes before its parts'."""
    for found in el.iter(V3 + "templateId"):
        section = _SECTION.get(found.get("root") or "")
        if section is not None:
            return section
    return _OTHERWISE


def _inner(el: etree._Element) -> str:
    return "".join(etree.tostring(child, encoding="unicode", with_tail=False) for child in el)
