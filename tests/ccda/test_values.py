"""Times, identifiers, units, names and telecoms, one by one."""

# ruff: noqa: E501 - XML reads better unbroken
from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from chartbridge.ccda.codesystems import CODE_SYSTEMS, is_oid, system_uri
from chartbridge.ccda.datatypes import coding, identifier, number, quantity
from chartbridge.ccda.demographics import address, contact_point, human_name
from chartbridge.ccda.times import interval, timestamp
from chartbridge.fhir import is_date_time


def el(xml: str) -> Any:
    """An element of CDA's namespace."""
    return etree.fromstring(
        xml.replace(" ", ' xmlns="urn:hl7-org:v3" ', 1)
        if " " in xml.split(">", maxsplit=1)[0]
        else xml.replace(">", ' xmlns="urn:hl7-org:v3">', 1)
    )


@pytest.mark.parametrize(
    ("hl7", "fhir"),
    [
        ("1999", "1999"),
        ("199911", "1999-11"),
        ("19991130", "1999-11-30"),
        ("199911301405-0500", "1999-11-30T14:05:00-05:00"),
        ("19991130140559+0000", "1999-11-30T14:05:59+00:00"),
        ("19991130140559.1234-05", "1999-11-30T14:05:59.1234-05:00"),
        ("19991130140559Z", "1999-11-30T14:05:59Z"),
        ("19991130140559", "1999-11-30"),
        ("1999113014", "1999-11-30"),
        ("1999113014-0500", "1999-11-30"),
        ("19990000", "1999"),
        ("19991100", "1999-11"),
        ("199911301405+1500", "1999-11-30"),
        ("199911302505-0500", "1999-11-30"),
        ("20000229", "2000-02-29"),
        ("2013-03-11", "2013-03-11"),
        ("2013-03-11T10:00:00-05:00", "2013-03-11T10:00:00-05:00"),
        (" 2013 ", "2013"),
    ],
)
def test_a_timestamp_keeps_its_precision_and_offset(hl7: str, fhir: str) -> None:
    assert timestamp(hl7) == fhir


@pytest.mark.parametrize(
    "bad",
    ["", "0000", "19", "19991", "19991301", "19990230", "19000229", "200130311", "today", "19991130T1405"],
)
def test_what_is_no_timestamp_is_none(bad: str) -> None:
    assert timestamp(bad) is None


@given(st.text(alphabet="0123456789+-.:TZ ", max_size=24))
def test_whatever_comes_a_time_is_valid_fhir_or_nothing(text: str) -> None:
    made = timestamp(text)
    assert made is None or is_date_time(made)


def test_an_interval_whose_ends_agree_is_a_point() -> None:
    found = interval(el('<effectiveTime a="1"><low value="2020"/><high value="2020"/></effectiveTime>'))
    assert found.choice("effective") == {"effectiveDateTime": "2020"}


def test_an_interval_that_ends_before_it_begins_loses_its_end() -> None:
    found = interval(el('<effectiveTime a="1"><low value="20200102"/><high value="2019"/></effectiveTime>'))
    assert found.period == {"start": "2020-01-02"}
    assert found.reversed


def test_an_unreadable_time_is_noticed() -> None:
    assert interval(el('<effectiveTime value="sometime"/>')).unreadable


@pytest.mark.parametrize(
    ("xml", "wanted"),
    [
        ('<id root="1.2.3" extension="A 1"/>', {"system": "urn:oid:1.2.3", "value": "A 1"}),
        ('<id root="1.2.3"/>', {"system": "urn:ietf:rfc:3986", "value": "urn:oid:1.2.3"}),
        (
            '<id root="9B54C3C9-1673-49C7-AEF9-B037ED72ED27"/>',
            {"system": "urn:ietf:rfc:3986", "value": "urn:uuid:9b54c3c9-1673-49c7-aef9-b037ed72ed27"},
        ),
        (
            '<id root="2.16.840.1.113883.4.6" extension="1"/>',
            {"system": "http://hl7.org/fhir/sid/us-npi", "value": "1"},
        ),
        ('<id root="MRN" extension="5"/>', {"value": "5"}),
        ('<id nullFlavor="UNK"/>', None),
        ('<id nullFlavor="NI" root="1.2.3"/>', None),
        ('<id root="1.2.03"/>', {"value": "1.2.03"}),
    ],
)
def test_identifiers(xml: str, wanted: dict[str, str] | None) -> None:
    assert identifier(el(xml)) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("5", 5),
        ("5.0", 5.0),
        (".5", 0.5),
        ("-3", -3),
        ("1e3", 1000.0),
        ("nan", None),
        ("inf", None),
        ("1,5", None),
        (None, None),
        ("", None),
    ],
)
def test_numbers(text: str | None, wanted: float | None) -> None:
    assert number(text) == wanted


