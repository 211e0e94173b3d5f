"""How fast a terminology edition answers: single look-ups, and batches through DuckDB.

    .venv/bin/python benchmarks/terminology.py [EDITION] [--count 20000] [--batch 500000]

EDITION is a file; without it, the default edition is unpacked into a temporary folder, which is timed too.
Single look-ups are of codes in a shuffled order, of which none comes twice, so no cache helps.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from chartbridge.terminology.batch import Batch
from chartbridge.terminology.default import default_edition
from chartbridge.terminology.edition import Edition

ICD10CM, ICD9CM = "http://hl7.org/fhir/sid/icd-10-cm", "http://terminology.hl7.org/CodeSystem/icd9cm"


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Print how long a block took, and how much of the processor's time."""
    begin, used = time.perf_counter(), time.process_time()
    yield
    took = time.perf_counter() - begin
    print(f"{what:<44} {took:8.3f} s   processor {time.process_time() - used:.3f} s")


def single(what: str, look_up: Callable[[str], Any], codes: list[str]) -> None:
    """Print the median and the 99th percentile of single look-ups."""
    took = []
    for code in codes:
        begin = time.perf_counter_ns()
        look_up(code)
        took.append((time.perf_counter_ns() - begin) / 1_000)
    print(f"{what:<44} {statistics.median(took):8.1f} µs  p99 {statistics.quantiles(took, n=100)[98]:.1f} µs")


def codes_of(path: Path, system: str) -> list[str]:
    """All codes of a system, shuffled, the same way each time."""
    with sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True) as connection:
        sql = "SELECT code FROM concept JOIN uri ON uri.id = concept.system WHERE uri.uri = ?"
        codes = [code for (code,) in connection.execute(sql, (system,))]
    connection.close()
    random.Random(5).shuffle(codes)
    return codes


def main() -> None:
    """See the module's text."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("edition", nargs="?", type=Path)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--batch", type=int, default=500_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = arguments.edition
        if path is None:
            with timed("first use: unpack the default edition"):
                path = default_edition(Path(folder))
        with timed("open"):
            edition = Edition.open(path)
        codes = codes_of(path, ICD10CM)
        once = codes[: arguments.count]
        single("concept", lambda code: edition.concept(ICD10CM, code), once)
        single("properties", lambda code: edition.properties(ICD10CM, code), once)
        single("related", lambda code: edition.related(ICD10CM, code, "parent"), once)
        single("mapped", lambda code: edition.mapped(ICD10CM, code, ICD9CM), once)
        single("concept that does not exist", lambda code: edition.concept(ICD10CM, code + "?"), once)
        many = [(ICD10CM, codes[place % len(codes)]) for place in range(arguments.batch)]
        with timed("batch: read the edition into DuckDB"):
            batch = Batch.open(path)
        with timed(f"batch: displays of {len(many):,}"):
            batch.displays(many)
        with timed(f"batch: maps of {len(many):,}"):
            batch.mapped(many, ICD9CM)
        copies = len(many) // 200_000 + 1
        rows = f"(SELECT system, code FROM concept, range({copies}) LIMIT {len(many)})"
        with timed(f"batch: join {len(many):,} rows in SQL"):
            batch.connection.sql(
                f"SELECT count(display) FROM {rows} JOIN concept USING (system, code)"
            ).fetchall()
        batch.close()
        with timed(f"one by one: displays of {len(many):,}"):
            for system, code in many:
                edition.concept(system, code)
        edition.close()


if __name__ == "__main__":
    main()
