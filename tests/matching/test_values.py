from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chartbridge.matching import values

TODAY = date(2026, 2, 1)


def refusal(rule: Any, value: Any, **context: Any) -> str:
    with pytest.raises(ValueError) as refused:
        rule(value, **context)
    return str(refused.value)


def test_plain_text_is_trimmed_and_must_not_be_blank() -> None:
    assert values.required_text("  Ana ") == "Ana"
    assert refusal(values.required_text, "  ") == "String must contain at least 1 character(s)"
    assert refusal(values.required_text, "", message="City must be specified") == "City must be specified"
    assert refusal(values.required_text, 5) == "Invalid input"


def test_optional_text_is_absent_when_blank() -> None:
    assert values.optional_text(" x ") == "x"
    assert values.optional_text("  ") is None
    assert values.optional_text(None) is None
    assert refusal(values.optional_text, 5) == "Invalid input"


@pytest.mark.parametrize(
    ("given_", "stored"), [("CA", "CA"), (" ca ", "CA"), ("dc", "DC"), ("pr", "PR"), ("Gu", "GU")]
)
def test_a_state_is_stored_as_its_upper_case_code(given_: str, stored: str) -> None:
    assert values.address_state(given_) == stored


@pytest.mark.parametrize("given_", ["AE", "FM", "California", "", "C A", None, 5])
def test_what_is_no_state_is_refused(given_: object) -> None:
    assert refusal(values.address_state, given_) == "Invalid input"


def test_there_are_fifty_states_and_dc_and_four_territories() -> None:
    assert len(values.STATES) == 51
    assert {"AS", "GU", "PR", "VI"} == values.TERRITORIES


@pytest.mark.parametrize("territory", ["AS", "GU", "PR", "VI"])
def test_a_territory_may_stand_in_an_address_but_not_on_a_drivers_license(territory: str) -> None:
    assert values.address_state(territory) == territory
    assert refusal(values.drivers_license_state, territory) == "Invalid input"
    assert values.drivers_license_state("dc") == "DC"


def test_the_only_country_is_the_usa_and_it_goes_without_saying() -> None:
    assert values.country("USA") == values.country(None) == "USA"
    for other in ("US", "usa", "", "CAN"):
        assert refusal(values.country, other) == "Invalid input"


@pytest.mark.parametrize("given_", ["94105", "94105a", " 94105 ", 94105, 94105.0])
def test_a_zip_is_stored_as_five_digits(given_: object) -> None:
    assert values.zip_code(given_) == "94105"


@pytest.mark.parametrize("given_", ["94105-1234", "9410", "", "abcde", 2139, "٩٤١٠٥"])
def test_a_zip_of_another_length_is_refused(given_: object) -> None:
    assert refusal(values.zip_code, given_) == "Zip must be a string consisting of 5 numbers"


@pytest.mark.parametrize(
    "given_",
    [
        "00000",
        "10000",
        "20000",
        "30000",
        "40000",
        "50000",
        "60000",
        "70000",
        "80000",
        "90000",
        "99999",
        "12345",
        "54321",
        12345,
        "1-2-3-4-5",
    ],
)
def test_a_place_holder_zip_is_refused(given_: object) -> None:
    assert refusal(values.zip_code, given_) == "Invalid zip code"


@pytest.mark.parametrize(
    ("given_", "stored"),
    [
        ("+1 (415) 555-1234", "4155551234"),
        ("14155551234", "4155551234"),
        (4155551234, "4155551234"),
        (14155551234, "4155551234"),
        ("415.555.1234 ", "4155551234"),
    ],
)
def test_a_phone_is_stored_as_ten_digits(given_: object, stored: str) -> None:
    assert values.phone(given_) == stored


@pytest.mark.parametrize("given_", ["415-555-123", "+44 20 7946 0958", "415555123456", "24155551234", ""])
def test_a_phone_without_ten_digits_is_refused(given_: str) -> None:
    message = "Phone must be a string consisting of 10 numbers. For example: 1231231234"
    assert refusal(values.phone, given_) == message


@pytest.mark.parametrize("rule", [values.phone, values.zip_code, values.email, values.npi])
def test_a_value_of_another_kind_is_refused(rule: Any) -> None:
    others: list[object] = [None, True, ["94105"], {}]
    for other in others:
        assert refusal(rule, other) == "Invalid input"


@pytest.mark.parametrize(
    "given_", ["a@b.co", "é@b.co", "Ana.Ruiz+x@Mail.Example.ORG", "o'neil@b.co", "李@b.co", "1@b.co"]
)
def test_an_email_is_stored_as_given(given_: str) -> None:
    assert values.email(given_) == given_


