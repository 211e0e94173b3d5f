"""What single cells mean (contract 3.3)."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chartbridge.features.bulk import cells
from chartbridge.features.bulk.states import CODES
from chartbridge.matching import values
from tests.bulk.generated import generated

TODAY = date(2026, 2, 1)


@pytest.mark.contract("3.3", "title case when wholly lower or wholly upper case")
@pytest.mark.parametrize(
    ("cell", "stored"),
    [
        ("ana", "Ana"),
        ("ANA MARIA", "Ana Maria"),
        ("ann,anna", "Ann,Anna"),
        ("o'neil", "O'Neil"),
        ("D’ANGELO", "D’Angelo"),
        ("st john's", "St John's"),
        ("mary-ann", "Mary-Ann"),
        ("ÉLAN", "Élan"),
        ("e\u0301lan", "E\u0301lan"),
        ("1ST ST", "1st St"),
        ("j", "J"),
        ("McDonald", "McDonald"),
        ("de la Cruz", "de la Cruz"),
        ("王芳", "王芳"),
        ("", ""),
    ],
)
def test_text_of_one_case_gets_title_case(cell: str, stored: str) -> None:
    assert cells.title_case(cell) == stored


@pytest.mark.contract("3.3", "city: trim, title case")
def test_each_word_of_a_city_gets_title_case() -> None:
    assert cells.city("new YORK") == "New York"
    assert cells.city("SAN JOSÉ") == "San José"
    assert cells.city("McAllen") == "McAllen"
    assert cells.city("") == ""


@pytest.mark.contract("3.3", "dob")
@pytest.mark.parametrize(
    ("cell", "stored"),
    [
        ("1980-04-02", "1980-04-02"),
        ("1980-04-02T23:30:00Z", "1980-04-02"),
        ("1980-04-02 00:00:00", "1980-04-02"),
        ("1900-01-01", "1900-01-01"),
        ("2026-02-01", "2026-02-01"),
        ("1899-12-31", None),
        ("2026-02-02", None),
        ("1981-02-29", None),
        ("19800402", None),
        ("1980-4-2", None),
        ("4/2/1980", None),
        ("04/02/1980", None),
        ("29313", None),
        ("1980-04-02x", None),
        ("1980-04-02 noon", None),
        ("", None),
    ],
)
def test_a_date_of_birth_is_an_iso_date(cell: str, stored: str | None) -> None:
    assert cells.date_of_birth(cell, today=TODAY) == stored


@pytest.mark.contract("3.3", "gender")
@pytest.mark.parametrize(
    ("written", "stored"),
    [
        (("m", "male", "M", "Male"), "M"),
        (("f", "FEMALE"), "F"),
        (("o", "Other", "un"), "O"),
        (("u", "unk", "UNKNOWN"), "U"),
        (("", "x", "1", "woman"), None),
    ],
)
def test_a_gender_has_several_spellings(written: tuple[str, ...], stored: str | None) -> None:
    assert {cells.gender(cell) for cell in written} == {stored}


@pytest.mark.contract("3.6", "`un` → O")
def test_un_is_other() -> None:
    assert cells.gender("un") == "O"


@pytest.mark.contract("3.6", "ssn `1234567` → `001234567`")
@pytest.mark.parametrize(
    ("cell", "stored"),
    [
        ("1234567", "001234567"),
        ("123-45-6789", "123456789"),
        ("12", "000000012"),
        ("1234567890", "123456789"),
        ("1", None),
        ("none", None),
        ("", None),
    ],
)
def test_an_ssn_gets_its_zeros_back(cell: str, stored: str | None) -> None:
    assert cells.ssn(cell) == stored


@pytest.mark.contract("3.6", "phone `1-617-555-0100` → `6175550100`")
@pytest.mark.parametrize(
    ("cell", "stored"),
    [
        ("1-617-555-0100", "6175550100"),
        ("+1 (617) 555-0100", "6175550100"),
        ("6175550100", "6175550100"),
        ("617-555-0100 x123", "6175550100"),
        ("1 617 555 0100 ext. 5", "6175550100"),
        ("1175550100", "1175550100"),
        ("617555010", None),
        ("0100", None),
        ("call me", None),
        ("", None),
    ],
)
def test_a_phone_number_is_ten_digits(cell: str, stored: str | None) -> None:
    assert cells.phone(cell) == stored


@pytest.mark.contract("3.3", "email")
@pytest.mark.parametrize(
    ("cell", "stored"),
    [
        ("Ana@Example.COM", "ana@example.com"),
        ("MAILTO:ana@example.com", "ana@example.com"),
        ("mailto: ana@example.com", "ana@example.com"),
        ("é@example.com", "é@example.com"),
        ("+1ana@example.com", None),
        ("mailto:+1ana@example.com", None),
        ("ana@example", None),
        ("ana at example.com", None),
        ("", None),
    ],
)
def test_an_email_is_lower_case_without_a_scheme(cell: str, stored: str | None) -> None:
    assert cells.email(cell) == stored


@pytest.mark.contract("3.6", "zip `2139` → `02139`; zip `021391234` → `02139`")
@pytest.mark.parametrize(
    ("cell", "stored"),
    [
        ("2139", "02139"),
        ("021391234", "02139"),
        ("02139-1234", "02139"),
        ("2139-1234", "02139"),
        ("02139-", "02139"),
        ("501", "00501"),
        ("83702", "83702"),
        ("83", None),
        ("-83702", None),
        ("83702-12-34", None),
        ("83702 1234", None),
        ("83702.0", None),
        ("8370a", None),
        ("٨٣٧٠٢", None),
        ("12345", None),
        ("00000", None),
        ("", None),
    ],
)
def test_a_zip_code_is_five_digits(cell: str, stored: str | None) -> None:
    assert cells.zip_code(cell) == stored


@pytest.mark.contract("3.3", "state: full name or code, states, DC, territories → code")
@pytest.mark.parametrize(
    ("cell", "stored"),
    [
        ("ID", "ID"),
        ("id", "ID"),
        ("Idaho", "ID"),
        ("NEW HAMPSHIRE", "NH"),
        ("West virginia", "WV"),
        ("District of Columbia", "DC"),
        ("D.C.", "DC"),
        ("Puerto Rico", "PR"),
        ("U.S. Virgin Islands", "VI"),
        ("AE", None),
        ("Ontario", None),
        ("", None),
    ],
)
def test_a_state_has_a_code_and_a_name(cell: str, stored: str | None) -> None:
    assert cells.state(cell) == stored


def test_every_state_and_territory_of_an_address_is_known_by_its_name() -> None:
    named = {code for name, code in CODES.items() if len(name) > 2}
    assert named == {code for name, code in CODES.items() if len(name) == 2}
    assert named == values.STATES | values.TERRITORIES


def test_a_licence_is_upper_case() -> None:
    assert cells.drivers_license("ab-12 34") == "AB-12 34"
    assert cells.drivers_license("x" * 501) is None
    assert cells.drivers_license("") is None


def test_digits_that_a_spreadsheet_rounded_away_are_not_made_up_again() -> None:
    """Two people whose numbers were rounded to the same one must not become one person."""
    assert cells.ssn("1.23457E+08") is None
    assert cells.phone("2.0855501E+09") is None
    assert cells.drivers_license("1,23457E+11") is None
    assert cells.drivers_license("1E5") == "1E5"


@generated
@given(cell=st.text())
def test_no_cell_breaks_a_rule_of_reading(cell: str) -> None:
    phone, code, number = cells.phone(cell), cells.zip_code(cell), cells.ssn(cell)
    assert phone is None or values.phone(phone) == phone
    assert code is None or values.zip_code(code) == code
    assert number is None or (len(number) == 9 and number.isascii() and number.isdecimal())
    for rule in (cells.gender, cells.state, cells.drivers_license, cells.city, cells.title_case, cells.email):
        rule(cell)
    cells.date_of_birth(cell, today=TODAY)


@generated
@given(text=st.text())
def test_title_case_changes_only_the_case(text: str) -> None:
    assert cells.title_case(text).upper() == text.upper()
