"""``chartbridge convert``: C-CDA documents to FHIR, many at a time.

:mod:`.sources` finds the documents, a :mod:`.crew` of processes reads and converts them, and this
process writes what has to be in order. Neither all documents nor all results are ever in memory.
"""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import orjson
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from chartbridge.ccda import Account, CcdaError, convert
from chartbridge.commands.console import fail, talk
from chartbridge.commands.crew import Lost, in_order
from chartbridge.commands.outputs import Line, Repeats, bulk_files, print_lines, write_whole
from chartbridge.commands.reporting import SHOWN, ReportFile, Tally, Unconverted, show
from chartbridge.commands.sources import Plan, Reader, Source, UnreadableError, printable
from chartbridge.fhir.ids import name_based_id, namespace

DOCUMENT_TIMEOUT_S = 60.0
REDRAW_S = 0.1
REPORT_BESIDE_RESULTS = "report.json"
REPORT_WITHOUT_FOLDER = "chartbridge-report.json"
_DOCUMENTS = namespace("document without a patient id")


@dataclass(frozen=True, slots=True)
class Options:
    """``patient_id``: one for all documents, or None for one made from each document's bytes. ``out``:
    the folder for results, or None for stdout. ``ndjson``: resources one a line instead of bundles.
    ``report``: say what became of every statement."""

    patient_id: str | None = None
    out: Path | None = None
    ndjson: bool = False
    report: bool = False


@dataclass(slots=True)
class Outcome:
    """What a process tells of one document; what nobody asked for is not sent."""

    failure: str = ""
    resources: dict[str, int] = field(default_factory=dict)
    bundle: bytes = b""
    lines: list[Line] = field(default_factory=list)
    report: bytes = b""
    statements: dict[str, int] = field(default_factory=dict)
    not_converted: list[Account] = field(default_factory=list)


def run(paths: list[str], options: Options, processes: int = 1) -> bool:
    """Convert all documents that the paths lead to, going on over bad ones; True when none failed.

    Ends the command where nothing can be written, or two documents would be written to one file.
    """
    plan = Plan()
    for path in paths:
        plan.add(path)
    targets = _claimed(plan, options)
    _prepare(options)
    tally, unconverted = Tally(), Unconverted()
    sources = plan.sources(targets)
    try:
        with (
            ReportFile(_report_path(options), tally) if options.report else nullcontext() as report_file,
            _destination(options) as write,
            _Bar(plan, options) as bar,
            closing(in_order(Converter(options), sources, processes, DOCUMENT_TIMEOUT_S)) as results,
        ):
            for source, result in results:
                outcome = Outcome(f"it {result.reason}") if isinstance(result, Lost) else result
                name, status = printable(source.name), _status(source, outcome)
                tally.documents[status] += 1
                tally.statements.update(outcome.statements)
                tally.resources.update(outcome.resources)
                unconverted.add(name, outcome.not_converted, outcome.statements.get("not-converted", 0))
                if outcome.failure:
                    _complain(name, status, outcome.failure)
                else:
                    write(outcome)
                if report_file is not None:
                    report_file.add(name, status, outcome.failure, outcome.report)
                bar.advance()
    except BrokenPipeError:
        raise  # whoever read stdout has gone; the command line ends quietly
    except OSError as error:
        fail(f"stopped: {error.filename or 'the results'} cannot be written: {error.strerror}")
    if options.report:
        show(tally, unconverted)
        talk.print(Text(f"the report is in {_report_path(options)}"), soft_wrap=True)
    _sum_up(tally, plan)
    return not tally.documents["failed"]


