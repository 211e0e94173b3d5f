"""Looking at links, undoing and accepting them from the command line."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner, Result

from chartbridge.auth import authenticate, create_key
from chartbridge.cli import cli
from chartbridge.config import Settings
from chartbridge.db import Tenant
from chartbridge.features.facilities import service as facilities
from chartbridge.features.facilities.schemas import FacilityInput
from chartbridge.features.networks.protocol import PatientIdentity
from chartbridge.features.networks.sandbox import SandboxHie
from chartbridge.features.patients import service as patients
from chartbridge.features.patients.schemas import PatientCreate
from chartbridge.features.queries import links
from chartbridge.platform import Platform
from tests.support import people


@pytest.fixture
def tenant(platform: Platform) -> Tenant:
    """The tenant of an account called clinic."""
    known = authenticate(platform.db, create_key(platform.db, "sandbox", "clinic"))
    assert known is not None
    return known.tenant


def run(settings: Settings, *arguments: str) -> Result:
    environment = {"CHARTBRIDGE_DATABASE_URL": str(settings.database_url)}
    options = ("--env", "sandbox", "--account", "clinic", "--data-dir", str(settings.data_dir))
    return CliRunner().invoke(cli, ["links", *arguments, *options], env=environment)


def test_a_link_is_listed_undone_and_accepted(platform: Platform, settings: Settings, tenant: Tenant) -> None:
    link_id = _linked(platform, tenant)
    listed = run(settings, "list")
    assert listed.exit_code == 0, listed.output
    (line,) = [line for line in listed.output.splitlines() if line.startswith(link_id)]
    assert "SANDBOX (hie)" in line
    assert "rule: name, date of birth and address" in line
    assert "Smith" not in listed.output
    assert run(settings, "undo", link_id, "--by", "Dr. Vee").exit_code == 0
    assert "undone by Dr. Vee" in run(settings, "list", "--status", "undone").output
    assert run(settings, "accept", link_id).exit_code == 0
    assert link_id not in run(settings, "list", "--status", "undone").output
    assert "accepted by " in run(settings, "list").output


def test_what_is_not_there_is_said_so(platform: Platform, settings: Settings, tenant: Tenant) -> None:
    unknown = run(settings, "undo", "0196f0e0-0000-7000-8000-000000000000")
    assert (unknown.exit_code, "has no link" in unknown.output) == (1, True)
    assert run(settings, "list", "--status", "odd").exit_code == 2


def _linked(platform: Platform, tenant: Tenant) -> str:
    hie = SandboxHie()
    data = PatientCreate.model_validate(people.jane())
    with platform.db.write(tenant) as session:
        facility = facilities.create_facility(session, FacilityInput.model_validate(people.facility())).id
        patient, _ = patients.create_patient(
            session, platform.db, data, facility_id=facility, sandbox_max_patients=20
        )
        who: PatientIdentity = patients.identity(patient)
        link = links.enter(platform, session, who, hie, hie.discover(who, timeout_s=5)[0])
        assert link is not None
        return link.id
