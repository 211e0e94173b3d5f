"""What the checker reads of a document's XML: codes with their systems, times, numbers, texts.

It is written apart from the converter, on purpose: neither its tables nor its functions are used here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from lxml import etree

Element = etree._Element
Code = tuple[str, str]
"""System and code of a FHIR coding; the system is "" where there is none."""

V3 = "{urn:hl7-org:v3}"
SDTC = "{urn:hl7-org:sdtc}"
XSI_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
NULLS = frozenset(
    [
        "NI",
        "INV",
        "DER",
        "OTH",
        "NINF",
        "PINF",
        "UNC",
        "MSK",
        "NA",
        "UNK",
        "ASKU",
        "NAV",
        "NASK",
        "QS",
        "TRC",
        "NP",
    ]
)

# code systems: OID to the URIs that FHIR R4, US Core or HL7's terminology registry give for it

THO = "http://terminology.hl7.org/CodeSystem/"
HL7 = "2.16.840.1.113883."
SYSTEMS: dict[str, tuple[str, ...]] = {
    HL7 + "6.96": ("http://snomed.info/sct",),
    HL7 + "6.1": ("http://loinc.org",),
    HL7 + "6.88": ("http://www.nlm.nih.gov/research/umls/rxnorm",),
    HL7 + "12.292": ("http://hl7.org/fhir/sid/cvx",),
    HL7 + "6.59": ("http://hl7.org/fhir/sid/cvx",),
    HL7 + "6.90": ("http://hl7.org/fhir/sid/icd-10-cm",),
    HL7 + "6.3": ("http://hl7.org/fhir/sid/icd-10",),
    HL7 + "6.4": ("http://www.cms.gov/Medicare/Coding/ICD10", "http://hl7.org/fhir/sid/icd-10-pcs"),
    HL7 + "6.103": ("http://hl7.org/fhir/sid/icd-9-cm", THO + "icd9cm", THO + "ICD-9CM-diagnosiscodes"),
    HL7 + "6.104": ("http://hl7.org/fhir/sid/icd-9-cm", THO + "icd9cm", THO + "ICD-9CM-procedurecodes"),
    HL7 + "6.2": ("http://hl7.org/fhir/sid/icd-9-cm", THO + "icd9cm"),
    HL7 + "6.69": ("http://hl7.org/fhir/sid/ndc",),
    HL7 + "6.12": ("http://www.ama-assn.org/go/cpt",),
    HL7 + "6.14": ("http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets",),
    HL7 + "6.285": ("http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets",),
    HL7 + "6.13": ("http://www.ada.org/cdt",),
    HL7 + "6.8": ("http://unitsofmeasure.org",),
    HL7 + "4.9": ("http://fdasis.nlm.nih.gov",),
    HL7 + "3.26.1.1": ("http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl",),
    HL7 + "6.86": ("http://www.nlm.nih.gov/research/umls",),
    HL7 + "6.101": ("http://nucc.org/provider-taxonomy",),
    HL7 + "6.121": ("urn:ietf:bcp:47",),
    HL7 + "6.316": ("urn:ietf:bcp:47",),
    HL7 + "6.259": ("https://www.cdc.gov/nhsn/cdaportal/terminology/codesystem/hsloc.html",),
    HL7 + "6.50": (
        "https://www.cms.gov/Medicare/Coding/place-of-service-codes/Place_of_Service_Code_Set",
    ),
    HL7 + "3.221.5": ("https://nahdo.org/sopt",),
    HL7 + "6.255.1336": ("https://x12.org/codes/insurance-type",),
    HL7 + "6.301.3": ("https://www.nubc.org/CodeSystem/RevenueCodes",),
    HL7 + "6.301": ("https://www.nubc.org/CodeSystem/PatDischargeStatus",),
    HL7 + "6.301.5": (
        "https://www.nubc.org/CodeSystem/PatDischargeStatus",
        "https://www.cms.gov/Medicare/Medicare-Fee-for-Service-Payment/AcuteInpatientPPS/MS-DRG-Classifications-and-Software",
    ),
    "1.2.840.10008.2.16.4": ("http://dicom.nema.org/resources/ontology/DCM",),
    HL7 + "18.108": (THO + "v2-0203",),
    HL7 + "4.642.4.1131": (THO + "provenance-participant-type",),
    **{
        HL7 + "5." + last: (THO + "v3-" + name,)
        for last, name in {
            "1": "AdministrativeGender", "2": "MaritalStatus", "4": "ActCode", "6": "ActClass",
            "7": "ActPriority", "8": "ActReason", "14": "ActStatus", "25": "Confidentiality",
            "33": "EntityNameUse", "45": "EntityNameUse", "60": "LanguageAbilityMode",
            "61": "LanguageAbilityProficiency", "83": "ObservationInterpretation", "84": "ObservationMethod",
            "85": "orderableDrugForm", "88": "ParticipationFunction", "89": "ParticipationMode",
            "90": "ParticipationType", "110": "RoleClass", "111": "RoleCode",
            "112": "RouteOfAdministration", "129": "SpecimenType", "139": "TimingEvent",
            "140": "TribalEntityUS", "1008": "NullFlavor", "1052": "ActSite", "1063": "ObservationValue",
            "1076": "ReligiousAffiliation", "1119": "AddressUse",
        }.items()
    },
    **{
        HL7 + "12." + last: (THO + "v2-" + last.rjust(4, "0"),)
        for last in ("1", "5", "78", "112", "163", "443")
    },
}  # fmt: skip
MISTAKEN: dict[str, str] = {
    HL7 + "9.96": HL7 + "6.96",
    HL7 + "5.53": HL7 + "6.101",
    HL7 + "11.19465": HL7 + "6.101",
    "2.16.840.1.114222.4.11.1066": HL7 + "6.101",
    HL7 + "3.26.1.1.1": HL7 + "3.26.1.1",
    HL7 + "13.19": HL7 + "6.259",
    HL7 + "11.19725": HL7 + "5.8",
    HL7 + "1.11.78": HL7 + "5.83",
    HL7 + "1.11.19563": HL7 + "5.111",
    HL7 + "11.20.12.1": HL7 + "5.111",
    HL7 + "1.11.19830": HL7 + "5.111",
    HL7 + "1.11.19185": HL7 + "5.1076",
    HL7 + "1.11.1": HL7 + "5.1",
}
"""Retired OIDs and those of value sets that senders put for a code system: which one they mean."""
ROLE_CLASSES = frozenset(["CAREGIVER", "COVPTY", "ECON", "GUAR", "NOK", "PAYOR", "POLHOLD", "PROV", "PRS"])
_OID = re.compile(r"[0-2](\.(0|[1-9]\d*))+")


LACKING = frozenset(
    (
        (HL7 + "5.88", "ATTYPHYS"), (HL7 + "5.88", "Doctors"), (HL7 + "5.129", "Rad_Type"),
        (HL7 + "5.1063", "NOPAT"), (HL7 + "5.1063", "NOAUTH"),
    )
)  # fmt: skip
"""Codes that senders claim of a code system of HL7 which has no such code, looked up one by one."""


def uris(oid: str | None, code: str) -> tuple[str, ...]:
    """The URIs that the codeSystem attribute of a code may become; ``""`` for none."""
    text = (oid or "").strip()
    if (text, code) in LACKING:
        return ("urn:oid:" + text,)
    text = MISTAKEN.get(text, text)
    if text in SYSTEMS:
        return SYSTEMS[text]
    if _OID.fullmatch(text):
        return ("urn:oid:" + text,)
    return ("urn:uuid:" + text.lower(), "") if len(text) == 36 and text.count("-") == 4 else ("",)


# what is read of the XML


def kids(el: Element | None, *path: str) -> list[Element]:
    """All elements at a path of V3 names below an element."""
    found = [] if el is None else [el]
    for name in path:
        found = [child for one in found for child in one if child.tag == V3 + name]
    return found


def kid(el: Element | None, *path: str) -> Element | None:
    """The first of :func:`kids`."""
    return next(iter(kids(el, *path)), None)


def all_text(el: Element) -> str:
    """The text of an element and of all within it, as it stands."""
    return "".join(str(part) for part in el.itertext())


def squeezed(text: str | None) -> str:
    """A text without spaces and case, for comparing."""
    return "".join((text or "").split()).casefold()


def where(el: Element) -> str:
    """The XPath of an element, with bare names."""
    steps: list[str] = []
    one: Element | None = el
    while one is not None:
        parent = one.getparent()
        same = [] if parent is None else [child for child in parent if child.tag == one.tag]
        name = etree.QName(one).localname
        steps.append(name if len(same) < 2 else f"{name}[{same.index(one) + 1}]")
        one = parent
    return "/" + "/".join(reversed(steps))


_TIME = re.compile(r"(\d{4,14})(?:[.,](\d+))?\s*(Z|[+-]\d\d(?::?\d\d)?)?")
_DASHED = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d))?)?")


def moment(value: str | None) -> str | None:
    """A TS as FHIR dateTime: as precise as it is; a time of day only with minutes and an offset."""
    text = (value or "").strip()
    dashed = _DASHED.match(text)
    if dashed is not None:
        text = "".join(part or "" for part in dashed.groups()) + text[dashed.end() :]
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    digits, fraction, zone = found.groups()
    parts = [digits[0:4], *(digits[at : at + 2] for at in range(4, len(digits), 2))]
    if len(digits) % 2 or parts[0] == "0000":
        return None
    for at in (1, 2):
        if len(parts) > at and parts[at] == "00":
            parts = parts[:at]
    if len(parts) > 1 and not 1 <= int(parts[1]) <= 12:
        return None
    if len(parts) > 2 and not 1 <= int(parts[2]) <= _days(int(parts[0]), int(parts[1])):
        return None
    date = "-".join(parts[:3])
    if len(parts) < 5 or zone is None or parts[3] > "23" or parts[4] > "59":
        return date
    second = parts[5] if len(parts) > 5 else "00"
    if second > "60":
        second = "00"
    offset = "Z" if zone == "Z" else f"{zone[:3]}:{zone[-2:] if len(zone) > 3 else '00'}"
    if offset != "Z" and (offset[4:] > "59" or int(offset[1:3]) * 60 + int(offset[4:]) > 840):
        return date
    return f"{date}T{parts[3]}:{parts[4]}:{second}{'.' + fraction if fraction else ''}{offset}"


def _days(year: int, month: int) -> int:
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in (4, 6, 9, 11) else 31


def decimal(text: object) -> Decimal | None:
    """A number in text; ``None`` for what is none."""
    try:
        return Decimal(str(text).strip())
    except InvalidOperation:
        return None


@dataclass(frozen=True)
class Concept:
    """A code, its translations and what it is called. Each code is a tuple of the URIs it may have."""

    codes: tuple[tuple[tuple[str, ...], str], ...]
    texts: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    """What the codes are called, for what can only be told in words."""

    def any_in(self, codes: frozenset[Code]) -> bool:
        return any((uri, code) in codes for systems, code in self.codes for uri in systems)

    def all_in(self, codes: frozenset[Code]) -> bool:
        return all(any((uri, code) in codes for uri in systems) for systems, code in self.codes)

    def __bool__(self) -> bool:
        return bool(self.codes or self.texts)


NOTHING = Concept(())


UNNAMED = Concept((), ("",))
"""A statement without a code or a name, which its date and value must do for."""


class Document:
    """A document's XML and the texts that it refers to."""

    def __init__(self, content: bytes) -> None:
        self.root = etree.fromstring(content)
        self.named = {el.get("ID"): el for el in self.root.iter() if el.get("ID")}

    def text(self, el: Element | None) -> str:
        """The own text of an ED or ST element, or that of what it refers to."""
        if el is None:
            return ""
        own = " ".join(all_text(el).split())
        reference = kid(el, "reference")
        if own or reference is None:
            return own
        target = self.named.get((reference.get("value") or "").lstrip("#"))
        return "" if target is None else " ".join(all_text(target).split())

    def concept(self, el: Element | None) -> Concept:
        """A CD and the like; where it has no code, its words."""
        if el is None:
            return NOTHING
        found: list[tuple[tuple[str, ...], str]] = []
        for one in (el, *el.iter(V3 + "translation")):
            code = " ".join((one.get("code") or "").split())
            systems = uris(one.get("codeSystem"), code)
            null = any(uri.endswith("v3-NullFlavor") for uri in systems)
            if not code or null or (code in NULLS and (systems == ("",) or one.get("nullFlavor"))):
                continue
            if code in ROLE_CLASSES and systems == SYSTEMS[HL7 + "5.111"]:
                systems = SYSTEMS[HL7 + "5.110"]
            found.append((systems, code))
        words = squeezed(self.text(kid(el, "originalText")))
        names = (words, *(squeezed(one.get("displayName")) for one in (el, *el.iter(V3 + "translation"))))
        if found:
            return Concept(tuple(found), (), tuple(name for name in names if name))
        return Concept((), next(((name,) for name in names if name), ()))

    def named_or(self, el: Element | None, *names: Element | None) -> Concept:
        """A code; without one, the first words of several elements."""
        found = self.concept(el)
        for name in names:
            if not found and (words := squeezed(self.text(name))):
                found = Concept((), (words,))
        return found
