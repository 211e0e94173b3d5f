"""The document as a whole: encodings, identity, references, isolation of what is bad, and the account."""

# ruff: noqa: E501 - XML reads better unbroken
from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest
from lxml import etree

from chartbridge.ccda import convert
from chartbridge.ccda.context import SOURCE_ELEMENT
from chartbridge.ccda.registry import BY_TEMPLATE
from chartbridge.fhir import dangling_references
from tests.ccda.builders import (
    AUTHOR,
    LOINC,
    PATIENT_ID,
    SNOMED,
    allergy,
    code,
    converted,
    document,
    immunization,
    medication,
    observation,
    of_type,
    problem,
    related,
    section,
    template,
    the,
    value,
)

WHOLE = (
    section("11450-4", problem(), text='<list><item ID="p1">Hypertension</item></list>'),
    section("48765-2", allergy()),
    section("10160-0", medication()),
    section("11369-6", immunization()),
)


def test_iso_8859_1_is_decoded_as_declared() -> None:
    xml = (
        document(*WHOLE)
        .decode()
        .replace("Halvorsen", "Höglund")
        .replace('encoding="UTF-8"', 'encoding="ISO-8859-1"')
    )
    done = convert(xml.encode("iso-8859-1"), PATIENT_ID)
    assert the(done, "Patient")["name"][0]["family"] == "Höglund"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_is_understood(encoding: str) -> None:
    xml = document(*WHOLE).decode().replace(' encoding="UTF-8"', "")
    assert the(convert(xml.encode(encoding), PATIENT_ID), "Patient")["birthDate"] == "1981-03-14"


def test_white_space_before_the_declaration_is_forgiven() -> None:
    assert the(convert(b"\n  " + document(*WHOLE), PATIENT_ID), "Condition")


def test_the_bundle_is_a_batch_of_puts_under_the_resources_own_ids() -> None:
    done = converted(*WHOLE)
    assert (done.bundle["resourceType"], done.bundle["type"]) == ("Bundle", "batch")
    for entry in done.bundle["entry"]:
        kind, identity = entry["resource"]["resourceType"], entry["resource"]["id"]
        assert entry["fullUrl"] == f"urn:uuid:{identity}"
        assert entry["request"] == {"method": "PUT", "url": f"{kind}/{identity}"}


def test_the_patient_has_the_callers_id_and_everything_refers_to_it() -> None:
    done = convert(document(*WHOLE), "any text, really")
    assert the(done, "Patient")["id"] == "any text, really"
    for kind, name in (
        ("Condition", "subject"),
        ("AllergyIntolerance", "patient"),
        ("Immunization", "patient"),
    ):
        assert the(done, kind)[name] == {"reference": "Patient/any text, really"}


def test_no_reference_dangles_and_no_id_is_used_twice() -> None:
    done = converted(*WHOLE)
    assert dangling_references(done.bundle) == []
    urls = [entry["request"]["url"] for entry in done.bundle["entry"]]
    assert len(urls) == len(set(urls))


def test_entries_that_share_an_id_but_differ_are_both_kept() -> None:
    other = immunization().replace('code="88"', 'code="33"')
    assert len(of_type(converted(section("11369-6", immunization(), other)), "Immunization")) == 2


def test_a_statement_that_is_repeated_is_one_resource_and_reported_as_merged() -> None:
    done = converted(section("11450-4", problem()), section("11450-4", problem()))
    made = the(done, "Condition")
    assert done.report.totals["merged"] == 1
    places = [one["valueString"] for one in made["extension"] if one["url"] == SOURCE_ELEMENT]
    assert len(places) == 2


def test_a_practitioner_and_an_organization_appear_once_however_often_they_are_named() -> None:
    done = converted(section("11450-4", problem(AUTHOR)), section("48765-2", allergy(AUTHOR)))
    assert the(done, "Practitioner")["name"][0]["family"] == "Okonkwo"
    assert the(done, "Organization")["name"] == "Lakeside Clinic"


def test_two_people_under_one_identifier_stay_two() -> None:
    other = AUTHOR.replace("Wilma", "Pietro").replace("Okonkwo", "Sands")
    assert len(of_type(converted(section("11450-4", problem(other))), "Practitioner")) == 2


def test_a_later_mention_of_a_person_adds_what_the_first_did_not_say() -> None:
    telecom = '<telecom value="tel:+1-218-555-0100" use="WP"/><assignedPerson>'
    fuller = AUTHOR.replace("<assignedPerson>", telecom)
    made = the(converted(section("11450-4", problem(fuller))), "Practitioner")
    assert made["telecom"] == [{"system": "phone", "value": "+1-218-555-0100", "use": "work"}]


def test_each_resource_points_to_the_element_it_comes_from() -> None:
    xml = document(*WHOLE)
    root = etree.fromstring(xml)
    for entry in convert(xml, PATIENT_ID).bundle["entry"]:
        places = [
            one["valueString"] for one in entry["resource"]["extension"] if one["url"] == SOURCE_ELEMENT
        ]
        assert places
        for place in places:
            steps = "/".join(f"v3:{step}" for step in place.strip("/").split("/"))
            assert root.xpath(f"count(/{steps})", namespaces={"v3": "urn:hl7-org:v3"}) == 1, place


