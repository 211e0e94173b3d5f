"""Searching a chart, and the contents of the documents it came from (contract, consolidated 6.6)."""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from chartbridge.db import Tenant
from chartbridge.errors import NotFoundError, ServiceUnavailableError
from chartbridge.features.documents import fhir, texts
from chartbridge.features.documents import service as documents
from chartbridge.features.patients import service as patients
from chartbridge.features.records import reading, search_task
from chartbridge.ids import new_id
from chartbridge.jobs.pool import PoolTaskError
from chartbridge.platform import Platform
from chartbridge.search import content, fuzzy
from chartbridge.storage import keys

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
    resources = reading.read(platform, tenant, patient_id, reading.Filters())
    references = _documents(platform, tenant, patient_id, query)
    try:
        bundle, count = platform.cpu.run(search_task.find, orjson.dumps(resources), query, references)
    except PoolTaskError as error:
        raise ServiceUnavailableError(f"The chart could not be searched: that {error.reason}") from error
    if not count:
        return Found(None, 0)
    # The name tells its age, by which retention removes it.
    key = keys.query_result(tenant, patient_id, new_id(), "json")
    platform.store.put(key, bundle, content_type="application/json")
    if patients.swept_if_gone(platform, tenant, patient_id):
        raise NotFoundError("Could not find patient", id=patient_id)
    url = platform.store.presigned_get(
        key, expires_in_s=RESULT_URL_S, content_type="application/json", filename="search.json"
    )
    return Found(url, count)


def _documents(platform: Platform, tenant: Tenant, patient_id: str, query: str) -> bytes:
    """References of the documents whose contents the query finds, as a JSON list."""
    if len(query) < content.MIN_LENGTH:
        return b"[]"
    with platform.db.read(tenant) as session:
        stored = documents.list_stored(session, patient_id)
    found = texts.matching(platform, tenant, patient_id, stored, query)
    return orjson.dumps([fhir.document_reference(d, platform.settings.origin) for d in found])
