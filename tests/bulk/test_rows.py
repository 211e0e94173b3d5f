"""Rows as patients, or the reasons why they are none (contract 3.3 and 3.4)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chartbridge.features.bulk.columns import GROUP_SPELLINGS, SPELLINGS
from chartbridge.features.bulk.rows import Accepted, Rejected, RowReader
from chartbridge.features.bulk.sheet import clean
from chartbridge.features.patients.schemas import PatientCreate
from tests.bulk.ana import (
    ANA,
    HOME,
    SECOND_HOME,
    STORED,
    TODAY,
    faults,
    patient,
    read,
    reasons,
    stored,
    without,
)
from tests.bulk.generated import generated


def test_a_row_is_a_patient_as_the_api_would_store_it() -> None:
    assert patient(ANA).wire() == STORED


def test_a_whole_row_is_read_with_all_that_it_holds() -> None:
    found = read(
        {
            "First Name": "ana maria",
            "LAST_NAME": "RUIZ",
            "dob": "1980-04-02",
            "gender": "female",
            "id": "mrn-1",
            "ssn": "123456789",
            "driversLicense": "d123",
            "driversLicenseState": "idaho",
            "address1": "1 pine st apt 4",
            "city": "boise",
            "state": "Idaho",
            "zipCode": "83702-1234",
            **SECOND_HOME,
            "phone": "1-208-555-0100",
            "email": "ANA@example.com",
            "phone-3": "2085550101",
            "cohort": "Diabetes",
            "cohort-2": "diabetes",
            "cohort-10": "Diabetes",
            "hieOptOut": "TRUE",
            "notes": "anything",
        }
    )
    assert isinstance(found, Accepted)
    assert found.patient.wire() == {
        **STORED,
        "firstName": "Ana Maria",
        "personalIdentifiers": [
            {"type": "ssn", "value": "123456789"},
            {"type": "driversLicense", "value": "D123", "state": "ID"},
        ],
        "address": [
            {**HOME, "addressLine2": "Apt 4"},
            {"addressLine1": "2 Oak St", "city": "Nampa", "state": "ID", "zip": "83651", "country": "USA"},
        ],
        "contact": [{"phone": "2085550100", "email": "ana@example.com"}, {"phone": "2085550101"}],
    }
    assert found.patient.externalId == "mrn-1"
    assert found.patient.opted_out
    assert found.patient.cohorts is None
    assert found.cohorts == ("Diabetes", "diabetes")


@pytest.mark.contract("3.6", "header spellings → same column")
@pytest.mark.parametrize("spelling", ["First Name", "first_name", "firstName", "FIRSTNAME", "first.name"])
def test_a_header_may_be_spelt_in_several_ways(spelling: str) -> None:
    assert patient({**without("firstName"), spelling: "Ana"}).wire() == STORED


@pytest.mark.contract("3.3", "Unknown columns are ignored")
def test_unknown_columns_are_ignored() -> None:
    assert stored(**{"phone-0": "x", "phone-11": "x", "phone-01": "x", "middleName": "x", "": "x"}) == STORED


@pytest.mark.contract("3.3", "firstName, lastName")
@pytest.mark.parametrize("column", ["firstName", "lastName"])
def test_a_name_is_needed(column: str) -> None:
    assert faults(**{column: ""}) == reasons(without(column)) == (f"Missing {column}",)
    assert stored(**{column: "ANN, ANNA O'NEIL"})[column] == "Ann, Anna O'Neil"


@pytest.mark.contract("3.3", "dob: Missing/invalid dob")
@pytest.mark.parametrize("cell", ["", "1980", "4/2/1980", "1899-12-31", "2026-02-02"])
def test_a_date_of_birth_is_needed(cell: str) -> None:
    assert faults(dob=cell) == reasons(without("dob")) == ("Missing/invalid dob",)


@pytest.mark.contract("3.3", "gender: Missing/invalid gender")
@pytest.mark.parametrize("cell", ["", "x"])
def test_a_gender_is_needed(cell: str) -> None:
    assert faults(gender=cell) == reasons(without("gender")) == ("Missing/invalid gender",)


@pytest.mark.contract("3.3", "`id` or `externalId`; `id` wins")
def test_the_external_id_has_two_columns() -> None:
    assert patient({**ANA, "externalId": "b"}).externalId == "b"
    assert patient({**ANA, "externalId": "b", "id": "a"}).externalId == "a"
    assert patient({**ANA, "externalId": "b", "id": ""}).externalId == "b"
    assert patient(ANA).externalId is None


@pytest.mark.contract("3.3", "ssn: Invalid SSN")
def test_an_ssn_is_optional_but_must_be_one() -> None:
    assert stored(ssn="1234567")["personalIdentifiers"] == [{"type": "ssn", "value": "001234567"}]
    assert stored(ssn="")["personalIdentifiers"] == []
    assert faults(ssn="1") == faults(ssn="none") == ("Invalid SSN",)


LICENCE = {"type": "driversLicense", "value": "D123", "state": "ID"}


@pytest.mark.contract("3.6", "`LICENCE` spelling")
@pytest.mark.parametrize("ending", ["", "Value", "No", "Number"])
@pytest.mark.parametrize("word", ["License", "Licence", "LICENCE"])
def test_a_licence_has_many_spellings(word: str, ending: str) -> None:
    columns = {f"drivers{word}{ending}": "d123", f"drivers{word}State": "Idaho"}
    assert stored(**columns)["personalIdentifiers"] == [LICENCE]


@pytest.mark.contract("3.3", "driversLicense…: first non-empty wins")
def test_the_first_licence_cell_that_is_filled_holds() -> None:
    columns = {"driversLicenseNumber": "d9", "driversLicenseNo": "d123", "driversLicense": ""}
    assert stored(**columns, driversLicenseState="ID")["personalIdentifiers"] == [LICENCE]


@pytest.mark.contract("3.3", "driversLicenseState")
@pytest.mark.parametrize(
    ("value", "state", "expected"),
    [
        ("", "ID", ("Invalid drivers license (missing value)",)),
        ("d123", "", ("Invalid drivers license (missing state)",)),
        ("d123", "Atlantis", ("Invalid drivers license (missing state)",)),
        ("1.23457E+11", "ID", ("Invalid drivers license (missing value)",)),
        ("1.23457E+11", "", ("Invalid drivers license (missing value)",)),
    ],
)
def test_half_a_licence_is_refused(value: str, state: str, expected: tuple[str, ...]) -> None:
    assert faults(driversLicense=value, driversLicenseState=state) == expected


@pytest.mark.contract("3.3", "unknown state and no value → ignored")
def test_a_licence_state_that_nobody_knows_is_ignored_without_a_number() -> None:
    assert stored(driversLicense="", driversLicenseState="n/a") == STORED
    assert faults(driversLicense="d123") == ("Invalid drivers license (missing state)",)


@pytest.mark.contract("3.3", "state/territory name or code")
def test_a_territory_issues_licences_too() -> None:
    held = stored(driversLicense="d123", driversLicenseState="Puerto Rico")["personalIdentifiers"]
    assert held == [{**LICENCE, "state": "PR"}]


@pytest.mark.contract("3.3", "hieOptOut: `true` opts the patient out")
def test_opting_out_takes_the_word_true() -> None:
    assert patient({**ANA, "hieOptOut": "true"}).opted_out
    assert not patient({**ANA, "hieOptOut": "FALSE"}).opted_out
    assert not patient({**ANA, "hieOptOut": ""}).opted_out
    assert not patient(ANA).opted_out
    assert faults(hieOptOut="yes") == ("Invalid hieOptOut",)


def test_all_that_is_wrong_is_told_in_the_order_of_the_columns() -> None:
    bad = {
        "hieOptOut": "maybe",
        "email": "x",
        "phone": "x",
        "zip": "x",
        "state": "ID",
        "driversLicense": "d1",
        "ssn": "x",
        "gender": "x",
        "dob": "x",
    }
    assert reasons(bad) == (
        "Missing firstName",
        "Missing lastName",
        "Missing/invalid dob",
        "Missing/invalid gender",
        "Invalid SSN",
        "Invalid drivers license (missing state)",
        "Missing addressLine1",
        "Missing city",
        "Missing zip",
        "Patient has no address",
        "Missing address",
        "Invalid phone",
        "Invalid email",
        "Invalid hieOptOut",
    )


def test_what_the_api_itself_refuses_is_told_in_its_words() -> None:
    long = "x" * 501
    assert faults(firstName=long, externalId=long) == (
        "String must contain at most 500 character(s), on [firstName]",
        "String must contain at most 500 character(s), on [externalId]",
    )
    [reason] = faults(city=long)
    assert reason == "String must contain at most 500 character(s), on [address,0,city]"


def test_a_row_with_more_cells_than_headers_is_refused_for_its_cells_have_shifted() -> None:
    reader = RowReader(["firstname", "lastname"], TODAY)
    assert reader.read(["Ana", "Ruiz", "Jr"]) == Rejected(("Row has 3 cells under 2 headers",))
    assert isinstance(reader.read(["Ana"]), Rejected)
    assert isinstance(reader.read([]), Rejected)


HEADER = [
    spelling + suffix
    for spellings in (*SPELLINGS.values(), *GROUP_SPELLINGS.values())
    for spelling in spellings
    for suffix in ("", "-1")
]
_PLAUSIBLE = st.sampled_from(
    ["", "Ana", "1980-04-02", "f", "ID", "83702", "1 pine st apt 4", "208-555-0100", "a@b.co", "true", "1E+5"]
)


@generated
@given(row=st.lists(st.text() | _PLAUSIBLE, max_size=len(HEADER) + 1))
def test_any_cells_are_a_patient_or_reasons(row: list[str]) -> None:
    found = RowReader(HEADER, TODAY).read(row)
    assert isinstance(found, Accepted) or found.reasons


@generated
@given(
    name=st.text(min_size=1),
    line=st.text() | _PLAUSIBLE,
    licence=st.text() | st.just(""),
    phone=st.from_regex(r"\+?1?[ (]*[2-9][0-9]{2}\)?[ -]*[0-9]{3}-?[0-9]{4}", fullmatch=True),
)
def test_an_accepted_row_passes_the_api_s_own_rules_unchanged(
    name: str, line: str, licence: str, phone: str
) -> None:
    columns = {"firstName": name, "addressLine2": line, "phone": phone}
    if licence:
        columns |= {"driversLicense": licence, "driversLicenseState": "ID"}
    found = read({**ANA, **{column: clean(cell) for column, cell in columns.items()}})
    if isinstance(found, Accepted):
        assert PatientCreate.model_validate(found.patient.model_dump(exclude_none=True)) == found.patient
