from __future__ import annotations

import re

import pytest
from lxml import etree

from chartbridge.features.networks.sandbox.persona import load
from tests.networks.sandbox.support import HL7, PERSONAS, ccd

SECTIONS = {
    "48765-2": "allergies",
    "10160-0": "medications",
    "11450-4": "problems",
    "47519-4": "procedures",
    "30954-2": "results",
    "46240-8": "encounters",
    "10157-6": "family history",
    "47420-5": "functional status",
    "11369-6": "immunizations",
    "48768-6": "payers",
    "51848-0": "assessment",
    "18776-5": "plan of treatment",
    "61146-7": "goals",
    "75310-3": "health concerns",
    "29762-2": "social history",
    "8716-3": "vital signs",
    "85847-2": "care team",
    "11506-3": "notes",
}
# The order of children that the CDA R2 schema demands, by element.
START = ["realmCode", "typeId", "templateId", "id"]
WHO = ["subject", "specimen", "performer", "author", "informant", "participant"]
LINKS = ["entryRelationship", "reference", "precondition"]
ORDER = {
    "observation": [
        *START, "code", "derivationExpr", "text", "statusCode", "effectiveTime", "priorityCode",
        "repeatNumber", "languageCode", "value", "interpretationCode", "methodCode", "targetSiteCode",
        *WHO, *LINKS, "referenceRange",
    ],
    "act": [
        *START, "code", "text", "statusCode", "effectiveTime", "priorityCode", "languageCode", *WHO, *LINKS,
    ],
    "encounter": [
        *START, "code", "text", "statusCode", "effectiveTime", "dischargeDispositionCode", "priorityCode",
        *WHO, *LINKS,
    ],
    "procedure": [
        *START, "code", "text", "statusCode", "effectiveTime", "priorityCode", "languageCode", "methodCode",
        "approachSiteCode", "targetSiteCode", *WHO, *LINKS,
    ],
    "organizer": [
        *START, "code", "statusCode", "effectiveTime", *WHO, "reference", "precondition", "component",
    ],
    "substanceAdministration": [
        *START, "code", "text", "statusCode", "effectiveTime", "priorityCode", "repeatNumber", "routeCode",
        "approachSiteCode", "doseQuantity", "rateQuantity", "maxDoseQuantity", "administrationUnitCode",
        "subject", "specimen", "consumable", "performer", "author", "informant", "participant", *LINKS,
    ],
    "supply": [
        *START, "code", "text", "statusCode", "effectiveTime", "priorityCode", "repeatNumber",
        "independentInd", "quantity", "expectedUseTime", "subject", "specimen", "product", "performer",
        "author", "informant", "participant", *LINKS,
    ],
    "section": [*START, "code", "title", "text", "confidentialityCode", "languageCode", "author", "entry"],
    "ClinicalDocument": [
        *START, "code", "title", "effectiveTime", "confidentialityCode", "languageCode", "setId",
        "versionNumber", "copyTime", "recordTarget", "author", "dataEnterer", "informant", "custodian",
        "informationRecipient", "legalAuthenticator", "authenticator", "participant", "inFulfillmentOf",
        "documentationOf", "relatedDocument", "authorization", "componentOf", "component",
    ],
    "patient": [
        "name", "administrativeGenderCode", "birthTime", "maritalStatusCode", "religiousAffiliationCode",
        "raceCode", "ethnicGroupCode", "guardian", "birthplace", "languageCommunication",
    ],
    "assignedEntity": [
        "id", "code", "addr", "telecom", "assignedPerson", "representedOrganization",
    ],
    "assignedAuthor": [
        "id", "code", "addr", "telecom", "assignedPerson", "representedOrganization",
    ],
}  # fmt: skip
# Elements whose code can only be of one system, so they need not name it.
OF_ONE_SYSTEM = {"statusCode", "languageCode", "signatureCode", "event", "realmCode"}


