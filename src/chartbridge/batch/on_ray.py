"""The engine for many machines: Ray Data hands out parts, and gives one that was lost to somebody else.

Each of Ray's processes reads, converts and writes its parts itself, so nothing but numbers passes through
Ray. A document is converted in a process beside it: one that brings that process down fails alone.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from functools import cache
from typing import Any

import orjson

from chartbridge.batch.converting import Conversion, Result, convert_document
from chartbridge.batch.parts import keep_part
from chartbridge.batch.places import Place
from chartbridge.batch.plan import BatchError, Options, documents_of
from chartbridge.batch.reporting import Totals
from chartbridge.jobs.pool import CpuPool, PoolTaskError


def convert_parts(
    source: Place, target: Place, options: Options, numbers: Iterator[int], processes: int
) -> Iterator[Totals]:
    """Convert the parts on the cluster that RAY_ADDRESS names, or on this machine, ``processes`` at a time.

    Raises BatchError without Ray, and when the cluster gives a part up.
    """
    parts = list(numbers)
    if not parts:
        return
    ray = _ray(processes)

    def convert(row: dict[str, Any]) -> dict[str, bytes]:
        totals = _convert_part(source, target, options, int(row["item"]))
        return {"totals": orjson.dumps(totals.to_json())}

    data = ray.data.from_items(parts, override_num_blocks=len(parts))
    converted = data.map(convert, compute=ray.data.TaskPoolStrategy(size=processes), num_cpus=1)
    try:
        for row in converted.iter_rows():
            yield Totals.from_json(orjson.loads(row["totals"]))
    except ray.exceptions.RayError as error:
        raise BatchError(
            f"Ray gave up ({type(error).__name__}); begin again with the same target to go on"
        ) from None


def _convert_part(source: Place, target: Place, options: Options, number: int) -> Totals:
    conversion = Conversion(source, options.patient_from)
    keys = [found.key for found in documents_of(target, number)]
    results = ((key, _convert(conversion, key, options.timeout_s)) for key in keys)
    return keep_part(target, options.format, number, results)


def _convert(conversion: Conversion, key: str, timeout_s: float) -> Result:
    try:
        return _pool(timeout_s).run(convert_document, conversion, key)
    except PoolTaskError as error:
        return Result(f"it {error.reason}")
    except Exception as error:  # noqa: BLE001 - its message may quote the document
        return Result(f"it met a defect of the program ({type(error).__name__})")


@cache
def _pool(timeout_s: float) -> CpuPool:
    """One for each of Ray's processes, which do one part after the other."""
    return CpuPool(1, timeout_s)


def _ray(processes: int) -> Any:
    """The library, connected, saying no more than what goes wrong. Raises BatchError."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would tell its makers of each run
    try:
        import ray
        import ray.data
        import ray.exceptions
    except ImportError:
        raise BatchError("Ray needs an extra: pip install 'chartbridge[ray]'") from None
    if not ray.is_initialized():
        local: dict[str, Any] = (
            {} if "RAY_ADDRESS" in os.environ else {"num_cpus": processes, "include_dashboard": False}
        )
        ray.init(log_to_driver=False, logging_level=logging.ERROR, **local)
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    ray.data.DataContext.get_current().enable_progress_bars = False
    return ray
