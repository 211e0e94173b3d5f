"""Deleting a patient removes everything that is kept about it: rows of every feature, and objects."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import String, Table, cast, func, inspect, or_, select

from chartbridge.db import Base, TenantOwned
from chartbridge.features.patients import links
from chartbridge.storage import keys
from tests.running import Caller, World, running, wait_until
from tests.support import people
from tests.support.client import M


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running(request.param, tmp_path_factory, request) as started:
        yield started


def tables() -> list[Table]:
    """Every table of tenants."""
    mapped = (inspect(model).local_table for model in TenantOwned.__subclasses__())
    return [table for table in mapped if isinstance(table, Table)]


def naming(world: World, patient_id: str) -> dict[str, int]:
    """Rows that name the patient in any column, by table."""
    found = {}
    with world.platform.db.engine.connect() as connection:
        for table in tables():
            named = or_(*(cast(column, String).contains(patient_id) for column in table.columns))
            rows = connection.scalar(select(func.count()).select_from(table).where(named)) or 0
            if rows:
                found[table.name] = rows
    return found


def with_everything(world: World, api: Caller) -> str:
    """A patient of whom every part of the platform keeps something."""
    api.post("/settings", {"webhookUrl": "http://127.0.0.1:9/nobody"})
    cohort = api.post(f"{M}/cohort", {"name": "All"}, status=201)["id"]
    patient = api.patient_id(people.jane(externalId="EL-1", cohorts=[cohort]))
    with world.platform.db.write(world.tenant(api)) as session:
        links.enable(session, "elation")
    api.post(f"{M}/patient/{patient}/external/sync", source="elation")
    api.query(patient)
    path = f"{M}/patient/{patient}/consolidated/query"
    begun = api.post(path, conversionType="json")["requestId"]
    api.poll(f"{path}/{begun}")
    return patient


def test_nothing_names_a_deleted_patient(world: World) -> None:
    api = world.caller()
    patient = with_everything(world, api)
    folder = keys.patient_folder(world.tenant(api), patient)
    before = naming(world, patient)
    assert {"patients", "patient_facilities", "patient_links", "cohort_members", "documents"} <= set(before)
    assert {"network_queries", "consolidated_queries", "webhook_messages", "records"} <= set(before)
    assert list(world.platform.store.keys(folder))

    api.delete(f"{M}/patient/{patient}")

    assert naming(world, patient) == {}
    wait_until(lambda: not list(world.platform.store.keys(folder)), "the patient's objects are gone")


def test_every_table_that_names_a_patient_lets_it_go(world: World) -> None:
    """A column that could keep a patient's id must refer to the patient, and go with it; rows that count for
    themselves forget the id alone."""
    forget = {"bulk_import_rows"}
    kept: list[Any] = []
    for table in Base.metadata.tables.values():
        for column in table.columns:
            if column.name != "patient_id":
                continue
            rules = {(key.column.table.name, key.ondelete) for key in column.foreign_keys}
            if rules != {("patients", "SET NULL" if table.name in forget else "CASCADE")}:
                kept.append((table.name, rules))
    assert kept == []
