"""Every document that is here gets into the chart, whatever went wrong when it came."""

from __future__ import annotations

from typing import Any

import pytest

from chartbridge.features.documents import conversions
from chartbridge.features.documents import service as documents
from chartbridge.features.documents.conversion_task import convert_to_gzip
from chartbridge.features.documents.models import Document
from chartbridge.features.records import chart
from chartbridge.jobs.pool import PoolTaskError
from tests.ccda import builders
from tests.documents.stored import store
from tests.documents.uploading import upload
from tests.records.bundles import chart as read_chart
from tests.records.bundles import of_type, pulse, put
from tests.running import Caller, World, wait_until
from tests.support import people
from tests.support.client import M

pytestmark = pytest.mark.parametrize("world", ["sqlite", "postgres"], indirect=True, scope="module")
ALLERGY = builders.section("48765-2", text="<text>Penicillin</text>")


@pytest.fixture
def api(world: World) -> Caller:
    return world.caller()


def row(world: World, api: Caller, document_id: str) -> Document:
    with world.platform.db.read(world.tenant(api)) as session:
        found = session.get(Document, document_id)
    assert found
    return found


def interrupt(world: World, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """No conversion comes to its end until the test undoes it; the list grows with each that was begun."""
    begun: list[int] = []
    map_: Any = world.platform.cpu.map

    def end_processes(function: Any, arguments: Any) -> Any:
        if function is not convert_to_gzip:
            return map_(function, arguments)
        begun.extend([1] * len(arguments))
        return [PoolTaskError("ended its process") for _ in arguments]

    monkeypatch.setattr(world.platform.cpu, "map", end_processes)
    return begun


def interrupted(world: World, api: Caller, patient: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """An upload that is kept and whose conversion went wrong."""
    with monkeypatch.context() as patch:
        begun = interrupt(world, patch)
        document = upload(api, patient, builders.document(ALLERGY))
        wait_until(lambda: row(world, api, document).conversion_failure is not None, "it was tried")
    assert begun == [1], "a refresh tries each document once"
    assert row(world, api, document).conversion == "pending"
    return document


def test_an_upload_whose_conversion_was_interrupted_is_converted_by_the_next_refresh(
    world: World, api: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = api.patient_id(people.stranger())
    document = interrupted(world, api, patient, monkeypatch)
    put(api, patient, pulse(patient))
    wait_until(lambda: row(world, api, document).conversion == "converted", "it is converted")
    assert of_type(read_chart(api, patient), "Composition")


@pytest.mark.parametrize("kind", ["json", "html"])
def test_a_consolidated_query_converts_an_upload_that_nobody_has_tried(
    world: World, api: Caller, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the store was away while the refresh ran: it gave up before the conversion."""
    patient = api.patient_id(people.stranger())
    with monkeypatch.context() as patch:
        patch.setattr(conversions, "convert_stored", lambda *_: 0)
        document = upload(api, patient, builders.document(ALLERGY))
        wait_until(lambda: chart_is_made(world, api, patient), "the refresh is over")
    assert row(world, api, document).conversion == "pending"
    asked = api.post(f"{M}/patient/{patient}/consolidated/query", {}, conversionType=kind)
    path = f"{M}/patient/{patient}/consolidated/query/{asked['requestId']}"
    wait_until(lambda: api.get(path)["status"] == "completed", "the query is over")
    assert row(world, api, document).conversion == "converted"


def test_a_consolidated_query_does_not_wait_again_for_a_conversion_that_went_wrong(
    world: World, api: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient, tenant = api.patient_id(people.stranger()), world.tenant(api)
    interrupted(world, api, patient, monkeypatch)
    begun = interrupt(world, monkeypatch)
    conversions.convert_awaiting(world.platform, tenant, patient, untried=True)
    assert begun == []
    conversions.convert_awaiting(world.platform, tenant, patient)
    assert begun == [1]


def chart_is_made(world: World, api: Caller, patient: str) -> bool:
    found = chart.current_resources(world.platform, world.tenant(api), patient)
    return bool(of_type(found, "DocumentReference"))


def test_content_that_arrives_during_a_conversion_is_converted_too(
    world: World, api: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was made of the old content says nothing of the new one."""
    patient, tenant = api.patient_id(people.stranger()), world.tenant(api)
    first, second = builders.document(ALLERGY), builders.document(ALLERGY, ALLERGY)
    (document,) = store(world, api, patient, {"d": ("application/xml", first)}).values()
    map_: Any = world.platform.cpu.map

    def bring_another(function: Any, arguments: Any) -> Any:
        documents.store_bytes(world.platform, tenant, document, second)
        return map_(function, arguments)

    with monkeypatch.context() as patch:
        patch.setattr(world.platform.cpu, "map", bring_another)
        assert conversions.convert_stored(world.platform, tenant, [document]) == 0
    assert row(world, api, document).conversion == "pending"
    assert conversions.convert_stored(world.platform, tenant, [document]) == 1
    assert row(world, api, document).converted_sha256 == row(world, api, document).sha256
