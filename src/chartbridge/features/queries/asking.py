"""Asking one network: who the patient is, what it has, the bytes of a document.

Nothing is taken in of a network's patient who is not ours (see ``links``), nor what says itself that it is
about somebody else (see ``about``).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import structlog

from chartbridge.db import Tenant
from chartbridge.features.documents import service as documents
from chartbridge.features.documents import withholding
from chartbridge.features.documents.subject_task import subjects_of
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
from chartbridge.features.queries import about, answers, links
from chartbridge.features.records import withdrawing
from chartbridge.jobs.pool import PoolTaskError
from chartbridge.logs import describe
from chartbridge.observability import metrics, tracing
from chartbridge.platform import Platform

T = TypeVar("T")
RETRY_PAUSES_S = (0.2, 1.0)
FETCH_THREADS = 4
log = structlog.get_logger(__name__)


@dataclass
class Answer:
    """What networks have of a patient.

    ``ids`` of their documents; ``unfit``: how many documents could not be entered for what is said of them;
    ``failures``: by name, why a network could not answer; ``unmatched``: by name, how many patients of the
    network were not taken to be ours.
    """

    ids: list[str] = field(default_factory=list)
    unfit: int = 0
    failures: dict[str, str] = field(default_factory=dict)
    unmatched: dict[str, int] = field(default_factory=dict)


def all_of(
    platform: Platform, tenant: Tenant, source: Source, names: Collection[str], who: PatientIdentity
) -> Answer:
    """Enter what the networks of those names have of the patient; one that fails does not stop the others."""
    answer = Answer()
    for name in names:
        try:
            found = everything(platform, tenant, _configured(tenant, source, name), who)
        except ConnectorError as error:
            log.warning("network failed", connector=name, source=source, patient=who.id)
            answer.failures[name] = str(error)
        else:
            answer.ids += found.ids
            answer.unfit += found.unfit
            answer.unmatched |= found.unmatched
    return answer


def _configured(tenant: Tenant, source: Source, name: str) -> Connector:
    try:
        return networks.connector(tenant.environment, source, name)
    except KeyError:
        raise ConnectorError("the network is no longer configured", retryable=False) from None


def bring(
    platform: Platform,
    tenant: Tenant,
    source: Source,
    who: PatientIdentity,
    wanted: Collection[documents.Pending],
    then: Callable[[str, bool], None] = lambda _document_id, _arrived: None,
) -> None:
    """Bring the bytes of documents into the store; one that fails, or that is about somebody else, is
    marked so and stops no other.

    ``then(document_id, arrived)`` is called after each, in any of several threads.
    """

    def bring_one(item: documents.Pending) -> None:
        try:
            data = document(platform, tenant, source, item)
            different = _differences(platform, tenant, source, who, item, data)
        except ConnectorError as error:
            with platform.db.write(tenant) as session:
                documents.mark_failed(session, item.id, str(error))
            then(item.id, False)
            return
        if different:
            log.warning("document about another patient", connector=item.connector, document=item.id)
            _reject(platform, tenant, who.id, item.id, "; ".join(different))
        else:
            documents.store_bytes(platform, tenant, item.id, data)
        then(item.id, not different)

    with ThreadPoolExecutor(FETCH_THREADS, thread_name_prefix="fetch") as threads:
        list(threads.map(tracing.carried(bring_one), wanted))


def _reject(platform: Platform, tenant: Tenant, patient_id: str, document_id: str, reason: str) -> None:
    """Keep nothing of the document, nor of the charts that had an earlier copy of it."""
    with platform.db.write(tenant) as session:
        if not patients.hold_patient(session, patient_id):
            return
        rejected = withholding.reject(session, document_id, reason)
        if rejected is not None and rejected.was_stored:
            withdrawing.forget_charts(session, patient_id)
    if rejected is None:
        return
    for key in rejected.left_over:
        platform.store.delete(key)
    if rejected.was_stored:
        withdrawing.delete_charts(platform, tenant, patient_id)


def _differences(
    platform: Platform,
    tenant: Tenant,
    source: Source,
    who: PatientIdentity,
    item: documents.Pending,
    data: bytes,
) -> tuple[str, ...]:
    """Why a document cannot be about our patient, by its header; only C-CDA has one. Raises ConnectorError
    when its link is no longer believed, or the header could not be read in time."""
    with platform.db.read(tenant) as session:
        link = links.find(session, who.id, source, item.connector, item.patient)
    if link is None or not links.is_taken_in(link):
        raise ConnectorError("the network's patient is not taken to be ours", retryable=False)
    if not documents.is_convertible(item.document.mime_type):
        return ()
    try:
        described = platform.cpu.run(subjects_of, data)
    except PoolTaskError as error:
        raise ConnectorError(f"reading whom the document is about {error.reason}") from None
    vouched_for = links.is_vouched_for(link)
    return about.differences(links.demographics(who), described, item.patient, vouched_for=vouched_for)


def everything(platform: Platform, tenant: Tenant, connector: Connector, who: PatientIdentity) -> Answer:
    """Enter what one network has of the patient. Raises ConnectorError."""
    timeout_s = platform.settings.network_timeout_s
    answer = Answer()
    for remote in _patiently(connector, "discover", partial(connector.discover, who, timeout_s=timeout_s)):
        link = _link(platform, tenant, connector, who, remote)
        is_ours = links.is_taken_in(link)
        if link is not None and is_ours and isinstance(connector, DocumentConnector):
            listing = partial(connector.list_documents, remote, timeout_s=timeout_s)
            listed = _patiently(connector, "list_documents", listing)
            offered = [document for document in listed if documents.is_fit(document)]
            answer.unfit += len(listed) - len(offered)
            with platform.db.write(tenant) as session:
                if links.is_taken_in(links.lock(platform, session, link)):
                    answer.ids += documents.record_found(
                        session, who.id, connector.source, connector.name, remote, offered
                    )
        elif link is not None and is_ours and isinstance(connector, ResourceConnector):
            given = _patiently(
                connector, "resources", partial(_resources, connector, remote, who.id, timeout_s)
            )
            is_ours = _keep(platform, tenant, who, link, given)
        if not is_ours:
            answer.unmatched[connector.name] = answer.unmatched.get(connector.name, 0) + 1
    return answer


def _link(
    platform: Platform, tenant: Tenant, connector: Connector, who: PatientIdentity, remote: RemotePatient
) -> links.NetworkLink | None:
    """As what the comparison leaves the network's patient; None for one who cannot be entered."""
    if not links.is_fit(remote):
        return None
    with platform.db.write(tenant) as session:
        return links.enter(platform, session, who, connector, remote)


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
    fetching = partial(connector.fetch, wanted.patient, wanted.document, timeout_s=timeout_s)
    data = _patiently(connector, "fetch", fetching)
    if len(data) > platform.settings.max_document_bytes:
        raise ConnectorError("the document is larger than the limit", retryable=False)
    return data


def _patiently(connector: Connector, operation: str, call: Callable[[], T]) -> T:
    """The network's answer; it is asked again where that may help.

    Raises ConnectorError, whatever went wrong: one network's fault must not end the others' work.
    """
    for pause_s in (*RETRY_PAUSES_S, None):
        try:
            with metrics.network_call(connector.source, connector.name, operation):
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
    platform: Platform,
    tenant: Tenant,
    who: PatientIdentity,
    link: links.NetworkLink,
    resources: list[Resource],
) -> bool:
    """Take an answer in, unless it is about somebody else: then none of it is, and the link is in doubt."""
    different = about.differences_of_answer(
        links.demographics(who),
        resources,
        links.remote_of(link),
        subject_id=who.id,
        vouched_for=links.is_vouched_for(link),
    )
    if not different:
        answers.keep(platform, tenant, link.id, resources)
        return True
    log.warning("answer about another patient", connector=link.connector, patient=who.id)
    with platform.db.write(tenant) as session:
        links.doubt(session, link.id, different)
    return False