@pytest.mark.parametrize(
    "given_",
    [
        "mailto:a@b.co",
        " a@b.co ",
        "a@b",
        "+1a@b.co",
        "",
        "a",
        "@b.co",
        "a@@b.co",
        "a b@b.co",
        "a\u2003b@b.co",
        ".a@b.co",
        "a.@b.co",
        "a..b@b.co",
        "a@-b.co",
        "a@b-.co",
        "a@b..co",
        "a@b.c",
        "a@b.co\n",
        "a@1.2",
        "x" * 65 + "@b.co",
        "a@" + "b" * 64 + ".co",
        "a@" + "b." * 130 + "co",
    ],
)
def test_what_is_no_email_address_is_refused(given_: str) -> None:
    assert refusal(values.email, given_) == "Invalid email address"


@pytest.mark.parametrize(
    ("given_", "stored"),
    [
        ("1980-04-02", "1980-04-02"),
        (" 1980-04-02 ", "1980-04-02"),
        ("19800402", "1980-04-02"),
        ("1980-04-02T23:00:00Z", "1980-04-02"),
        ("1900-01-01", "1900-01-01"),
        ("2026-02-01", "2026-02-01"),
        ("2000-02-29", "2000-02-29"),
    ],
)
def test_a_date_of_birth_is_stored_as_a_day(given_: str, stored: str) -> None:
    assert values.date_of_birth(given_, today=TODAY) == stored


@pytest.mark.parametrize(
    "given_",
    ["", "04/02/1980", "1980-4-2", "1980", "1980-04", "1980-02-30", "2001-02-29", "1980-04-02Tx", None, 1980],
)
def test_a_date_of_birth_that_is_no_day_is_refused(given_: object) -> None:
    message = "Date must be a valid ISO 8601 date formatted YYYY-MM-DD. Example: 2023-03-15"
    assert refusal(values.date_of_birth, given_, today=TODAY) == message


def test_nobody_is_born_tomorrow_or_before_1900() -> None:
    assert refusal(values.date_of_birth, "2026-02-02", today=TODAY) == "Date can't be in the future"
    assert refusal(values.date_of_birth, "1899-12-31", today=TODAY) == "Date can't be before 1900"


@given(st.dates(date(1900, 1, 1), TODAY))
def test_every_day_from_1900_to_today_is_a_date_of_birth(day: date) -> None:
    assert values.date_of_birth(day.isoformat(), today=TODAY) == day.isoformat()


@pytest.mark.parametrize("given_", ["F", "M", "O", "U"])
def test_the_four_genders_are_stored_as_given(given_: str) -> None:
    assert values.gender_at_birth(given_) == given_


@pytest.mark.parametrize("given_", ["f", "Female", "", " F", "X"])
def test_another_gender_is_refused_with_what_was_received(given_: str) -> None:
    message = f"Invalid enum value. Expected 'F' | 'M' | 'O' | 'U', received '{given_}'"
    assert refusal(values.gender_at_birth, given_) == message


def test_an_npi_carries_a_check_digit() -> None:
    assert values.npi("1234567893") == "1234567893"
    assert refusal(values.npi, "1234567891") == "NPI is not valid"
    assert refusal(values.npi, "123456789") == "String must contain exactly 10 character(s)"
    assert refusal(values.npi, "12345678930") == "String must contain exactly 10 character(s)"
    assert refusal(values.npi, "123456789x") == "NPI is not valid"
    assert refusal(values.npi, "3234567899") == "NPI is not valid"


@given(st.sampled_from("12"), st.text("0123456789", min_size=8, max_size=8))
def test_of_ten_last_digits_just_one_makes_an_npi_by_luhn_with_its_prefix(first: str, rest: str) -> None:
    def luhn(number: str) -> bool:
        doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(number))]
        return sum(digit // 10 + digit % 10 for digit in doubled) % 10 == 0

    for last in "0123456789":
        npi = first + rest + last
        if luhn("80840" + npi):
            assert values.npi(npi) == npi
        else:
            assert refusal(values.npi, npi) == "NPI is not valid"


def test_a_period_needs_one_end_and_runs_forwards() -> None:
    def period(start: str | None = None, end: str | None = None) -> dict[str, str]:
        return values.period({"start": start, "end": end}, today=TODAY)

    assert period("2020-01-01") == {"start": "2020-01-01"}
    assert period(None, " 2030-01-01 ") == {"end": "2030-01-01"}
    assert period("2020-01-01", "2020-01-01") == {"start": "2020-01-01", "end": "2020-01-01"}
    with pytest.raises(ValueError, match=r"^Invalid date range: 'start' must be before 'end'$"):
        period("2020-01-02", "2020-01-01")
    with pytest.raises(ValueError, match=r"^Date can't be in the future$"):
        period("2026-02-02", "2026-03-01")
    with pytest.raises(ValueError, match=r"^Either start or end must be present$"):
        period(" ", None)
    with pytest.raises(ValueError, match=r"^Date must be a valid ISO 8601 date"):
        period("2020-01-01", "soon")
