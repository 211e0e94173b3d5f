"""Consolidated queries: starting, joining, answering (contract, consolidated 6.2)."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from datetime import date
from typing import Any

import orjson
from sqlalchemy import select, update

from chartbridge.consolidate.bundle import searchset
from chartbridge.consolidate.resource_types import canonical_types
from chartbridge.db import Tenant, TenantSession
from chartbridge.errors import NotFoundError
from chartbridge.features.documents import conversions
from chartbridge.features.patients import service as patients
from chartbridge.features.records import brief_writing, chart, reading, summaries
from chartbridge.features.records.models import ConsolidatedQuery as ConsolidatedQuery
from chartbridge.features.records.refreshing import refresh_later as refresh_later
from chartbridge.features.webhooks import events, links
from chartbridge.features.webhooks import service as webhooks
from chartbridge.ids import utcnow
from chartbridge.jobs.queue import Queue
from chartbridge.platform import Platform
from chartbridge.repeating import repeatable_id
from chartbridge.storage import keys

QUERIES = Queue("consolidated-query")
RUN = "consolidated-query"
RESULT_URL_S = 180
RESULT_FILES = {
    "json": {"json": "application/json", "json.gz": "application/gzip"},
    **{form: {form: content_type} for form, content_type in summaries.FORMATS.items()},
}
"""By conversion type, the files of a result: extension and content type."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """What is asked for: types (None: all) and days, both inclusive."""

    types: frozenset[str] | None
    date_from: date | None
    date_to: date | None
    conversion_type: str

    def fingerprint(self) -> str:
        """Equal for queries whose answers are equal."""
        types = canonical_types(self.types)
        value = [sorted(types) if types else None, self.date_from, self.date_to, self.conversion_type]
        return hashlib.sha256(orjson.dumps(value)).hexdigest()


def start_query(
    platform: Platform,
    session: TenantSession,
    patient_id: str,
    parameters: Parameters,
    *,
    metadata: dict[str, str],
    from_dashboard: bool,
) -> ConsolidatedQuery:
    """The running query with the same parameters, or a new one; a call that is done again finds the one that
    it started. Raises NotFoundError."""
    patients.get_patient(session, patient_id)
    if not patients.hold_patient(session, patient_id):
        raise NotFoundError("Could not find patient", id=patient_id)
    platform.db.lock(session, "consolidated-query", patient_id)
    query_id = repeatable_id("consolidated-query")
    if (started := session.get(ConsolidatedQuery, query_id)) is not None:
        return started
    fingerprint = parameters.fingerprint()
    running = session.scalars(
        select(ConsolidatedQuery)
        .where(
            ConsolidatedQuery.patient_id == patient_id,
            ConsolidatedQuery.status == "processing",
            ConsolidatedQuery.parameters == fingerprint,
        )
        .with_for_update()
    ).first()
    if running is not None:
        _join(running, metadata=metadata, from_dashboard=from_dashboard)
        return running
    session.execute(
        update(ConsolidatedQuery)
        .where(ConsolidatedQuery.patient_id == patient_id, ConsolidatedQuery.status != "processing")
        .values(listed=False)
    )
    query = ConsolidatedQuery(
        id=query_id,
        patient_id=patient_id,
        status="processing",
        parameters=fingerprint,
        conversion_type=parameters.conversion_type,
        resources=sorted(parameters.types or ()),
        date_from=parameters.date_from.isoformat() if parameters.date_from else None,
        date_to=parameters.date_to.isoformat() if parameters.date_to else None,
        from_dashboard=from_dashboard,
        query_metadata=metadata,
        started_at=utcnow(),
    )
    session.add(query)
    session.flush()
    platform.jobs.enqueue(
        session, QUERIES, RUN, str(session.tenant), query.id, job_id=f"consolidated:{query.id}"
    )
    return query


def _join(running: ConsolidatedQuery, *, metadata: dict[str, str], from_dashboard: bool) -> None:
    """Whoever joins a query that would have ended in silence, and wants its webhook, gets it."""
    silent = running.from_dashboard or running.query_metadata.get("disableWHFlag") == "true"
    if silent and not from_dashboard and metadata.get("disableWHFlag") != "true":
        running.from_dashboard, running.query_metadata = False, metadata


def list_queries(session: TenantSession, patient_id: str) -> list[ConsolidatedQuery]:
    """Running queries and those finished since the last start, newest first. Raises NotFoundError."""
    patients.get_patient(session, patient_id)
    return list(
        session.scalars(
            select(ConsolidatedQuery)
            .where(ConsolidatedQuery.patient_id == patient_id, ConsolidatedQuery.listed)
            .order_by(ConsolidatedQuery.id.desc())
        )
    )


def get_query(session: TenantSession, patient_id: str, request_id: str) -> ConsolidatedQuery:
    """Raises NotFoundError."""
    patients.get_patient(session, patient_id)
    query = session.get(ConsolidatedQuery, request_id)
    if query is None or query.patient_id != patient_id:
        raise NotFoundError("Consolidated query not found")
    return query


def patient_of(session: TenantSession, request_id: str) -> str | None:
    """Whom a query is about; None when it is gone, with its patient."""
    query = session.get(ConsolidatedQuery, request_id)
    return query.patient_id if query else None


def answer(platform: Platform, tenant: Tenant, request_id: str) -> bool:
    """Write the query's result; False when there is none to give. Idempotent. Uploads that nobody has tried
    to convert are converted first.

    JSON that would hold nothing but the Patient is no result; a summary of nothing is one, and says so.
    Raises as ``reading.current`` does, but for NotFoundError.
    """
    with platform.db.read(tenant) as session:
        query = session.get(ConsolidatedQuery, request_id)
    if query is None:
        return False
    patient_id = query.patient_id
    conversions.convert_awaiting(platform, tenant, patient_id, untried=True)
    try:
        brief_writing.write_if_possible(platform, tenant, patient_id)
        for _ in range(chart.MAX_RACES):
            held = reading.current(platform, tenant, patient_id)
            has_data = _write(platform, tenant, query, reading.chosen(held, _what(query)))
            if patients.swept_if_gone(platform, tenant, patient_id):
                return False
            if chart.stands(platform, tenant, patient_id, held.snapshot_id):
                return has_data
            for extension in RESULT_FILES[query.conversion_type]:
                platform.store.delete(keys.query_result(tenant, patient_id, request_id, extension))
    except NotFoundError:  # the patient was deleted meanwhile
        return False
    raise chart.ConsolidationRaceError


def _write(
    platform: Platform, tenant: Tenant, query: ConsolidatedQuery, selected: list[dict[str, Any]]
) -> bool:
    """Write the files of a query's result; whether there is one."""
    form = query.conversion_type
    if form != "json":
        summaries.write(platform, tenant, query.patient_id, query.id, form, selected)
        return True
    if all(resource["resourceType"] == "Patient" for resource in selected):
        return False
    content = orjson.dumps(searchset(selected))
    packed = gzip.compress(content, compresslevel=6, mtime=0)
    for extension, data in (("json", content), ("json.gz", packed)):
        key = keys.query_result(tenant, query.patient_id, query.id, extension)
        platform.store.put(key, data, content_type=RESULT_FILES["json"][extension])
    return True


