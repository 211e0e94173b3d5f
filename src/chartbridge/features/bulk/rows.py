"""A row as a patient to create, or all reasons why it is none (bulk patient create, 3.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from pydantic import ValidationError

from chartbridge.features.bulk import cells
from chartbridge.features.bulk.addresses import COLUMNS, IncompleteAddressError, address_in
from chartbridge.features.bulk.columns import Layout, first
from chartbridge.features.patients.parts import PersonalIdentifierInput
from chartbridge.features.patients.schemas import PatientCreate
from chartbridge.http.validation import describe_issues

LICENSE_WITHOUT_VALUE = "Invalid drivers license (missing value)"
LICENSE_WITHOUT_STATE = "Invalid drivers license (missing state)"
_CONTACT_RULES = {"phone": cells.phone, "email": cells.email}
_OPT_OUT = {"": None, "false": False, "true": True}


@dataclass(frozen=True, slots=True)
class Accepted:
    """A patient as `POST /patient` would take it, and the cohorts to join, each by its name or its id."""

    patient: PatientCreate
    cohorts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rejected:
    """What is wrong with a row, in the order of the contract's columns."""

    reasons: tuple[str, ...]


class RowReader:
    """Reads the rows of one file."""

    def __init__(self, header: list[str], today: date) -> None:
        """``header`` is normalised. Nobody is born after ``today``."""
        layout = Layout(header)
        self._width = layout.width
        self._single = layout.single
        self._addresses = layout.groups(*COLUMNS)
        self._contacts = layout.groups("phone", "email")
        self._cohorts = layout.groups("cohort")
        self._today = today

    def read(self, row: list[str]) -> Accepted | Rejected:
        """``row`` holds clean cells; those that a short row lacks are empty."""
        if len(row) > self._width:
            return Rejected((f"Row has {len(row)} cells under {self._width} headers",))
        if len(row) < self._width:
            row = row + [""] * (self._width - len(row))
        reasons: list[str] = []
        data = {
            "firstName": self._name(row, "firstName", reasons),
            "lastName": self._name(row, "lastName", reasons),
            "dob": self._date_of_birth(row, reasons),
            "genderAtBirth": self._gender(row, reasons),
            "externalId": self._cell(row, "externalId") or None,
            "personalIdentifiers": [*self._ssn(row, reasons), *self._drivers_license(row, reasons)],
            "address": self._address_list(row, reasons),
            "contact": self._contact_list(row, reasons),
            "hieOptOut": self._opt_out(row, reasons),
        }
        if reasons:
            return Rejected(tuple(reasons))
        try:
            patient = PatientCreate.model_validate(data)
        except ValidationError as error:
            return Rejected(tuple(describe_issues([issue]) for issue in error.errors(include_url=False)))
        return Accepted(patient, self._cohort_list(row))

    def _cell(self, row: Sequence[str], column: str) -> str:
        return first(row, self._single[column])

    def _name(self, row: Sequence[str], column: str, reasons: list[str]) -> str:
        name = self._cell(row, column)
        if not name:
            reasons.append(f"Missing {column}")
        return cells.title_case(name)

    def _date_of_birth(self, row: Sequence[str], reasons: list[str]) -> str | None:
        day = cells.date_of_birth(self._cell(row, "dob"), today=self._today)
        if day is None:
            reasons.append("Missing/invalid dob")
        return day

    def _gender(self, row: Sequence[str], reasons: list[str]) -> str | None:
        gender = cells.gender(self._cell(row, "gender"))
        if gender is None:
            reasons.append("Missing/invalid gender")
        return gender

    def _ssn(self, row: Sequence[str], reasons: list[str]) -> list[dict[str, str]]:
        cell = self._cell(row, "ssn")
        if not cell:
            return []
        number = cells.ssn(cell)
        if number is None:
            reasons.append("Invalid SSN")
            return []
        return [{"type": "ssn", "value": number}]

    def _drivers_license(self, row: Sequence[str], reasons: list[str]) -> list[PersonalIdentifierInput]:
        value_cell, state_cell = self._cell(row, "driversLicense"), self._cell(row, "driversLicenseState")
        value, state = cells.drivers_license(value_cell), cells.state(state_cell)
        if value and state:
            # Not validated: a territory's licence, which the API refuses, is taken from a file.
            return [PersonalIdentifierInput.model_construct(type="driversLicense", value=value, state=state)]
        if value:
            reasons.append(LICENSE_WITHOUT_STATE)
        elif value_cell or state:
            reasons.append(LICENSE_WITHOUT_VALUE)
        return []

    def _address_list(self, row: Sequence[str], reasons: list[str]) -> list[dict[str, str]]:
        complete = []
        for group in self._addresses:
            try:
                address = address_in(row, group)
            except IncompleteAddressError as error:
                reasons += [f"Missing {column}{group.suffix}" for column in error.lacking]
            else:
                complete += [address] if address else []
        if not complete:
            reasons += ["Patient has no address", "Missing address"]
        return complete

    def _contact_list(self, row: Sequence[str], reasons: list[str]) -> list[dict[str, str]]:
        contacts: dict[str, dict[str, str]] = {}
        for column, rule in _CONTACT_RULES.items():
            for group in self._contacts:
                cell = first(row, group.places[column])
                if not cell:
                    continue
                value = rule(cell)
                if value is None:
                    reasons.append(f"Invalid {column}{group.suffix}")
                else:
                    contacts.setdefault(group.suffix, {})[column] = value
        return [contacts[group.suffix] for group in self._contacts if group.suffix in contacts]

    def _opt_out(self, row: Sequence[str], reasons: list[str]) -> bool | None:
        """A word that is neither true nor false is refused: to take it for "no" would override a wish."""
        cell = self._cell(row, "hieOptOut").lower()
        if cell not in _OPT_OUT:
            reasons.append("Invalid hieOptOut")
        return _OPT_OUT.get(cell)

    def _cohort_list(self, row: Sequence[str]) -> tuple[str, ...]:
        named = (first(row, group.places["cohort"]) for group in self._cohorts)
        return tuple(dict.fromkeys(name for name in named if name))
