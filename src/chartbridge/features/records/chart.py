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
from chartbridge.errors import ServiceUnavailableError
from chartbridge.features.documents import conversions, fhir
from chartbridge.features.documents import service as documents
from chartbridge.features.patients import fhir as patient_fhir
from chartbridge.features.patients import service as patients
from chartbridge.features.records import contributions, retention
from chartbridge.features.records.chart_task import ChartInput, build_chart
from chartbridge.features.records.models import Record
from chartbridge.ids import new_id
from chartbridge.platform import Platform
from chartbridge.storage import ObjectNotFoundError, keys

Resource = dict[str, Any]
CONSOLIDATION_VERSION = f"2+{CONVERTER_VERSION}"
MAX_RACES = 50


class ConsolidationRaceError(ServiceUnavailableError):
    """Other sources kept changing the chart; trying again later will do."""

    def __init__(self) -> None:
        super().__init__("The chart keeps changing; try again later")


@dataclass(frozen=True, slots=True)
class _Inputs:
    fingerprint: str
    chart_inputs: list[ChartInput]
    patient: Resource
    known: tuple[int, str] | None


@dataclass(frozen=True, slots=True)
class _Moved:
    """The pointer moved; ``replaced`` is the snapshot that is now neither the current nor the previous."""

    replaced: str | None


def consolidate_patient(platform: Platform, tenant: Tenant, patient_id: str) -> str | None:
    """Bring the patient's chart up to date with everything stored; returns the snapshot's id.

    Does nothing when nothing changed. None when the patient is gone. Raises ConsolidationRaceError.
    """
    for _ in range(MAX_RACES):
        try:
            inputs = _gather(platform, tenant, patient_id)
        except ObjectNotFoundError:
            if not patients.is_gone(platform, tenant, patient_id):
                raise
            return None
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
        moved = _move_pointer(platform, tenant, patient_id, inputs, snapshot_id, counts)
        if moved is not None:
            retention.drop_old_snapshots(platform, tenant, patient_id, moved.replaced)
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
        contributed = contributions.by_request(session, patient_id)
    chart_inputs = [
        ChartInput(platform.store.get(c.key), c.file_name, c.connector, c.document_id, c.created)
        for c in converted
    ]
    for key in sorted(platform.store.keys(f"{keys.patient_folder(tenant, patient_id)}/resources")):
        content = platform.store.get(key)
        name = key.rsplit("/", 1)[-1].removesuffix(".json.gz")
        source, _, connector = name.partition("-")
        party = f"{source}/{connector}"
        chart_inputs.append(ChartInput(content, party, connector, party, "", id_space=party))
    chart_inputs += [
        ChartInput(orjson.dumps(given.resources), None, None, None, given.date, contributions.ID_SPACE)
        for given in contributed
    ]
    if references:
        chart_inputs.append(ChartInput(orjson.dumps(references), None, None, None, ""))
    digest = hashlib.sha256(CONSOLIDATION_VERSION.encode())
    digest.update(orjson.dumps(resource, option=orjson.OPT_SORT_KEYS))
    for given in chart_inputs:
        names = [given.source, given.data_source, given.document_id, given.date, given.id_space]
        digest.update(orjson.dumps(names))
        digest.update(hashlib.sha256(given.content).digest())
    return _Inputs(digest.hexdigest(), chart_inputs, resource, known)


def _move_pointer(
    platform: Platform,
    tenant: Tenant,
    patient_id: str,
    inputs: _Inputs,
    snapshot_id: str,
    counts: dict[str, int],
) -> _Moved | None:
    """Make the snapshot the current one; None when another became so meanwhile."""
    values = {"snapshot_id": snapshot_id, "inputs": inputs.fingerprint, "counts": counts}
    with platform.db.write(tenant) as session:
        if not patients.hold_patient(session, patient_id):
            return None
        if inputs.known is None:
            row = {"patient_id": patient_id, "version": 1, **values}
            return _Moved(None) if insert_new(session, Record, row, key=("patient_id",)) else None
        record = session.get(Record, patient_id, with_for_update=True)
        if record is None or record.version != inputs.known[0]:
            return None
        replaced = record.previous_snapshot_id
        record.version += 1
        record.previous_snapshot_id = record.snapshot_id
        record.snapshot_id, record.inputs, record.counts = snapshot_id, inputs.fingerprint, counts
        return _Moved(replaced)


def _snapshot_id(session: TenantSession, patient_id: str) -> str | None:
    record = session.get(Record, patient_id)
    return record.snapshot_id if record else None


def _read_current(platform: Platform, tenant: Tenant, patient_id: str) -> bytes | None:
    """The current snapshot as JSON; None when there is no chart yet."""
    for attempt in range(MAX_RACES):
        with platform.db.read(tenant) as session:
            snapshot_id = _snapshot_id(session, patient_id)
        if snapshot_id is None:
            return None
        try:
            return gzip.decompress(platform.store.get(keys.snapshot(tenant, patient_id, snapshot_id)))
        except ObjectNotFoundError:  # the pointer moved twice since it was read; once leaves the snapshot
            if attempt + 1 == MAX_RACES:
                raise
    raise AssertionError("the last attempt returns or raises")


def current_resources(platform: Platform, tenant: Tenant, patient_id: str) -> list[Resource]:
    """The resources of the current snapshot; none when there is no chart yet."""
    content = _read_current(platform, tenant, patient_id)
    return [entry["resource"] for entry in orjson.loads(content)["entry"]] if content else []


def publish(platform: Platform, tenant: Tenant, patient_id: str, snapshot_id: str) -> str:
    """The key of the whole snapshot as plain JSON, for download; of the current one when that snapshot has
    been replaced and removed meanwhile. Each call writes an object of its own, whose name tells its age."""
    try:
        content = gzip.decompress(platform.store.get(keys.snapshot(tenant, patient_id, snapshot_id)))
    except ObjectNotFoundError:
        content = _read_current(platform, tenant, patient_id) or b""
        if not content:
            raise
    return _put_result(platform, tenant, patient_id, content)


def publish_last(platform: Platform, tenant: Tenant, patient_id: str) -> str | None:
    """The key of the last chart that could be made, as plain JSON; of one with the Patient alone when
    there was none yet. None when the patient is gone."""
    with platform.db.read(tenant) as session:
        patient = patients.find_patient(session, patient_id)
    if patient is None:
        return None
    content = _read_current(platform, tenant, patient_id)
    return _put_result(
        platform, tenant, patient_id, content or orjson.dumps(searchset([patient_fhir.to_fhir(patient)]))
    )


def _put_result(platform: Platform, tenant: Tenant, patient_id: str, content: bytes) -> str:
    key = keys.query_result(tenant, patient_id, new_id(), "json")
    platform.store.put(key, content, content_type="application/json")
    return key
