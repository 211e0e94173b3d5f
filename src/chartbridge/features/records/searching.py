"""Searching a chart, and the contents of the documents it came from (contract, consolidated 6.6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from chartbridge.consolidate.bundle import is_usable, searchset
from chartbridge.consolidate.hydrate import hydrate
from chartbridge.db import Tenant
from chartbridge.errors import NotFoundError, ServiceUnavailableError
from chartbridge.features.documents import fhir, texts
from chartbridge.features.documents import service as documents
from chartbridge.features.patients import service as patients
from chartbridge.features.records import chart, reading, search_task
from chartbridge.ids import new_id
from chartbridge.jobs.pool import PoolTaskError
from chartbridge.platform import Platform
from chartbridge.search import content, fuzzy
from chartbridge.storage import ObjectNotFoundError, keys

Resource = dict[str, Any]

RESULT_URL_S = 60


@dataclass(frozen=True, slots=True)
class Found:
    """Where the Bundle of what was found can be had, and how many resources it has."""

    url: str | None
    resource_count: int


def search(platform: Platform, tenant: Tenant, patient_id: str, query: str) -> Found:
    """Search the patient's chart, which is brought up to date first. An empty query finds everything.

    Raises NotFoundError, BadRequestError for a query out of bounds, and ServiceUnavailableError when the
    chart cannot be made or searched now.
    """
    query = query.strip()
    fuzzy.query_words(query)  # what is out of bounds is refused before any work is done
    held = reading.current(platform, tenant, patient_id)
    found = _found(platform, tenant, patient_id, query, held)
    if not found:
        return Found(None, 0)
    usable = list(filter(is_usable, held.resources))
    hydrated = hydrate(found, usable) if query else found
    resources = [*hydrated, held.patient]
    bundle = orjson.dumps(searchset(resources))
    # The name tells its age, by which retention removes it.
    key = keys.query_result(tenant, patient_id, new_id(), "json")
    platform.store.put(key, bundle, content_type="application/json")
    if patients.swept_if_gone(platform, tenant, patient_id):
        raise NotFoundError("Could not find patient", id=patient_id)
    if not chart.stands(platform, tenant, patient_id, held.snapshot_id):
        platform.store.delete(key)
        raise chart.ConsolidationRaceError
    url = platform.store.presigned_get(
        key, expires_in_s=RESULT_URL_S, content_type="application/json", filename="search.json"
    )
    return Found(url, len(resources))


def _found(
    platform: Platform, tenant: Tenant, patient_id: str, query: str, held: reading.Current
) -> list[Resource]:
    """What the query finds by itself: the best matches first, then documents by what stands in them."""
    usable = filter(is_usable, held.resources)
    if not query:
        return list(usable)
    numbers = _ranked(platform, tenant, patient_id, query, held.snapshot_id) if held.resources else []
    ranked = [held.resources[number] for number in numbers if is_usable(held.resources[number])]
    names = {(one["resourceType"], one["id"]) for one in ranked}
    documents_ = _documents(platform, tenant, patient_id, query)
    known = {one["id"]: one for one in usable if one["resourceType"] == "DocumentReference"}
    more = [known.get(one["id"], one) for one in documents_]  # the chart's own form where it has one
    return ranked + [one for one in more if (one["resourceType"], one["id"]) not in names]


def _ranked(platform: Platform, tenant: Tenant, patient_id: str, query: str, snapshot_id: str) -> list[int]:
    try:
        index = chart.index_of(platform, tenant, patient_id, snapshot_id)
        return platform.cpu.run(search_task.find, index, query)
    except PoolTaskError as error:
        raise ServiceUnavailableError(f"The chart could not be searched: that {error.reason}") from error
    except ObjectNotFoundError:
        raise chart.ConsolidationRaceError from None


def _documents(platform: Platform, tenant: Tenant, patient_id: str, query: str) -> list[Resource]:
    """References of the documents whose contents the query finds."""
    if len(query) < content.MIN_LENGTH:
        return []
    with platform.db.read(tenant) as session:
        stored = documents.list_stored(session, patient_id)
    found = texts.matching(platform, tenant, patient_id, stored, query)
    return [fhir.document_reference(document, platform.settings.origin) for document in found]
