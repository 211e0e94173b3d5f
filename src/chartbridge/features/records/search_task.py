"""What a process of the pool does to search a chart; it imports the search and little else."""

from __future__ import annotations

from typing import Any

import orjson

from chartbridge.consolidate.bundle import searchset
from chartbridge.consolidate.hydrate import hydrate
from chartbridge.search.fuzzy import rank

Resource = dict[str, Any]


def find(resources: bytes, query: str, documents: bytes) -> tuple[bytes, int]:
    """Runs in a process of the pool: the searchset Bundle of what a query finds, and how many resources it
    has; none and 0 when nothing is found.

    ``resources`` is a JSON list, the Patient among them: the usable resources of the chart. ``documents`` is
    one of the DocumentReferences that the search of contents found. Best matches come first, then those
    documents, then what all of them refer to, then the Patient. An empty query finds everything.
    """
    given: list[Resource] = orjson.loads(resources)
    patients = [resource for resource in given if resource["resourceType"] == "Patient"]
    chart = [resource for resource in given if resource["resourceType"] != "Patient"]
    found = _with(rank(chart, query), _of_chart(orjson.loads(documents), chart)) if query else chart
    if not found:
        return b"", 0
    bundle = [*hydrate(found, chart), *patients]
    return orjson.dumps(searchset(bundle)), len(bundle)


def _of_chart(documents: list[Resource], chart: list[Resource]) -> list[Resource]:
    """The chart's own form of the documents where it has them."""
    held = {r["id"]: r for r in chart if r["resourceType"] == "DocumentReference"}
    return [held.get(document["id"], document) for document in documents]


def _with(found: list[Resource], more: list[Resource]) -> list[Resource]:
    names = {(resource["resourceType"], resource["id"]) for resource in found}
    return found + [resource for resource in more if (resource["resourceType"], resource["id"]) not in names]
