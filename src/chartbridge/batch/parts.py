"""Converting one part: results first, then the account, and at last the word that it is done.

A part that was stopped in between is converted again and writes the same files over what it left.
"""

from __future__ import annotations

import gzip
import tempfile
from collections.abc import Iterable
from pathlib import Path

import orjson

from chartbridge.batch.converting import Result
from chartbridge.batch.places import Place
from chartbridge.batch.plan import FOLDER, Format, part_name
from chartbridge.batch.reporting import Totals
from chartbridge.batch.writing import writer


def keep_part(target: Place, format: Format, number: int, results: Iterable[tuple[str, Result]]) -> Totals:
    """Write the results of a part's documents, in the plan's order, by their keys.

    Raises PlaceError, OSError where this machine's disk is full, and BatchError where a library is missing.
    """
    totals = Totals()
    with tempfile.TemporaryDirectory(prefix="chartbridge-batch-") as name:
        folder = Path(name)
        account = folder / "report"
        writing = writer(format, folder, number)
        try:
            with gzip.GzipFile(account, "wb", mtime=0) as lines:
                for key, result in results:
                    writing.add(key, result)
                    lines.write(totals.count(key, result))
            for key, path in writing.files():
                target.put(key, path)
        finally:
            writing.close()
        target.put(f"{FOLDER}/report/part-{part_name(number)}.ndjson.gz", account)
        target.put(f"{FOLDER}/done/{part_name(number)}.json", orjson.dumps(totals.to_json()))
    return totals
