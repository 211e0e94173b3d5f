"""Addresses of a row (contract 3.4)."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chartbridge.features.bulk.addresses import (
    COLUMNS,
    IncompleteAddressError,
    address_in,
    line,
    split_unit,
)
from chartbridge.features.bulk.columns import Layout
from tests.bulk.generated import generated

FULL = {"addressline1": "1 Pine St", "city": "Boise", "state": "ID", "zip": "83702"}
STORED = {"addressLine1": "1 Pine St", "city": "Boise", "state": "ID", "zip": "83702"}


def address(**columns: str) -> dict[str, str] | None:
    [group] = Layout(list(columns)).groups(*COLUMNS)
    return address_in(list(columns.values()), group)


def lacking(**columns: str) -> list[str]:
    with pytest.raises(IncompleteAddressError) as refused:
        address(**columns)
    return list(refused.value.lacking)


def test_a_group_is_an_address() -> None:
    assert address(**FULL) == STORED


@pytest.mark.contract("3.4", "No usable property at all → group ignored")
def test_a_group_without_anything_usable_is_none() -> None:
    assert address(**dict.fromkeys(FULL, "")) is None
    assert address(addressline1="(none) .", city="", state="Atlantis", zip="n/a") is None


@pytest.mark.contract("3.4", "an error per lacking one")
@pytest.mark.parametrize("column", list(FULL))
def test_each_property_of_an_address_is_needed(column: str) -> None:
    expected = {"addressline1": "addressLine1"}.get(column, column)
    assert lacking(**{**FULL, column: ""}) == [expected]
    assert lacking(**{name: value for name, value in FULL.items() if name != column}) == [expected]


def test_all_that_is_lacking_is_told_in_order() -> None:
    assert lacking(addressline2="Apt 4") == ["addressLine1", "city", "state", "zip"]
    assert lacking(**{**FULL, "state": "Atlantis", "zip": "83"}) == ["state", "zip"]


@pytest.mark.contract("3.4", "line text")
@pytest.mark.parametrize(
    ("cell", "stored"),
    [
        ("1 PINE ST.", "1 Pine St"),
        ("1 pine st, rear; left", "1 Pine St Rear Left"),
        ("1 Pine St (behind the shop)", "1 Pine St"),
        ("1(a)2", "1 2"),
        ("1 McKinley Ave", "1 McKinley Ave"),
        ("1 Pine\tSt\n", "1 Pine St"),
        ("(only this)", ""),
        ("", ""),
    ],
)
def test_a_line_is_tidied(cell: str, stored: str) -> None:
    assert line(cell) == stored


@pytest.mark.contract("3.4", "unit split (line 1 only)")
@pytest.mark.parametrize(
    ("text", "street", "unit"),
    [
        ("1 Pine St Apt 4", "1 Pine St", "Apt 4"),
        ("1 Pine Street #4", "1 Pine Street", "#4"),
        ("1 Pine St # 4 B", "1 Pine St", "# 4 B"),
        ("1 Pine St Apt #4", "1 Pine St", "Apt #4"),
        ("1 Pine St Apt4", "1 Pine St", "Apt4"),
        ("1 PINE AVE SUITE B", "1 PINE AVE", "SUITE B"),
        ("1 Pine Blvd NW Unit 12", "1 Pine Blvd NW", "Unit 12"),
        ("1 St James Pl Floor 2", "1 St James Pl", "Floor 2"),
        ("1 Pine Xing Building 2 Apt 3", "1 Pine Xing", "Building 2 Apt 3"),
        ("1 Pine St", "1 Pine St", ""),
        ("1 Pine St Apt", "1 Pine St Apt", ""),
        ("1 Pine St 2nd Floor", "1 Pine St 2nd Floor", ""),
        ("1 Pine Apt 4", "1 Pine Apt 4", ""),
        ("1 Lot Rd", "1 Lot Rd", ""),
        ("1 Place No Name Rd", "1 Place No Name Rd", ""),
        ("1 Court Flatbush", "1 Court Flatbush", ""),
        ("St Apt 4", "St Apt 4", ""),
        ("", "", ""),
    ],
)
def test_a_unit_behind_a_street_type_is_split_off(text: str, street: str, unit: str) -> None:
    assert split_unit(text) == (street, unit)


@pytest.mark.contract("3.4", "PO Box: a line starting `po box` is never split")
@pytest.mark.parametrize("text", ["PO Box 7 Main St Apt 4", "po box 9 way # 3", "P O Box 9 Way # 3"])
def test_a_box_is_never_split(text: str) -> None:
    assert split_unit(text) == (text, "")


@pytest.mark.contract("3.4", "where the unit goes")
def test_a_unit_goes_to_line_2_unless_that_is_taken() -> None:
    whole = {**FULL, "addressline1": "1 pine st apt. 4"}
    assert address(**whole) == {**STORED, "addressLine2": "Apt 4"}
    assert address(**whole, addressline2="c/o ruiz") == {
        **STORED,
        "addressLine1": "1 Pine St, Apt 4",
        "addressLine2": "C/O Ruiz",
    }
    assert address(**FULL, addressline2="Apt 4") == {**STORED, "addressLine2": "Apt 4"}


@pytest.mark.contract("3.3", "addressLine1[-N] or address1[-N]; zip[-N] or zipCode[-N]")
def test_columns_have_two_spellings_and_the_first_that_is_filled_holds() -> None:
    assert address(address1="1 Pine St", city="Boise", state="ID", zipcode="83702") == STORED
    assert address(**FULL, address1="2 Oak St", zipcode="83703") == STORED
    assert address(**{**FULL, "zip": ""}, zipcode="83703") == {**STORED, "zip": "83703"}


@generated
@given(row=st.lists(st.text(), min_size=5, max_size=5))
def test_any_cells_are_an_address_or_none(row: list[str]) -> None:
    columns = ("addressline1", "addressline2", "city", "state", "zip")
    with suppress(IncompleteAddressError):
        found = address(**dict(zip(columns, row, strict=True)))
        assert found is None or all(found.values())
