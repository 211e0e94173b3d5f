"""Making and reading snapshots."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path
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
from chartbridge.features.records import briefs, contributions, retention, standards
from chartbridge.features.records.brief_task import BriefInput
from chartbridge.features.records.chart_task import ChartInput, build_chart
from chartbridge.features.records.models import Record
from chartbridge.features.records.parsed import ParsedCharts
from chartbridge.features.records.search_task import index_of_snapshot
from chartbridge.features.records.turns import Turns
from chartbridge.ids import new_id
from chartbridge.platform import Platform
from chartbridge.storage import ObjectNotFoundError, keys
from chartbridge.terminology.rows import TerminologyError

Resource = dict[str, Any]
CONSOLIDATION_VERSION = f"3+{CONVERTER_VERSION}"
MAX_RACES = 50
_parsed = ParsedCharts()
_turns = Turns()


class ConsolidationRaceError(ServiceUnavailableError):
    """Other sources kept changing the chart; trying again later will do."""

    def __init__(self) -> None:
        super().__init__("The chart keeps changing; try again later")


@dataclass(frozen=True, slots=True)
class _Inputs:
    fingerprint: str
    converted: list[conversions.Converted]
    others: list[ChartInput]
    patient: Resource
    edition: Path
    brief: BriefInput | None
    known: tuple[int, str] | None


@dataclass(frozen=True, slots=True)
class _Moved:
    """The pointer moved; ``replaced`` is the snapshot that is now neither the current nor the previous."""

    replaced: str | None


def consolidate_patient(platform: Platform, tenant: Tenant, patient_id: str) -> str | None:
    """Bring the patient's chart up to date with everything stored; returns the snapshot's id.

    Does nothing when nothing changed. None when the patient is gone. Raises ConsolidationRaceError, and
    StandardsUnavailableError when there is no readable terminology edition.

    Sources of one query end about the same time. Within a process one makes the chart while the others wait,
    and find in it what they came for, or make the next one of all that has come meanwhile.
    """
    with _turns.of((tenant, patient_id)):
        return _consolidate(platform, tenant, patient_id)


def _consolidate(platform: Platform, tenant: Tenant, patient_id: str) -> str | None:
    for _ in range(MAX_RACES):
        try:
            inputs = _gather(platform, tenant, patient_id)
            if inputs is None:
                return None
            if inputs.known is not None and inputs.known[1] == inputs.fingerprint:
                with platform.db.read(tenant) as session:
                    return _snapshot_id(session, patient_id)
            content, counts, index = _built(platform, inputs)
        except ObjectNotFoundError:
            if not patients.is_gone(platform, tenant, patient_id):
                raise
            return None
        snapshot_id = new_id()
        platform.store.put(
            keys.search_index(tenant, patient_id, snapshot_id), index, content_type="application/gzip"
        )
        platform.store.put(
            keys.snapshot(tenant, patient_id, snapshot_id), content, content_type="application/gzip"
        )
        moved = _move_pointer(platform, tenant, patient_id, inputs, snapshot_id, counts)
        if moved is not None:
            retention.drop_old_snapshots(platform, tenant, patient_id, moved.replaced)
            return snapshot_id
        platform.store.delete(keys.snapshot(tenant, patient_id, snapshot_id))
        platform.store.delete(keys.search_index(tenant, patient_id, snapshot_id))
    raise ConsolidationRaceError


def _built(platform: Platform, inputs: _Inputs) -> tuple[bytes, dict[str, int], bytes]:
    given = [
        ChartInput(platform.store.get(c.key), c.file_name, c.connector, c.document_id, c.created)
        for c in inputs.converted
    ]
    given += inputs.others
    try:
        return platform.cpu.run(build_chart, given, inputs.patient, inputs.edition, inputs.brief)
    except TerminologyError as error:
        raise standards.unavailable(error) from error


def _gather(platform: Platform, tenant: Tenant, patient_id: str) -> _Inputs | None:
    """All inputs, read after the version they will replace, so that nothing newer is overwritten.

    Conversions are not read here: their keys name what they are made of and by which converter.
    """
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
    others: list[ChartInput] = []
    for key in sorted(platform.store.keys(f"{keys.patient_folder(tenant, patient_id)}/resources")):
        content = platform.store.get(key)
        name = key.rsplit("/", 1)[-1].removesuffix(".json.gz")
        source, _, connector = name.partition("-")
        party = f"{source}/{connector}"
        others.append(ChartInput(content, party, connector, party, "", id_space=party))
    others += [
        ChartInput(orjson.dumps(given.resources), None, None, None, given.date, contributions.ID_SPACE)
        for given in contributed
    ]
    if references:
        others.append(ChartInput(orjson.dumps(references), None, None, None, ""))
    standard = standards.current(platform.settings)
    brief = briefs.wanted(platform, tenant, patient_id)
    digest = hashlib.sha256(CONSOLIDATION_VERSION.encode())
    digest.update(standard.fingerprint)
    digest.update(briefs.fingerprint(brief))
    digest.update(orjson.dumps(resource, option=orjson.OPT_SORT_KEYS))
    digest.update(
        orjson.dumps([[c.key, c.file_name, c.connector, c.document_id, c.created] for c in converted])
    )
    for given in others:
        names = [given.source, given.data_source, given.document_id, given.date, given.id_space]
        digest.update(orjson.dumps(names))
        digest.update(hashlib.sha256(given.content).digest())
    return _Inputs(digest.hexdigest(), converted, others, resource, standard.edition, brief, known)


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
        record.previous_snapshot_id = record.snapshot_id or None
        record.snapshot_id, record.inputs, record.counts = snapshot_id, inputs.fingerprint, counts
        return _Moved(replaced)


def _snapshot_id(session: TenantSession, patient_id: str) -> str | None:
    record = session.get(Record, patient_id)
    return (record.snapshot_id or None) if record else None


def _read_current(platform: Platform, tenant: Tenant, patient_id: str) -> tuple[str, bytes] | None:
    """The id of the current snapshot, and it as stored; None when there is no chart yet."""
    for attempt in range(MAX_RACES):
        with platform.db.read(tenant) as session:
            snapshot_id = _snapshot_id(session, patient_id)
        if snapshot_id is None:
            return None
        try:
            return snapshot_id, platform.store.get(keys.snapshot(tenant, patient_id, snapshot_id))
        except ObjectNotFoundError:  # the pointer moved twice since it was read; once leaves the snapshot
            if attempt + 1 == MAX_RACES:
                raise
    raise AssertionError("the last attempt returns or raises")


def current_snapshot(
    platform: Platform, tenant: Tenant, patient_id: str
) -> tuple[str, list[Resource]] | None:
    """The id of the current snapshot, and its resources, which are shared and must not be changed; None when
    there is no chart yet."""
    with platform.db.read(tenant) as session:
        snapshot_id = _snapshot_id(session, patient_id)
    if snapshot_id is None:
        return None
    if (kept := _parsed.get(keys.snapshot(tenant, patient_id, snapshot_id))) is not None:
        return snapshot_id, kept
    found = _read_current(platform, tenant, patient_id)
    if found is None:
        return None
    return found[0], _parsed.read(keys.snapshot(tenant, patient_id, found[0]), found[1])


def stands(platform: Platform, tenant: Tenant, patient_id: str, snapshot_id: str) -> bool:
    """Whether a snapshot is the current one or the one before it. To be asked after something made of it was
    written: where it is not, the chart may have been forgotten before, with all that was made of it."""
    with platform.db.read(tenant) as session:
        record = session.get(Record, patient_id)
    if record is None or not snapshot_id:
        return False
    return snapshot_id in (record.snapshot_id, record.previous_snapshot_id)


def current_resources(platform: Platform, tenant: Tenant, patient_id: str) -> list[Resource]:
    """The resources of the current snapshot, which must not be changed; none when there is no chart yet."""
    found = current_snapshot(platform, tenant, patient_id)
    return found[1] if found else []


def index_of(platform: Platform, tenant: Tenant, patient_id: str, snapshot_id: str) -> bytes:
    """The index by which a snapshot is searched; made now where it was left out, as by earlier versions.
    Raises ObjectNotFoundError when the snapshot is gone, and PoolTaskError."""
    key = keys.search_index(tenant, patient_id, snapshot_id)
    try:
        return platform.store.get(key)
    except ObjectNotFoundError:
        content = platform.store.get(keys.snapshot(tenant, patient_id, snapshot_id))
        index = platform.cpu.run(index_of_snapshot, content)
        platform.store.put(key, index, content_type="application/gzip")
        patients.swept_if_gone(platform, tenant, patient_id)
        return index


def publish(platform: Platform, tenant: Tenant, patient_id: str, snapshot_id: str) -> str:
    """The key of the whole snapshot as plain JSON, for download; of the current one when that snapshot has
    been replaced and removed meanwhile, or forgotten. Each call writes an object of its own, whose name tells
    its age. Raises as ``consolidate_patient`` does, and ObjectNotFoundError when the patient is gone."""
    for _ in range(MAX_RACES):
        try:
            content = platform.store.get(keys.snapshot(tenant, patient_id, snapshot_id))
        except ObjectNotFoundError:
            newer = consolidate_patient(platform, tenant, patient_id)
            if newer is None:
                raise
            snapshot_id = newer
            continue
        key = _put_result(platform, tenant, patient_id, gzip.decompress(content))
        if stands(platform, tenant, patient_id, snapshot_id):
            return key
        platform.store.delete(key)
        snapshot_id = consolidate_patient(platform, tenant, patient_id) or snapshot_id
    raise ConsolidationRaceError


def publish_last(platform: Platform, tenant: Tenant, patient_id: str) -> str | None:
    """The key of the last chart that could be made, as plain JSON; of one with the Patient alone when
    there was none yet. None when the patient is gone."""
    with platform.db.read(tenant) as session:
        patient = patients.find_patient(session, patient_id)
    if patient is None:
        return None
    if (current := _read_current(platform, tenant, patient_id)) is not None:
        key = _put_result(platform, tenant, patient_id, gzip.decompress(current[1]))
        if stands(platform, tenant, patient_id, current[0]):
            return key
        platform.store.delete(key)
    alone = orjson.dumps(searchset([patient_fhir.to_fhir(patient)]))
    return _put_result(platform, tenant, patient_id, alone)


def _put_result(platform: Platform, tenant: Tenant, patient_id: str, content: bytes) -> str:
    key = keys.query_result(tenant, patient_id, new_id(), "json")
    platform.store.put(key, content, content_type="application/json")
    return key
