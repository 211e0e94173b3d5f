"""URLs of all of a patient's documents, sent by webhook (contract, documents 4.5).

What is stored stays readable for its account, so a patient who has opted out of the networks is no reason
to refuse.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from sqlalchemy import select

from chartbridge.db import Tenant, TenantSession
from chartbridge.errors import NotFoundError
from chartbridge.features.accounts import service as accounts
from chartbridge.features.documents import fhir, outcomes, service
from chartbridge.features.documents.bulk_models import DocumentUrlRun as DocumentUrlRun
from chartbridge.features.documents.models import Document
from chartbridge.features.patients import service as patients
from chartbridge.features.webhooks import events, links
from chartbridge.features.webhooks import service as webhooks
from chartbridge.ids import new_id, utcnow
from chartbridge.jobs.queue import Queue
from chartbridge.platform import Platform
from chartbridge.storage import keys

RUNS = Queue("document-urls", seldom=True)
RUN = "document-urls"
PAGE_SIZE = 500

Status = Literal["processing", "completed", "failed"]


def start(
    platform: Platform, session: TenantSession, patient_id: str, *, metadata: dict[str, str]
) -> DocumentUrlRun:
    """The patient's run that is under way, or a new one and its job. Raises NotFoundError."""
    if not patients.hold_patient(session, patient_id):
        raise NotFoundError("Could not find patient", id=patient_id)
    platform.db.lock(session, "document-urls", patient_id)
    running = session.scalars(
        select(DocumentUrlRun)
        .where(DocumentUrlRun.patient_id == patient_id, DocumentUrlRun.status == "processing")
        .order_by(DocumentUrlRun.id)
        .limit(1)
    ).one_or_none()
    if running is not None:
        return running
    run = DocumentUrlRun(
        id=new_id(),
        patient_id=patient_id,
        status="processing",
        query_metadata=metadata,
        started_at=utcnow(),
    )
    session.add(run)
    session.flush()
    platform.jobs.enqueue(session, RUNS, RUN, str(session.tenant), run.id, job_id=f"document-urls:{run.id}")
    return run


def finish(platform: Platform, session: TenantSession, run_id: str) -> None:
    """Send the URLs of what is stored now and end the run, in one transaction; nothing when it has ended."""
    run = _lock(session, run_id)
    if run is not None:
        _end(platform, session, run, "completed", service.list_stored(session, run.patient_id))


def fail(platform: Platform, session: TenantSession, run_id: str, reason: str) -> None:
    """End the run as failed and tell the application, without any document."""
    run = _lock(session, run_id)
    if run is not None:
        run.failure = reason[:500]
        _end(platform, session, run, "failed", [])


def _lock(session: TenantSession, run_id: str) -> DocumentUrlRun | None:
    """The run while it is under way, locked after its patient; else None."""
    run = session.get(DocumentUrlRun, run_id)
    if run is None or not patients.hold_patient(session, run.patient_id):
        return None
    locked = select(DocumentUrlRun).where(DocumentUrlRun.id == run_id).with_for_update()
    held = session.scalars(locked, execution_options={"populate_existing": True}).one_or_none()
    return held if held is not None and held.status == "processing" else None


def _end(
    platform: Platform,
    session: TenantSession,
    run: DocumentUrlRun,
    status: Status,
    found: Sequence[Document],
) -> None:
    run.status, run.ended_at = status, utcnow()
    named = {**patients.webhook_keys(patients.get_patient(session, run.patient_id)), "status": status}
    account = accounts.find_settings(session)
    described = [_linked(platform, session.tenant, row) for row in found]
    contents: Iterator[tuple[str, events.Content]]
    if account is not None and account.document_url_pages:
        contents = _pages(named, described)
    else:
        whole = {"patients": [{**named, "documents": described}]}
        contents = iter([(events.DOCUMENT_URLS, events.DocumentUrls.model_validate(whole))])
    for kind, content in contents:
        webhooks.send(
            platform,
            session,
            kind,
            content,
            request_id=run.id,
            patient_id=run.patient_id,
            metadata=run.query_metadata,
        )


def _pages(
    named: dict[str, Any], described: Sequence[dict[str, Any]]
) -> Iterator[tuple[str, events.Content]]:
    """One page at least: without documents, an empty one."""
    total = max(1, -(-len(described) // PAGE_SIZE))
    for number in range(1, total + 1):
        part = described[(number - 1) * PAGE_SIZE : number * PAGE_SIZE]
        patient = {
            **named,
            "documents": [{**item, "downloadUrl": item["url"]} for item in part],
            "pagination": {"page": number, "totalPages": total, "totalItems": len(described)},
        }
        yield events.DOCUMENT_URL_PAGES, events.DocumentUrlPages.model_validate({"patients": [patient]})


def _linked(platform: Platform, tenant: Tenant, document: Document) -> dict[str, Any]:
    url = links.link(
        keys.document(tenant, document.patient_id, document.file_name),
        content_type=document.mime_type,
        expires_in_s=platform.settings.bulk_url_s,
        filename=document.file_name.rpartition("/")[2],
    )
    linked = {**outcomes.described(document), "url": url}
    authors = _organizations(fhir.document_reference(document, platform.settings.origin))
    return {**linked, "organizationIdentifiers": authors} if authors else linked


def _organizations(reference: dict[str, Any]) -> list[dict[str, Any]]:
    """The author organizations of a DocumentReference, which contains them: name, and ids where known."""
    found = []
    for contained in reference.get("contained", []):
        if contained.get("resourceType") != "Organization":
            continue
        ids = [i["value"] for i in contained.get("identifier", []) if i.get("value")]
        named = {"name": contained.get("name"), "identifierValues": ids}
        found.append({key: value for key, value in named.items() if value})
    return [organization for organization in found if organization]
