"""FHIR that the application puts into a chart: kept per resource id (contract, consolidated 6.7)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from chartbridge.consolidate.provenance import stamp
from chartbridge.db import Tenant, TenantSession
from chartbridge.errors import BadRequestError, NotFoundError
from chartbridge.features.organizations import service as organizations
from chartbridge.features.patients import service as patients
from chartbridge.features.records import contribution_rules as rules
from chartbridge.features.records.models import Contribution as Contribution
from chartbridge.features.records.refreshing import refresh_later
from chartbridge.ids import timestamp, utcnow
from chartbridge.platform import Platform

Resource = dict[str, Any]
DATA_SOURCE = "METRIPORT"
ID_SPACE = "contribution"
SANDBOX_MAX_ENTRIES = 50
SANDBOX_MAX_STORED = 1000


@dataclass(frozen=True, slots=True)
class Accepted:
    """A resource that is stored now, in which version and since when (FHIR instant)."""

    resource_type: str
    resource_id: str
    version: int
    given_at: str


def contribute(
    platform: Platform, tenant: Tenant, patient_id: str, given: Sequence[Resource], *, request_id: str
) -> list[Accepted]:
    """Store the resources, all or none, and have the chart brought up to date; each is answered in the order
    given, without the Patient.

    ``given`` are objects with a text ``resourceType``. Raises BadRequestError for whatever the contract
    refuses, in its order, and NotFoundError for the patient and for an account without organization.
    """
    with platform.db.read(tenant) as session:
        patients.get_patient(session, patient_id)
        organizations.require_organization(session)
        if tenant.environment == "sandbox":
            if len(given) > SANDBOX_MAX_ENTRIES:
                raise BadRequestError("Cannot create this many resources at a time.")
            _ensure_room(session, patient_id, given)
    checked = rules.checked(given, patient_id)
    with platform.db.write(tenant) as session:
        if not patients.hold_patient(session, patient_id):
            raise NotFoundError("Could not find patient", id=patient_id)
        platform.db.lock(session, "contributions", patient_id)
        if tenant.environment == "sandbox":
            _ensure_room(session, patient_id, checked)
        accepted = _store(session, patient_id, checked, request_id)
        if accepted:
            refresh_later(platform, session, patient_id)
    return accepted


def _ensure_room(session: TenantSession, patient_id: str, given: Sequence[Resource]) -> None:
    stored = set(session.scalars(select(Contribution.resource_id).filter_by(patient_id=patient_id)))
    clinical = [resource for resource in given if resource["resourceType"] != "Patient"]
    new = {str(resource.get("id", number)).lower() for number, resource in enumerate(clinical)} - stored
    if len(stored) + len(new) > SANDBOX_MAX_STORED:
        raise BadRequestError("Reached maximum number of resources per patient in Sandbox mode.")


def _store(
    session: TenantSession, patient_id: str, resources: Sequence[Resource], request_id: str
) -> list[Accepted]:
    now = utcnow()
    wanted = [resource["id"].lower() for resource in resources]
    held = {row.resource_id: row for row in _rows(session, patient_id, wanted)}
    accepted = []
    for key, resource in zip(wanted, resources, strict=True):
        row = held.get(key)
        if row is None:
            row = Contribution(patient_id=patient_id, resource_id=key, version=0)
            session.add(row)
        row.version += 1
        row.resource_type = resource["resourceType"]
        row.request_id, row.given_at = request_id, now
        row.resource = _as_kept(resource, request_id, row.version, timestamp(now))
        accepted.append(Accepted(row.resource_type, resource["id"], row.version, timestamp(now)))
    session.flush()
    return accepted


def _rows(session: TenantSession, patient_id: str, ids: Sequence[str]) -> Iterable[Contribution]:
    for start in range(0, len(ids), 500):  # a database takes so many parameters at a time
        yield from session.scalars(
            select(Contribution).where(
                Contribution.patient_id == patient_id, Contribution.resource_id.in_(ids[start : start + 500])
            )
        )


def _as_kept(resource: Resource, request_id: str, version: int, given_at: str) -> Resource:
    """The resource with where it comes from written on it. A source that the application named stays."""
    own = resource.get("meta", {})
    meta = {"source": f"contribution/{request_id}", **own, "versionId": str(version), "lastUpdated": given_at}
    return stamp({**resource, "meta": meta}, source=None, data_source=DATA_SOURCE, document_id=request_id)


@dataclass(frozen=True, slots=True)
class Given:
    """What one request gave, as far as no later one replaced it; ``date`` is its time."""

    request_id: str
    date: str
    resources: list[Resource]


def by_request(session: TenantSession, patient_id: str) -> list[Given]:
    """The patient's contributed resources, oldest request first."""
    rows = session.scalars(
        select(Contribution)
        .where(Contribution.patient_id == patient_id)
        .order_by(Contribution.request_id, Contribution.resource_id)
    )
    requests: dict[str, Given] = {}
    for row in rows:
        given = requests.setdefault(row.request_id, Given(row.request_id, timestamp(row.given_at), []))
        given.resources.append(row.resource)
    return list(requests.values())
