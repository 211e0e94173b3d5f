"""What can be done with the organization. The session's tenant bounds everything."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from chartbridge.db import TenantSession
from chartbridge.errors import BadRequestError, NotFoundError
from chartbridge.features.facilities import service as facilities
from chartbridge.features.organizations.models import Organization as Organization
from chartbridge.features.organizations.schemas import OrganizationInput
from chartbridge.http.context import check_etag
from chartbridge.ids import utcnow


def find_organization(session: TenantSession) -> Organization | None:
    """The account's organization, or None when it has none yet."""
    return session.scalars(select(Organization)).one_or_none()


def require_organization(session: TenantSession) -> None:
    """Raise NotFoundError unless it is known who the account is: it has an organization, or at least a
    facility, which says the same of an account that never made one."""
    if find_organization(session) is None and not facilities.list_facilities(session):
        raise NotFoundError("Could not find organization")


def create_organization(session: TenantSession, data: OrganizationInput) -> Organization:
    """Raises BadRequestError when the account has one."""
    created = _insert(
        session, name=data.name, type=data.type, location=data.location.model_dump(exclude_none=True)
    )
    if created is None:
        raise BadRequestError(f"Organization already exists for customer {session.tenant.account_id}")
    return created


def ensure_for_facility(session: TenantSession, facility: facilities.Facility) -> None:
    """In the sandbox, make the organization out of its first facility; one that is there stays as it is."""
    if session.tenant.environment == "sandbox" and find_organization(session) is None:
        _insert(session, name=facility.name, type="ambulatory", location=facility.address)


def update_organization(
    session: TenantSession,
    organization_id: str,
    data: OrganizationInput,
    *,
    if_match: str | None = None,
    body_etag: str | None = None,
) -> Organization:
    """Put ``data`` in the place of what is stored. Raises NotFoundError and VersionMismatchError."""
    query = select(Organization).where(Organization.id == organization_id).with_for_update()
    organization = session.scalars(query).one_or_none()
    if organization is None:
        raise NotFoundError("Could not find organization", id=organization_id)
    check_etag(organization.etag, if_match, body_etag)
    organization.name = data.name
    organization.type = data.type
    organization.location = data.location.model_dump(exclude_none=True)
    organization.updated_at = utcnow()  # an update that changes nothing else is a new version too
    session.flush()
    return organization


def _insert(session: TenantSession, **values: Any) -> Organization | None:
    """The new organization; None when there is one, which the unique constraint tells of creates at once."""
    organization = Organization(**values)
    try:
        with session.begin_nested():
            session.add(organization)
    except IntegrityError:
        return None
    return organization
