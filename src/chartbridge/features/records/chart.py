"""Making and reading snapshots."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from typing import Any

import orjson

from chartbridge.ccda import CONVERTER_VERSION
from chartbridge.consolidate.bundle import searchset
from chartbridge.db import Tenant, TenantSession
from chartbridge.db.upsert import insert_new
from chartbridge.features.documents import conversions, fhir
from chartbridge.features.documents import service as documents
from chartbridge.features.patients import fhir as patient_fhir
from chartbridge.features.patients import service as patients
from chartbridge.features.records.chart_task import ChartInput, build_chart
from chartbridge.features.records.models import Record
from chartbridge.ids import new_id
from chartbridge.platform import Platform
from chartbridge.storage import keys

Resource = dict[str, Any]
CONSOLIDATION_VERSION = f"1+{CONVERTER_VERSION}"
MAX_RACES = 50


class ConsolidationRaceError(Exception):
    """Other sources kept changing the chart; trying again later will do."""


@dataclass(frozen=True, slots=True)
class _Inputs:
    fingerprint: str
    chart_inputs: list[ChartInput]
    patient: Resource
    known: tuple[int, str] | None


def consolidate_patient(platform: Platform, tenant: Tenant, patient_id: str) -> str | None:
    """Bring the patient's chart up to date with everything stored; returns the snapshot's id.

    Does nothing when nothing changed. None when the patient is gone. Raises ConsolidationRaceError.
    """
    for _ in range(MAX_RACES):
        inputs = _gather(platform, tenant, patient_id)
        if inputs is None:
            return None
        if inputs.known is not None and inputs.known[1] == inputs.fingerprint:
            with platform.db.read(tenant) as session:
                return _snapshot_id(session, patient_id)
        content, counts = platform.cpu.run(build_chart, inputs.chart_inputs, inputs.patient)
        snapshot_id = new_id()
        platform.store.put(
            keys.snapshot(tenant, patient_id, snapshot_id), content, content_type="application/gzip"
        )
        if _move_pointer(platform, tenant, patient_id, inputs, snapshot_id, counts):
            return snapshot_id
        platform.store.delete(keys.snapshot(tenant, patient_id, snapshot_id))
    raise ConsolidationRaceError


def _gather(platform: Platform, tenant: Tenant, patient_id: str) -> _Inputs | None:
    """All inputs, read after the version they will replace, so that nothing newer is overwritten."""
    with platform.db.read(tenant) as session:
        patient = patients.find_patient(session, patient_id)
        if patient is None:
            return None
        record = session.get(Record, patient_id)
        known = (record.version, record.inputs) if record else None
        resource = patient_fhir.to_fhir(patient)
        origin = platform.settings.origin
        references = [fhir.document_reference(d, origin) for d in documents.list_stored(session, patient_id)]
        converted = conversions.converted(session, patient_id)
    chart_inputs = [
        ChartInput(platform.store.get(c.key), c.file_name, c.connector, c.document_id, c.created)
        for c in converted
    ]
    for key in sorted(platform.store.keys(f"{keys.patient_folder(tenant, patient_id)}/resources")):
        content = platform.store.get(key)
        name = key.rsplit("/", 1)[-1].removesuffix(".json.gz")
        source, _, connector = name.partition("-")
        chart_inputs.append(
            ChartInput(content, f"{source}/{connector}", connector, f"{source}/{connector}", "")
        )
    if references:
        chart_inputs.append(ChartInput(orjson.dumps(references), None, None, None, ""))
    digest = hashlib.sha256(CONSOLIDATION_VERSION.encode())
    digest.update(orjson.dumps(resource, option=orjson.OPT_SORT_KEYS))
    for given in chart_inputs:
        digest.update(orjson.dumps([given.source, given.data_source, given.document_id, given.date]))
        digest.update(hashlib.sha256(given.content).digest())
    return _Inputs(digest.hexdigest(), chart_inputs, resource, known)


def _move_pointer(
    platform: Platform,
    tenant: Tenant,
    patient_id: str,
    inputs: _Inputs,
    snapshot_id: str,
    counts: dict[str, int],
) -> bool:
    """Make the snapshot the current one, unless another became so meanwhile."""
    values = {"snapshot_id": snapshot_id, "inputs": inputs.fingerprint, "counts": counts}
    with platform.db.write(tenant) as session:
        if patients.find_patient(session, patient_id) is None:
            return False
        if inputs.known is None:
            row = {"patient_id": patient_id, "version": 1, **values}
            return insert_new(session, Record, row, key=("patient_id",))
        record = session.get(Record, patient_id, with_for_update=True)
        if record is None or record.version != inputs.known[0]:
            return False
        record.version += 1
        record.snapshot_id, record.inputs, record.counts = snapshot_id, inputs.fingerprint, counts
        return True


def _snapshot_id(session: TenantSession, patient_id: str) -> str | None:
    record = session.get(Record, patient_id)
    return record.snapshot_id if record else None


def current_resources(platform: Platform, tenant: Tenant, patient_id: str) -> list[Resource]:
    """The resources of the current snapshot; none when there is no chart yet."""
    with platform.db.read(tenant) as session:
        snapshot_id = _snapshot_id(session, patient_id)
    if snapshot_id is None:
        return []
    content = platform.store.get(keys.snapshot(tenant, patient_id, snapshot_id))
    return [entry["resource"] for entry in orjson.loads(gzip.decompress(content))["entry"]]


def publish(platform: Platform, tenant: Tenant, patient_id: str, snapshot_id: str) -> str:
    """The key of the whole snapshot as plain JSON, for download; written once."""
    key = keys.query_result(tenant, patient_id, snapshot_id, "json")
    if platform.store.size(key) is None:
        content = platform.store.get(keys.snapshot(tenant, patient_id, snapshot_id))
        platform.store.put(key, gzip.decompress(content), content_type="application/json")
    return key


def publish_last(platform: Platform, tenant: Tenant, patient_id: str) -> str | None:
    """The key of the last chart that could be made, as plain JSON; of one with the Patient alone when
    there was none yet. None when the patient is gone."""
    with platform.db.read(tenant) as session:
        patient = patients.find_patient(session, patient_id)
        snapshot_id = _snapshot_id(session, patient_id)
    if patient is None:
        return None
    if snapshot_id is not None:
        return publish(platform, tenant, patient_id, snapshot_id)
    key = keys.query_result(tenant, patient_id, "patient", "json")
    content = orjson.dumps(searchset([patient_fhir.to_fhir(patient)]))
    platform.store.put(key, content, content_type="application/json")
    return key
