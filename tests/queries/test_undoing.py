"""Links that are undone while something else is at work: nothing of them comes back by another way."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import orjson
import pytest
from sqlalchemy import delete, update

from chartbridge.db import Tenant
from chartbridge.features.documents import texts
from chartbridge.features.documents.models import Document
from chartbridge.features.documents.texts_models import DocumentText
from chartbridge.features.networks.protocol import PatientIdentity, RemotePatient
from chartbridge.features.queries import links
from chartbridge.features.records import brief_writing, chart, searching, service
from chartbridge.features.records.chart_task import build_chart
from chartbridge.features.records.models import ConsolidatedQuery, Record
from chartbridge.features.records.turns import Turns
from chartbridge.ids import new_id
from chartbridge.platform import Platform
from chartbridge.storage import keys
from tests.queries.conftest import Install
from tests.queries.networks import Hie, Pharmacy, ccda, known
from tests.records.test_briefs import Model
from tests.running import Caller, World
from tests.support.client import M

pytestmark = pytest.mark.parametrize("world", ["sqlite", "postgres"], indirect=True, scope="module")


class During:
    """A part of a platform, where something happens once: just before the first call that ``is_it``."""

    def __init__(self, part: Any, is_it: Callable[[str, Any], bool], then: Callable[[], object]) -> None:
        self._part, self._is_it, self._left = part, is_it, [then]

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._part, name)

        def call(*given: Any, **named: Any) -> Any:
            if self._left and self._is_it(name, given[0] if given else None):
                self._left.pop()()
            return real(*given, **named)

        return call


@dataclass(frozen=True)
class Asthmatic:
    """A patient whose chart has asthma, by a link that may turn out to be another's."""

    world: World
    api: Caller
    id: str

    @property
    def tenant(self) -> Tenant:
        return self.world.tenant(self.api)

    @property
    def platform(self) -> Platform:
        return self.world.platform

    def links(self) -> list[links.NetworkLink]:
        with self.platform.db.read(self.tenant) as session:
            return sorted(
                links.list_links(session, patient_id=self.id), key=lambda link: link.remote_patient_id
            )

    def undo(self, number: int = 0) -> None:
        links.undo(self.platform, self.tenant, self.links()[number].id, by="Dr. Vee")

    def accept(self, number: int = 0) -> None:
        links.accept(self.platform, self.tenant, self.links()[number].id, by="Dr. Vee")

    def undone_before(self, folder: str) -> Platform:
        """A platform in which the link is undone just before anything is written to that folder."""
        store = During(
            self.platform.store, lambda name, key: name == "put" and f"/{folder}/" in key, self.undo
        )
        return replace(self.platform, store=store)  # type: ignore[arg-type]

    def results(self) -> bytes:
        """All that was made for download."""
        folder = keys.query_result(self.tenant, self.id, "x", "x").rpartition("/")[0]
        store = self.platform.store
        return b"".join(store.get(key) for key in store.keys(folder) if not key.endswith(".gz")).lower()

    def chart(self) -> bytes:
        made = chart.consolidate_patient(self.platform, self.tenant, self.id)
        return (
            orjson.dumps(chart.current_resources(self.platform, self.tenant, self.id)).lower()
            if made
            else b""
        )


@pytest.fixture
def network(install: Install) -> Hie:
    made = Hie("ONE", {"a": ccda("195967001", "Asthma")}, types={"a": "application/xml"})
    install(made)
    return made


@pytest.fixture
def patient(world: World, api: Caller, network: Hie) -> Asthmatic:
    made = Asthmatic(world, api, api.patient_id())
    api.query(made.id, "hie")
    assert b"asthma" in made.chart()
    return made


@pytest.mark.parametrize("is_first", [True, False], ids=["first chart", "made anew meanwhile"])
def test_a_chart_begun_before_never_becomes_the_current_one(
    patient: Asthmatic, is_first: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chart, "_turns", Turns(patience_s=0))  # as in two processes
    with patient.platform.db.write(patient.tenant) as session:
        if is_first:
            session.execute(delete(Record).where(Record.patient_id == patient.id))
        else:
            session.execute(
                update(Record).values(version=1, inputs="").where(Record.patient_id == patient.id)
            )

    def meanwhile() -> None:
        patient.undo()
        if not is_first:
            patient.chart()

    cpu = During(patient.platform.cpu, lambda _name, task: task is build_chart, meanwhile)
    made = chart.consolidate_patient(replace(patient.platform, cpu=cpu), patient.tenant, patient.id)  # type: ignore[arg-type]
    assert made is not None
    content = patient.platform.store.get(keys.snapshot(patient.tenant, patient.id, made))
    assert b"asthma" not in gzip.decompress(content).lower()
    assert b"asthma" not in patient.chart()


def test_what_a_network_query_publishes_has_nothing_of_it(patient: Asthmatic) -> None:
    made = chart.consolidate_patient(patient.platform, patient.tenant, patient.id)
    assert made is not None
    key = chart.publish(patient.undone_before("results"), patient.tenant, patient.id, made)
    assert b"asthma" not in patient.platform.store.get(key).lower()
    assert b"asthma" not in patient.results()


def test_nor_has_what_a_failed_query_publishes(patient: Asthmatic) -> None:
    assert chart.publish_last(patient.undone_before("results"), patient.tenant, patient.id)
    assert b"asthma" not in patient.results()


