"""What a process of the pool does for a chart; it imports consolidation and little else."""

from __future__ import annotations

import gzip
from collections import Counter
from dataclasses import dataclass
from typing import Any

import orjson

import chartbridge.ccda as converter
from chartbridge.consolidate.bundle import searchset
from chartbridge.consolidate.merge import SourceBundle, consolidate

Resource = dict[str, Any]


def warm_up() -> str:
    """Runs first in each process: what it will need is imported by now."""
    return converter.__name__


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


def build_chart(inputs: list[ChartInput], patient: Resource) -> tuple[bytes, dict[str, int]]:
    """Runs in a process of the pool: the snapshot as gzip JSON, and its resources counted by type."""
    sources = [
        SourceBundle(
            resources=_resources(given.content),
            source=given.source,
            data_source=given.data_source,
            document_id=given.document_id,
            date=given.date,
            id_space=given.id_space,
        )
        for given in inputs
    ]
    chart = consolidate(sources, patient=patient)
    counts = Counter(str(resource["resourceType"]) for resource in chart.resources)
    content = orjson.dumps(searchset(chart.resources))
    return gzip.compress(content, compresslevel=6, mtime=0), dict(sorted(counts.items()))


def _resources(content: bytes) -> list[Resource]:
    """The resources of a conversion, of a network's answer, or of a plain list."""
    value = orjson.loads(gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content)
    if isinstance(value, list):
        return value
    return [entry["resource"] for entry in value["bundle"]["entry"]]
