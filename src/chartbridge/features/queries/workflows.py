"""One source of one network query, and one document query, from discovery to webhooks.

Every step is idempotent; what passes between steps are ids, names and counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypedDict, cast

from chartbridge.db import Tenant
from chartbridge.errors import BadRequestError
from chartbridge.features.documents import conversions, texts, withholding
from chartbridge.features.documents import service as documents
from chartbridge.features.networks.protocol import Source
from chartbridge.features.patients import service as patients
from chartbridge.features.queries import asking, document_queries, service
from chartbridge.features.queries.queue import QUERIES
from chartbridge.features.records import chart
from chartbridge.jobs.workflow import platform, step, workflow

FETCH_BATCH = 10
QUEUE = QUERIES


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
    for batch in _batches([*found["convertible"], *found["others"]]):
        read_texts(tenant, batch)
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
    names = [p.connector for p in query.providers if p.source == source]
    answer = asking.all_of(here, tenant, cast(Source, source), names, who)
    ids = answer.ids
    with here.db.write(tenant) as session:
        for name, reason in answer.failures.items():
            service.report_failure(session, query_id, source, name, reason)
        for name, number in answer.unmatched.items():
            service.report_unmatched(session, query_id, source, name, number)
        if answer.unfit:
            service.report_unfit_documents(session, query_id, source, answer.unfit, answer.unfit + len(ids))
    with here.db.read(tenant) as session:
        held = documents.awaiting_conversion(session, who.id, source)
        convertible, others = documents.split_pending(session, [*ids, *held], again=query.again)
    return Found(convertible=convertible, others=others, offered=len(ids), failed=[*answer.failures])


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
    asking.bring(here, tenant, cast(Source, source), patients.identity(patient), wanted)


@step
def convert(tenant_text: str, ids: list[str]) -> int:
    """Convert what was fetched; how many documents are converted now."""
    return conversions.convert_stored(platform(), Tenant.parse(tenant_text), ids)


@step
def read_texts(tenant_text: str, ids: list[str]) -> None:
    """Read the text of what was fetched, for searching contents."""
    texts.extract_stored(platform(), Tenant.parse(tenant_text), ids)


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
        rejected = withholding.count_rejected(session, ids)
        if rejected:
            service.report_rejected_documents(session, query_id, source, rejected, found["offered"])
        missing = documents.count_missing(session, ids) - rejected
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


def _fail_documents(tenant_text: str, query_id: str, *, reason: str) -> None:
    """End the document query as failed; what was brought in stays, and the next query goes on from there."""
    here = platform()
    with here.db.write(Tenant.parse(tenant_text)) as session:
        document_queries.fail(here, session, query_id, reason)


@workflow(document_queries.RUN, failed=_fail_documents)
def run_document_query(tenant: str, query_id: str) -> None:
    found = find_documents(tenant, query_id)
    for batch in _batches([*found["convertible"], *found["others"]]):
        fetch_documents(tenant, query_id, batch)
        read_texts(tenant, batch)
    if end_downloads(tenant, query_id, found["failed"]):
        for batch in _batches(list_to_convert(tenant, query_id)):
            convert_documents(tenant, query_id, batch)
        finish_documents(tenant, query_id)


@step
def find_documents(tenant_text: str, query_id: str) -> Found:
    """Ask the query's networks who the patient is and what they have, and note what there is to do."""
    here, tenant = platform(), Tenant.parse(tenant_text)
    nothing = Found(convertible=[], others=[], offered=0, failed=[])
    with here.db.read(tenant) as session:
        query = session.get(document_queries.DocumentQuery, query_id)
        patient = patients.find_patient(session, query.patient_id) if query else None
    if query is None or patient is None or query.ended_at is not None:
        return nothing
    refusal = _refusal(patient) or (None if query.networks else document_queries.NOTHING_ASKED)
    if refusal is not None:
        with here.db.write(tenant) as session:
            document_queries.note_failure(session, query_id, refusal)
        return Found(**{**nothing, "failed": query.networks})
    source = document_queries.SOURCE
    answer = asking.all_of(here, tenant, source, query.networks, patients.identity(patient))
    ids = answer.ids
    reasons = [f"{name}: {reason}" for name, reason in answer.failures.items()]
    reasons += [f"{name}: {service.unmatched_message(n)}" for name, n in answer.unmatched.items()]
    if answer.unfit:
        reasons.append(f"{answer.unfit} of {answer.unfit + len(ids)} documents could not be taken in")
    with here.db.write(tenant) as session:
        held = documents.awaiting_conversion(session, patient.id, source)
        convertible, others = documents.split_pending(session, [*ids, *held], again=query.again)
        to_fetch = {item.id for item in documents.pending(session, ids, again=query.again)}
        if len(answer.failures) < len(query.networks):
            document_queries.mark_discovered(session, query_id, "; ".join(reasons) or None)
        else:
            document_queries.note_failure(session, query_id, "; ".join(reasons))
        document_queries.enter_items(
            session, query_id, to_fetch=to_fetch, convertible=convertible, others=others
        )
    return Found(convertible=convertible, others=others, offered=len(ids), failed=[*answer.failures])


