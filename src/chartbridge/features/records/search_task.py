"""What a process of the pool does to search a chart; it imports the search and little else."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from typing import Any

import orjson

from chartbridge.search import fuzzy
from chartbridge.summary.brief.binary import is_brief

Resource = dict[str, Any]


def packed_index(resources: Sequence[Resource]) -> bytes:
    """The index of a chart's resources, in their order, as gzip JSON.

    The Patient is not found by words, nor is the brief: it repeats what others say.
    """
    made = fuzzy.index(
        [{} if one["resourceType"] == "Patient" or is_brief(one) else one for one in resources]
    )
    return gzip.compress(orjson.dumps([made.numbers, made.beside]), compresslevel=1, mtime=0)


def index_of_snapshot(content: bytes) -> bytes:
    """The same, of a snapshot as it is stored. Runs in a process of the pool."""
    return packed_index([entry["resource"] for entry in orjson.loads(gzip.decompress(content))["entry"]])


def find(index: bytes, query: str) -> list[int]:
    """Runs in a process of the pool: the numbers of the resources that a query finds, best first."""
    numbers, beside = orjson.loads(gzip.decompress(index))
    return fuzzy.Index(numbers, beside).rank(query)
