"""Statements that are made once and given their tenant at each call."""

from __future__ import annotations

import pytest
from sqlalchemy import bindparam, select, text

from chartbridge.auth import create_key
from chartbridge.auth.keys import authenticate
from chartbridge.db import Lookup, Tenant
from chartbridge.db.tenancy import MissingTenantError
from chartbridge.errors import NotFoundError
from chartbridge.features.facilities import service as facilities
from chartbridge.features.facilities.models import Facility
from chartbridge.features.facilities.schemas import FacilityInput
from chartbridge.features.patients import service as patients
from chartbridge.features.patients.reading import read_patient
from chartbridge.features.patients.schemas import PatientCreate
from chartbridge.platform import Platform
from tests.support import people

OWNER = Tenant("owner", "sandbox")
OTHERS = [Tenant("other", "sandbox"), Tenant("owner", "production")]
NAME = Lookup(select(Facility.name).where(Facility.id == bindparam("facility_id")))


@pytest.fixture
def facility(platform: Platform) -> str:
    with platform.db.write(OWNER) as session:
        return facilities.create_facility(session, FacilityInput.model_validate(people.facility())).id


@pytest.fixture
def patient(platform: Platform, facility: str) -> str:
    with platform.db.write(OWNER) as session:
        made, _ = patients.create_patient(
            session,
            platform.db,
            PatientCreate.model_validate(people.stranger(externalId="mrn")),
            facility_id=facility,
            sandbox_max_patients=20,
        )
        return made.id


def test_a_tenant_s_rows_are_given_to_that_tenant_alone(platform: Platform, facility: str) -> None:
    wanted = {"facility_id": facility}
    assert [row[0] for row in platform.db.look_up(NAME, OWNER, wanted)] == ["North Clinic"]
    for tenant in OTHERS:
        assert list(platform.db.look_up(NAME, tenant, wanted)) == []
    with pytest.raises(MissingTenantError):
        platform.db.look_up(NAME, None, wanted)


def test_a_patient_is_read_whole_and_by_its_tenant_alone(
    platform: Platform, patient: str, facility: str
) -> None:
    found = read_patient(platform.db, OWNER, patient)
    with platform.db.read(OWNER) as session:
        stored = patients.get_patient(session, patient)
    for name in found._fields:
        assert getattr(found, name) == getattr(stored, name), name
    assert (found.etag, found.facility_ids) == (stored.etag, [facility])
    for tenant in OTHERS:
        with pytest.raises(NotFoundError):
            read_patient(platform.db, tenant, patient)


def test_values_are_parameters_never_part_of_the_statement(platform: Platform, patient: str) -> None:
    for value in ("' OR '1'='1", "%", "%(x)s", '"', "\\"):
        with pytest.raises(NotFoundError):
            read_patient(platform.db, OWNER, value)


def test_a_statement_with_a_value_in_it_is_refused(platform: Platform) -> None:
    if platform.db.is_sqlite:
        pytest.skip("on SQLite the statement goes the usual way")
    fixed = Lookup(select(Facility.name).where(Facility.id == "a value"))
    with pytest.raises(ValueError, match="named parameters"):
        platform.db.look_up(fixed, OWNER, {})


def test_connections_that_broke_meanwhile_are_replaced(platform: Platform, patient: str) -> None:
    if platform.db.is_sqlite:
        pytest.skip("a file has no connections that break")
    key = create_key(platform.db, "sandbox", "a")
    assert authenticate(platform.db, key) is not None
    assert read_patient(platform.db, OWNER, patient).id == patient
    with platform.db.engine.connect() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    answered = 0
    for _ in range(3):  # a pool may notice at the first use
        try:
            answered += read_patient(platform.db, OWNER, patient).id == patient
        except Exception:  # noqa: BLE001 - what is told to callers is a 503
            continue
    assert answered >= 2