def test_a_unit_that_cannot_be_ucum_is_only_a_unit() -> None:
    assert quantity(el('<value value="3" unit="mm of Hg"/>')) == {"value": 3, "unit": "mm of Hg"}


def test_a_name_has_its_parts_in_order() -> None:
    made = human_name(
        el(
            '<name use="L"><prefix>Dr.</prefix><given>Ana</given><given>M.</given><family>Ruiz</family><suffix>MD</suffix></name>'
        )
    )
    assert made == {
        "use": "usual",
        "family": "Ruiz",
        "given": ["Ana", "M."],
        "prefix": ["Dr."],
        "suffix": ["MD"],
    }


def test_an_unstructured_name_and_address_are_text() -> None:
    assert human_name(el("<name>Ana  Ruiz</name>")) == {"text": "Ana Ruiz"}
    assert address(el("<addr>12 Elm Row, Duluth</addr>")) == {"text": "12 Elm Row, Duluth"}


def test_an_address_of_nulls_is_none() -> None:
    assert address(el('<addr use="HP"><city nullFlavor="UNK"/><state/></addr>')) is None


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("tel: +1(555)555-1030", {"system": "phone", "value": "+1(555)555-1030"}),
        ("mailto:a@example.org", {"system": "email", "value": "a@example.org"}),
        ("a@example.org", {"system": "email", "value": "a@example.org"}),
        ("555-0142", {"system": "phone", "value": "555-0142"}),
        ("fax:555-0143", {"system": "fax", "value": "555-0143"}),
        ("https://example.org", {"system": "url", "value": "https://example.org"}),
        ("tel:", None),
    ],
)
def test_telecoms(value: str, wanted: dict[str, str] | None) -> None:
    assert contact_point(el(f'<telecom value="{value}"/>')) == wanted


def test_every_code_system_has_a_well_formed_oid_a_uri_and_a_name() -> None:
    for oid, (uri, name) in CODE_SYSTEMS.items():
        assert is_oid(oid)
        assert uri.startswith(("http://", "https://", "urn:"))
        assert name


@pytest.mark.parametrize(
    ("oid", "uri"),
    [
        ("2.16.840.1.113883.6.96", "http://snomed.info/sct"),
        ("2.16.840.1.113883.6.1", "http://loinc.org"),
        ("2.16.840.1.113883.6.88", "http://www.nlm.nih.gov/research/umls/rxnorm"),
        ("2.16.840.1.113883.12.292", "http://hl7.org/fhir/sid/cvx"),
        ("2.16.840.1.113883.6.90", "http://hl7.org/fhir/sid/icd-10-cm"),
        ("2.16.840.1.113883.6.69", "http://hl7.org/fhir/sid/ndc"),
        ("2.16.840.1.113883.6.12", "http://www.ama-assn.org/go/cpt"),
        ("1.2.3.4", "urn:oid:1.2.3.4"),
        ("ICD-10", None),
    ],
)
def test_code_systems_have_their_canonical_uri(oid: str, uri: str | None) -> None:
    assert system_uri(oid) == uri


@pytest.mark.parametrize(
    ("code", "system"),
    [
        ("ORAL", None),
        ("PO", "http://terminology.hl7.org/CodeSystem/v3-RouteOfAdministration"),
        ("BY-MOUTH", "urn:oid:2.16.840.1.113883.5.112"),
    ],
)
def test_a_code_that_a_system_of_hl7_lacks_keeps_the_oid_that_was_claimed(
    code: str, system: str | None
) -> None:
    oid = "" if system is None else ' codeSystem="2.16.840.1.113883.5.112"'
    made = coding(el(f'<code code="{code}"{oid}/>'))
    assert made == ({"code": code} if system is None else {"system": system, "code": code})


@pytest.mark.parametrize(
    "oid", ["2.16.840.1.113883.6.96", "2.16.840.1.113883.5.112", "2.16.840.1.113883.6.1"]
)
def test_a_null_flavor_in_the_guise_of_a_code_is_none(oid: str) -> None:
    assert coding(el(f'<code code="UNK" codeSystem="{oid}"/>')) is None


def test_a_local_code_may_look_like_a_null_flavor() -> None:
    made = coding(el('<code code="NA" codeSystem="1.2.3.4" displayName="Sodium"/>'))
    assert made == {"system": "urn:oid:1.2.3.4", "code": "NA", "display": "Sodium"}
