"""Small C-CDA documents of invented patients: a header and the sections that a test is about."""

from __future__ import annotations

from typing import Any

from chartbridge.ccda import Conversion, convert

PATIENT_ID = "5d0a2d4e-8f6f-4a3b-9d0c-2f1e6c7b8a90"

CONFORMANT = "2.16.840.1.113883.10.20.22."
LOINC = "2.16.840.1.113883.6.1"
SNOMED = "2.16.840.1.113883.6.96"
RXNORM = "2.16.840.1.113883.6.88"
CVX = "2.16.840.1.113883.12.292"

AUTHOR = """<author><time value="20240105091500-0500"/><assignedAuthor>
  <id root="2.16.840.1.113883.4.6" extension="1999999984"/>
  <assignedPerson><name><given>Wilma</given><family>Okonkwo</family></name></assignedPerson>
  <representedOrganization><id root="2.16.840.1.113883.3.9911.1"/><name>Lakeside Clinic</name>
  </representedOrganization></assignedAuthor></author>"""

PATIENT_ROLE = """<patientRole><id root="2.16.840.1.113883.3.9911.2" extension="MRN-77"/>
  <addr use="HP"><streetAddressLine>12 Elm Row</streetAddressLine><city>Duluth</city><state>MN</state>
  <postalCode>55802</postalCode><country>US</country></addr>
  <telecom value="tel:+1-218-555-0142" use="MC"/>
  <patient><name use="L"><given>Ines</given><family>Halvorsen</family></name>
  <administrativeGenderCode code="F" codeSystem="2.16.840.1.113883.5.1"/><birthTime value="19810314"/>
  <raceCode code="2106-3" displayName="White" codeSystem="2.16.840.1.113883.6.238"/>
  <ethnicGroupCode code="2186-5" displayName="Not Hispanic or Latino" codeSystem="2.16.840.1.113883.6.238"/>
  </patient></patientRole>"""


def code(tag: str, value: str, system: str, display: str = "", inner: str = "", typed: bool = False) -> str:
    """A coded element: ``code`` by default, ``value`` with its xsi:type."""
    kind = ' xsi:type="CD"' if typed else ""
    shown = f' displayName="{display}"' if display else ""
    return f'<{tag}{kind} code="{value}" codeSystem="{system}"{shown}>{inner}</{tag}>'


def value(value: str, system: str, display: str = "", inner: str = "") -> str:
    """A value of type CD."""
    return code("value", value, system, display, inner, typed=True)


def template(*roots: str) -> str:
    """templateId elements; a root that begins with a dot is one of C-CDA's."""
    return "".join(
        f'<templateId root="{CONFORMANT + root[1:] if root.startswith(".") else root}"/>' for root in roots
    )


def section(section_code: str, *entries: str, text: str = "", title: str = "A section") -> str:
    """A section with entries."""
    inside = "".join(f"<entry>{entry}</entry>" for entry in entries)
    return (
        f'<component><section><code code="{section_code}" codeSystem="{LOINC}"/><title>{title}</title>'
        f"<text>{text}</text>{inside}</section></component>"
    )


def document(
    *sections: str, header: str = AUTHOR, role: str = PATIENT_ROLE, body: str | None = None
) -> bytes:
    """A ClinicalDocument, in UTF-8."""
    inside = body if body is not None else f"<structuredBody>{''.join(sections)}</structuredBody>"
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:sdtc="urn:hl7-org:sdtc"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        '<typeId root="2.16.840.1.113883.1.3" extension="POCD_HD000040"/>'
        '<id root="2.16.840.1.113883.3.9911.3" extension="DOC-1"/>'
        f'<code code="34133-9" codeSystem="{LOINC}"/><title>Summary</title>'
        '<effectiveTime value="20240105093000-0500"/>'
        f"<recordTarget>{role}</recordTarget>{header}<component>{inside}</component></ClinicalDocument>"
    ).encode()


def converted(*sections: str, **parts: Any) -> Conversion:
    """A document of these sections, converted."""
    return convert(document(*sections, **parts), PATIENT_ID)


def of_type(conversion: Conversion, resource_type: str) -> list[dict[str, Any]]:
    """The resources of one type."""
    return [
        entry["resource"]
        for entry in conversion.bundle["entry"]
        if entry["resource"]["resourceType"] == resource_type
    ]


def the(conversion: Conversion, resource_type: str) -> dict[str, Any]:
    """The only resource of a type."""
    found = of_type(conversion, resource_type)
    assert len(found) == 1, f"{len(found)} of {resource_type}"
    return found[0]


