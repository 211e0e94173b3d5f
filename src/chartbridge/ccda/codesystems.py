"""OIDs of code systems and their FHIR URIs.

From HL7's registry of external and HL7 terminologies (terminology.hl7.org) and FHIR R4; an OID that
is not here stays ``urn:oid:<oid>``. A few systems whose registered URI is younger than R4, and which
R4 validators therefore refuse as unknown, keep their OID (ICF, MVX, NDF-RT) or the registry's other
URI (ICD-9-CM). Some senders put the OID of a value set, or a retired OID, where
the code system's belongs; those that are unambiguous are corrected here.
"""

from __future__ import annotations

import re
from importlib.resources import files

SNOMED = "http://snomed.info/sct"
LOINC = "http://loinc.org"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
CVX = "http://hl7.org/fhir/sid/cvx"
ICD9CM = "http://terminology.hl7.org/CodeSystem/icd9cm"
ICD10CM = "http://hl7.org/fhir/sid/icd-10-cm"
CPT = "http://www.ama-assn.org/go/cpt"
UCUM = "http://unitsofmeasure.org"
NULL_FLAVOR = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"
DATA_ABSENT_REASON = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
V3_ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
V3_OBSERVATION_INTERPRETATION = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
CDC_RACE = "urn:oid:2.16.840.1.113883.6.238"
V2_0203 = "http://terminology.hl7.org/CodeSystem/v2-0203"

V3 = "http://terminology.hl7.org/CodeSystem/v3-"
"""What the URIs of HL7's version 3 code systems begin with."""
_V2 = "http://terminology.hl7.org/CodeSystem/v2-"

_HL7_OID = "urn:oid:2.16.840.1.113883.5."
ROLE_CODE = V3 + "RoleCode"
ROLE_CLASS = V3 + "RoleClass"
ROLE_CLASSES = frozenset(("CAREGIVER", "COVPTY", "ECON", "GUAR", "NOK", "PAYOR", "POLHOLD", "PROV", "PRS"))
"""Codes of RoleClass that are often given the OID of RoleCode, which does not have them."""

