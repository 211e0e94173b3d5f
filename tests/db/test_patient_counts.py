"""The number of patients is kept by the database itself, and is exact."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import delete, func, select

from chartbridge.db import Tenant
from chartbridge.features.patients.counts import count_patients
from chartbridge.features.patients.models import Patient
from chartbridge.platform import Platform

OURS, OTHERS = Tenant("ours", "production"), Tenant("others", "production")


class RolledBackError(Exception):
    """Ends a transaction without its changes."""


def patient(number: int) -> Patient:
    values: dict[str, Any] = {"first_name": "Ana", "last_name": "Ruiz", "dob": "1980-04-02"}
    values |= {"gender_at_birth": "F", "address": [], "search_text": "", "search_ids": ""}
    return Patient(id=f"patient-{number}", **values)


def add(platform: Platform, tenant: Tenant, *numbers: int) -> None:
    with platform.db.write(tenant) as session:
        session.add_all([patient(number) for number in numbers])


def count(platform: Platform, tenant: Tenant = OURS) -> int:
    with platform.db.read(tenant) as session:
        assert count_patients(session) == session.scalar(select(func.count()).select_from(Patient))
        return count_patients(session)


def test_patients_are_counted_as_they_come_and_go(platform: Platform) -> None:
    assert count(platform) == 0
    add(platform, OURS, 1, 2, 3)
    add(platform, OTHERS, 4)
    assert (count(platform), count(platform, OTHERS)) == (3, 1)
    with platform.db.write(OURS) as session:
        session.execute(delete(Patient).where(Patient.id != "patient-2"))
    assert (count(platform), count(platform, OTHERS)) == (1, 1)
    with platform.db.write(OURS) as session:
        session.delete(session.scalars(select(Patient)).one())
    assert count(platform) == 0


def test_what_is_rolled_back_is_not_counted(platform: Platform) -> None:
    add(platform, OURS, 1)

    def change_and_fail() -> None:
        with platform.db.write(OURS) as session:
            session.add(patient(2))
            session.delete(session.get(Patient, "patient-1"))
            session.flush()
            raise RolledBackError

    with pytest.raises(RolledBackError):
        change_and_fail()
    assert count(platform) == 1


def test_patients_that_come_and_go_at_once_are_each_counted(platform: Platform) -> None:
    def come_and_stay_if_even(number: int) -> None:
        add(platform, OURS, number)
        if number % 2:
            with platform.db.write(OURS) as session:
                session.execute(delete(Patient).where(Patient.id == f"patient-{number}"))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(come_and_stay_if_even, range(40)))
    assert count(platform) == 20