class Converter:
    """What a process of the crew does with one document."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._reader = Reader()

    def __call__(self, source: Source) -> Outcome:
        options = self._options
        try:
            xml = self._reader.read(source)
            done = convert(xml, options.patient_id or patient_id_for(xml))
        except (UnreadableError, CcdaError) as error:
            return Outcome(str(error))
        outcome = Outcome(resources=done.report.resources)
        if options.ndjson:
            members = [entry["resource"] for entry in done.bundle["entry"]]
            outcome.lines = [(member["resourceType"], orjson.dumps(member)) for member in members]
        elif options.out is None:
            outcome.bundle = orjson.dumps(done.bundle)
        else:
            try:
                write_whole(options.out / source.target, orjson.dumps(done.bundle))
            except OSError as error:
                return Outcome(f"its bundle cannot be written: {error.strerror}")
        if options.report:
            outcome.report = orjson.dumps(done.report.to_json())
            outcome.statements = done.report.totals
            outcome.not_converted = done.report.not_converted[:SHOWN]
        return outcome


def patient_id_for(xml: bytes) -> str:
    """The Patient's id where none is given: a name-based UUID of the document's SHA-256."""
    return name_based_id(_DOCUMENTS, hashlib.sha256(xml).hexdigest())


def _claimed(plan: Plan, options: Options) -> set[str] | None:
    """The files that will be written, as far as they are known before tar archives are read; None where
    documents get no files of their own."""
    if options.out is None or options.ndjson:
        return None
    targets = {REPORT_BESIDE_RESULTS} if options.report else set()
    clash = plan.claim(targets)
    if clash is not None:
        fail(
            f"several files would become {printable(clash.target)} in {options.out}, the last of them "
            f"{printable(clash.name)}; convert them into folders of their own"
        )
    return targets


def _prepare(options: Options) -> None:
    """Make the folder; resources of another run are not to be taken for this one's."""
    if options.out is None:
        return
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        left = next(options.out.glob("*.ndjson"), None)
    except OSError as error:
        fail(f"{options.out} cannot be made: {error.strerror}")
    if options.ndjson and left is not None:
        fail(f"{options.out} holds {left.name} of an earlier run; remove it, or name another folder")


def _report_path(options: Options) -> Path:
    return Path(REPORT_WITHOUT_FOLDER) if options.out is None else options.out / REPORT_BESIDE_RESULTS


@contextmanager
def _destination(options: Options) -> Iterator[Callable[[Outcome], None]]:
    """What writes a result, where the process that made it has not written it."""
    repeats = Repeats()
    if not options.ndjson:
        yield lambda outcome: print_lines([outcome.bundle] if outcome.bundle else [])
    elif options.out is None:
        yield lambda outcome: print_lines(body for _, body in repeats.without(outcome.lines))
    else:
        with bulk_files(options.out) as write:
            yield lambda outcome: write(repeats.without(outcome.lines))


def _status(source: Source, outcome: Outcome) -> str:
    if source.skipped:
        return "skipped"
    return "failed" if outcome.failure else "converted"


def _complain(name: str, status: str, reason: str) -> None:
    text = Text.assemble((name, "red" if status == "failed" else "yellow"), f": {reason}")
    talk.print(text if status == "failed" else text.append("; skipped"), soft_wrap=True)


class _Bar:
    """Where stderr is a terminal that shows nothing else: how far we are.

    It is drawn from here, and by no thread: the crew must be able to fork.
    """

    def __init__(self, plan: Plan, options: Options) -> None:
        self._plan = plan
        self._progress = Progress(
            TextColumn("converting"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=talk,
            transient=True,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
            disable=not talk.is_terminal or (options.out is None and sys.stdout.isatty()),
        )
        self._task = self._progress.add_task("", total=plan.total)
        self._done = 0
        self._drawn = 0.0

    def __enter__(self) -> _Bar:
        self._progress.start()
        return self

    def __exit__(self, *_raised: object) -> None:
        self._progress.stop()

    def advance(self) -> None:
        self._done += 1
        if time.monotonic() - self._drawn >= REDRAW_S:
            self._progress.update(self._task, completed=self._done, total=self._plan.total, refresh=True)
            self._drawn = time.monotonic()


def _sum_up(tally: Tally, plan: Plan) -> None:
    documents = tally.documents
    said = (
        f"{documents['converted']} of {documents.total() - documents['skipped']} converted, "
        f"{tally.resources.total()} resources"
    )
    if documents["skipped"]:
        said += f"; {documents['skipped']} skipped"
    if plan.passed_over:
        said += f"; {plan.passed_over} other files passed over"
    talk.print(said)
