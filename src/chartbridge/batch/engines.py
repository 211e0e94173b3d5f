"""One run from its plan to its report, with either engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

from chartbridge.batch import local, on_ray, plan
from chartbridge.batch.places import Place, PlaceError
from chartbridge.batch.plan import BatchError, Options
from chartbridge.batch.reporting import Totals, write_whole
from chartbridge.config import Settings

Engine = Literal["local", "ray"]
ENGINES: tuple[Engine, ...] = get_args(Engine)
_ENGINES = {"local": local.convert_parts, "ray": on_ray.convert_parts}


def run(
    source: str,
    target: str,
    options: Options,
    *,
    engine: Engine = "local",
    processes: int = 1,
    settings: Settings | None = None,
    progress: Callable[[int, int], None] = lambda _done, _planned: None,
) -> Totals:
    """Convert all documents of ``source`` into ``target``, both a folder or a bucket's URL, or go on with it.

    ``settings`` tell how S3 is reached. ``progress`` is told the documents done in this run and those that
    this run has to do at most. Returns what the whole came to, earlier runs included, which is in
    ``report.json`` too. Raises BatchError.
    """
    settings = settings or Settings()
    taken_from, put_into = Place(source, settings), Place(target, settings)
    try:
        if taken_from.folder is not None and not taken_from.folder.is_dir():
            raise BatchError(f"{source} is no folder")
        made = plan.made(taken_from, put_into, options)
        todo = plan.undone(put_into, made)
        done = 0
        for totals in _ENGINES[engine](taken_from, put_into, options, todo, processes):
            done += totals.documents.total()
            progress(done, made.documents)
        return write_whole(put_into, made)
    except PlaceError as error:
        raise BatchError(str(error)) from None
    except OSError as error:
        raise BatchError(f"the folder for temporary files cannot be written: {error.strerror}") from None
