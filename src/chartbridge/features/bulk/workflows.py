"""An import in the background: its rows, then turns of network queries until nothing is left to wait for.

Every step goes on from what the database says, so it may be repeated; what passes between steps is whether
there is more to do.
"""

from __future__ import annotations

from chartbridge.db import Tenant
from chartbridge.features.bulk import creating, querying, service
from chartbridge.jobs.workflow import platform, step, workflow

QUEUE = service.IMPORTS


def _fail(tenant: str, import_id: str, *_turn: str, reason: str) -> None:
    creating.end_as_failed(platform(), Tenant.parse(tenant), import_id, f"Internal error: {reason}")


@workflow(service.RUN, failed=_fail)
def run_import(tenant: str, import_id: str) -> None:
    if count_rows(tenant, import_id):
        while take_in_rows(tenant, import_id):
            pass
        write_result(tenant, import_id)
        begin_queries(tenant, import_id)


@step
def count_rows(tenant: str, import_id: str) -> bool:
    """Whether the file can be used."""
    return creating.count_rows(platform(), Tenant.parse(tenant), import_id)


@step
def take_in_rows(tenant: str, import_id: str) -> bool:
    """Take in the next slice of the rows; whether there are more."""
    return creating.take_in(platform(), Tenant.parse(tenant), import_id)


@step
def write_result(tenant: str, import_id: str) -> None:
    """Write what became of the rows, and forget the file that was sent."""
    creating.write_result(platform(), Tenant.parse(tenant), import_id)


@step
def begin_queries(tenant: str, import_id: str) -> None:
    """Plan the first turn, or end the import."""
    querying.begin(platform(), Tenant.parse(tenant), import_id)


@workflow(querying.RUN_TURN, failed=_fail)
def run_turn(tenant: str, import_id: str, turn: str) -> None:
    start_queries(tenant, import_id, turn)
    end_turn(tenant, import_id, turn)


@step
def start_queries(tenant: str, import_id: str, turn: str) -> None:
    """Start the queries that are due."""
    querying.start_due(platform(), Tenant.parse(tenant), import_id, int(turn))


@step
def end_turn(tenant: str, import_id: str, turn: str) -> None:
    """Note which queries have ended, and plan the next turn or end the import."""
    querying.end_turn(platform(), Tenant.parse(tenant), import_id, int(turn))
