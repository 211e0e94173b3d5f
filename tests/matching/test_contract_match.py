from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chartbridge.matching.contract_match import find_match, similarity
from chartbridge.matching.normalize import email, identifier, name, person, phone, zip_code

SSN = {"type": "ssn", "value": "521348765"}


def license_of(state: str, value: str = "D1234567") -> dict[str, str]:
    return {"type": "driversLicense", "value": value, "state": state}


def patient(**changes: Any) -> dict[str, Any]:
    address = {"addressLine1": "1 Pine St", "city": "Boise", "state": "ID", "zip": "83702"}
    contact = {"phone": "2085550100", "email": "ana@example.org"}
    whole: dict[str, Any] = {
        "firstName": "Ana",
        "lastName": "Ruiz",
        "dob": "1980-04-02",
        "genderAtBirth": "F",
        "address": [{**address, **changes.pop("address", {})}],
        "contact": [{**contact, **changes.pop("contact", {})}],
    }
    return {**whole, **changes}


def stranger(**changes: Any) -> dict[str, Any]:
    return patient(
        **{
            "firstName": "Wilhelmina",
            "lastName": "Okafor",
            "address": {"addressLine1": "99 Ocean Blvd", "city": "Miami", "state": "FL", "zip": "33139"},
            "contact": {"phone": "3055559999", "email": "w.o@mail.example.com"},
            **changes,
        }
    )


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return find_match(one, [other]) == 0


def test_the_same_demographics_are_the_same_person() -> None:
    assert same(patient(), patient())


@pytest.mark.parametrize("change", [{"dob": "1980-04-03"}, {"genderAtBirth": "U"}])
def test_another_birth_date_or_gender_is_another_person_even_with_the_same_ssn(
    change: dict[str, str],
) -> None:
    assert not same(patient(personalIdentifiers=[SSN]), patient(personalIdentifiers=[SSN], **change))


def test_two_patients_without_birth_date_are_not_the_same_person() -> None:
    assert not same(patient(dob=None), patient(dob=None))


def test_spelling_that_means_nothing_does_not_matter() -> None:
    assert same(
        patient(),
        patient(
            firstName=" ANA,Anna",
            lastName="ruiz lopez",
            address={"addressLine1": " 1 PINE ST ", "city": "boise", "state": "id", "zip": "83702-1234"},
            contact={"phone": "+1 (208) 555-0100", "email": "mailto:Ana@Example.org"},
        ),
    )


@pytest.mark.parametrize(
    ("one", "other"), [("Emma", "Olivia"), ("Liam", "Noah"), ("James", "Robert"), ("Ava", "Mia")]
)
def test_twins_of_different_first_names_are_two_people(one: str, other: str) -> None:
    assert not same(patient(firstName=one), patient(firstName=other))


def test_a_typing_error_does_not_make_another_person() -> None:
    assert same(patient(lastName="Hernandez"), patient(lastName="Hernandes"))
    assert same(patient(), patient(address={"addressLine1": "1 Pine Street"}))


def test_somebody_who_moved_far_away_is_not_found_without_an_identifier() -> None:
    moved = patient(address={"addressLine1": "99 Ocean Blvd", "city": "Miami", "state": "FL", "zip": "33139"})
    assert not same(patient(), moved)
    assert same(patient(personalIdentifiers=[SSN]), {**moved, "personalIdentifiers": [license_of("ID"), SSN]})


def test_a_shared_identifier_is_enough() -> None:
    assert same(patient(personalIdentifiers=[SSN]), stranger(personalIdentifiers=[SSN]))
    assert same(
        patient(personalIdentifiers=[license_of("id")]), stranger(personalIdentifiers=[license_of("ID ")])
    )


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        (SSN, {**SSN, "value": "987654321"}),
        (license_of("ID"), license_of("FL")),
        (SSN, license_of("ID", SSN["value"])),
        ({**SSN, "value": " "}, {**SSN, "value": ""}),
    ],
)
def test_identifiers_of_another_kind_value_or_state_are_not_shared(
    mine: dict[str, str], theirs: dict[str, str]
) -> None:
    assert not same(patient(personalIdentifiers=[mine]), stranger(personalIdentifiers=[theirs]))


def test_the_mean_is_over_the_six_fields_that_are_always_there() -> None:
    one = person(patient(contact={"phone": None, "email": None}))
    other = person(patient(contact={"phone": None, "email": None}, lastName="Qwp"))
    assert similarity(one, other) == pytest.approx(5 / 6)