def test_the_encounter_of_the_header_and_of_a_section_is_one() -> None:
    header = (
        AUTHOR + '<componentOf><encompassingEncounter><id root="2.16.840.1.113883.3.9911.9" extension="E1"/>'
        '<effectiveTime><low value="20240105"/></effectiveTime></encompassingEncounter></componentOf>'
    )
    entry = (
        f'<encounter classCode="ENC" moodCode="EVN">{template(".4.49")}'
        '<id root="2.16.840.1.113883.3.9911.9" extension="E1"/>'
        f'{code("code", "99213", "2.16.840.1.113883.6.12", "Office visit")}<effectiveTime value="20240105"/></encounter>'
    )
    made = the(converted(section("46240-8", entry), header=header), "Encounter")
    assert made["class"]["code"] == "AMB"
    assert made["type"][0]["coding"][0]["code"] == "99213"


def test_one_bad_statement_spoils_nothing_and_stays_readable(monkeypatch: pytest.MonkeyPatch) -> None:
    mapper = BY_TEMPLATE["2.16.840.1.113883.10.20.22.4.16"]

    def breaks(st: Any, ctx: Any) -> Any:
        mapper(st, ctx)
        raise ValueError("Halvorsen")

    monkeypatch.setitem(BY_TEMPLATE, "2.16.840.1.113883.10.20.22.4.16", breaks)
    nested = observation(
        template(".4.2"),
        code("code", "718-7", LOINC, "Hemoglobin"),
        '<value xsi:type="PQ" value="9" unit="g/dL"/>',
    )
    done = converted(section("10160-0", medication(related(nested))), section("11450-4", problem()))
    assert of_type(done, "Condition")
    assert of_type(done, "Observation"), "a statement within the bad one is still converted"
    assert not of_type(done, "MedicationStatement")
    assert dangling_references(done.bundle) == []
    [account] = done.report.not_converted
    assert account.path.endswith("/section/entry[1]/substanceAdministration")
    assert "Halvorsen" not in account.reason
    assert "Amlodipine 5 MG" in the(done, "Composition")["section"][0]["text"]["div"]


def test_the_report_accounts_for_every_statement_of_the_body() -> None:
    xml = document(*WHOLE)
    wanted = {
        "act",
        "observation",
        "organizer",
        "procedure",
        "encounter",
        "substanceAdministration",
        "supply",
    }
    present = sum(
        1 for el in etree.fromstring(xml).iter("{urn:hl7-org:v3}*") if etree.QName(el).localname in wanted
    )
    report = convert(xml, PATIENT_ID).report
    assert report.totals["statements"] == present == len(report.statements)
    assert sum(count for name, count in report.totals.items() if name != "statements") == present
    assert orjson.loads(orjson.dumps(report.to_json()))["totals"] == report.totals


def test_a_statement_of_nulls_is_reported_as_without_information() -> None:
    entry = problem(coded='<value xsi:type="CD" nullFlavor="UNK"/>')
    done = converted(section("11450-4", entry))
    assert not of_type(done, "Condition")
    assert done.report.totals["no-information"] == 2


def test_statements_nested_beyond_reason_are_reported() -> None:
    inner = observation("", code("code", "718-7", LOINC), "")
    for _ in range(60):
        inner = observation("", code("code", "718-7", LOINC), "", related(inner))
    done = converted(section("30954-2", inner))
    assert done.report.totals["statements"] == 61
    assert done.report.totals["not-converted"] == 20


def test_an_unknown_template_is_converted_by_what_kind_of_statement_it_is() -> None:
    entry = observation(
        template("1.2.3.4.5"),
        code("code", "75275-8", LOINC, "Something"),
        value("260385009", SNOMED, "Negative"),
    )
    made = the(converted(section("99999-9", entry)), "Observation")
    assert made["valueCodeableConcept"]["coding"][0]["code"] == "260385009"


def test_a_document_without_xml_body_becomes_a_binary_that_is_referred_to() -> None:
    body = '<nonXMLBody><text mediaType="application/pdf" representation="B64">JVBERi0x\nLjc=</text></nonXMLBody>'
    done = converted(body=body)
    binary = the(done, "Binary")
    assert (binary["contentType"], binary["data"]) == ("application/pdf", "JVBERi0xLjc=")
    urls = [one["content"][0]["attachment"].get("url") for one in of_type(done, "DocumentReference")]
    assert f"Binary/{binary['id']}" in urls


def test_the_same_document_gives_the_same_bytes_whatever_the_hash_seed(tmp_path: Path) -> None:
    source = tmp_path / "document.xml"
    source.write_bytes(document(*WHOLE))
    program = (
        "import sys, hashlib, orjson; from chartbridge.ccda import convert;"
        "done = convert(open(sys.argv[1], 'rb').read(), 'p-1');"
        "print(hashlib.sha256(orjson.dumps(done.bundle) + orjson.dumps(done.report.to_json())).hexdigest())"
    )
    seen = set()
    for seed in ("0", "1", "4242"):
        env = {**os.environ, "PYTHONHASHSEED": seed}
        ran = subprocess.run(
            [sys.executable, "-c", program, str(source)], env=env, capture_output=True, check=True
        )
        seen.add(ran.stdout.strip())
    done = convert(document(*WHOLE), "p-1")
    here = hashlib.sha256(orjson.dumps(done.bundle) + orjson.dumps(done.report.to_json())).hexdigest()
    assert seen == {here.encode()}


def test_another_patient_gets_other_ids() -> None:
    one, other = (the(convert(document(*WHOLE), who), "Condition")["id"] for who in ("p-1", "p-2"))
    assert one != other
