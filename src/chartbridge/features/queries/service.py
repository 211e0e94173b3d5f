"""Starting network queries, their status, and their end (contract, network query)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import select

from chartbridge.db import Tenant, TenantSession
from chartbridge.db.upsert import insert_new
from chartbridge.errors import NotFoundError
from chartbridge.features.networks import service as networks
from chartbridge.features.networks.protocol import SOURCES, Source
from chartbridge.features.patients import service as patients
from chartbridge.features.queries import steering
from chartbridge.features.queries.document_queries import (
    is_document_query_running as is_document_query_running,
)
from chartbridge.features.queries.models import NetworkQuery as NetworkQuery
from chartbridge.features.queries.models import QueryError, QueryProvider
from chartbridge.features.queries.queue import QUERIES, queue_key
from chartbridge.features.webhooks import events, links
from chartbridge.features.webhooks import service as webhooks
from chartbridge.http.ratelimit import NETWORK_QUERIES, Usage, count_call
from chartbridge.ids import timestamp, utcnow
from chartbridge.platform import Platform
from chartbridge.repeating import repeatable_id

RUN_SOURCE = "network-query-source"
RESULT_URL_S = 600

Status = Literal["processing", "completed", "partial", "failed"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A source that was not started, and why."""

    source: Source
    http_status: int
    message: str


def admit(
    platform: Platform, tenant: Tenant, wanted: Collection[Source]
) -> tuple[list[Source], list[Refusal], list[Usage]]:
    """Which of the wanted sources may start now: those enabled for the tenant and within its limits."""
    admitted: list[Source] = []
    refusals: list[Refusal] = []
    usages: list[Usage] = []
    for source in SOURCES:
        if source not in wanted:
            continue
        if not networks.connectors(tenant.environment, source):
            message = f"Access to {source} data source is not enabled for this account"
            refusals.append(Refusal(source, 400, message))
            continue
        limit = NETWORK_QUERIES[source]
        usage = count_call(platform.db, tenant, limit, platform.settings.rate_limits)
        usages.append(usage)
        if usage.exceeded:
            refusals.append(Refusal(source, 429, limit.message))
        else:
            admitted.append(source)
    return admitted, refusals, usages


def admit_and_start(
    platform: Platform,
    tenant: Tenant,
    patient_id: str,
    wanted: Collection[Source],
    *,
    metadata: dict[str, str],
    again: bool = False,
    wishes: Mapping[str, bool] | None = None,
) -> tuple[NetworkQuery, list[Usage]]:
    """Start a query of those sources that may start; the others are listed among its errors.

    ``wishes``: networks by lower-case name that the request switches on or off. Raises what ``start``
    raises, and then counts nothing against a limit.
    """
    with platform.db.read(tenant) as session:
        patients.ensure_queryable(patients.get_patient(session, patient_id))
    admitted, refusals, usages = admit(platform, tenant, wanted)
    with platform.db.write(tenant) as session:
        query = start(
            platform, session, patient_id, admitted, refusals, metadata=metadata, again=again, wishes=wishes
        )
    return query, usages


def start(
    platform: Platform,
    session: TenantSession,
    patient_id: str,
    sources: Iterable[Source],
    refusals: Iterable[Refusal] = (),
    *,
    metadata: dict[str, str],
    again: bool = False,
    wishes: Mapping[str, bool] | None = None,
) -> NetworkQuery:
    """Enter a query and enqueue one job a source; a source of which no network is left to ask is an error.

    A call that is done again finds the query that it started. Raises NotFoundError, PatientOptedOutError,
    PatientWithoutTreatmentRelationshipError.
    """
    if not patients.hold_patient(session, patient_id):
        raise NotFoundError("Could not find patient", id=patient_id)
    patient = patients.get_patient(session, patient_id)
    query_id = repeatable_id("network-query")
    if (started := session.get(NetworkQuery, query_id)) is not None:
        return started
    patients.ensure_queryable(patient)
    now = utcnow()
    query = NetworkQuery(
        id=query_id, patient_id=patient_id, query_metadata=metadata, again=again, started_at=now
    )
    session.add(query)
    session.flush()
    for refusal in refusals:
        _report(session, query.id, refusal.source, "refused", refusal.http_status, refusal.message)
    for source in sources:
        asked = steering.connectors(session.tenant.environment, source, patient, wishes=wishes)
        if not asked:
            _report(session, query.id, source, "refused", 400, f"All networks of {source} are excluded")
            continue
        for connector in asked:
            session.add(
                QueryProvider(
                    query_id=query.id,
                    source=source,
                    connector=connector.name,
                    status="processing",
                    started_at=now,
                )
            )
        platform.jobs.enqueue(
            session,
            QUERIES,
            RUN_SOURCE,
            str(session.tenant),
            query.id,
            source,
            job_id=f"network-query:{query.id}:{source}",
            key=queue_key(patient_id, source),
        )
    session.flush()
    session.refresh(query)
    return query


