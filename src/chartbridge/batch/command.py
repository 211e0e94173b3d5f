"""``chartbridge batch``: a run with its progress on stderr, and its result."""

from __future__ import annotations

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from chartbridge.batch import engines
from chartbridge.batch.engines import Engine
from chartbridge.batch.plan import BatchError, Options
from chartbridge.batch.reporting import REPORT
from chartbridge.commands.console import fail, talk
from chartbridge.config import Settings


def run(
    source: str, target: str, options: Options, engine: Engine, processes: int, settings: Settings
) -> bool:
    """True when no document of the whole failed; ends the command where the run cannot go on."""
    columns = (TextColumn("converting"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=talk, transient=True, disable=not talk.is_terminal) as bar:
        task = bar.add_task("", total=None)
        try:
            totals = engines.run(
                source,
                target,
                options,
                engine=engine,
                processes=processes,
                settings=settings,
                progress=lambda done, planned: bar.update(task, completed=done, total=planned),
            )
        except BatchError as error:
            fail(str(error))
    documents = totals.documents
    talk.print(
        f"{documents['converted']} of {documents.total()} converted, {totals.resources.total()} resources; "
        f"the report is {REPORT} in {target}",
        soft_wrap=True,
    )
    return not documents["failed"]
