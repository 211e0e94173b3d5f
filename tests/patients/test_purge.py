"""Deleting a patient removes its objects, by a job that starts only when the deletion holds."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from chartbridge.auth import authenticate
from chartbridge.db import Tenant
from chartbridge.features.patients import service
from chartbridge.features.patients.workflows import QUEUE
from chartbridge.jobs.worker import Worker
from chartbridge.platform import Platform
from chartbridge.storage import keys
from tests.patients.caller import Caller, Json

DEADLINE_S = 30.0


@pytest.fixture
def worker(platform: Platform, api: Caller) -> Iterator[Worker]:
    running = Worker(platform, "worker-of-the-test", [QUEUE], warm_up=int)
    running.start()
    yield running
    running.stop(grace_s=1)


def tenant_of(platform: Platform, api: Caller) -> Tenant:
    caller = authenticate(platform.db, api.http.headers["x-api-key"])
    assert caller is not None
    return caller.tenant


def stored(platform: Platform, tenant: Tenant, patient: Json) -> list[str]:
    return sorted(platform.store.keys(keys.patient_folder(tenant, patient["id"])))


def put_objects(platform: Platform, tenant: Tenant, patient: Json) -> list[str]:
    for key in (
        keys.document(tenant, patient["id"], "a.xml"),
        keys.snapshot(tenant, patient["id"], "one"),
    ):
        platform.store.put(key, b"clinical", content_type="text/plain")
    return stored(platform, tenant, patient)


@pytest.mark.parametrize("backend", ["sqlite"])
def test_a_deleted_patients_objects_are_removed_and_nobody_elses(
    api: Caller, clinic: Json, platform: Platform, worker: Worker
) -> None:
    tenant = tenant_of(platform, api)
    gone, stays = api.patient(clinic), api.patient(clinic, firstName="Zoe")
    assert len(put_objects(platform, tenant, gone)) == 2
    kept = put_objects(platform, tenant, stays)

    api.delete(f"/patient/{gone['id']}")

    deadline = time.monotonic() + DEADLINE_S
    while stored(platform, tenant, gone) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert stored(platform, tenant, gone) == []
    assert stored(platform, tenant, stays) == kept


def test_a_deletion_that_is_rolled_back_leaves_no_job(api: Caller, clinic: Json, platform: Platform) -> None:
    tenant = tenant_of(platform, api)
    patient = api.patient(clinic)

    with platform.db.write(tenant) as session:
        service.delete_patient(session, platform.jobs, patient["id"])
        session.rollback()

    assert api.get(f"/patient/{patient['id']}") == patient
    assert jobs_about(platform, patient) == []
    api.delete(f"/patient/{patient['id']}")
    assert jobs_about(platform, patient) == [
        f"purge-patient:{patient['id']}",
        f"purge-patient:{patient['id']}:again",
    ]


def jobs_about(platform: Platform, patient: Json) -> list[str]:
    client = platform.jobs.client()
    return sorted(
        job.workflow_id
        for job in client.list_workflows(name="purge-patient")
        if patient["id"] in job.workflow_id
    )
