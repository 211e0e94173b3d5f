"""What a process of the pool does for a chart; it imports consolidation and little else."""

from __future__ import annotations

import gc
import gzip
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson

import chartbridge.ccda as converter
from chartbridge.consolidate.bundle import searchset
from chartbridge.consolidate.merge import SourceBundle, consolidate
from chartbridge.features.records.brief_task import BriefInput, with_brief
from chartbridge.features.records.search_task import packed_index
from chartbridge.terminology.edition import Edition
from chartbridge.terminology.standardise import PatientFacts, Standardiser
from chartbridge.terminology.units import ucum_code

Resource = dict[str, Any]


def warm_up(edition: Path) -> str:
    """Runs first in each process: what it will need is imported by now, and the edition opened."""
    _standardiser(edition)
    ucum_code("mg/dL")  # reads the tables of units
    return converter.__name__


@lru_cache(maxsize=1)
def _standardiser(edition: Path) -> Standardiser:
    """One for the process; another edition is another file."""
    return Standardiser(Edition.open(edition))


@dataclass(frozen=True, slots=True)
class ChartInput:
    """One source of a chart as stored; ``content`` is gzip JSON, or JSON for what we made ourselves.
    ``id_space``: who gave the ids of its resources, empty for our own."""

    content: bytes
    source: str | None
    data_source: str | None
    document_id: str | None
    date: str
    id_space: str = ""


def build_chart(
    inputs: list[ChartInput], patient: Resource, edition: Path, brief: BriefInput | None = None
) -> tuple[bytes, dict[str, int], bytes]:
    """Runs in a process of the pool: the snapshot as gzip JSON, its resources counted by type, and the index
    by which it is searched.

    Each source's resources get standard codes by the terminology edition before they are put together.
    Raises EditionError where that cannot be read.
    """
    standardiser = _standardiser(edition)
    facts = PatientFacts(patient.get("gender"), patient.get("birthDate"))
    sources = [
        SourceBundle(
            resources=[standardiser.resource(one, facts) for one in _resources(given.content)],
            source=given.source,
            data_source=given.data_source,
            document_id=given.document_id,
            date=given.date,
            id_space=given.id_space,
        )
        for given in inputs
    ]
    with _uncollected():
        chart = consolidate(sources, patient=patient)
    resources = with_brief(chart.resources, patient, brief)
    counts = Counter(str(resource["resourceType"]) for resource in resources)
    content = orjson.dumps(searchset(resources))
    packed = gzip.compress(content, compresslevel=6, mtime=0)
    return packed, dict(sorted(counts.items())), packed_index(resources)


@contextmanager
def _uncollected() -> Iterator[None]:
    """A while without the cyclic garbage collector, in a process that does nothing else meanwhile: nothing in
    a chart is cyclic, and each pass looks at all resources again (a quarter of the time of large charts).

    With other threads beside it everything stays as it is.
    """
    if not gc.isenabled() or threading.active_count() > 1:
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _resources(content: bytes) -> list[Resource]:
    """The resources of a conversion, of a network's answer, or of a plain list."""
    value = orjson.loads(gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content)
    if isinstance(value, list):
        return value
    return [entry["resource"] for entry in value["bundle"]["entry"]]