@step
def fetch_documents(tenant_text: str, query_id: str, ids: list[str]) -> None:
    """Bring the bytes of those of the documents that the query has not tried to bring yet."""
    here, tenant = platform(), Tenant.parse(tenant_text)
    with here.db.read(tenant) as session:
        query = session.get(document_queries.DocumentQuery, query_id)
        patient = patients.find_patient(session, query.patient_id) if query else None
        untried = document_queries.unfetched(session, query_id, ids)
        wanted = documents.pending(session, untried, again=query.again) if query else []
    if query is None or patient is None:
        return
    if _refusal(patient) is not None:
        with here.db.write(tenant) as session:
            document_queries.mark_fetched(session, query_id, untried, arrived=False)
        return
    arrived_before = set(untried) - {item.id for item in wanted}  # and then the worker died
    if arrived_before:
        with here.db.write(tenant) as session:
            document_queries.mark_fetched(session, query_id, arrived_before, arrived=True)

    def note(document_id: str, arrived: bool) -> None:
        with here.db.write(tenant) as session:
            document_queries.mark_fetched(session, query_id, [document_id], arrived=arrived)

    asking.bring(here, tenant, document_queries.SOURCE, patients.identity(patient), wanted, then=note)


@step
def end_downloads(tenant_text: str, query_id: str, failed_networks: list[str]) -> bool:
    """End the downloads, with their webhook; whether anything follows."""
    here = platform()
    with here.db.write(Tenant.parse(tenant_text)) as session:
        return document_queries.end_downloads(here, session, query_id, failed_networks=failed_networks)


@step
def list_to_convert(tenant_text: str, query_id: str) -> list[str]:
    with platform().db.read(Tenant.parse(tenant_text)) as session:
        return document_queries.to_convert(session, query_id)


@step
def convert_documents(tenant_text: str, query_id: str, ids: list[str]) -> None:
    """Convert documents and note which could be."""
    here, tenant = platform(), Tenant.parse(tenant_text)
    conversions.convert_stored(here, tenant, ids)
    with here.db.write(tenant) as session:
        document_queries.mark_converted(session, query_id, ids)


@step
def finish_documents(tenant_text: str, query_id: str) -> None:
    """Make the chart, end the query, and send its last webhook."""
    here, tenant = platform(), Tenant.parse(tenant_text)
    with here.db.read(tenant) as session:
        query = session.get(document_queries.DocumentQuery, query_id)
    if query is None or chart.consolidate_patient(here, tenant, query.patient_id) is None:
        return  # the patient was deleted meanwhile
    with here.db.write(tenant) as session:
        document_queries.finish(here, session, query_id)
