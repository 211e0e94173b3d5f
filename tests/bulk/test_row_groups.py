"""Addresses and contacts of a row, which come in groups of columns (contract 3.3 and 3.4)."""

from __future__ import annotations

import pytest

from tests.bulk.ana import SECOND_HOME, STORED, faults, patient, reasons, stored, without


@pytest.mark.contract("3.6", "row with two address groups, one incomplete")
def test_an_incomplete_second_address_is_an_error() -> None:
    assert len(stored(**SECOND_HOME)["address"]) == 2
    assert faults(**{**SECOND_HOME, "zip-2": ""}) == ("Missing zip-2",)
    assert faults(**{"zip-2": "83651"}) == ("Missing addressLine1-2", "Missing city-2", "Missing state-2")
    assert stored(**dict.fromkeys(SECOND_HOME, "")) == STORED


@pytest.mark.contract("3.4", "none complete: Patient has no address, Missing address")
def test_an_address_is_needed() -> None:
    none = ("Patient has no address", "Missing address")
    assert reasons(without("addressLine1", "city", "state", "zip")) == none
    assert faults(addressLine1="", city="", state="", zip="") == none
    assert faults(zip="83") == ("Missing zip", *none)
    assert faults(state="Atlantis", city="") == ("Missing city", "Missing state", *none)


@pytest.mark.contract("3.3", "Groups need not be contiguous")
def test_groups_come_in_the_order_of_their_numbers_the_one_without_first() -> None:
    columns = without("addressLine1", "city", "state", "zip")
    for number in ("-10", "-3", ""):
        columns |= {f"addressLine1{number}": f"{number or 0} Pine St", f"city{number}": "Boise"}
        columns |= {f"state{number}": "ID", f"zip{number}": "83702"}
    lines = [address.addressLine1 for address in patient(columns).address]
    assert lines == ["0 Pine St", "-3 Pine St", "-10 Pine St"]


@pytest.mark.contract("3.3", "Invalid phone-N, Invalid email-N")
def test_a_contact_that_is_none_is_named_with_its_group() -> None:
    assert faults(phone="555", email="ana") == ("Invalid phone", "Invalid email")
    wrong = {"email-2": "ana", "phone-2": "555", "phone-10": "x", "email-3": "+1a@b.co"}
    assert faults(**wrong) == ("Invalid phone-2", "Invalid phone-10", "Invalid email-2", "Invalid email-3")


@pytest.mark.contract("3.3", "Phone and email with the same suffix form one contact")
def test_contacts_are_put_together_by_their_group() -> None:
    columns = {"email-2": "b@example.com", "phone-2": "", "phone": "2085550100", "phone-3": "2085550103"}
    columns |= {"email-3": "c@example.com", "phone-4": "", "email-4": ""}
    assert stored(**columns)["contact"] == [
        {"phone": "2085550100"},
        {"email": "b@example.com"},
        {"phone": "2085550103", "email": "c@example.com"},
    ]
