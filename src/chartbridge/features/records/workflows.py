"""Answering consolidated queries in the background."""

from __future__ import annotations

from chartbridge.db import Tenant
from chartbridge.features.records import service
from chartbridge.jobs.workflow import platform, step, workflow

QUEUE = service.QUERIES


def _fail(tenant: str, request_id: str, *, reason: str) -> None:
    with platform().db.write(Tenant.parse(tenant)) as session:
        service.fail(platform(), session, request_id, reason)


@workflow(service.RUN, failed=_fail)
def run_query(tenant: str, request_id: str) -> None:
    finish_query(tenant, request_id, answer_query(tenant, request_id))


@step
def answer_query(tenant: str, request_id: str) -> bool:
    return service.answer(platform(), Tenant.parse(tenant), request_id)


@step
def finish_query(tenant: str, request_id: str, has_data: bool) -> None:
    with platform().db.write(Tenant.parse(tenant)) as session:
        service.finish(platform(), session, request_id, has_data=has_data)
