"""What applications ask for while everything around them fails."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import httpx

from tests.bulk.importing import sheet, somebody
from tests.faults.scale import PERSONAS, REFUSED_EVERY, chosen
from tests.support import people
from tests.support.client import Api, M

INSISTS_FOR_S = 150.0
AHEAD = 40
"""Queries that have not ended while another one is started."""


class InsistentApi(Api):
    """Calls again until it is answered, a POST under one Idempotency-Key, as a careful application does."""

    def __init__(self, origin: str, key: str) -> None:
        super().__init__(origin, key)
        self.tried_again = 0

    def _call(self, method: str, path: str, body: Any, status: int, query: dict[str, Any]) -> Any:
        given = {name: value for name, value in query.items() if value is not None}
        headers = {"idempotency-key": str(uuid.uuid4())} if method == "POST" else {}
        deadline = time.monotonic() + INSISTS_FOR_S
        while True:
            try:
                answer = self.http.request(method, path, json=body, params=given, headers=headers)
            except httpx.TransportError as error:
                said = repr(error)
            else:
                said = f"{answer.status_code} {answer.text[:500]}"
                if answer.status_code == status:
                    return answer.json()
                unanswered = answer.status_code >= 500 or "still being processed" in answer.text
                assert unanswered, f"{method} {path}: {said}"
            assert time.monotonic() < deadline, f"{method} {path} was not answered: {said}"
            self.tried_again += 1
            time.sleep(0.25)


@dataclass
class Asked:
    """One patient, and what was asked for."""

    persona: str
    patient_id: str
    query_id: str
    consolidated_id: str | None = None


def patient(number: int) -> dict[str, Any]:
    """What creates the ``number``-th patient: a persona by first name, and nobody's twin."""
    letters = "".join(chr(ord("a") + int(digit)) for digit in str(number))
    address = {"addressLine1": f"{number} {letters * 5} Rd", "city": "Boise", "state": "ID", "zip": "83702"}
    return people.jane(
        firstName=PERSONAS[number % chosen().personas],
        lastName=f"{letters * 3}ton".capitalize(),
        dob=f"19{30 + number % 60}-{1 + number % 12:02}-{1 + number % 28:02}",
        address=[address],
    )


def row(number: int) -> tuple[str, ...]:
    """A row of the import: nobody else's birthday, for the names that are made here are alike; some are
    refused."""
    born = date(1930, 1, 1) + timedelta(days=11 * number)
    gender = "f" if (number + 1) % REFUSED_EVERY else "none"
    return somebody(number, dob=born.isoformat(), gender=gender)


class Load:
    """Creates patients, queries the networks about each, then asks for each chart; imports others from a
    file of ``rows``."""

    def __init__(self, api: InsistentApi, facility_id: str, *, queries: int, rows: int) -> None:
        self.asked: list[Asked] = []
        self.import_id: str | None = None
        self._rows = rows
        self._api = api
        self._facility_id = facility_id
        self._queries = queries
        self._failures: list[BaseException] = []
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(work,)) for work in self._works()]

    def _works(self) -> tuple[Callable[[], None], ...]:
        return self._ask, self._read, self._import

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    @property
    def running(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)

    def give_up(self) -> None:
        """End soon, however much is left."""
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def check(self) -> None:
        """Raise what went wrong in the background."""
        if self._failures:
            raise self._failures[0]

    def _run(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - raised again by check()
            self._failures.append(error)
            self._ended.set()

    def _ask(self) -> None:
        for number in range(self._queries):
            while len(self.asked) - self._read_so_far() >= AHEAD and not self._ended.is_set():
                time.sleep(0.1)
            if self._ended.is_set():
                return
            self.asked.append(ask(self._api, self._facility_id, number))

    def _read(self) -> None:
        for number in range(self._queries):
            while len(self.asked) <= number or self._processing(self.asked[number]):
                if self._ended.wait(0.2):
                    return
            one = self.asked[number]
            started = self._api.post(
                f"{M}/patient/{one.patient_id}/consolidated/query", conversionType="json"
            )
            one.consolidated_id = started["requestId"]

    def _import(self) -> None:
        begun = self._api.post(f"{M}/patient/bulk", facilityId=self._facility_id)
        self.import_id = str(begun["requestId"])
        people_of_rows = [row(number) for number in range(self._rows)]
        path = f"{M}/patient/bulk/{self.import_id}"
        while self._api.get(path)["status"] == "waiting":
            try:
                httpx.put(begun["uploadUrl"], content=sheet(people_of_rows), timeout=30)
            except httpx.TransportError:
                self._api.tried_again += 1
            if self._ended.wait(0.3):
                return

    def _read_so_far(self) -> int:
        return sum(one.consolidated_id is not None for one in self.asked)

    def _processing(self, one: Asked) -> bool:
        return bool(self._api.get(f"{M}/network/query/{one.query_id}")["status"] == "processing")


def ask(api: Api, facility_id: str, number: int) -> Asked:
    """Create the ``number``-th patient and query all sources about them."""
    body = patient(number)
    made = api.post(f"{M}/patient", body, status=201, facilityId=facility_id)
    query = api.post(f"{M}/network/query", {"sources": people.ALL_SOURCES}, patientId=made["id"])
    return Asked(str(body["firstName"]), str(made["id"]), str(query["requestId"]))