def get_query(session: TenantSession, request_id: str) -> NetworkQuery:
    """Raises NotFoundError."""
    query = session.get(NetworkQuery, request_id)
    if query is None:
        raise NotFoundError("Could not find network query", id=request_id)
    return query


def _report(
    session: TenantSession, query_id: str, source: str, kind: str, http_status: int, message: str
) -> None:
    """List an error of a source, once for each kind."""
    row = {
        "query_id": query_id,
        "id": f"{source}:{kind}",
        "source": source,
        "http_status": http_status,
        "message": message[:500],
        "occurred_at": utcnow(),
    }
    insert_new(session, QueryError, row, key=("query_id", "id"))


def report_failure(session: TenantSession, query_id: str, source: str, connector: str, reason: str) -> None:
    """A network could not answer; its part of the source will end as failed."""
    _report(session, query_id, source, f"network:{connector}", 502, reason)


def report_missing_documents(
    session: TenantSession, query_id: str, source: str, missing: int, offered: int
) -> None:
    """Some documents could not be fetched; the next query tries them again."""
    message = f"{missing} of {offered} documents could not be fetched"
    _report(session, query_id, source, "documents", 502, message)


def report_unconverted_documents(session: TenantSession, query_id: str, source: str, unreadable: int) -> None:
    """Some documents are here but could not be converted, so the chart lacks what they say."""
    message = f"{unreadable} of the patient's documents could not be converted"
    _report(session, query_id, source, "conversion", 422, message)


def report_unfit_documents(
    session: TenantSession, query_id: str, source: str, unfit: int, offered: int
) -> None:
    """A network described some documents in a way that cannot be kept."""
    message = f"{unfit} of {offered} documents were not taken in: their description cannot be kept"
    _report(session, query_id, source, "unfit", 502, message)


def report_rejected_documents(
    session: TenantSession, query_id: str, source: str, rejected: int, offered: int
) -> None:
    """Some documents name another person as their patient; nothing of them was kept."""
    message = f"{rejected} of {offered} documents were not taken in: they are about another patient"
    _report(session, query_id, source, "rejected", 422, message)


def report_unmatched(session: TenantSession, query_id: str, source: str, connector: str, number: int) -> None:
    """A network knows somebody who was not taken to be our patient; a person may decide otherwise."""
    message = f"{connector}: {unmatched_message(number)}"
    _report(session, query_id, source, f"unmatched:{connector}", 422, message)


def unmatched_message(number: int) -> str:
    """What is told of a network's patients who were not taken to be ours."""
    return f"{number} of the network's patients did not match and were not taken in"


def report_refusal(session: TenantSession, query_id: str, source: str, reason: str) -> None:
    """The patient no longer allows the networks to be asked."""
    _report(session, query_id, source, "refused", 400, reason)


@dataclass(frozen=True, slots=True)
class SourceState:
    """Several networks of one type folded into one, as the contract says."""

    type: str
    status: Literal["processing", "completed", "failed"]
    started_at: datetime
    completed_at: datetime | None


