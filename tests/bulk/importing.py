"""Imports as tests run them, and the files that they send."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import select

from chartbridge.features.bulk.models import BulkImport, BulkImportRow
from tests.running import Caller, Json, World
from tests.support.client import M

PATH = f"{M}/patient/bulk"
UNKNOWN = "0196f0e0-0000-7000-8000-000000000000"
KIND = "medical.bulk-patient-create"
COLUMNS = ("firstName", "lastName", "dob", "gender", "addressLine1", "city", "state", "zip")
ANA = ("ana", "RUIZ", "1980-04-02", "f", "1 Pine St", "Boise", "ID", "83702")
BO = ("bo", "", "1979-01-01", "x", "2 Oak St", "Boise", "ID", "83702")


def somebody(number: int, **changes: str) -> tuple[str, ...]:
    """A row about a person whom nobody else's row is about."""
    letters = "".join(chr(ord("a") + int(digit)) for digit in f"{number:06d}")
    row = dict(
        zip(
            COLUMNS,
            (
                f"Q{letters}",
                f"V{letters[::-1]}",
                f"{1930 + number % 70}-{1 + number % 12:02d}-{1 + number % 28:02d}",
                "fm"[number % 2],
                f"{number} {letters.title()} St",
                "Boise",
                "ID",
                f"{20001 + number}",
            ),
            strict=True,
        )
    )
    return tuple({**row, **changes}.values())


def sheet(rows: Sequence[Sequence[str]], *more: str) -> bytes:
    """A file of those rows under the usual columns and ``more``."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([*COLUMNS, *more])
    writer.writerows(rows)
    return text.getvalue().encode()


def start(api: Caller, **query: Any) -> Json:
    begun: Json = api.post(PATH, **query)
    return begun


def put(api: Caller, url: str, content: bytes | Iterator[bytes]) -> Any:
    """The answer to an upload, as the documented curl makes it: with a key that it does not need."""
    headers = {"content-type": "text/csv", "x-api-key": api.key}
    return api.http.put(url, content=content, headers=headers)


def send(api: Caller, content: bytes, **query: Any) -> str:
    """The id of an import whose file has been sent."""
    begun = start(api, **query)
    answer = put(api, begun["uploadUrl"], content)
    assert answer.status_code == 200, answer.text
    return str(begun["requestId"])


def state(api: Caller, import_id: str) -> Json:
    found: Json = api.get(f"{PATH}/{import_id}")
    return found


def ended(api: Caller, import_id: str, until: str = "completed", timeout_s: float = 60.0) -> Json:
    """The import once it has ended."""
    found: Json = api.poll(f"{PATH}/{import_id}", until=until, timeout_s=timeout_s)
    return found


def run(api: Caller, content: bytes, until: str = "completed", **query: Any) -> Json:
    return ended(api, send(api, content, **query), until)


def result(api: Caller, done: Mapping[str, Any]) -> list[dict[str, str]]:
    """The lines of the result file."""
    return list(csv.DictReader(io.StringIO(api.fetch(done["result"]).text)))


def wait_for_rows(api: Caller, import_id: str, number: int) -> None:
    deadline = time.monotonic() + 30
    while state(api, import_id)["rows"]["processed"] < number:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def stored(world: World, api: Caller, import_id: str) -> BulkImport:
    with world.platform.db.read(world.tenant(api)) as session:
        return session.scalars(select(BulkImport).where(BulkImport.id == import_id)).one()


def stored_rows(world: World, api: Caller, import_id: str) -> list[BulkImportRow]:
    with world.platform.db.read(world.tenant(api)) as session:
        query = select(BulkImportRow).where(BulkImportRow.import_id == import_id)
        return list(session.scalars(query.order_by(BulkImportRow.number)))


def objects(world: World, api: Caller, import_id: str) -> set[str]:
    """What the store keeps of an import: names below its folder."""
    folder = f"{world.tenant(api)}/bulk/{import_id}"
    return {key.removeprefix(f"{folder}/") for key in world.platform.store.keys(folder)}
