"""Creating many patients in one transaction, on each database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import product
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm.exc import StaleDataError

from chartbridge.auth import authenticate
from chartbridge.db import Tenant
from chartbridge.errors import NotFoundError
from chartbridge.features.patients.batches import Entry, Outcome, create_or_find, foresee
from chartbridge.features.patients.models import Patient
from chartbridge.features.patients.schemas import PatientCreate
from chartbridge.platform import Platform
from tests.patients.caller import Caller, Json, a_patient, an_address

IDS = "0196f0e0-0000-7000-8000-000000000000"


@pytest.fixture
def tenant(api: Caller, platform: Platform) -> Tenant:
    known = authenticate(platform.db, api.http.headers["x-api-key"])
    assert known is not None
    return known.tenant


def entry(*cohorts: str, **changes: Any) -> Entry:
    return Entry(PatientCreate.model_validate(a_patient(**changes)), cohorts)


def person(number: int) -> Entry:
    """Somebody whom nobody is like, though some are born on one day."""
    letters = "".join(chr(ord("b") + int(digit)) for digit in f"{number:04d}")
    return entry(
        firstName=letters,
        lastName=letters[::-1] + letters,
        dob=f"1980-01-{1 + number % 28:02d}",
        address=[an_address(addressLine1=f"{number} {letters} Rd", zip=f"{20001 + number * 7}")],
    )


def make(platform: Platform, tenant: Tenant, clinic: Json, *entries: Entry) -> list[Outcome]:
    with platform.db.write(tenant) as session:
        return create_or_find(
            session, platform.db, entries, facility_id=clinic["id"], sandbox_max_patients=20
        )


def test_people_of_one_batch_are_found_again_in_it(
    api: Caller, platform: Platform, tenant: Tenant, clinic: Json
) -> None:
    first, other, again, moved = make(
        platform,
        tenant,
        clinic,
        entry(),
        person(1),
        entry(firstName="ANA"),
        entry(contact={"phone": "2085550100"}),
    )
    assert [o.effect for o in (first, other, again, moved)] == ["created", "created", "matched", "updated"]
    assert first.patient_id == again.patient_id == moved.patient_id
    stored = api.get(f"/patient/{first.patient_id}")
    assert stored["contact"] == [{"phone": "2085550100"}]
    assert stored["facilityIds"] == [clinic["id"]]
    assert len(api.get("/patient")["patients"]) == 2


def test_what_an_entry_says_comes_first_and_what_it_leaves_out_stays(
    api: Caller, platform: Platform, tenant: Tenant, clinic: Json
) -> None:
    place = an_address(coordinates={"lat": 43.6, "lon": -116.2})
    licence = {"type": "driversLicense", "value": "D1", "state": "ID"}
    made = api.patient(
        clinic,
        externalId="mrn-1",
        address=[place, an_address(addressLine1="2 Oak St")],
        contact=[{"email": "ana@example.org"}],
        personalIdentifiers=[licence, {"type": "ssn", "value": "111223333"}],
    )
    (outcome,) = make(
        platform,
        tenant,
        clinic,
        entry(contact={"phone": "2085550100"}, personalIdentifiers=[{"type": "ssn", "value": "111224444"}]),
    )
    assert outcome == Outcome("updated", made["id"])
    stored = api.get(f"/patient/{made['id']}")
    assert stored["address"] == made["address"], "with the coordinates"
    assert stored["contact"] == [{"phone": "2085550100"}, {"email": "ana@example.org"}]
    assert {i["value"] for i in stored["personalIdentifiers"]} == {"111224444", "D1"}
    assert stored["externalId"] == "mrn-1"
    assert stored["eTag"] != made["eTag"]


def test_nothing_is_made_of_what_is_foreseen(
    api: Caller, platform: Platform, tenant: Tenant, clinic: Json
) -> None:
    known = api.patient(clinic)
    entries = [entry(contact={"phone": "2085550100"}), person(1), person(1), entry("Nobody's")]
    with platform.db.read(tenant) as session:
        seen = foresee(session, entries, facility_id=clinic["id"], sandbox_max_patients=20, foreseen=0)
    assert [o.effect for o in seen] == ["updated", "created", "matched", "refused"]
    assert {o.patient_id for o in seen} == {None}
    assert api.get("/patient")["patients"] == [known]


def test_without_its_facility_nothing_is_made(
    api: Caller, platform: Platform, tenant: Tenant, clinic: Json
) -> None:
    with pytest.raises(NotFoundError):
        make(platform, tenant, {**clinic, "id": IDS}, entry())
    assert api.get("/patient")["patients"] == []


def test_batches_at_once_make_nobody_twice_and_do_not_wait_in_a_circle(
    api: Caller, platform: Platform, tenant: Tenant, clinic: Json
) -> None:
    """All batches are about the same people, each in another order."""
    orders = [[(start + step * n) % 60 for n in range(60)] for start, step in product((0, 20, 40), (1, 7))]
    people = [person(number) for number in range(60)]
    with ThreadPoolExecutor(len(orders)) as pool:
        found = list(
            pool.map(lambda order: make(platform, tenant, clinic, *(people[n] for n in order)), orders)
        )
    listed = {patient["id"] for patient in api.get("/patient", count=500)["patients"]}
    assert len(listed) == 60
    assert all({outcome.patient_id for outcome in outcomes} == listed for outcomes in found)
    assert sum(o.effect == "created" for outcomes in found for o in outcomes) == 60


def test_a_patient_who_is_changed_meanwhile_is_not_written_over(
    api: Caller, platform: Platform, tenant: Tenant, clinic: Json
) -> None:
    if platform.db.is_sqlite:
        pytest.skip("a write session of SQLite excludes all others")
    made = api.patient(clinic)

    def write_over() -> None:
        with platform.db.write(tenant) as session:
            held = session.scalars(select(Patient)).all()  # as they are before the change
            with ThreadPoolExecutor(1) as pool:
                pool.submit(api.put, f"/patient/{held[0].id}", a_patient(externalId="mrn-2")).result()
            update = [entry(contact={"phone": "2085550100"})]
            create_or_find(session, platform.db, update, facility_id=clinic["id"], sandbox_max_patients=20)

    with pytest.raises(StaleDataError):
        write_over()
    assert api.get(f"/patient/{made['id']}")["externalId"] == "mrn-2"
