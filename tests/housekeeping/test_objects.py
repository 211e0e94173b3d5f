"""Objects go when nothing refers to them and they are a day old, and only then."""

from __future__ import annotations

from datetime import timedelta

import pytest

from chartbridge.db import Tenant
from chartbridge.features.documents import service as documents
from chartbridge.features.documents.models import Document
from chartbridge.features.housekeeping import objects
from chartbridge.ids import new_id, utcnow
from chartbridge.storage import keys
from tests.running import Caller, World
from tests.support import people
from tests.support.client import M

SHA, OLD_SHA = "a" * 64, "b" * 64
TOMORROW = timedelta(days=1, minutes=1)


@pytest.fixture
def tenant(world: World, api: Caller) -> Tenant:
    return world.tenant(api)


@pytest.fixture
def patient(api: Caller) -> str:
    return api.patient_id(people.stranger())


def give_document(world: World, tenant: Tenant, patient: str, **changes: object) -> str:
    """The file name of a document that is here."""
    document_id = new_id()
    name = documents.file_name(tenant, patient, document_id, "application/xml")
    values = {
        "status": "stored",
        "conversion": "converted",
        "sha256": SHA,
        "converted_sha256": SHA,
        **changes,
    }
    with world.platform.db.write(tenant) as session:
        session.add(
            Document(
                id=document_id,
                patient_id=patient,
                source="hie",
                connector="SANDBOX",
                home_community_id="1",
                unique_id=document_id,
                assigning_authority="a",
                remote_patient_id="r",
                remote={},
                description="d",
                mime_type="application/xml",
                file_name=name,
                **values,
            )
        )
    return name


def put(world: World, *wanted: str) -> set[str]:
    for key in wanted:
        world.platform.store.put(key, b"x", content_type="text/plain")
    return set(wanted)


def held(world: World, tenant: Tenant, patient: str) -> set[str]:
    return set(world.platform.store.keys(keys.patient_folder(tenant, patient)))


def test_what_rows_name_stays_and_the_rest_goes_when_it_is_old(
    world: World, tenant: Tenant, patient: str
) -> None:
    name = give_document(world, tenant, patient)
    failed = give_document(world, tenant, patient, status="failed", sha256=None, converted_sha256=None)
    snapshot, link = new_id(), new_id()
    kept = put(
        world,
        keys.document(tenant, patient, name),
        keys.document(tenant, patient, failed),
        keys.conversion(tenant, patient, SHA, "4"),
        keys.rendering(tenant, patient, name, SHA, "1", "html"),
        keys.source_resources(tenant, patient, "lab", "SANDBOX"),
        keys.withheld_answer(tenant, patient, "lab", "SANDBOX", link),
        keys.brief(tenant, patient),
        keys.snapshot(tenant, patient, snapshot),
        f"{keys.patient_folder(tenant, patient)}/not-known-here/x.bin",
    )
    stray = put(
        world,
        keys.document(tenant, patient, f"{tenant.account_id}_{patient}_{new_id()}.xml"),
        keys.conversion(tenant, patient, OLD_SHA, "4"),
        keys.rendering(tenant, patient, name, OLD_SHA, "1", "pdf"),
    )
    here = world.platform
    assert objects.sweep_patient(here, tenant, patient, utcnow()) == 0
    assert held(world, tenant, patient) == kept | stray, "young objects may be about to be named"
    assert objects.sweep_patient(here, tenant, patient, utcnow() + TOMORROW) == len(stray)
    assert held(world, tenant, patient) == kept
    assert objects.sweep_patient(here, tenant, patient, utcnow() + TOMORROW) == 0


def test_a_patient_who_is_gone_leaves_nothing(
    world: World, tenant: Tenant, api: Caller, patient: str
) -> None:
    api.delete(f"{M}/patient/{patient}")
    left = put(world, keys.brief(tenant, patient), keys.snapshot(tenant, patient, new_id()))
    objects.sweep_patient(world.platform, tenant, patient, utcnow())
    assert held(world, tenant, patient) == left
    assert objects.sweep_patient(world.platform, tenant, patient, utcnow() + TOMORROW) == 2
    assert held(world, tenant, patient) == set()


def test_only_patients_folders_are_looked_through_in_order_and_in_parts(world: World, tenant: Tenant) -> None:
    patient_ids = sorted(new_id() for _ in range(3))
    put(world, *(keys.brief(tenant, one) for one in patient_ids), keys.bulk_upload(tenant, new_id()))
    here = world.platform
    first = objects.patient_folders(here, tenant, "", 2)
    assert first == patient_ids[:2]
    assert objects.patient_folders(here, tenant, first[-1], 2) == patient_ids[2:]
    assert objects.patient_folders(here, tenant, patient_ids[2], 2) == []


def test_files_of_imports_that_there_are_not_go(world: World, tenant: Tenant, api: Caller) -> None:
    begun = str(api.post(f"{M}/patient/bulk", facilityId=api.facility_id())["requestId"])
    other = world.tenant(world.caller())
    kept = put(world, keys.bulk_source(tenant, begun, "u"), keys.bulk_source(other, new_id(), "u"))
    put(world, keys.bulk_source(tenant, new_id(), "u"), keys.bulk_result(tenant, new_id()))
    here = world.platform
    assert objects.sweep_imports(here, tenant, utcnow()) == 0, "a row may be about to be written"
    assert objects.sweep_imports(here, tenant, utcnow() + TOMORROW) == 2
    assert {key for owner in (tenant, other) for key in here.store.keys(keys.bulk_imports(owner))} == kept


def test_nobody_elses_objects_are_touched(world: World, tenant: Tenant, patient: str) -> None:
    other = world.tenant(world.caller())
    theirs = put(world, keys.document(other, patient, "a.xml"))
    objects.sweep_patient(world.platform, tenant, patient, utcnow() + TOMORROW)
    assert held(world, other, patient) == theirs
