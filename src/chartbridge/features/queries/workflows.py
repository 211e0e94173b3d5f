"""One source of one network query, from discovery to webhook.

Every step is idempotent; what passes between steps are ids, names and counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypedDict, cast

import structlog

from chartbridge.db import Tenant
from chartbridge.errors import BadRequestError
from chartbridge.features.documents import conversions
from chartbridge.features.documents import service as documents
from chartbridge.features.networks import service as networks
from chartbridge.features.networks.protocol import ConnectorError, Source
from chartbridge.features.patients import service as patients
from chartbridge.features.queries import asking, service
from chartbridge.features.records import chart
from chartbridge.jobs.workflow import platform, step, workflow

FETCH_BATCH = 10
FETCH_THREADS = 4
QUEUE = service.QUERIES
log = structlog.get_logger(__name__)


class Found(TypedDict):
    """What discovery brought: ids of documents to fetch, and the networks that failed."""

    convertible: list[str]
    others: list[str]
    offered: int
    failed: list[str]


def _fail(tenant_text: str, query_id: str, source: str, *, reason: str) -> None:
    """End the source as failed; what was brought in stays, and the next chart that is made has it."""
    here, tenant = platform(), Tenant.parse(tenant_text)
    with here.db.read(tenant) as session:
        query = session.get(service.NetworkQuery, query_id)
        names = [p.connector for p in query.providers if p.source == source] if query else []
    if query is None:
        return
    with here.db.write(tenant) as session:
        for name in names:
            service.report_failure(session, query_id, source, name, reason)
    # Making the chart may be the very thing that failed, so the last one that could be made has to do.
    result_key = chart.publish_last(here, tenant, query.patient_id)
    if result_key is None:
        return
    with here.db.write(tenant) as session:
        service.finish_source(here, session, query_id, source, names, result_key)


@workflow(service.RUN_SOURCE, failed=_fail)
def run_source(tenant: str, query_id: str, source: str) -> None:
    found = find(tenant, query_id, source)
    for batch in _batches(found["convertible"]):
        fetch(tenant, query_id, source, batch)
        if convert(tenant, batch) and source == "hie":
            announce_first_data(tenant, query_id, source)
    for batch in _batches(found["others"]):
        fetch(tenant, query_id, source, batch)
    finish(tenant, query_id, source, found)


def _batches(ids: Sequence[str]) -> Iterator[list[str]]:
    for start in range(0, len(ids), FETCH_BATCH):
        yield list(ids[start : start + FETCH_BATCH])


@step
def find(tenant_text: str, query_id: str, source: str) -> Found:
    """Ask every network of the source who the patient is and what it has."""
    here, tenant = platform(), Tenant.parse(tenant_text)
    with here.db.read(tenant) as session:
        query = session.get(service.NetworkQuery, query_id)
        patient = patients.find_patient(session, query.patient_id) if query else None
        who = patients.identity(patient) if patient else None
    if query is None or patient is None or who is None:
        return Found(convertible=[], others=[], offered=0, failed=[])
    if (refusal := _refusal(patient)) is not None:
        return _refused(tenant, query_id, source, refusal)
    ids: list[str] = []
    failed: list[str] = []
    unfit = 0
    for connector in networks.connectors(tenant.environment, cast(Source, source)):
        try:
            found, refused = asking.everything(here, tenant, connector, who)
            ids, unfit = ids + found, unfit + refused
        except ConnectorError as error:
            log.warning("network failed", connector=connector.name, source=source, query=query_id)
            failed.append(connector.name)
            with here.db.write(tenant) as session:
                service.report_failure(session, query_id, source, connector.name, str(error))
    if unfit:
        with here.db.write(tenant) as session:
            service.report_unfit_documents(session, query_id, source, unfit, unfit + len(ids))
    with here.db.read(tenant) as session:
        held = documents.awaiting_conversion(session, who.id, source)
        convertible, others = documents.split_pending(session, [*ids, *held], again=query.again)
    return Found(convertible=convertible, others=others, offered=len(ids), failed=failed)


def _refusal(patient: patients.Patient) -> str | None:
    """Why networks may no longer be asked about the patient; a job may have waited for hours."""
    try:
        patients.ensure_queryable(patient)
    except BadRequestError as error:
        return error.detail
    return None


def _refused(tenant: Tenant, query_id: str, source: str, reason: str) -> Found:
    with platform().db.write(tenant) as session:
        query = service.get_query(session, query_id)
        names = [p.connector for p in query.providers if p.source == source]
        service.report_refusal(session, query_id, source, reason)
    return Found(convertible=[], others=[], offered=0, failed=names)


@step
def fetch(tenant_text: str, query_id: str, source: str, ids: list[str]) -> None:
    """Bring the bytes of some documents into the store; one that fails does not stop the others."""
    here, tenant = platform(), Tenant.parse(tenant_text)
    with here.db.read(tenant) as session:
        query = session.get(service.NetworkQuery, query_id)
        patient = patients.find_patient(session, query.patient_id) if query else None
        wanted = documents.pending(session, ids, again=query.again) if query else []
    if patient is None or _refusal(patient) is not None:
        return

    def bring(item: documents.Pending) -> None:
        try:
            data = asking.document(here, tenant, cast(Source, source), item)
        except ConnectorError as error:
            with here.db.write(tenant) as session:
                documents.mark_failed(session, item.id, str(error))
            return
        documents.store_bytes(here, tenant, item.id, data)

    with ThreadPoolExecutor(FETCH_THREADS, thread_name_prefix="fetch") as threads:
        list(threads.map(bring, wanted))


@step
def convert(tenant_text: str, ids: list[str]) -> int:
    """Convert what was fetched; how many documents are converted now."""
    return conversions.convert_stored(platform(), Tenant.parse(tenant_text), ids)


@step
def announce_first_data(tenant_text: str, query_id: str, source: str) -> None:
    """Make a chart of what is there and tell that it can be had."""
    here, tenant = platform(), Tenant.parse(tenant_text)
    with here.db.read(tenant) as session:
        query = session.get(service.NetworkQuery, query_id)
    if query is None or query.first_data_at is not None:
        return  # told already: the chart is made again at the end, not for each batch
    result_key = _publish(tenant, query.patient_id)
    if result_key is not None:
        with here.db.write(tenant) as session:
            service.announce_first_data(here, session, query_id, source, result_key)


@step
def finish(tenant_text: str, query_id: str, source: str, found: Found) -> None:
    """Make the chart, end the source, and send its webhook."""
    here, tenant = platform(), Tenant.parse(tenant_text)
    patient_id = _patient_of(tenant, query_id)
    if patient_id is None:
        return
    ids = [*found["convertible"], *found["others"]]
    with here.db.write(tenant) as session:
        missing = documents.count_missing(session, ids)
        if missing:
            service.report_missing_documents(session, query_id, source, missing, found["offered"])
        unreadable = documents.count_unconverted(session, patient_id, source)
        if unreadable:
            service.report_unconverted_documents(session, query_id, source, unreadable)
    result_key = _publish(tenant, patient_id)
    if result_key is not None:
        with here.db.write(tenant) as session:
            service.finish_source(here, session, query_id, source, found["failed"], result_key)


def _patient_of(tenant: Tenant, query_id: str) -> str | None:
    with platform().db.read(tenant) as session:
        query = session.get(service.NetworkQuery, query_id)
        return query.patient_id if query else None


def _publish(tenant: Tenant, patient_id: str) -> str | None:
    """The key of the whole chart as of now, or None when the patient was deleted."""
    snapshot_id = chart.consolidate_patient(platform(), tenant, patient_id)
    return snapshot_id and chart.publish(platform(), tenant, patient_id, snapshot_id)
