"""Column types and mixins that all tables share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import update
from sqlalchemy.exc import StatementError
from sqlalchemy.orm.exc import StaleDataError

from chartbridge.db import Tenant
from chartbridge.features.facilities.models import Facility
from chartbridge.ids import etag, new_id
from chartbridge.jobs.models import WorkerLease
from chartbridge.platform import Platform

TENANT = Tenant(new_id(), "sandbox")
NOON = datetime(2026, 7, 1, 12, 0, 0, 123456, UTC)


def lease(seen_at: datetime) -> WorkerLease:
    return WorkerLease(worker_id="w", instance="i", host="h", pid=1, seen_at=seen_at)


@pytest.mark.parametrize("offset_h", [-7, 0, 5.5])
def test_an_instant_comes_back_in_utc(platform: Platform, offset_h: float) -> None:
    with platform.db.write(None) as session:
        session.add(lease(NOON.astimezone(timezone(timedelta(hours=offset_h)))))
    with platform.db.read(None) as session:
        kept = session.get_one(WorkerLease, "w")
    assert kept.seen_at == NOON
    assert kept.seen_at.utcoffset() == timedelta(0)
    assert kept.reaper_since is None


def test_an_instant_without_a_time_zone_is_refused(platform: Platform) -> None:
    with pytest.raises(StatementError, match="time zone"), platform.db.write(None) as session:
        session.add(lease(NOON.replace(tzinfo=None)))


def make_facility(platform: Platform) -> str:
    with platform.db.write(TENANT) as session:
        row = Facility(name="Clinic", npi="1234567893", address={"city": "Boise"})
        session.add(row)
    return row.id


def test_each_update_raises_the_version_and_changes_the_etag(platform: Platform) -> None:
    facility_id = make_facility(platform)
    tags = []
    for name in ("Clinic", "Clinic", "New Clinic", "Newest Clinic"):
        with platform.db.write(TENANT) as session:
            row = session.get_one(Facility, facility_id)
            row.name = name
        assert row.etag == etag(row.id, row.version)
        tags.append((row.version, row.etag))
    versions = [version for version, _ in tags]
    assert versions == [versions[0], versions[0], versions[0] + 1, versions[0] + 2]
    assert len({tag for _, tag in tags}) == 3


def test_an_update_over_a_version_that_was_not_read_is_refused(platform: Platform) -> None:
    facility_id = make_facility(platform)
    with platform.db.read(TENANT) as session:
        stale = session.get_one(Facility, facility_id)
    with platform.db.write(TENANT) as session:
        session.get_one(Facility, facility_id).name = "First"
    stale.name = "Second"
    with pytest.raises(StaleDataError), platform.db.write(TENANT) as session:
        session.add(stale)
    with platform.db.read(TENANT) as session:
        assert session.get_one(Facility, facility_id).name == "First"


def test_a_change_moves_the_time_of_update(platform: Platform) -> None:
    facility_id = make_facility(platform)
    with platform.db.write(TENANT) as session:
        session.execute(update(Facility).values(name="Changed"))
    with platform.db.read(TENANT) as session:
        row = session.get_one(Facility, facility_id)
    assert row.updated_at > row.created_at


def test_etags_are_the_contracts() -> None:
    assert etag("abc", 1) == "e65af952c2e20cfc1af6bdc96c2aa5dd", "md5sum of abc_1"