def _what(query: ConsolidatedQuery) -> reading.Filters:
    return reading.Filters(
        frozenset(query.resources) or None,
        date.fromisoformat(query.date_from) if query.date_from else None,
        date.fromisoformat(query.date_to) if query.date_to else None,
    )


def result_urls(platform: Platform, tenant: Tenant, query: ConsolidatedQuery) -> dict[str, str]:
    """Presigned URLs of the query's result by file extension, good for three minutes; none while it runs,
    when nothing fits it, and when its files are no longer kept."""
    if query.status != "completed":
        return {}
    named = {
        extension: (keys.query_result(tenant, query.patient_id, query.id, extension), content_type)
        for extension, content_type in RESULT_FILES[query.conversion_type].items()
    }
    return {
        extension: platform.store.presigned_get(
            key, expires_in_s=RESULT_URL_S, content_type=content_type, filename=_file_name(extension)
        )
        for extension, (key, content_type) in named.items()
        if platform.store.size(key) is not None
    }


def finish(platform: Platform, session: TenantSession, request_id: str, *, has_data: bool) -> None:
    """End the query and tell the application, in one transaction; nothing when it has ended."""
    _end(platform, session, request_id, "completed", has_data=has_data)


def fail(platform: Platform, session: TenantSession, request_id: str, reason: str) -> None:
    """End the query as failed and tell the application."""
    _end(platform, session, request_id, "failed", has_data=False, reason=reason)


def _end(
    platform: Platform,
    session: TenantSession,
    request_id: str,
    status: str,
    *,
    has_data: bool,
    reason: str | None = None,
) -> None:
    found = session.get(ConsolidatedQuery, request_id)
    if found is None or not patients.hold_patient(session, found.patient_id):
        return
    locked = select(ConsolidatedQuery).where(ConsolidatedQuery.id == request_id).with_for_update()
    query = session.scalars(locked, execution_options={"populate_existing": True}).one_or_none()
    if query is None or query.status != "processing":
        return
    now = utcnow()
    query.status, query.completed_at, query.failure = status, now, reason
    if has_data and query.conversion_type in summaries.FORMATS:
        summaries.note(session, query.patient_id, query.conversion_type, query.id, now)
    if query.from_dashboard:
        return
    patient = patients.get_patient(session, query.patient_id)
    content = {
        **patients.webhook_keys(patient),
        "status": status,
        "bundle": _result_bundle(session.tenant, query) if has_data else _empty_bundle(),
        "filters": _filters(query),
    }
    webhooks.send(
        platform,
        session,
        events.CONSOLIDATED_DATA,
        events.ConsolidatedData.model_validate({"patients": [content]}),
        request_id=query.id,
        patient_id=query.patient_id,
        metadata=query.query_metadata,
    )


def _empty_bundle() -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "collection", "total": 0, "entry": []}


def _result_bundle(tenant: Tenant, query: ConsolidatedQuery) -> dict[str, Any]:
    def attachment(extension: str, content_type: str) -> dict[str, Any]:
        url = links.link(
            keys.query_result(tenant, query.patient_id, query.id, extension),
            content_type=content_type,
            expires_in_s=RESULT_URL_S,
            filename=_file_name(extension),
        )
        return {"attachment": {"contentType": content_type, "url": url}}

    reference = {
        "resourceType": "DocumentReference",
        "status": "current",
        "subject": {"reference": f"Patient/{query.patient_id}"},
        "content": [
            attachment(extension, content_type)
            for extension, content_type in RESULT_FILES[query.conversion_type].items()
        ],
    }
    return {**_empty_bundle(), "total": 1, "entry": [{"resource": reference}]}


def _file_name(extension: str) -> str:
    return f"{'medical-record' if extension in summaries.FORMATS else 'consolidated'}.{extension}"


def _filters(query: ConsolidatedQuery) -> dict[str, str]:
    given = {
        "resources": ",".join(query.resources),
        "dateFrom": query.date_from,
        "dateTo": query.date_to,
        "conversionType": query.conversion_type,
    }
    return {name: value for name, value in given.items() if value}
