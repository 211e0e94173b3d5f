"""Documents of an odd shape: nothing in them is overlooked, and nothing of the oddness gets out."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from lxml import etree

from chartbridge.ccda import Conversion, convert
from tests.ccda.builders import (
    AUTHOR,
    LOINC,
    PATIENT_ID,
    allergy,
    code,
    converted,
    document,
    immunization,
    observation,
    of_type,
    problem,
    related,
    section,
    template,
    the,
)

V3 = "{urn:hl7-org:v3}"
PULSE = observation(
    template(".4.27"), code("code", "8867-4", LOINC), '<value xsi:type="PQ" value="72" unit="/min"/>'
)
WEIGHT = observation(
    template(".4.27"), code("code", "29463-7", LOINC), '<value xsi:type="PQ" value="70" unit="kg"/>'
)


def found_codes(done: Conversion) -> set[str]:
    return {one["code"]["coding"][0]["code"] for one in of_type(done, "Observation")}


def elements_of_paths(source: bytes, done: Conversion) -> list[Any]:
    """The element that each path of the report leads to; there must be exactly one."""
    root = etree.fromstring(source)
    made = []
    for account in done.report.statements:
        steps = account.path.removeprefix("/ClinicalDocument/").split("/")
        path = "/".join(f"v:{step}" for step in steps)
        found: Any = root.xpath(path, namespaces={"v": "urn:hl7-org:v3"})
        assert len(found) == 1, path
        made += found
    return made


@pytest.mark.parametrize(
    "body",
    [
        section("8716-3", PULSE + WEIGHT),
        section("8716-3", PULSE.replace("</observation>", f"<entry>{WEIGHT}</entry></observation>")),
        section("8716-3", PULSE.replace("</observation>", f"{WEIGHT}</observation>")),
        section("8716-3", related(PULSE + WEIGHT).join(('<act classCode="ACT" moodCode="EVN">', "</act>"))),
        section("8716-3", PULSE).replace("</section>", f"{WEIGHT}</section>"),
    ],
    ids=["two in an entry", "entry in a statement", "bare in a statement", "two in a relationship", "bare"],
)
def test_statements_in_places_where_none_belong_are_converted_and_accounted_for(body: str) -> None:
    source = document(body)
    done = convert(source, PATIENT_ID)
    assert found_codes(done) >= {"8867-4", "29463-7"}
    named = elements_of_paths(source, done)
    assert len(named) == len(set(named)) == source.count(b"<observation") + source.count(b"<act")


def test_statements_nested_too_deep_are_reported_each_under_its_own_path() -> None:
    deep = PULSE + WEIGHT
    for _ in range(45):
        deep = f'<act classCode="ACT" moodCode="EVN">{related(deep)}</act>'
    source = document(section("8716-3", deep))
    done = convert(source, PATIENT_ID)
    named = elements_of_paths(source, done)
    assert len(named) == len(set(named)) == 47
    assert {one.reason for one in done.report.not_converted} == {"nested deeper than 40 statements"}
    text = orjson.dumps(the(done, "Composition")["section"]).decode()
    assert "8867-4" in text
    assert "29463-7" in text


def test_a_byte_order_mark_within_a_document_is_gone() -> None:
    source = document(section("11450-4", problem())).replace(b"Halvorsen", b"\xef\xbb\xbfHalvorsen")
    assert the(convert(source, PATIENT_ID), "Patient")["name"][0]["family"] == "Halvorsen"


def test_the_same_bytes_in_another_encoding_are_no_byte_order_mark() -> None:
    source = document(section("11450-4", problem())).replace(b"Halvorsen", b"\xef\xbb\xbfHalvorsen")
    source = source.replace(b'encoding="UTF-8"', b'encoding="ISO-8859-1"')
    assert the(convert(source, PATIENT_ID), "Patient")["name"][0]["family"] == "ï»¿Halvorsen"


def test_the_id_of_a_person_does_not_depend_on_which_mention_comes_first() -> None:
    both = AUTHOR.replace("<assignedAuthor>", '<assignedAuthor><id root="1.2.3.4" extension="w-1"/>')
    ids = [
        {one["id"] for one in of_type(converted(*parts, header=""), "Practitioner")}
        for parts in (
            (section("11450-4", problem(AUTHOR)), section("11369-6", immunization(both))),
            (section("11369-6", immunization(both)), section("11450-4", problem(AUTHOR))),
        )
    ]
    assert len(ids[0]) == 1
    assert ids[0] == ids[1]


def test_a_link_with_a_blank_becomes_an_address() -> None:
    body = '<nonXMLBody><text mediaType="application/pdf"><reference value="a file.pdf"/></text></nonXMLBody>'
    done = converted(body=body)
    urls = [
        content["attachment"].get("url")
        for one in of_type(done, "DocumentReference")
        for content in one["content"]
    ]
    assert "a%20file.pdf" in urls


def test_no_garbage_is_left_for_the_collector() -> None:
    import gc

    source = document(section("11450-4", problem(AUTHOR)), section("48765-2", allergy()))
    convert(source, PATIENT_ID)
    gc.collect()
    gc.disable()
    try:
        convert(source, PATIENT_ID)
        assert not gc.isenabled()
        assert gc.collect() == 0
    finally:
        gc.enable()
    convert(source, PATIENT_ID)
    assert gc.isenabled()
