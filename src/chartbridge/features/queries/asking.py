"""Asking one network: who the patient is, what it has, the bytes of a document."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import orjson
import structlog

from chartbridge.db import Tenant
from chartbridge.features.documents import service as documents
from chartbridge.features.networks import service as networks
from chartbridge.features.networks.protocol import (
    Connector,
    ConnectorError,
    DocumentConnector,
    PatientIdentity,
    RemotePatient,
    Resource,
    ResourceConnector,
    Source,
)
from chartbridge.features.patients import service as patients
from chartbridge.logs import describe
from chartbridge.platform import Platform
from chartbridge.storage import keys

T = TypeVar("T")
RETRY_PAUSES_S = (0.2, 1.0)
FETCH_THREADS = 4
log = structlog.get_logger(__name__)


def all_of(
    platform: Platform, tenant: Tenant, source: Source, names: Collection[str], who: PatientIdentity
) -> tuple[list[str], int, dict[str, str]]:
    """Enter what the networks of those names have of the patient.

    Gives the ids of their documents, how many documents could not be entered for what is said of them,
    and, by name, why a network could not answer: one that fails does not stop the others.
    """
    ids: list[str] = []
    unfit = 0
    failures: dict[str, str] = {}
    for name in names:
        try:
            found, refused = everything(platform, tenant, _configured(tenant, source, name), who)
        except ConnectorError as error:
            log.warning("network failed", connector=name, source=source, patient=who.id)
            failures[name] = str(error)
        else:
            ids, unfit = ids + found, unfit + refused
    return ids, unfit, failures


def _configured(tenant: Tenant, source: Source, name: str) -> Connector:
    try:
        return networks.connector(tenant.environment, source, name)
    except KeyError:
        raise ConnectorError("the network is no longer configured", retryable=False) from None


def bring(
    platform: Platform,
    tenant: Tenant,
    source: Source,
    wanted: Collection[documents.Pending],
    then: Callable[[str, bool], None] = lambda _document_id, _arrived: None,
) -> None:
    """Bring the bytes of documents into the store; one that fails is marked so and stops no other.

    ``then(document_id, arrived)`` is called after each, in any of several threads.
    """

    def bring_one(item: documents.Pending) -> None:
        try:
            data = document(platform, tenant, source, item)
        except ConnectorError as error:
            with platform.db.write(tenant) as session:
                documents.mark_failed(session, item.id, str(error))
            then(item.id, False)
            return
        documents.store_bytes(platform, tenant, item.id, data)
        then(item.id, True)

    with ThreadPoolExecutor(FETCH_THREADS, thread_name_prefix="fetch") as threads:
        list(threads.map(bring_one, wanted))


def everything(
    platform: Platform, tenant: Tenant, connector: Connector, who: PatientIdentity
) -> tuple[list[str], int]:
    """Enter what one network has of the patient: ids of its documents, none for one of resources, and
    how many documents could not be entered for what the network says of them.

    Raises ConnectorError.
    """
    timeout_s = platform.settings.network_timeout_s
    known_as = _patiently(partial(connector.discover, who, timeout_s=timeout_s))
    ids: list[str] = []
    unfit = 0
    for remote in known_as:
        if isinstance(connector, DocumentConnector):
            listed = _patiently(partial(connector.list_documents, remote, timeout_s=timeout_s))
            offered = [document for document in listed if documents.is_fit(document)]
            unfit += len(listed) - len(offered)
            with platform.db.write(tenant) as session:
                if patients.find_patient(session, who.id) is not None:
                    ids += documents.record_found(
                        session, who.id, connector.source, connector.name, remote, offered
                    )
        elif isinstance(connector, ResourceConnector):
            answer = _patiently(partial(_resources, connector, remote, who.id, timeout_s))
            _keep(platform, tenant, who.id, connector, answer)
    return ids, unfit


def _resources(
    connector: ResourceConnector, remote: RemotePatient, subject_id: str, timeout_s: float
) -> list[Resource]:
    return list(connector.resources(remote, subject_id=subject_id, timeout_s=timeout_s))


def document(platform: Platform, tenant: Tenant, source: Source, wanted: documents.Pending) -> bytes:
    """The bytes of one document. Raises ConnectorError."""
    connector = _configured(tenant, source, wanted.connector)
    if not isinstance(connector, DocumentConnector):
        raise ConnectorError("the network gives no documents", retryable=False)
    timeout_s = platform.settings.network_timeout_s
    data = _patiently(partial(connector.fetch, wanted.patient, wanted.document, timeout_s=timeout_s))
    if len(data) > platform.settings.max_document_bytes:
        raise ConnectorError("the document is larger than the limit", retryable=False)
    return data


def _patiently(call: Callable[[], T]) -> T:
    """The network's answer; it is asked again where that may help.

    Raises ConnectorError, whatever went wrong: one network's fault must not end the others' work.
    """
    for pause_s in (*RETRY_PAUSES_S, None):
        try:
            return call()
        except ConnectorError as error:
            if pause_s is None or not error.retryable:
                raise
        except Exception as error:  # noqa: BLE001 - a connector's own defect, or its library's
            log.error("a connector broke", error=describe(error))
            raise ConnectorError(f"unexpected {type(error).__name__}", retryable=False) from None
        time.sleep(pause_s)
    raise AssertionError("the last attempt returns or raises")


def _keep(
    platform: Platform, tenant: Tenant, patient_id: str, connector: Connector, resources: list[Resource]
) -> None:
    """Add a network's answer to its earlier ones: the newest wording of each resource, none dropped,
    for a network may answer for a recent period only."""
    if not resources:
        return
    store = platform.store
    key = keys.source_resources(tenant, patient_id, connector.source, connector.name)
    with platform.db.write(tenant) as session:
        platform.db.lock(session, "network-answer", key)  # two answers at once must both get in
        held: list[Resource] = []
        if store.size(key) is not None:
            held = orjson.loads(gzip.decompress(store.get(key)))
        newest = {(r["resourceType"], r["id"]): r for r in (*held, *resources)}
        merged = [newest[identity] for identity in sorted(newest)]
        store.put(key, gzip.compress(orjson.dumps(merged), mtime=0), content_type="application/gzip")
    patients.swept_if_gone(platform, tenant, patient_id)
