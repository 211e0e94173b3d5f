"""The export of a patient holds everything there is about them, and nothing of anybody else."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import inspect, select

from chartbridge.db import Base, TenantOwned, belongings
from chartbridge.storage import keys
from tests.records.bundles import path, pulse, put
from tests.running import Caller, Json, World, running
from tests.support import people
from tests.support.client import M

NOBODY = "0196f0e0-0000-7000-8000-000000000000"


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running(request.param, tmp_path_factory, request) as started:
        yield started


@pytest.fixture(scope="module")
def api(world: World) -> Caller:
    caller = world.caller()
    caller.post("/settings", {"webhookUrl": "http://127.0.0.1:9/nobody"})
    return caller


@pytest.fixture(scope="module")
def patient(world: World, api: Caller) -> str:
    """Jane with documents, contributions, queries, messages and results; and a neighbour with the same."""
    api.patient_id(people.stranger())
    made = api.patient_id()
    api.query(made)
    put(api, made, pulse(made))
    begun = api.post(f"{path(made)}/query", conversionType="json")
    api.poll(f"{path(made)}/query/{begun['requestId']}")
    return made


def export(api: Caller, patient: str) -> zipfile.ZipFile:
    answer = api.http.get(f"{M}/patient/{patient}/export")
    assert answer.status_code == 200, answer.text[:500]
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == f'attachment; filename="patient-{patient}.zip"'
    return zipfile.ZipFile(io.BytesIO(answer.content))


def lines(archive: zipfile.ZipFile, table: str) -> list[Json]:
    return [json.loads(line) for line in archive.read(f"rows/{table}.jsonl").splitlines()]


def test_the_manifest_tells_every_file_with_its_hash(api: Caller, patient: str) -> None:
    archive = export(api, patient)
    assert archive.testzip() is None
    manifest = json.loads(archive.read("manifest.json"))
    assert (manifest["format"], manifest["patientId"]) == ("chartbridge-patient-export/1", patient)
    told = {file["path"]: file for file in manifest["files"]}
    assert set(archive.namelist()) == {*told, "manifest.json"}
    for name, file in told.items():
        content = archive.read(name)
        assert (len(content), hashlib.sha256(content).hexdigest()) == (file["size"], file["sha256"]), name


def test_every_object_of_the_patient_is_in_it(world: World, api: Caller, patient: str) -> None:
    archive = export(api, patient)
    folder = keys.patient_folder(world.tenant(api), patient)
    stored = {
        key.removeprefix(f"{folder}/"): world.platform.store.get(key)
        for key in world.platform.store.keys(folder)
    }
    assert {name.split("/")[0] for name in stored} >= {"documents", "conversions", "resources", "charts"}
    for name, content in stored.items():
        assert archive.read(f"objects/{name}") == content, name


def rows_by_table(world: World, api: Caller) -> dict[str, list[Any]]:
    """All rows of the tenant, read without what the export uses to find a patient's."""
    with world.platform.db.read(world.tenant(api)) as session:
        return {
            str(inspect(model).local_table.description): list(session.scalars(select(model)))
            for model in TenantOwned.__subclasses__()
            if issubclass(model, Base)
        }


def test_every_row_of_the_patient_is_in_it_and_no_row_of_another(
    world: World, api: Caller, patient: str
) -> None:
    before = rows_by_table(world, api)
    archive = export(api, patient)
    queries = {line["id"] for line in lines(archive, "network_queries")}
    messages = {line["id"] for line in lines(archive, "webhook_messages")}

    def keys_of_own(rows: list[Any]) -> set[tuple[str, ...]]:
        key = [column.key for column in inspect(type(rows[0])).primary_key] if rows else []
        own = [
            row
            for row in rows
            if patient in (getattr(row, "patient_id", None), getattr(row, "id", None))
            or getattr(row, "query_id", None) in queries
            or getattr(row, "message_id", None) in messages
        ]
        return {tuple(str(getattr(row, name)) for name in key) for row in own}

    for table, rows in rows_by_table(world, api).items():
        here = keys_of_own(rows)
        if table not in belongings.table_names():
            assert not here, f"{table} holds rows of a patient"
            continue
        names = [column.key for column in inspect(type(rows[0])).primary_key] if rows else []
        told = {tuple(str(line[name]) for name in names) for line in lines(archive, table)}
        assert keys_of_own(before[table]) <= told <= here, table  # messages are tried again meanwhile
    filled = {name for name in belongings.table_names() if lines(archive, name)}
    assert filled >= {
        "patients",
        "patient_facilities",
        "documents",
        "records",
        "contributions",
        "consolidated_queries",
        "network_queries",
        "network_query_providers",
        "webhook_messages",
    }


def test_it_can_be_read_without_us(api: Caller, patient: str) -> None:
    archive = export(api, patient)
    who = json.loads(archive.read("patient.json"))
    assert (who["patient"]["id"], who["fhir"]["birthDate"]) == (patient, "1996-02-10")
    assert who["cohorts"] == []
    chart = json.loads(archive.read("chart.json"))
    assert {e["resource"]["resourceType"] for e in chart["entry"]} >= {"Patient", "Condition", "Observation"}
    references = json.loads(archive.read("document-references.json"))
    assert len(references["entry"]) == 6
    names = {
        e["resource"]["content"][0]["attachment"]["title"].rpartition("/")[2] for e in references["entry"]
    }
    assert names == {n.rpartition("/")[2] for n in archive.namelist() if n.startswith("objects/documents/")}


def test_messages_name_objects_and_hold_no_urls_of_them(api: Caller, patient: str) -> None:
    bodies = json.dumps([line["body"] for line in lines(export(api, patient), "webhook_messages")])
    assert "$object" in bodies
    assert "signature=" not in bodies


def test_names_lead_nowhere_else(api: Caller, patient: str) -> None:
    for name in export(api, patient).namelist():
        assert not name.startswith("/")
        assert ".." not in name.split("/")
        assert "\\" not in name


def test_nobody_and_anothers_patient_are_not_found(world: World, api: Caller, patient: str) -> None:
    assert api.get(f"{M}/patient/{NOBODY}/export", status=404)["detail"] == "Could not find patient"
    assert (
        world.caller().get(f"{M}/patient/{patient}/export", status=404)["detail"] == "Could not find patient"
    )