CODE_SYSTEMS: dict[str, tuple[str, str]] = {
    # clinical terminologies
    "2.16.840.1.113883.6.96": (SNOMED, "SNOMED CT"),
    "2.16.840.1.113883.9.96": (SNOMED, "SNOMED CT (mistyped)"),
    "2.16.840.1.113883.6.1": (LOINC, "LOINC"),
    "2.16.840.1.113883.6.88": (RXNORM, "RxNorm"),
    "2.16.840.1.113883.12.292": (CVX, "CVX"),
    "2.16.840.1.113883.6.59": (CVX, "CVX (earlier OID)"),
    "2.16.840.1.113883.12.227": ("urn:oid:2.16.840.1.113883.12.227", "MVX"),
    "2.16.840.1.113883.6.90": (ICD10CM, "ICD-10-CM"),
    "2.16.840.1.113883.6.3": ("http://hl7.org/fhir/sid/icd-10", "ICD-10"),
    "2.16.840.1.113883.6.4": ("http://www.cms.gov/Medicare/Coding/ICD10", "ICD-10-PCS"),
    "2.16.840.1.113883.6.103": (ICD9CM, "ICD-9-CM diagnoses"),
    "2.16.840.1.113883.6.104": (ICD9CM, "ICD-9-CM procedures"),
    "2.16.840.1.113883.6.2": (ICD9CM, "ICD-9-CM"),
    "2.16.840.1.113883.6.69": ("http://hl7.org/fhir/sid/ndc", "NDC"),
    "2.16.840.1.113883.6.12": (CPT, "CPT"),
    "2.16.840.1.113883.6.14": ("http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets", "HCPCS"),
    "2.16.840.1.113883.6.285": ("http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets", "HCPCS level II"),
    "2.16.840.1.113883.6.13": ("http://www.ada.org/cdt", "CDT"),
    "2.16.840.1.113883.6.8": (UCUM, "UCUM"),
    "2.16.840.1.113883.6.254": ("urn:oid:2.16.840.1.113883.6.254", "ICF"),
    "2.16.840.1.113883.4.9": ("http://fdasis.nlm.nih.gov", "UNII"),
    "2.16.840.1.113883.6.209": ("urn:oid:2.16.840.1.113883.6.209", "NDF-RT (earlier OID)"),
    "2.16.840.1.113883.3.26.1.5": ("urn:oid:2.16.840.1.113883.3.26.1.5", "NDF-RT"),
    "2.16.840.1.113883.3.26.1.1": ("http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl", "NCI Thesaurus"),
    "2.16.840.1.113883.3.26.1.1.1": (
        "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl",
        "NCI Thesaurus (earlier OID)",
    ),
    "2.16.840.1.113883.6.86": ("http://www.nlm.nih.gov/research/umls", "UMLS"),
    "2.16.840.1.113883.6.101": ("http://nucc.org/provider-taxonomy", "NUCC provider taxonomy"),
    "2.16.840.1.113883.5.53": ("http://nucc.org/provider-taxonomy", "NUCC provider taxonomy (earlier OID)"),
    "2.16.840.1.113883.11.19465": ("http://nucc.org/provider-taxonomy", "NUCC (value set OID)"),
    "2.16.840.1.114222.4.11.1066": ("http://nucc.org/provider-taxonomy", "NUCC (value set OID)"),
    "1.2.840.10008.2.16.4": ("http://dicom.nema.org/resources/ontology/DCM", "DICOM"),
    "1.2.840.10008.2.6.1": ("urn:oid:1.2.840.10008.2.6.1", "DICOM UIDs"),
    "2.16.840.1.113883.6.301.5": (
        "https://www.cms.gov/Medicare/Medicare-Fee-for-Service-Payment/AcuteInpatientPPS/MS-DRG-Classifications-and-Software",
        "MS-DRG",
    ),
    "2.16.840.1.113883.6.68": ("urn:oid:2.16.840.1.113883.6.68", "Medispan GPI"),
    "2.16.840.1.113883.6.253": ("urn:oid:2.16.840.1.113883.6.253", "Medispan drug descriptor"),
    "2.16.840.1.113883.6.6": ("urn:oid:2.16.840.1.113883.6.6", "AMA drug codes"),
    # people and places
    "2.16.840.1.113883.6.238": (CDC_RACE, "CDC race and ethnicity"),
    "2.16.840.1.113883.6.121": ("urn:ietf:bcp:47", "Language tags"),
    "2.16.840.1.113883.6.316": ("urn:ietf:bcp:47", "Language tags"),
    "2.16.840.1.113883.6.259": (
        "https://www.cdc.gov/nhsn/cdaportal/terminology/codesystem/hsloc.html",
        "HSLOC",
    ),
    "2.16.840.1.113883.13.19": (
        "https://www.cdc.gov/nhsn/cdaportal/terminology/codesystem/hsloc.html",
        "HSLOC (value set OID)",
    ),
    "2.16.840.1.113883.6.50": (
        "https://www.cms.gov/Medicare/Coding/place-of-service-codes/Place_of_Service_Code_Set",
        "Place of service",
    ),
    "2.16.840.1.113883.3.221.5": ("https://nahdo.org/sopt", "Source of payment typology"),
    "2.16.840.1.113883.6.255.1336": ("https://x12.org/codes/insurance-type", "X12 insurance type"),
    "2.16.840.1.113883.6.301.3": ("https://www.nubc.org/CodeSystem/RevenueCodes", "Revenue codes"),
    "2.16.840.1.113883.6.301": ("https://www.nubc.org/CodeSystem/PatDischargeStatus", "NUBC"),
    # HL7 version 3
    "2.16.840.1.113883.5.1": (V3 + "AdministrativeGender", "AdministrativeGender"),
    "2.16.840.1.113883.5.2": (V3 + "MaritalStatus", "MaritalStatus"),
    "2.16.840.1.113883.5.4": (V3_ACT_CODE, "ActCode"),
    "2.16.840.1.113883.5.6": (V3 + "ActClass", "ActClass"),
    "2.16.840.1.113883.5.7": (V3 + "ActPriority", "ActPriority"),
    "2.16.840.1.113883.5.8": (V3 + "ActReason", "ActReason"),
    "2.16.840.1.113883.11.19725": (V3 + "ActReason", "ActReason (value set OID)"),
    "2.16.840.1.113883.5.14": (V3 + "ActStatus", "ActStatus"),
    "2.16.840.1.113883.5.25": (V3 + "Confidentiality", "Confidentiality"),
    "2.16.840.1.113883.5.33": (V3 + "EntityNameUse", "EntityNameUse"),
    "2.16.840.1.113883.5.45": (V3 + "EntityNameUse", "EntityNameUse"),
    "2.16.840.1.113883.5.60": (V3 + "LanguageAbilityMode", "LanguageAbilityMode"),
    "2.16.840.1.113883.5.61": (V3 + "LanguageAbilityProficiency", "LanguageAbilityProficiency"),
    "2.16.840.1.113883.5.83": (V3_OBSERVATION_INTERPRETATION, "ObservationInterpretation"),
    "2.16.840.1.113883.1.11.78": (V3_OBSERVATION_INTERPRETATION, "ObservationInterpretation (value set OID)"),
    "2.16.840.1.113883.5.84": (V3 + "ObservationMethod", "ObservationMethod"),
    "2.16.840.1.113883.5.85": (V3 + "orderableDrugForm", "orderableDrugForm"),
    "2.16.840.1.113883.5.88": (V3 + "ParticipationFunction", "ParticipationFunction"),
    "2.16.840.1.113883.5.89": (V3 + "ParticipationMode", "ParticipationMode"),
    "2.16.840.1.113883.5.90": (V3 + "ParticipationType", "ParticipationType"),
    "2.16.840.1.113883.5.110": (V3 + "RoleClass", "RoleClass"),
    "2.16.840.1.113883.5.111": (V3 + "RoleCode", "RoleCode"),
    "2.16.840.1.113883.1.11.19563": (V3 + "RoleCode", "RoleCode (value set OID)"),
    "2.16.840.1.113883.11.20.12.1": (V3 + "RoleCode", "RoleCode (value set OID)"),
    "2.16.840.1.113883.1.11.19830": (V3 + "RoleCode", "RoleCode (value set OID)"),
    "2.16.840.1.113883.5.112": (V3 + "RouteOfAdministration", "RouteOfAdministration"),
    "2.16.840.1.113883.5.129": (V3 + "SpecimenType", "SpecimenType"),
    "2.16.840.1.113883.5.139": (V3 + "TimingEvent", "TimingEvent"),
    "2.16.840.1.113883.5.140": (V3 + "TribalEntityUS", "TribalEntityUS"),
    "2.16.840.1.113883.5.1008": (NULL_FLAVOR, "NullFlavor"),
    "2.16.840.1.113883.5.1052": (V3 + "ActSite", "ActSite"),
    "2.16.840.1.113883.5.1063": (V3 + "ObservationValue", "ObservationValue"),
    "2.16.840.1.113883.5.1076": (V3 + "ReligiousAffiliation", "ReligiousAffiliation"),
    "2.16.840.1.113883.1.11.19185": (V3 + "ReligiousAffiliation", "ReligiousAffiliation (value set OID)"),
    "2.16.840.1.113883.5.1119": (V3 + "AddressUse", "AddressUse"),
    "2.16.840.1.113883.1.11.1": (V3 + "AdministrativeGender", "AdministrativeGender (value set OID)"),
    # HL7 version 2
    "2.16.840.1.113883.12.1": (_V2 + "0001", "Administrative sex"),
    "2.16.840.1.113883.12.5": (_V2 + "0005", "Race"),
    "2.16.840.1.113883.12.78": (_V2 + "0078", "Abnormal flags"),
    "2.16.840.1.113883.12.112": (_V2 + "0112", "Discharge disposition"),
    "2.16.840.1.113883.12.163": (_V2 + "0163", "Body site"),
    "2.16.840.1.113883.12.443": (_V2 + "0443", "Provider role"),
    "2.16.840.1.113883.18.108": (V2_0203, "Identifier type"),
    # FHIR
    "2.16.840.1.113883.4.642.4.1131": (
        "http://terminology.hl7.org/CodeSystem/provenance-participant-type",
        "Provenance participant type",
    ),
}
"""OID to FHIR URI and name."""

