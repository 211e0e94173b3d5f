"""The engine without an engine: processes of this machine convert, this one writes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from itertools import groupby

from chartbridge.batch.converting import Conversion, Result
from chartbridge.batch.parts import keep_part
from chartbridge.batch.places import Place
from chartbridge.batch.plan import Options, documents_of
from chartbridge.batch.reporting import Totals
from chartbridge.commands.crew import Lost, in_order

Task = tuple[int, str]
"""A part's number and a document's key."""


class _OfPart:
    """What a process does: converts the document of a task."""

    def __init__(self, conversion: Conversion) -> None:
        self._conversion = conversion

    def __call__(self, task: Task) -> Result:
        return self._conversion(task[1])


def convert_parts(
    source: Place, target: Place, options: Options, numbers: Iterator[int], processes: int
) -> Iterator[Totals]:
    """Convert the parts one after the other, with all processes at work all the time; what each came to.

    Raises PlaceError, BatchError and OSError.
    """
    tasks = ((number, found.key) for number in numbers for found in documents_of(target, number))
    work = _OfPart(Conversion(source, options.patient_from))
    # Spawned: connections to object stores do not survive a fork, and this process has listed the source.
    results = in_order(work, tasks, processes, options.timeout_s, start="spawn")
    with closing(results):
        for number, of_part in groupby(results, key=lambda done: done[0][0]):
            yield keep_part(target, options.format, number, _told(of_part))


def _told(results: Iterator[tuple[Task, Result | Lost]]) -> Iterator[tuple[str, Result]]:
    for (_, key), result in results:
        yield key, Result(f"it {result.reason}") if isinstance(result, Lost) else result
