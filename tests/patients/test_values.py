"""Every rule for a patient's values: what is kept, and what the error says, with its place."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from chartbridge.features.patients.schemas import FacilityIdsInput, PatientCreate, PatientUpdate
from chartbridge.http.validation import describe_issues
from chartbridge.ids import utcnow
from tests.patients.caller import a_patient, an_address, without

FUTURE = (utcnow() + timedelta(days=2)).date().isoformat()
TODAY = utcnow().date().isoformat()
PHONE = "Phone must be a string consisting of 10 numbers. For example: 1231231234"
ZIP = "Zip must be a string consisting of 5 numbers"
DOB = "Date must be a valid ISO 8601 date formatted YYYY-MM-DD. Example: 2023-03-15"
RANGE = "Invalid date range: 'start' must be before 'end'"


def kept(**changes: Any) -> dict[str, Any]:
    return PatientCreate.model_validate(a_patient(**changes)).wire()


def refused(body: Any, model: type[BaseModel] = PatientCreate) -> str:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(body)
    return describe_issues(caught.value.errors())


def ssn(**changes: Any) -> dict[str, Any]:
    return {"type": "ssn", "value": "123-45-6789", **changes}


def licence(**changes: Any) -> dict[str, Any]:
    return {"type": "driversLicense", "value": "D1", "state": "id", **changes}


def test_names_are_trimmed_and_several_are_kept_as_one_string() -> None:
    assert kept(firstName=" Ann,Anna ", lastName=" Ruiz Sol ")["firstName"] == "Ann,Anna"
    assert kept(lastName=" Ruiz Sol ")["lastName"] == "Ruiz Sol"


@pytest.mark.parametrize("name", ["firstName", "lastName"])
@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("", "String must contain at least 1 character(s)"),
        ("  ", "String must contain at least 1 character(s)"),
        (5, "Expected string, received number"),
        (None, "Expected string, received null"),
        (["Ann"], "Expected string, received array"),
        ("x" * 501, "String must contain at most 500 character(s)"),
    ],
)
def test_a_name_that_is_none_is_refused(name: str, value: Any, message: str) -> None:
    assert refused(a_patient(**{name: value})) == f"{message}, on [{name}]"


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("1980-04-02", "1980-04-02"),
        (" 1980-04-02 ", "1980-04-02"),
        ("1980-04-02T10:00:00.000Z", "1980-04-02"),
        ("19800402", "1980-04-02"),
        ("1900-01-01", "1900-01-01"),
        (TODAY, TODAY),
    ],
)
def test_a_date_of_birth_is_kept_as_a_day(given: str, stored: str) -> None:
    assert kept(dob=given)["dob"] == stored


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("04/02/1980", DOB),
        ("1980-02-30", DOB),
        ("", DOB),
        ("NaN", DOB),
        (FUTURE, "Date can't be in the future"),
        ("1899-12-31", "Date can't be before 1900"),
        (19800402, "Expected string, received number"),
    ],
)
def test_a_date_of_birth_that_cannot_be_is_refused(given: Any, message: str) -> None:
    assert refused(a_patient(dob=given)) == f"{message}, on [dob]"


@pytest.mark.parametrize("given", ["X", "f", "female", ""])
def test_gender_at_birth_is_one_of_four_letters(given: str) -> None:
    assert refused(a_patient(genderAtBirth=given)) == (
        f"Invalid enum value. Expected 'F' | 'M' | 'O' | 'U', received '{given}', on [genderAtBirth]"
    )


def test_everything_that_is_missing_is_named_at_once() -> None:
    assert refused({}) == (
        "Required, on [firstName], Required, on [lastName], Required, on [dob], "
        "Required, on [genderAtBirth], Required, on [address]"
    )


def test_one_address_or_contact_becomes_a_list() -> None:
    held = kept(address=an_address(), contact={"phone": "415-555-1234"})

    assert held["address"] == [{**an_address(), "country": "USA"}]
    assert held["contact"] == [{"phone": "4155551234"}]


def test_coordinates_are_kept_with_an_address() -> None:
    point = {"lat": 43.6, "lon": -116.2}

    assert kept(address=an_address(coordinates=point))["address"][0]["coordinates"] == point


@pytest.mark.parametrize("given", ["94105", "94105a", " 94105 ", 94105, 94105.0])
def test_a_zip_is_five_digits_out_of_what_is_given(given: Any) -> None:
    assert kept(address=an_address(zip=given))["address"][0]["zip"] == "94105"


@pytest.mark.parametrize("given", [" id ", "Id", "ID"])
def test_a_state_is_kept_as_its_code(given: str) -> None:
    assert kept(address=an_address(state=given))["address"][0]["state"] == "ID"


@pytest.mark.parametrize(
    ("changes", "part", "message"),
    [
        ({"zip": "94105-1234"}, "zip", ZIP),
        ({"zip": "9410"}, "zip", ZIP),
        ({"zip": 1e300}, "zip", ZIP),
        ({"zip": 18446744073709551616.0}, "zip", ZIP),
        *[({"zip": zip_}, "zip", "Invalid zip code") for zip_ in ("12345", "00000", "99999", "54321")],
        ({"addressLine1": ""}, "addressLine1", "Address line must be specified"),
        ({"city": " "}, "city", "City must be specified"),
        ({"city": "c" * 501}, "city", "String must contain at most 500 character(s)"),
    ],
)
def test_a_broken_rule_in_an_address_keeps_its_precise_path(
    changes: dict[str, Any], part: str, message: str
) -> None:
    bad = an_address(**changes)

    assert refused(a_patient(address=bad)) == f"{message}, on [address,{part}]"
    assert refused(a_patient(address=[an_address(), bad])) == f"{message}, on [address,1,{part}]"


def test_all_broken_rules_of_an_address_are_named() -> None:
    assert refused(a_patient(address=an_address(zip="1", city=""))) == (
        f"City must be specified, on [address,city], {ZIP}, on [address,zip]"
    )


@pytest.mark.parametrize(
    "bad",
    [
        *[an_address(state=state) for state in ("AE", "FM", "California", "", 5, None)],
        an_address(country="Canada"),
        an_address(zip=None),
        an_address(zip=True),
        an_address(addressLine1=5),
        without(an_address(), "city"),
        an_address(coordinates={"lat": "43", "lon": 1}),
        an_address(coordinates={"lat": 1}),
        an_address(zip="1", state="XX"),
        "9 Elm St, Boise",
        7,
        None,
    ],
)
def test_a_wrong_type_or_code_anywhere_in_an_address_collapses(bad: Any) -> None:
    assert refused(a_patient(address=bad)) == "Invalid input, on [address]"
    assert refused(a_patient(address=[an_address(), bad])) == "Invalid input, on [address]"


def test_there_must_be_an_address() -> None:
    assert refused(a_patient(address=[])) == "Array must contain at least 1 element(s), on [address]"


def test_there_is_a_bound_on_the_number_of_addresses() -> None:
    assert refused(a_patient(address=[an_address()] * 101)) == (
        "Array must contain at most 100 element(s), on [address]"
    )


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("+1 (415) 555-1234", "4155551234"),
        ("14155551234", "4155551234"),
        (4155551234, "4155551234"),
        ("415.555.1234", "4155551234"),
    ],
)
def test_a_phone_number_is_ten_digits_out_of_what_is_given(given: Any, stored: str) -> None:
    assert kept(contact={"phone": given})["contact"] == [{"phone": stored}]


@pytest.mark.parametrize("given", ["é@b.co", "A.b+c@B.co.uk"])
def test_an_email_address_is_kept_as_given(given: str) -> None:
    assert kept(contact=[{"email": given}])["contact"] == [{"email": given}]


@pytest.mark.parametrize(
    ("bad", "part", "message"),
    [
        *[({"phone": p}, ",phone", PHONE) for p in ("415-555-123", "+44 20 7946 0958", "415555123456", "")],
        ({"phone": 1e300}, ",phone", PHONE),
        *[
            ({"email": e}, ",email", "Invalid email address")
            for e in ("mailto:a@b.co", " a@b.co ", "a@b", "+1a@b.co", "", "a" * 10_000 + "@b.co")
        ],
        ({}, "", "Either email or phone must be present"),
        ({"fax": "1"}, "", "Either email or phone must be present"),
        ({"phone": None, "email": None}, "", "Either email or phone must be present"),
    ],
)
def test_a_broken_rule_in_a_contact_keeps_its_precise_path(
    bad: dict[str, Any], part: str, message: str
) -> None:
    assert refused(a_patient(contact=bad)) == f"{message}, on [contact{part}]"
    assert refused(a_patient(contact=[{"phone": "4155551234"}, bad])) == f"{message}, on [contact,1{part}]"


@pytest.mark.parametrize("bad", ["4155551234", {"phone": ["4155551234"]}, {"email": 5}, 7])
def test_a_wrong_type_in_a_contact_collapses(bad: Any) -> None:
    assert refused(a_patient(contact=bad)) == "Invalid input, on [contact]"


@pytest.mark.parametrize("none", [{}, {"contact": None}, {"contact": []}])
def test_a_patient_needs_no_contact(none: dict[str, Any]) -> None:
    assert kept(**none)["contact"] == []


def test_identifiers_are_kept_with_their_details() -> None:
    period = {"start": "2020-01-01", "end": "2030-01-01"}
    held = kept(personalIdentifiers=[ssn(value=" 123-45-6789 "), licence(assigner=" DMV ", period=period)])

    assert held["personalIdentifiers"] == [
        ssn(),
        licence(state="ID", assigner="DMV", period=period),
    ]


def test_identifiers_with_a_blank_value_are_dropped() -> None:
    assert kept(personalIdentifiers=[ssn(value=" "), licence()])["personalIdentifiers"] == [
        licence(state="ID")
    ]


@pytest.mark.parametrize(
    ("bad", "message", "part"),
    [
        ({"value": "1"}, "Required", "type"),
        ({"type": "ssn"}, "Required", "value"),
        (ssn(value=123456789), "Expected string, received number", "value"),
        (ssn(value="1" * 501), "String must contain at most 500 character(s)", "value"),
        (licence(state="PR"), "Invalid input", "state"),
        (licence(state="Idaho"), "Invalid input", "state"),
        (without(licence(), "state"), "Required", "state"),
        (ssn(period={}), "Either start or end must be present", "period"),
        (ssn(period={"start": FUTURE}), "Date can't be in the future", "period"),
        (ssn(period={"start": "2020-01-02", "end": "2020-01-01"}), RANGE, "period"),
        (ssn(period={"end": "someday"}), DOB, "period"),
        (
            ssn(type="passport"),
            "Invalid enum value. Expected 'ssn' | 'driversLicense', received 'passport'",
            "type",
        ),
    ],
)
def test_a_wrong_identifier_is_named_with_its_place(bad: dict[str, Any], message: str, part: str) -> None:
    body = a_patient(personalIdentifiers=[ssn(), bad])

    assert refused(body) == f"{message}, on [personalIdentifiers,1,{part}]"


@pytest.mark.parametrize("name", ["commonwell", "ehex"])
@pytest.mark.parametrize("value", [{}, {"exclude": True}])
def test_control_of_some_networks_is_not_implemented(name: str, value: dict[str, Any]) -> None:
    assert refused(a_patient(hie={name: value})) == (
        f"hie.{name} control is not yet implemented, on [hie,{name}]"
    )


def test_network_control_is_strict() -> None:
    assert refused(a_patient(hie={"other": {}})) == "Unrecognized key(s) in object: 'other', on [hie]"
    assert refused(a_patient(hie={"tefca": {"include": True}})) == (
        "Unrecognized key(s) in object: 'include', on [hie,tefca]"
    )
    assert refused(a_patient(hie={"tefca": {"exclude": "yes"}})) == (
        "Expected boolean, received string, on [hie,tefca,exclude]"
    )
    PatientCreate.model_validate(a_patient(hie={"tefca": {"exclude": True}, "carequality": {}}))


def test_only_one_id_of_one_other_system_can_be_set() -> None:
    assert refused(a_patient(additionalIds={"elation": ["1"]})) == (
        "Unrecognized key(s) in object: 'elation', on [additionalIds]"
    )
    for ids in ([], ["1", "2"]):
        assert refused(a_patient(additionalIds={"healthix": ids})) == (
            "Array must contain exactly 1 element(s), on [additionalIds,healthix]"
        )
    assert refused(a_patient(additionalIds={"healthix": "1"})) == (
        "Expected array, received string, on [additionalIds,healthix]"
    )


@pytest.mark.parametrize(
    ("changes", "opted_out", "in_treatment"),
    [
        ({}, False, True),
        ({"hieOptOut": True}, True, True),
        ({"status": {"hieOptOut": True}}, True, True),
        ({"hieOptOut": True, "status": {"hieOptOut": False}}, False, True),
        ({"hieOptOut": True, "status": {}}, True, True),
        ({"status": {"treatmentRelationship": False}}, False, False),
    ],
)
def test_the_newest_place_of_the_switches_wins(
    changes: dict[str, Any], opted_out: bool, in_treatment: bool
) -> None:
    given = PatientCreate.model_validate(a_patient(**changes))

    assert (given.opted_out, given.in_treatment) == (opted_out, in_treatment)


def test_switches_are_booleans() -> None:
    assert refused(a_patient(hieOptOut="true")) == "Expected boolean, received string, on [hieOptOut]"
    assert refused(a_patient(status={"hieOptOut": 1})) == (
        "Expected boolean, received number, on [status,hieOptOut]"
    )


def test_a_network_query_is_kept_for_whoever_starts_it() -> None:
    query = {"sources": {"hie": {"enabled": True}}}

    assert PatientCreate.model_validate(a_patient(networkQuery=query)).networkQuery == query
    assert refused(a_patient(networkQuery=[])) == "Expected object, received array, on [networkQuery]"


def test_an_update_takes_what_a_read_gave() -> None:
    read = a_patient(
        id="1",
        facilityIds=["1"],
        dateCreated="2026-02-01T10:00:00.000Z",
        hieOptOut=False,
        eTag="tag",
        status={"hieOptOut": False, "treatmentRelationship": True},
    )

    assert PatientUpdate.model_validate(read).eTag == "tag"


def test_a_set_of_facilities_names_one_at_least() -> None:
    assert refused({"facilityIds": []}, FacilityIdsInput) == (
        "At least one facility ID must be provided, on [facilityIds]"
    )
    assert refused({"facilityIds": ["x"]}, FacilityIdsInput) == "Invalid uuid, on [facilityIds,0]"
    assert refused({}, FacilityIdsInput) == "Required, on [facilityIds]"


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["phone", "email", "zip", "state", "type", "value", "period", "start", "exclude"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(sorted(PatientCreate.model_fields)), JUNK, max_size=3))
@settings(max_examples=300, deadline=None)
def test_whatever_is_sent_is_either_taken_or_refused_with_a_reason(junk: dict[str, Any]) -> None:
    reason = None
    try:
        PatientCreate.model_validate(a_patient(**junk)).wire()
    except ValidationError as error:
        reason = describe_issues(error.errors())
    assert reason != ""
