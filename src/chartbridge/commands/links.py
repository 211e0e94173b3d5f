"""As whom networks know the account's patients: to look at, to undo, to accept."""

from __future__ import annotations

import getpass

from rich.table import Table

from chartbridge.commands.console import fail, results, talk
from chartbridge.commands.integrations import tenant_of
from chartbridge.config import Settings
from chartbridge.errors import NotFoundError
from chartbridge.features.queries import links
from chartbridge.ids import timestamp


def show(settings: Settings, env: str, account: str, patient_id: str | None, status: str | None) -> None:
    """List links, those compared last first; they name no demographics."""
    if status is not None and status not in links.STATUSES:
        fail(f"--status must be one of {', '.join(links.STATUSES)}", 2)
    columns = ("id", "patient", "network", "known there as", "status", "score", "compared", "reasons")
    table = Table(*columns, box=None, pad_edge=False)
    with tenant_of(settings, env, account) as (platform, tenant), platform.db.read(tenant) as session:
        for link in links.list_links(session, patient_id=patient_id, status=status):
            decided = f" by {link.decided_by}" if link.status in links.DECIDED else ""
            table.add_row(
                link.id,
                link.patient_id,
                f"{link.connector} ({link.source})",
                f"{link.remote_patient_id} of {link.assigning_authority}",
                link.status + decided,
                "" if link.score is None else f"{link.score:.4f}",
                timestamp(link.compared_at),
                "; ".join(link.reasons),
            )
    results.print(table)


def undo(settings: Settings, env: str, account: str, link_id: str, by: str | None) -> None:
    """Withdraw what came through a link."""
    with tenant_of(settings, env, account) as (platform, tenant):
        try:
            links.undo(platform, tenant, link_id, by=by or getpass.getuser())
        except NotFoundError:
            fail(f"account {account} has no link {link_id} in {env}")
    talk.print("undone; the chart is made anew without it as soon as a worker runs")


def accept(settings: Settings, env: str, account: str, link_id: str, by: str | None) -> None:
    """Say that the network's patient is ours."""
    with tenant_of(settings, env, account) as (platform, tenant):
        try:
            links.accept(platform, tenant, link_id, by=by or getpass.getuser())
        except NotFoundError:
            fail(f"account {account} has no link {link_id} in {env}")
    talk.print("accepted; the next network query takes in what is not here")
