"""What can be done with facilities. The session's tenant bounds everything."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.exc import StaleDataError

from chartbridge.db import TenantSession
from chartbridge.errors import BadRequestError, NotFoundError, VersionMismatchError
from chartbridge.features.facilities.models import Facility as Facility
from chartbridge.features.facilities.schemas import FacilityInput
from chartbridge.http.context import check_etag
from chartbridge.ids import utcnow
from chartbridge.repeating import repeatable_id


def create_facility(session: TenantSession, data: FacilityInput) -> Facility:
    """A call that is done again finds the facility that it made. Raises BadRequestError when another one has
    the NPI."""
    facility_id = repeatable_id("facility")
    if (made := session.get(Facility, facility_id)) is not None:
        return made
    facility = Facility(id=facility_id, npi=data.npi)
    _fill(facility, data)
    try:
        with session.begin_nested():
            session.add(facility)
    except IntegrityError:
        # Two creates at once both find nothing beforehand, so the unique constraint is what decides.
        other = session.scalars(select(Facility).where(Facility.npi == data.npi)).one()
        raise BadRequestError(
            f"Can't create a new facility with the same NPI as facility with ID: {other.id} "
            f"and name: {other.name}"
        ) from None
    return facility


def list_facilities(session: TenantSession) -> list[Facility]:
    """All facilities, oldest first."""
    return list(session.scalars(select(Facility).order_by(Facility.id)))


def get_facility(session: TenantSession, facility_id: str) -> Facility:
    """Raises NotFoundError."""
    found = session.scalars(select(Facility).where(Facility.id == facility_id)).one_or_none()
    return _present(found, facility_id)


def get_facilities(session: TenantSession, facility_ids: Iterable[str], *, keep: bool) -> list[Facility]:
    """The facilities of those ids, oldest first; NotFoundError when one is missing.

    With ``keep`` none of them can be deleted before this transaction ends.
    """
    wanted = set(facility_ids)
    query = select(Facility).where(Facility.id.in_(wanted)).order_by(Facility.id)
    found = list(session.scalars(query.with_for_update(read=True) if keep else query))
    missing = wanted - {facility.id for facility in found}
    if missing:
        raise NotFoundError("Could not find facility", facilityId=min(missing))
    return found


def update_facility(
    session: TenantSession,
    facility_id: str,
    data: FacilityInput,
    *,
    if_match: str | None = None,
    body_etag: str | None = None,
) -> Facility:
    """Put ``data`` in the place of what is stored. Raises NotFoundError, VersionMismatchError, and
    BadRequestError for another NPI."""
    facility = _for_change(session, facility_id)
    check_etag(facility.etag, if_match, body_etag)
    if data.npi != facility.npi:
        raise BadRequestError("Can't update NPI")
    _fill(facility, data)
    _flush(session)
    return facility


def delete_facility(session: TenantSession, facility_id: str, *, if_match: str | None = None) -> None:
    """Raises NotFoundError, VersionMismatchError, and BadRequestError when it has patients."""
    facility = _for_change(session, facility_id)
    check_etag(facility.etag, if_match)
    session.delete(facility)
    try:
        _flush(session)
    except IntegrityError:
        # The foreign key of the patients' facilities is what knows, also about those being created now.
        raise BadRequestError("Cannot delete facility with patients associated to it") from None


def _fill(facility: Facility, data: FacilityInput) -> None:
    facility.name = data.name
    facility.tin = data.tin
    facility.active = data.active
    facility.address = data.address.model_dump(exclude_none=True)
    facility.updated_at = utcnow()  # an update that changes nothing else is a new version too


def _for_change(session: TenantSession, facility_id: str) -> Facility:
    query = select(Facility).where(Facility.id == facility_id).with_for_update()
    return _present(session.scalars(query).one_or_none(), facility_id)


def _present(facility: Facility | None, facility_id: str) -> Facility:
    if facility is None:
        raise NotFoundError("Could not find facility", facilityId=facility_id)
    return facility


def _flush(session: TenantSession) -> None:
    try:
        session.flush()
    except StaleDataError:
        raise VersionMismatchError() from None