def fold(providers: Iterable[QueryProvider]) -> list[SourceState]:
    """One state a source type."""
    states = []
    by_type: dict[str, list[QueryProvider]] = {}
    for provider in providers:
        by_type.setdefault(provider.source, []).append(provider)
    for source in SOURCES:
        group = by_type.get(source)
        if group:
            ended = [p.completed_at for p in group if p.completed_at is not None]
            states.append(
                SourceState(
                    source,
                    _fold_status(group),
                    min(p.started_at for p in group),
                    max(ended) if len(ended) == len(group) else None,
                )
            )
    return states


def _fold_status(group: list[QueryProvider]) -> Literal["processing", "completed", "failed"]:
    statuses = {p.status for p in group}
    if "processing" in statuses:
        return "processing"
    return "failed" if statuses == {"failed"} else "completed"


def statuses(session: TenantSession, query_ids: Collection[str]) -> dict[str, Status]:
    """The status of each of the queries that are there: those of a deleted patient are not."""
    found = session.scalars(select(NetworkQuery).where(NetworkQuery.id.in_(query_ids)))
    return {query.id: overall(query) for query in found}


def overall(query: NetworkQuery) -> Status:
    """The query's own status, over all networks asked.

    A query of which no source could start has nothing left to do: it has failed.
    """
    statuses = {p.status for p in query.providers}
    if not statuses:
        return "failed"
    if "processing" in statuses:
        return "processing"
    if len(statuses) > 1:
        return "partial"
    return "completed" if statuses == {"completed"} else "failed"


def _lock(session: TenantSession, query_id: str) -> NetworkQuery | None:
    """The query, locked after its patient; None when either is gone."""
    query = session.get(NetworkQuery, query_id)
    if query is None or not patients.hold_patient(session, query.patient_id):
        return None
    locked = select(NetworkQuery).where(NetworkQuery.id == query_id).with_for_update()
    return session.scalars(locked, execution_options={"populate_existing": True}).one_or_none()


def announce_first_data(
    platform: Platform, session: TenantSession, query_id: str, source: str, result_key: str
) -> None:
    """Tell once, while the query runs, that there is data to be had."""
    query = _lock(session, query_id)
    if query is None or query.first_data_at is not None:
        return
    if all(p.status != "processing" for p in query.providers if p.source == source):
        return
    query.first_data_at = utcnow()
    state = {"type": source, "status": "processing", "firstDataReadyAt": timestamp(query.first_data_at)}
    _send(platform, session, query, f"network-query.{source}.first-data-ready", state, result_key)


def finish_source(
    platform: Platform,
    session: TenantSession,
    query_id: str,
    source: str,
    failed_connectors: Collection[str],
    result_key: str,
) -> None:
    """End a source and tell the application, in one transaction; nothing when it has ended."""
    query = _lock(session, query_id)
    if query is None:
        return
    running = session.scalars(
        select(QueryProvider)
        .where(QueryProvider.query_id == query_id, QueryProvider.source == source)
        .where(QueryProvider.status == "processing")
        .with_for_update()
    ).all()
    if not running:
        return
    now = utcnow()
    for provider in running:
        provider.status = "failed" if provider.connector in failed_connectors else "completed"
        provider.completed_at = now
    ended = next(s for s in fold(query.providers) if s.type == source)
    state: dict[str, Any] = {"type": source, "status": ended.status, "completedAt": timestamp(now)}
    names = sorted(p.connector for p in running)
    if len(names) == 1:
        state["source"] = names[0]
    _send(platform, session, query, f"network-query.{source}", state, result_key)


def _send(
    platform: Platform,
    session: TenantSession,
    query: NetworkQuery,
    kind: str,
    state: dict[str, Any],
    result_key: str,
) -> None:
    patient = patients.get_patient(session, query.patient_id)
    url = links.link(
        result_key, content_type="application/json", expires_in_s=RESULT_URL_S, filename="consolidated.json"
    )
    payload = {**patients.webhook_keys(patient), "consolidatedDataUrl": url, "source": state}
    content = events.EVENTS[kind].model.model_validate({"payload": payload})
    webhooks.send(
        platform,
        session,
        kind,
        content,
        request_id=query.id,
        patient_id=query.patient_id,
        metadata=query.query_metadata,
    )