@pytest.mark.parametrize("form", ["json", "html"])
def test_nor_has_a_consolidated_query(patient: Asthmatic, form: str) -> None:
    row = ConsolidatedQuery(
        id=new_id(), patient_id=patient.id, status="processing", parameters="x", conversion_type=form,
        resources=[], from_dashboard=True, query_metadata={},
    )  # fmt: skip
    with patient.platform.db.write(patient.tenant) as session:
        session.add(row)
        session.flush()
        request_id = row.id
    service.answer(patient.undone_before("results"), patient.tenant, request_id)
    assert b"asthma" not in patient.results()


def test_nor_has_a_search(patient: Asthmatic) -> None:
    with pytest.raises(chart.ConsolidationRaceError):
        searching.search(patient.undone_before("results"), patient.tenant, patient.id, "asthma")
    assert b"asthma" not in patient.results()


def test_nor_is_a_models_brief_kept(patient: Asthmatic) -> None:
    with Model("Asthma is an active problem. It is not stated whether there is any allergy.") as model:
        settings = patient.platform.settings.model_copy(update=model.settings())
        before = replace(patient.platform, settings=settings)
        brief_writing.write(before, patient.tenant, patient.id)
        kept = keys.brief(patient.tenant, patient.id)
        assert patient.platform.store.size(kept), "what came of asking is kept, used or not"
        patient.platform.store.delete(kept)
        during = replace(patient.undone_before("briefs"), settings=settings)
        brief_writing.write(during, patient.tenant, patient.id)
    assert len(model.calls) == 2
    assert patient.platform.store.size(kept) is None


def test_a_models_brief_of_earlier_goes_with_the_charts(patient: Asthmatic) -> None:
    key = keys.brief(patient.tenant, patient.id)
    patient.platform.store.put(key, b"Asthma", content_type="application/json")
    patient.undo()
    assert patient.platform.store.size(key) is None


def test_a_document_that_is_being_fetched_anew_stays_withheld(patient: Asthmatic, network: Hie) -> None:
    network.while_fetching = patient.undo
    patient.api.query(patient.id, "hie", override=True)
    assert b"asthma" not in patient.chart()
    with patient.platform.db.read(patient.tenant) as session:
        (row,) = session.query(Document).filter(Document.patient_id == patient.id).all()
    assert (row.status, row.converted_sha256) == ("withheld", None)
    network.while_fetching = lambda: None
    patient.accept()
    assert len(patient.api.documents(patient.id)) == 1


def test_the_text_of_a_document_that_is_being_read_is_not_kept(patient: Asthmatic) -> None:
    with patient.platform.db.write(patient.tenant) as session:
        session.execute(delete(DocumentText).where(DocumentText.patient_id == patient.id))
    (document,) = patient.api.documents(patient.id)
    cpu = During(patient.platform.cpu, lambda name, _task: name == "map", patient.undo)
    texts.extract_stored(replace(patient.platform, cpu=cpu), patient.tenant, [document["id"]])  # type: ignore[arg-type]
    with patient.platform.db.read(patient.tenant) as session:
        assert session.query(DocumentText).filter(DocumentText.patient_id == patient.id).all() == []


def test_what_nobody_knows_the_link_of_comes_back_when_no_link_is_undone(
    world: World, api: Caller, install: Install
) -> None:
    class Two(Pharmacy):
        def discover(self, patient: PatientIdentity, *, timeout_s: float) -> list[RemotePatient]:
            return [known(patient), known(patient, "r-2")]

    install(Two(["amlodipine"]))
    patient = Asthmatic(world, api, api.patient_id())
    of_earlier = {
        "resourceType": "MedicationDispense", "id": new_id(), "status": "completed",
        "medicationCodeableConcept": {"text": "asthma inhaler"},
    }  # fmt: skip
    key = keys.source_resources(patient.tenant, patient.id, "pharmacy", "FILLS")
    content = gzip.compress(orjson.dumps([of_earlier]))
    patient.platform.store.put(key, content, content_type="application/gzip")
    api.query(patient.id, "pharmacy")
    assert b"asthma" in patient.chart()
    patient.undo(0)
    patient.undo(1)
    patient.accept(0)
    held = patient.chart()
    assert b"amlodipine" in held
    assert b"asthma" not in held
    patient.accept(1)
    assert b"asthma" in patient.chart()


def test_the_export_has_what_another_document_has_too(world: World, api: Caller, install: Install) -> None:
    same = ccda("195967001", "Asthma")
    install(
        Hie("ONE", {"a": same}, types={"a": "application/xml"}),
        Hie("TWO", {"b": same}, types={"b": "application/xml"}),
    )
    patient = Asthmatic(world, api, api.patient_id())
    api.query(patient.id, "hie")
    (first,) = [n for n, link in enumerate(patient.links()) if link.connector == "ONE"]
    patient.undo(first)
    assert b"asthma" in patient.chart()
    listed = [d["description"] for d in api.documents(patient.id)]
    assert listed == ["Document b"]
    answer = api.http.get(f"{M}/patient/{patient.id}/export")
    names = orjson.loads(read(answer.content, "manifest.json"))["files"]
    assert [one["path"].split("/")[1] for one in names if one["path"].startswith("objects/")].count(
        "conversions"
    ) == 1
    assert len([one for one in names if one["path"].startswith("objects/documents/")]) == 1
    assert read(answer.content, "rows/network_links.jsonl").count(b"\n") == 1


def read(archive: bytes, name: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return opened.read(name)