@pytest.fixture(params=PERSONAS)
def key(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def document(key: str) -> etree._Element:
    return etree.fromstring(ccd(key))


def _local(element: etree._Element) -> str:
    return etree.QName(element).localname


def _one(node: etree._Element, path: str) -> etree._Element:
    found = node.find(path, HL7)
    assert found is not None, path
    return found


def _words(node: etree._Element) -> str:
    return " ".join("".join(str(part) for part in node.itertext()).split())


def _find(node: etree._Element, path: str) -> list[etree._Element]:
    return node.findall(path, HL7)


def test_it_declares_the_us_realm_header_and_the_ccd_template(document: etree._Element) -> None:
    declared = {(t.get("root"), t.get("extension")) for t in _find(document, "h:templateId")}
    assert ("2.16.840.1.113883.10.20.22.1.1", "2015-08-01") in declared
    assert ("2.16.840.1.113883.10.20.22.1.2", "2015-08-01") in declared
    assert _one(document, "h:code").get("code") == "34133-9"


def test_it_has_every_section_with_a_title_and_narrative(document: etree._Element) -> None:
    found: dict[str | None, etree._Element] = {}
    for section in _find(document, ".//h:section"):
        found[_one(section, "h:code").get("code")] = section
    assert not SECTIONS.keys() - found.keys()
    for section in found.values():
        assert _words(_one(section, "h:title"))
        assert _words(_one(section, "h:text"))


def test_every_section_but_the_assessment_has_entries(document: etree._Element) -> None:
    for section in _find(document, ".//h:section"):
        if _one(section, "h:code").get("code") != "51848-0":
            assert _find(section, "h:entry"), _words(_one(section, "h:title"))


def test_every_reference_points_at_narrative_that_says_something(document: etree._Element) -> None:
    anchors = {node.get("ID"): node for node in document.iter("{*}*") if node.get("ID")}
    references = _find(document, ".//h:reference")
    assert len(references) > 200
    for reference in references:
        target = anchors[str(reference.get("value")).removeprefix("#")]
        assert _words(target), reference.get("value")


def test_a_reference_stays_within_its_own_section(document: etree._Element) -> None:
    for section in _find(document, ".//h:section"):
        anchors = {node.get("ID") for node in section.iter("{*}*")}
        for reference in _find(section, ".//h:reference"):
            assert str(reference.get("value")).removeprefix("#") in anchors


def test_narrative_ids_are_unique_and_are_xml_names(document: etree._Element) -> None:
    anchors = [str(node.get("ID")) for node in document.iter("{*}*") if node.get("ID")]
    assert len(set(anchors)) == len(anchors)
    assert all(re.fullmatch(r"[A-Za-z_][\w.-]*", anchor) for anchor in anchors)


def test_entry_ids_are_unique(document: etree._Element) -> None:
    ids = [
        (node.get("root"), node.get("extension"))
        for statement in ORDER
        if statement not in {"assignedEntity", "assignedAuthor", "ClinicalDocument", "patient", "section"}
        for parent in _find(document, f".//h:{statement}")
        for node in _find(parent, "h:id")
    ]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("element", ORDER)
def test_children_stand_in_the_order_of_the_schema(document: etree._Element, element: str) -> None:
    order = ORDER[element]
    for parent in document.iter(f"{{{HL7['h']}}}{element}"):
        places = [order.index(_local(child)) for child in parent]
        assert places == sorted(places), [_local(child) for child in parent]


def test_it_holds_the_persona_demographics(key: str, document: etree._Element) -> None:
    who = load(key).patient
    role = _one(document, "h:recordTarget/h:patientRole")
    assert _words(_one(role, "h:patient/h:name/h:given")) == who["first_name"]
    assert _words(_one(role, "h:patient/h:name/h:family")) == who["last_name"]
    assert _one(role, "h:patient/h:birthTime").get("value") == f"{who['dob']:%Y%m%d}"
    assert _one(role, "h:patient/h:administrativeGenderCode").get("code") == who["sex"]
    assert _words(_one(role, "h:addr/h:postalCode")) == who["zip"]


def test_it_holds_a_negated_and_an_unknown_statement(document: etree._Element) -> None:
    refused = _find(document, ".//h:substanceAdministration[@negationInd='true']")
    denied = _find(document, ".//h:observation[@negationInd='true']")
    unknown = _find(document, ".//h:procedure/h:effectiveTime[@nullFlavor='UNK']")
    assert len(refused) == 1
    assert denied
    assert len(unknown) == 1


def test_a_negated_statement_says_so_in_its_narrative(document: etree._Element) -> None:
    anchors = {node.get("ID"): node for node in document.iter("{*}*") if node.get("ID")}
    for statement in document.iterfind(".//*[@negationInd='true']"):
        reference = _one(statement, "h:text/h:reference")
        words = _words(anchors[str(reference.get("value")).removeprefix("#")])
        assert re.search(r"\bNo\b|Refused", words), words


def test_codes_name_their_system(document: etree._Element) -> None:
    for node in document.iter("{*}*"):
        if node.get("code") and _local(node) not in {
            "statusCode",
            "languageCode",
            "signatureCode",
            "event",
            "realmCode",
        }:
            assert node.get("codeSystem"), etree.tostring(node)[:200]
            assert node.get("displayName"), etree.tostring(node)[:200]


def test_only_ollie_has_no_known_allergies() -> None:
    without = [key for key in PERSONAS if b"No known allergies" in ccd(key)]
    assert without == ["ollie"]