IDENTIFIER_SYSTEMS: dict[str, tuple[str, str]] = {
    "2.16.840.1.113883.4.6": ("http://hl7.org/fhir/sid/us-npi", "US National Provider Identifier"),
    "2.16.840.1.113883.4.1": ("http://hl7.org/fhir/sid/us-ssn", "US Social Security Number"),
    "2.16.840.1.113883.4.572": ("http://hl7.org/fhir/sid/us-medicare", "US Medicare number"),
    "2.16.840.1.113883.4.927": ("http://hl7.org/fhir/sid/us-mbi", "US Medicare beneficiary identifier"),
}
"""Roots of identifiers that FHIR has its own URI for; all others are ``urn:oid:<root>``."""

_OID = re.compile(r"[0-2](\.(0|[1-9][0-9]*))+")
_UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
_SYSTEM_CACHE: dict[str, str | None] = {oid: uri for oid, (uri, _) in CODE_SYSTEMS.items()}


def is_oid(text: str) -> bool:
    """Whether a text is a well-formed OID."""
    return _OID.fullmatch(text) is not None


def is_uuid(text: str) -> bool:
    """Whether a text has the form of a UUID, in either case."""
    return _UUID.fullmatch(text) is not None


def _v3_codes() -> dict[str, frozenset[str]]:
    lines = files(__package__).joinpath("v3_codes.txt").read_text(encoding="ascii").splitlines()
    return {V3 + line.split()[0]: frozenset(line.split()[1:]) for line in lines}