def codes(concept: dict[str, Any]) -> list[tuple[str | None, str]]:
    """System and code of each coding."""
    return [(one.get("system"), one["code"]) for one in concept.get("coding", [])]


def status_of(concept: dict[str, Any]) -> str:
    """The only code of a status."""
    return str(concept["coding"][0]["code"])


# statements


def problem(inner: str = "", negated: bool = False, coded: str | None = None) -> str:
    """A Problem Concern Act with one Problem Observation."""
    said = coded if coded is not None else value("38341003", SNOMED, "Hypertension")
    return (
        f'<act classCode="ACT" moodCode="EVN">{template(".4.3")}<id root="2.16.840.1.113883.3.9911.4"/>'
        '<code code="CONC" codeSystem="2.16.840.1.113883.5.6"/><statusCode code="active"/>'
        '<entryRelationship typeCode="SUBJ"><observation classCode="OBS" moodCode="EVN"'
        f"{' negationInd=' + chr(34) + 'true' + chr(34) if negated else ''}>{template('.4.4')}"
        '<id root="2.16.840.1.113883.3.9911.5" extension="P1"/>'
        f'{code("code", "55607006", SNOMED, "Problem")}<statusCode code="completed"/>{inner}{said}'
        "</observation></entryRelationship></act>"
    )


def allergy(
    inner: str = "", negated: bool = False, substance: str | None = None, kind: str = "419199007"
) -> str:
    """An Allergy Concern Act with one observation; ``substance=""`` leaves the participant out."""
    if substance is None:
        substance = code("code", "70618", RXNORM, "Penicillin")
    participant = (
        '<participant typeCode="CSM"><participantRole classCode="MANU"><playingEntity classCode="MMAT">'
        f"{substance}</playingEntity></participantRole></participant>"
        if substance
        else ""
    )
    return (
        f'<act classCode="ACT" moodCode="EVN">{template(".4.30")}<code code="CONC" '
        'codeSystem="2.16.840.1.113883.5.6"/><statusCode code="active"/><entryRelationship typeCode="SUBJ">'
        f'<observation classCode="OBS" moodCode="EVN" negationInd="{str(negated).lower()}">{template(".4.7")}'
        '<id root="2.16.840.1.113883.3.9911.6" extension="A1"/>'
        '<code code="ASSERTION" codeSystem="2.16.840.1.113883.5.4"/><statusCode code="completed"/>'
        '<effectiveTime><low value="201905"/></effectiveTime>'
        f"{value(kind, SNOMED)}{participant}{inner}</observation></entryRelationship></act>"
    )


def observation(
    templates: str, coded: str, said: str, inner: str = "", attributes: str = "", when: str = "20240105"
) -> str:
    """An observation with a code and a value."""
    return (
        f'<observation classCode="OBS" moodCode="EVN" {attributes}>{templates}{coded}'
        f'<statusCode code="completed"/><effectiveTime value="{when}"/>{said}{inner}</observation>'
    )


def related(statement: str, kind: str = "SUBJ", attributes: str = "") -> str:
    """A statement within another."""
    return f'<entryRelationship typeCode="{kind}" {attributes}>{statement}</entryRelationship>'


def medication(inner: str = "", mood: str = "EVN", times: str = "", attributes: str = "") -> str:
    """A Medication Activity."""
    drug = code("code", "197361", RXNORM, "Amlodipine 5 MG Oral Tablet")
    return (
        f'<substanceAdministration classCode="SBADM" moodCode="{mood}" {attributes}>{template(".4.16")}'
        f'<id root="2.16.840.1.113883.3.9911.7" extension="M1"/><statusCode code="active"/>{times}'
        f"<consumable><manufacturedProduct>{template('.4.23')}<manufacturedMaterial>{drug}"
        f"</manufacturedMaterial></manufacturedProduct></consumable>{inner}</substanceAdministration>"
    )


def immunization(inner: str = "", attributes: str = "", when: str = 'value="199911"') -> str:
    """An Immunization Activity."""
    vaccine = code("code", "88", CVX, "Influenza virus vaccine")
    return (
        f'<substanceAdministration classCode="SBADM" moodCode="EVN" {attributes}>{template(".4.52")}'
        '<id root="2.16.840.1.113883.3.9911.8" extension="I1"/><statusCode code="completed"/>'
        f"<effectiveTime {when}/><consumable><manufacturedProduct>{template('.4.54')}<manufacturedMaterial>"
        f"{vaccine}<lotNumberText>L7</lotNumberText></manufacturedMaterial></manufacturedProduct></consumable>"
        f"{inner}</substanceAdministration>"
    )