@pytest.mark.parametrize("contact", [{"email": "#"}, {"phone": "9999999999"}])
def test_phone_and_email_count_when_both_have_them(contact: dict[str, str]) -> None:
    mine = person(patient())
    assert similarity(mine, person(patient(contact=contact))) == pytest.approx(7 / 8)
    assert similarity(mine, person(patient(contact=dict.fromkeys(contact, "")))) == 1


def test_a_second_address_line_counts_when_both_have_it() -> None:
    one = person(patient(address={"addressLine2": "Apt 1"}))
    assert similarity(one, person(patient())) == 1
    assert similarity(one, person(patient(address={"addressLine2": "xyz"}))) == pytest.approx(8 / 9)


def with_second_line(text: str) -> dict[str, Any]:
    return patient(address={"addressLine2": text})


def test_the_threshold_is_096() -> None:
    # Eight of nine fields are equal, so the ninth must reach 9 * 0.96 - 8 = 0.64. Jaro of two texts of n
    # letters that share m in place is (2m/n + 1) / 3.
    assert same(with_second_line("abcdefghijklm"), with_second_line("zzzzzzzhijklm"))  # 6 of 13: 0.641
    assert not same(with_second_line("abcdefg"), with_second_line("zzzzefg"))  # 3 of 7: 0.619


def test_a_common_beginning_counts_a_tenth_a_letter_up_to_four() -> None:
    # Jaro 5/6, and 4 * 0.1 of what is lacking to 1: 0.9.
    found = similarity(person(with_second_line("abcdefgh")), person(with_second_line("abcdefzz")))
    assert found == pytest.approx(8.9 / 9)


def test_people_without_address_are_not_matched_for_what_both_lack() -> None:
    assert not same(patient(address={}, contact={}) | {"address": []}, patient() | {"address": []})


def test_the_oldest_of_several_matches_wins_and_nobody_is_found_among_strangers() -> None:
    assert find_match(patient(), [stranger(), patient(), patient()]) == 1
    assert find_match(patient(), [stranger()]) is None
    assert find_match(patient(), []) is None


def test_only_the_first_address_and_contact_are_compared() -> None:
    two_homes = patient()
    two_homes["address"] = [*stranger()["address"], *two_homes["address"]]
    assert not same(patient(), two_homes)


def test_a_single_address_object_is_as_good_as_a_list() -> None:
    assert same(
        patient(), {**patient(), "address": patient()["address"][0], "contact": patient()["contact"][0]}
    )


def test_values_are_compared_in_their_normal_form() -> None:
    assert [name(text) for text in (" Ann,Anna", "ANN Marie", ",", None, "  ")] == ["ann", "ann", "", "", ""]
    assert [zip_code(text) for text in ("83702-1234", 83702, None)] == ["83702", "83702", ""]
    assert [phone(text) for text in ("+1 208 555 0100", "208.555.0100", None)] == [
        "2085550100",
        "2085550100",
        "",
    ]
    assert email(" MAILTO:A@B.co ") == "a@b.co"
    assert identifier({"type": "ssn", "value": " 521-34-8765 ", "state": "ID"}) == ("ssn", "521348765", "")


@pytest.mark.parametrize("value", ["000-00-0000", "00", "123456789", "999999999", "1234", " "])
def test_a_number_that_stands_for_none_makes_no_two_patients_one(value: str) -> None:
    shared = [{"type": "ssn", "value": value}, license_of("ID", "0000")]
    anna = patient(firstName="Anna", lastName="Berg", personalIdentifiers=shared)
    olga = patient(
        firstName="Olga", lastName="Zamora", address={"addressLine1": "9 Far"}, personalIdentifiers=shared
    )
    assert find_match(anna, [olga]) is None


words = st.text("abcdefg ", max_size=8)
people = st.builds(
    lambda first, last, line, mail: patient(
        firstName=first, lastName=last, address={"addressLine1": line}, contact={"email": mail}
    ),
    words,
    words,
    words,
    words,
)


@given(people, people)
def test_matching_is_symmetric_and_similarity_stays_between_nought_and_one(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    assert same(one, other) is same(other, one)
    assert 0 <= similarity(person(one), person(other)) <= 1


@given(people, st.lists(people, max_size=5))
def test_what_is_found_is_the_first_that_would_match_alone(
    candidate: dict[str, Any], existing: list[dict[str, Any]]
) -> None:
    alone = [place for place, other in enumerate(existing) if same(candidate, other)]
    assert find_match(candidate, existing) == (alone[0] if alone else None)
