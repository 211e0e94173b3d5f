"""The helpers that are general to R4."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chartbridge.fhir import (
    batch,
    content_id,
    dangling_references,
    drop,
    instant,
    is_date_time,
    is_local,
    name_based_id,
    namespace,
    reference,
    reference_to,
    references,
    resources,
)


def test_what_is_empty_is_dropped_and_what_is_false_or_zero_stays() -> None:
    kept = drop({"a": None, "b": "", "c": [], "d": {}, "e": False, "f": 0, "g": [None, {}, "x"]})
    assert kept == {"e": False, "f": 0, "g": ["x"]}
    assert drop({"a": None, "b": [None]}) is None


@given(st.binary(min_size=16, max_size=16), st.text(max_size=200))
def test_a_name_based_id_is_the_uuid_of_rfc_4122(within: bytes, name: str) -> None:
    assert name_based_id(within, name) == str(uuid.uuid5(uuid.UUID(bytes=within), name))


def test_ids_depend_on_content_and_namespace_only() -> None:
    one, other = namespace("p-1"), namespace("p-2")
    assert len(one) == 16
    assert content_id(one, "X", {"a": 1}) == content_id(one, "X", {"a": 1})
    assert (
        len(
            {
                content_id(one, "X", {"a": 1}),
                content_id(one, "X", {"a": 2}),
                content_id(one, "Y", {"a": 1}),
                content_id(other, "X", {"a": 1}),
            }
        )
        == 4
    )


def test_a_batch_puts_each_resource() -> None:
    bundle = batch([{"resourceType": "Patient", "id": "p"}])
    assert bundle["entry"][0]["request"] == {"method": "PUT", "url": "Patient/p"}
    assert list(resources(bundle, "Patient")) == [{"resourceType": "Patient", "id": "p"}]
    assert list(resources(bundle, "Condition")) == []


def test_dangling_references_are_found_once_and_others_are_left_alone() -> None:
    members: list[dict[str, Any]] = [
        {"resourceType": "Condition", "id": "c", "subject": reference_to("Patient", "p")},
        {
            "resourceType": "Observation",
            "id": "o",
            "subject": reference_to("Patient", "p"),
            "focus": [
                {"reference": "Condition/c"},
                {"reference": "#inside"},
                {"reference": "https://x.org/Patient/1"},
            ],
        },
    ]
    assert dangling_references(batch(members)) == ["Patient/p"]
    assert list(references(members[1])) == ["Patient/p", "Condition/c", "#inside", "https://x.org/Patient/1"]


def test_a_reference_names_type_and_id_and_may_have_a_display() -> None:
    made = {"resourceType": "Practitioner", "id": "d"}
    assert reference(made) == {"reference": "Practitioner/d"}
    assert reference(made, "Dr. D") == {"reference": "Practitioner/d", "display": "Dr. D"}


@pytest.mark.parametrize(
    ("target", "local"), [("Patient/1", True), ("#a", False), ("urn:uuid:1/2", False), ("Patient", False)]
)
def test_local_references(target: str, local: bool) -> None:
    assert is_local(target) is local


@pytest.mark.parametrize(
    "text", ["2020", "2020-01", "2020-01-31", "2020-01-31T10:00:00Z", "2020-01-31T10:00:00.5-05:00"]
)
def test_date_times(text: str) -> None:
    assert is_date_time(text)


@pytest.mark.parametrize(
    "text", ["", "20", "0000", "2020-13", "2020-01-31T10:00", "2020-01-31T10:00:00", "2020-01-31T24:00:00Z"]
)
def test_what_is_no_date_time(text: str) -> None:
    assert not is_date_time(text)


def test_an_instant_needs_a_time() -> None:
    assert instant("2020-01-31T10:00:00Z") == "2020-01-31T10:00:00Z"
    assert instant("2020-01-31") is None
    assert instant(None) is None
