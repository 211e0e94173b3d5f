"""Answering consolidated queries, and bringing charts up to date, in the background."""

from __future__ import annotations

import structlog

from chartbridge.db import Tenant
from chartbridge.features.documents import conversions, texts
from chartbridge.features.records import brief_writing, refreshing, retention, service
from chartbridge.jobs.workflow import platform, step, workflow

QUEUE = service.QUERIES
REFRESHES = refreshing.REFRESHES

log = structlog.get_logger(__name__)


def _fail(tenant: str, request_id: str, *, reason: str) -> None:
    with platform().db.write(Tenant.parse(tenant)) as session:
        service.fail(platform(), session, request_id, reason)


@workflow(service.RUN, failed=_fail)
def run_query(tenant: str, request_id: str) -> None:
    finish_query(tenant, request_id, answer_query(tenant, request_id))
    drop_old_results(tenant, request_id)


@step
def answer_query(tenant: str, request_id: str) -> bool:
    return service.answer(platform(), Tenant.parse(tenant), request_id)


@step
def finish_query(tenant: str, request_id: str, has_data: bool) -> None:
    with platform().db.write(Tenant.parse(tenant)) as session:
        service.finish(platform(), session, request_id, has_data=has_data)


@step
def drop_old_results(tenant: str, request_id: str) -> int:
    """Remove the files of the patient's earlier queries whose time is over."""
    here, owner = platform(), Tenant.parse(tenant)
    with here.db.read(owner) as session:
        patient_id = service.patient_of(session, request_id)
    return retention.drop_old_results(here, owner, patient_id) if patient_id else 0


def _stale(tenant: str, patient_id: str, document_ids: str, *, reason: str) -> None:
    """What was stored stays stored; the next refresh, or the next query of the chart, makes use of it."""
    named = {"tenant": tenant, "patient": patient_id, "documents": document_ids}
    log.error("a chart could not be brought up to date", **named, reason=reason)


@workflow(refreshing.REFRESH, failed=_stale)
def refresh_record(tenant: str, patient_id: str, document_ids: str) -> None:
    """``document_ids`` are joined by commas: jobs carry texts."""
    if document_ids:
        convert_documents(tenant, document_ids)
        read_texts(tenant, document_ids)
    make_chart(tenant, patient_id, document_ids)


@step
def convert_documents(tenant: str, document_ids: str) -> int:
    return conversions.convert_stored(platform(), Tenant.parse(tenant), document_ids.split(","))


@step
def read_texts(tenant: str, document_ids: str) -> None:
    texts.extract_stored(platform(), Tenant.parse(tenant), document_ids.split(","))


@step
def make_chart(tenant: str, patient_id: str, document_ids: str) -> str | None:
    """The chart of all that is stored; uploads that an earlier refresh could not convert are tried again."""
    here, owner = platform(), Tenant.parse(tenant)
    conversions.convert_awaiting(here, owner, patient_id, besides=document_ids.split(","))
    return brief_writing.write(here, owner, patient_id)