V3_CODES = _v3_codes()
"""By URI, the codes that HL7's version 3 code systems have in R4 (written by scripts/v3_codes.py)."""


def coded_system(code: str, code_system: str | None) -> str | None:
    """The FHIR URI of a code's codeSystem attribute, as :func:`system_uri`, where that system has the code.

    Where a sender claims one of HL7's own code systems for a code that it does not have, the URI would
    make the claim ours, and every validator refuses it: what was claimed stays as ``urn:oid:<oid>``.
    """
    system = system_uri(code_system)
    if system is None or not system.startswith(V3):
        return system
    if system == ROLE_CODE and code in ROLE_CLASSES:
        return ROLE_CLASS
    known = V3_CODES.get(system)
    if known is None or code in known:
        return system
    return f"urn:oid:{(code_system or '').strip()}"


_NUMBERED = frozenset((SNOMED, LOINC, RXNORM, CVX, ICD9CM, ICD10CM, CPT))


def may_have_words(system: str | None) -> bool:
    """Whether a code system may have a code that looks like a nullFlavor, such as ``NA`` or ``OTH``.

    Without a system, in one whose codes are numbers, and in one of HL7's that has no such code (see
    :func:`coded_system`), it is a null in the wrong place.
    """
    return system is not None and system not in _NUMBERED and not system.startswith(_HL7_OID)


def system_uri(code_system: str | None) -> str | None:
    """The FHIR URI of a codeSystem attribute; ``urn:oid:`` for an unknown OID, ``None`` for no OID at all."""
    if code_system is None:
        return None
    known = _SYSTEM_CACHE.get(code_system)
    if known is not None:
        return known
    text = code_system.strip()
    known = _SYSTEM_CACHE.get(text)
    if known is not None:
        return known
    if is_oid(text):
        return "urn:oid:" + text
    if is_uuid(text):
        return "urn:uuid:" + text.lower()
    return None
