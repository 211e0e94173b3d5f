"""The list of patients: pages and the filter language."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from chartbridge.errors import BadRequestError
from chartbridge.platform import Platform
from chartbridge.search.filters import MAX_TERMS, Term, parse
from tests.patients.caller import OTHER_NPI, Caller, Json, an_address


@pytest.mark.parametrize(
    ("text", "alternatives"),
    [
        ("john doe", [[Term(("john",)), Term(("doe",))]]),
        ('"John  Doe"', [[Term(("john", "doe"))]]),
        ("john or doe", [[Term(("john",))], [Term(("doe",))]]),
        ("john OR doe smith", [[Term(("john",))], [Term(("doe",)), Term(("smith",))]]),
        ("john -doe", [[Term(("john",)), Term(("doe",), negated=True)]]),
        ('-"john doe"', [[Term(("john", "doe"), negated=True)]]),
        ("2000-02-03", [[Term(("2000", "02", "03"))]]),
        ("or", [[Term(("or",))]]),
        ("john or", [[Term(("john",)), Term(("or",))]]),
        ('"unfinished phrase', [[Term(("unfinished", "phrase"))]]),
        ("José O'Brien", [[Term(("jose",)), Term(("o", "brien"))]]),
        ("100% _", [[Term(("100",))]]),
        ("!!", []),
        ("", []),
    ],
)
def test_a_filter_is_read(text: str, alternatives: list[list[Term]]) -> None:
    assert parse(text) == alternatives


def test_a_filter_has_bounds() -> None:
    with pytest.raises(BadRequestError, match="at most 1000 characters"):
        parse("x" * 1001)
    with pytest.raises(BadRequestError, match=f"at most {MAX_TERMS} words"):
        parse("x " * (MAX_TERMS + 1))


@pytest.fixture
def people(api: Caller, clinic: Json) -> dict[str, Json]:
    second = api.facility(npi=OTHER_NPI, name="Ünited Heart Center")
    return {
        "john": api.patient(clinic, firstName="John", lastName="Doe", dob="2000-02-03", externalId="MRN_1%x"),
        "jane": api.patient(clinic, firstName="Jane", lastName="Doe", dob="2000-03-04"),
        "jose": api.patient(second, firstName="José", lastName="Smith-Jones", dob="1999-02-03"),
        "johnny": api.patient(
            clinic,
            firstName="Johnny",
            lastName="Oak",
            dob="1950-01-01",
            additionalIds={"healthix": ["HX-77"]},
            address=an_address(addressLine1="1 Doe Road"),
        ),
    }


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ("john", "john"),
        ("JOHN DOE", "john"),
        ("doe john", "john"),
        ('"john doe"', "john"),
        ('"doe john"', ""),
        ('"doe 2000"', ""),
        ("joh", ""),
        ("john or jane", "john jane"),
        ("doe -john", "jane"),
        ("-doe", "jose johnny"),
        ('doe -"john doe"', "jane"),
        ("2000", "john jane"),
        ("2000-02", "john"),
        ("2000-02-03", "john"),
        ("02-03", "john jose"),
        ("200", ""),
        ("jose", "jose"),
        ("josé", "jose"),
        ("smith-jones", "jose"),
        ("jones", "jose"),
        ("mrn_1%", "john"),
        ("n_1", "john"),
        ("n%1", ""),
        ("hx-7", "johnny"),
        ("ünited HEART", "jose"),
        ("heart ce", "jose"),
        ("road", ""),
        ("!!", ""),
        ("   ", "john jane jose johnny"),
    ],
)
@pytest.mark.parametrize("backend", ["sqlite"])
def test_a_filter_finds(api: Caller, people: dict[str, Json], filters: str, found: str) -> None:
    answer = api.get("/patient", filters=filters)

    names = {patient["id"]: name for name, patient in people.items()}
    assert {names[patient["id"]] for patient in answer["patients"]} == set(found.split())


def test_the_filter_is_the_same_on_each_database(api: Caller, clinic: Json, people: dict[str, Json]) -> None:
    def found(filters: str) -> set[str]:
        return {patient["id"] for patient in api.get("/patient", filters=filters)["patients"]}

    def ids(*names: str) -> set[str]:
        return {people[name]["id"] for name in names}

    assert found("DOE -john") == ids("jane")
    assert found("john or 1999-02") == ids("john", "jose")
    assert found("n_1%") == ids("john")
    assert found("ÜNITED") == ids("jose")
    assert found(people["jane"]["id"].upper()) == ids("jane")
    assert found(clinic["id"]) == ids("john", "jane", "johnny")
    assert found(" or ".join(f"w{place}" for place in range(50))) == set()


def test_an_update_is_found_under_the_new_values_only(api: Caller, people: dict[str, Json]) -> None:
    patient = people["jane"]
    body = {**patient, "lastName": "Roe", "externalId": "new-id"}
    api.put(f"/patient/{patient['id']}", body)

    assert [p["id"] for p in api.get("/patient", filters="roe")["patients"]] == [patient["id"]]
    assert [p["id"] for p in api.get("/patient", filters="ew-i")["patients"]] == [patient["id"]]
    assert api.get("/patient", filters="jane doe")["patients"] == []


def test_a_filter_beyond_the_bounds_is_refused(api: Caller) -> None:
    assert "at most" in api.get("/patient", filters="x" * 1001, status=400)["detail"]


def test_the_list_can_be_of_one_facility(api: Caller, people: dict[str, Json]) -> None:
    facility_id = people["jose"]["facilityIds"][0]

    answer = api.get("/patient", facilityId=facility_id)

    assert answer == {"meta": {"itemsOnPage": 1, "itemsInTotal": 1}, "patients": [people["jose"]]}
    assert api.get("/patient", facilityId="nowhere") == {"meta": {"itemsOnPage": 0}, "patients": []}


def test_pages_lead_through_the_whole_list_and_keep_the_filters(
    api: Caller, platform: Platform, people: dict[str, Json]
) -> None:
    facility_id = people["john"]["facilityIds"][0]
    newest_first = [people[name]["id"] for name in ("johnny", "jane", "john")]

    page = api.get("/patient", count=2, facilityId=facility_id, filters="19 or 2000 or oak")

    assert [patient["id"] for patient in page["patients"]] == newest_first[:2]
    assert page["meta"]["itemsInTotal"] == 3
    assert "prevPage" not in page["meta"]
    following = urlsplit(page["meta"]["nextPage"])
    assert f"{following.scheme}://{following.netloc}" == platform.settings.origin
    assert following.path == "/medical/v1/patient"
    assert parse_qs(following.query) == {
        "fromItem": [newest_first[2]],
        "count": ["2"],
        "facilityId": [facility_id],
        "filters": ["19 or 2000 or oak"],
    }
    last = api.http.get(f"{following.path}?{following.query}").json()
    assert [patient["id"] for patient in last["patients"]] == newest_first[2:]
    assert set(last["meta"]) == {"itemsOnPage", "prevPage"}
    back = urlsplit(last["meta"]["prevPage"])
    assert api.http.get(f"{back.path}?{back.query}").json() == page


def test_an_empty_list_has_meta_without_a_total(api: Caller) -> None:
    assert api.get("/patient") == {"meta": {"itemsOnPage": 0}, "patients": []}
