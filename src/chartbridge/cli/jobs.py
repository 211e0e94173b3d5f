"""Background work: what runs, what went wrong, and what comes when."""

from __future__ import annotations

from typing import Annotated

import typer

from chartbridge.cli.options import DataDir, settings_with

cli = typer.Typer(no_args_is_help=True, help="Look after background work.")

JobId = Annotated[str, typer.Argument(help="The job's id, as `jobs list` shows it.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@cli.command("list")
def jobs_list(
    status: Annotated[
        list[str] | None,
        typer.Option(help="waiting, delayed, running, done, failed or cancelled; may be repeated."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the work, such as network-query-source.")] = None,
    queue: Annotated[str | None, typer.Option(help="Name of the queue.")] = None,
    since: Annotated[
        str | None, typer.Option(help="Created since: 30m, 12h, 7d, or an instant such as 2026-01-31T09:15Z.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 50,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """List jobs, those created last first."""
    from chartbridge.commands import jobs

    wanted = jobs.Filter(status or [], name, queue, since, limit)
    jobs.show_list(settings_with(data_dir=data_dir), wanted, as_json=as_json)


@cli.command("show")
def jobs_show(job_id: JobId, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Show one job with its steps and what went wrong."""
    from chartbridge.commands import jobs

    jobs.show(settings_with(data_dir=data_dir), job_id, as_json=as_json)


@cli.command("retry")
def jobs_retry(job_id: JobId, data_dir: DataDir = None) -> None:
    """Have a job that failed, was cancelled or lost its worker run once more."""
    from chartbridge.commands import jobs

    jobs.retry(settings_with(data_dir=data_dir), job_id)


@cli.command("cancel")
def jobs_cancel(job_id: JobId, data_dir: DataDir = None) -> None:
    """Cancel a job that waits or runs; what it is about ends as failed."""
    from chartbridge.commands import jobs

    jobs.cancel(settings_with(data_dir=data_dir), job_id)


@cli.command("schedules")
def jobs_schedules(as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """List what runs by the clock, with the last and the next time."""
    from chartbridge.commands import jobs

    jobs.show_schedules(settings_with(data_dir=data_dir), as_json=as_json)
