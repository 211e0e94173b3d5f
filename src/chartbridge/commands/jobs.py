"""Jobs and schedules for the operator: to look at, to run again, to cancel."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import typer
from rich.table import Table

from chartbridge.commands.console import fail, results, talk
from chartbridge.commands.opening import open_platform
from chartbridge.config import Settings
from chartbridge.features.housekeeping import calendar
from chartbridge.features.monitoring import schedules
from chartbridge.ids import timestamp, utcnow
from chartbridge.jobs import control
from chartbridge.jobs.control import Details, Job, JobStateError, State, UnknownJobError
from chartbridge.platform import Platform

_AGO = re.compile(r"(\d{1,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True, slots=True)
class Filter:
    """Which jobs to list; ``since`` as the command line has it."""

    states: list[str]
    name: str | None
    queue: str | None
    since: str | None
    limit: int


def show_list(settings: Settings, wanted: Filter, *, as_json: bool) -> None:
    """List jobs."""
    states = [_state(name) for name in wanted.states]
    since = _since(wanted.since) if wanted.since else None
    with _platform(settings) as platform:
        found = control.list_jobs(
            platform, states=states, name=wanted.name, queue=wanted.queue, since=since, limit=wanted.limit
        )
    if as_json:
        _print_json([_plain(job) for job in found])
        return
    columns = ("id", "name", "status", "queue", "worker", "runs", "created", "started", "ended")
    table = Table(*columns, box=None, pad_edge=False)
    for job in found:
        plain = _plain(job)
        table.add_row(*(_text(plain[column]) for column in columns))
    results.print(table)


def show(settings: Settings, job_id: str, *, as_json: bool) -> None:
    """Show one job."""
    with _platform(settings) as platform, _known(job_id):
        found = control.show(platform, job_id)
    plain = _plain_details(found)
    if as_json:
        _print_json(plain)
        return
    facts = Table(box=None, pad_edge=False, show_header=False)
    for name, value in plain.items():
        if name not in ("steps", "arguments"):
            facts.add_row(name, _text(value))
    facts.add_row("about", " ".join(found.arguments))
    results.print(facts)
    columns = ("step", "started", "ended", "error")
    steps = Table(*columns, box=None, pad_edge=False)
    for step in plain["steps"]:
        steps.add_row(*(_text(step[column]) for column in columns))
    results.print(steps)


def retry(settings: Settings, job_id: str) -> None:
    """Have a job run once more."""
    with _platform(settings) as platform, _known(job_id):
        control.retry(platform, job_id)
    talk.print("the job runs as soon as a worker is free")


def cancel(settings: Settings, job_id: str) -> None:
    """Cancel a job."""
    with _platform(settings) as platform, _known(job_id):
        control.cancel(platform, job_id)
    talk.print("cancelled; what it is about ends as failed as soon as a worker is free")


def show_schedules(settings: Settings, *, as_json: bool) -> None:
    """List what runs by the clock."""
    now = utcnow()
    with _platform(settings) as platform, platform.db.glance(None) as session:
        coming = schedules.outlook(session, now, settings.monitoring_hour_utc)
    rows: list[dict[str, Any]] = [
        {
            "what": "housekeeping",
            "tenant": None,
            "cohort": None,
            "frequency": f"every {settings.housekeeping_s:g} s",
            "last": timestamp(calendar.round_of(now, settings.housekeeping_s)),
            "next": timestamp(calendar.next_round(now, settings.housekeeping_s)),
            "state": None,
        }
    ]
    rows += [
        {
            "what": f"{one.schedule.source} queries",
            "tenant": one.schedule.tenant,
            "cohort": one.schedule.cohort_id,
            "frequency": one.schedule.frequency,
            "last": _moment(one.schedule.last_occasion),
            "next": timestamp(one.next_occasion),
            "state": _state_of_round(one),
        }
        for one in coming
    ]
    if as_json:
        _print_json(rows)
        return
    table = Table(*rows[0], box=None, pad_edge=False)
    for row in rows:
        table.add_row(*map(_text, row.values()))
    results.print(table)


def _state_of_round(one: schedules.Outlook) -> str | None:
    last = one.last_round
    if last is None:
        return None
    counts = f"{last.asked} asked, {last.passed_over} passed over"
    if last.ended_at is None:
        return f"running: {counts}"
    return f"ended ({last.ending}): {counts}" if last.ending else f"done: {counts}"


@contextmanager
def _platform(settings: Settings) -> Iterator[Platform]:
    platform = open_platform(settings)
    try:
        yield platform
    finally:
        platform.close()


@contextmanager
def _known(job_id: str) -> Iterator[None]:
    try:
        yield
    except UnknownJobError:
        fail(f"there is no job {job_id}, or no longer")
    except JobStateError as error:
        fail(str(error))


def _state(name: str) -> State:
    known = next((state for state in control.STATES if state == name), None)
    return known or fail(f"--status must be one of {', '.join(control.STATES)}", 2)


def _since(text: str) -> datetime:
    ago = _AGO.fullmatch(text)
    if ago:
        return utcnow() - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        fail("--since must be a time such as 30m, 12h or 7d, or an instant such as 2026-01-31T09:15Z", 2)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _plain(job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "name": job.name,
        "status": job.state,
        "queue": job.queue,
        "key": job.key,
        "worker": job.worker,
        "runs": job.runs,
        "created": _moment(job.created),
        "due": _moment(job.due),
        "started": _moment(job.started),
        "ended": _moment(job.ended),
    }


def _plain_details(found: Details) -> dict[str, Any]:
    steps = [
        {
            "step": step.name,
            "started": _moment(step.started),
            "ended": _moment(step.ended),
            "error": step.error,
        }
        for step in found.steps
    ]
    return {**_plain(found.job), "error": found.error, "arguments": found.arguments, "steps": steps}


def _moment(moment: datetime | None) -> str | None:
    return timestamp(moment) if moment else None


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _print_json(value: object) -> None:
    typer.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())
