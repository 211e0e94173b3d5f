"""A row of a file that is a patient, and what becomes of it with other cells."""

from __future__ import annotations

from datetime import date
from typing import Any

from chartbridge.features.bulk.rows import Accepted, Rejected, RowReader
from chartbridge.features.bulk.sheet import normalise_header
from chartbridge.features.patients.schemas import PatientCreate

TODAY = date(2026, 2, 1)
ANA = {
    "firstName": "Ana",
    "lastName": "Ruiz",
    "dob": "1980-04-02",
    "gender": "F",
    "addressLine1": "1 Pine St",
    "city": "Boise",
    "state": "ID",
    "zip": "83702",
}
HOME = {"addressLine1": "1 Pine St", "city": "Boise", "state": "ID", "zip": "83702", "country": "USA"}
STORED: dict[str, Any] = {
    "firstName": "Ana",
    "lastName": "Ruiz",
    "dob": "1980-04-02",
    "genderAtBirth": "F",
    "address": [HOME],
    "contact": [],
    "personalIdentifiers": [],
}
SECOND_HOME = {"addressLine1-2": "2 Oak St", "city-2": "Nampa", "state-2": "ID", "zip-2": "83651"}


def read(columns: dict[str, str]) -> Accepted | Rejected:
    return RowReader([normalise_header(name) for name in columns], TODAY).read(list(columns.values()))


def patient(columns: dict[str, str]) -> PatientCreate:
    found = read(columns)
    assert isinstance(found, Accepted), found
    return found.patient


def stored(**columns: str) -> dict[str, Any]:
    """What is stored of Ana with other or more columns."""
    return patient({**ANA, **columns}).wire()


def reasons(columns: dict[str, str]) -> tuple[str, ...]:
    found = read(columns)
    assert isinstance(found, Rejected), found
    return found.reasons


def faults(**columns: str) -> tuple[str, ...]:
    """What is wrong with Ana with other or more columns."""
    return reasons({**ANA, **columns})


def without(*names: str) -> dict[str, str]:
    return {name: cell for name, cell in ANA.items() if name not in names}
