"""What an installation holds, as its users see it: to be the same after it was restored."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import date, timedelta
from typing import Any

import httpx
from sqlalchemy import text

from chartbridge.config import Settings
from chartbridge.db import Database
from tests.support import people
from tests.support.client import Api, M
from tests.support.receiver import Receiver


def make_charts(api: Api, receiver: Receiver) -> list[str]:
    """Two personas with their records gathered, and a patient whom no network knows."""
    receiver.key = api.post("/settings", {"webhookUrl": receiver.url})["webhookKey"]
    clinic = api.post(f"{M}/facility", people.facility(), status=201)["id"]
    bodies = [people.jane(), people.jane(firstName="Ollie"), people.stranger()]
    patients = [api.post(f"{M}/patient", body, status=201, facilityId=clinic)["id"] for body in bodies]
    queries = [
        api.post(f"{M}/network/query", {"sources": people.ALL_SOURCES}, patientId=patient)["requestId"]
        for patient in patients[:2]
    ]
    for query in queries:
        api.poll(f"{M}/network/query/{query}", timeout_s=120)
    for source in people.ALL_SOURCES:
        receiver.wait_for(f"network-query.{source}", len(queries), timeout_s=60)
    return patients


def somebody(number: int) -> dict[str, Any]:
    """What creates a patient who is nobody else, of any number."""
    letters = "".join(chr(97 + int(digit)) for digit in str(number))
    home = {"addressLine1": f"{number} Quarry Rd", "city": "Boise", "state": "ID", "zip": "83702"}
    return {
        "firstName": f"Orsolya{letters}",
        "lastName": f"{letters}vance{letters}",
        "dob": (date(1940, 1, 1) + timedelta(days=37 * number % 20_000)).isoformat(),
        "genderAtBirth": "FM"[number % 2],
        "address": [home],
    }


def everything(api: Api) -> dict[str, Any]:
    """Facilities, patients, documents with their bytes, charts and queries, by the API alone."""
    found: dict[str, Any] = {"facilities": api.get(f"{M}/facility"), "settings": api.get("/settings")}
    patients = api.get(f"{M}/patient")["patients"]
    found["patients"] = sorted(patients, key=lambda patient: str(patient["id"]))
    for patient in found["patients"]:
        found[patient["id"]] = _of_patient(api, patient["id"])
    return found


def _of_patient(api: Api, patient: str) -> dict[str, Any]:
    documents = api.get(f"{M}/document", patientId=patient, output="dto")["documents"]
    chart = api.get(f"{M}/patient/{patient}/consolidated")
    resources = {_without_urls(entry["resource"]) for entry in chart["entry"]}
    return {
        "documents": sorted(documents, key=lambda document: str(document["fileName"])),
        "bytes": {document["fileName"]: _digest(api, document["fileName"]) for document in documents},
        "chart": sorted(resources),
    }


def _without_urls(resource: dict[str, Any]) -> str:
    """Presigned ones have the time of the answer in them, and the server's address."""
    return re.sub(r'"http://127\.0\.0\.1:[^"]*"', '"a URL"', json.dumps(resource, sort_keys=True))


def _digest(api: Api, file_name: str) -> str:
    url = api.get(f"{M}/document/download-url", fileName=file_name)["url"]
    return hashlib.sha256(httpx.get(url, timeout=30).raise_for_status().content).hexdigest()


def messages(database_url: str) -> dict[str, tuple[str, str]]:
    """Kind and status of each webhook message by its id, as the database has them."""
    db = Database(Settings(database_url=database_url).db_url)
    with db.engine.connect() as connection:
        rows = connection.execute(text("SELECT id, type, status FROM webhook_messages")).all()
    db.dispose()
    return {message: (kind, status) for message, kind, status in rows}
