"""The personas pass the check that protects charts, with all their documents; nobody else's do."""

from __future__ import annotations

from typing import Any

import pytest

from chartbridge.ccda.subject import subjects
from chartbridge.features.networks.protocol import PatientIdentity, TrustedMatcher
from chartbridge.features.networks.sandbox import SandboxHie, connectors
from chartbridge.features.networks.sandbox.persona import load
from chartbridge.features.queries.about import differences
from chartbridge.features.queries.links import demographics, judge
from tests.networks.sandbox.support import PERSONAS, ccd, remote


def persona(key: str) -> PatientIdentity:
    """The persona as an application creates them: without contact and identifiers."""
    who = load(key).patient
    home = {"addressLine1": who["street"], "city": who["city"], "state": who["state"], "zip": who["zip"]}
    return PatientIdentity(
        "p-1", who["first_name"], who["last_name"], str(who["dob"]), who["sex"], address=[home]
    )


@pytest.mark.parametrize("key", PERSONAS)
def test_a_persona_is_linked_by_what_the_network_knows(key: str) -> None:
    for connector in connectors():
        (found,) = connector.discover(persona(key), timeout_s=5)
        linkage, was_compared = judge(persona(key), connector, found)
        assert (linkage.decision, was_compared) == ("link", True)
        assert linkage.reasons[0] == "rule: name, date of birth and address"


@pytest.mark.parametrize("key", PERSONAS)
@pytest.mark.parametrize("other", PERSONAS)
def test_a_document_is_taken_in_for_its_own_persona_alone(key: str, other: str) -> None:
    found = differences(demographics(persona(key)), subjects(ccd(other)), remote(other), vouched_for=False)
    assert bool(found) == (key != other)


def test_somebody_only_called_like_a_persona_gets_a_stand_in() -> None:
    (hie, *_) = connectors()
    assert isinstance(hie, TrustedMatcher)
    who = PatientIdentity("p-1", "Jane", "Doe", "1950-06-15", "F")
    (found,) = SandboxHie().discover(who, timeout_s=5)
    assert found.demographics is None
    assert judge(who, hie, found)[0].decision == "link"
    described: list[dict[str, Any]] = subjects(ccd("jane"))
    assert differences(demographics(who), described, found, vouched_for=False)
    assert differences(demographics(who), described, found, vouched_for=True) == ()


def test_demographics_are_left_out_of_checkpoints() -> None:
    (found,) = SandboxHie().discover(persona("kyla"), timeout_s=5)
    assert found.demographics
    assert found.to_json().keys() == {"assigning_authority", "id"}
    assert type(found).from_json(found.to_json()) == found
    assert "Kyla" not in repr(found)
