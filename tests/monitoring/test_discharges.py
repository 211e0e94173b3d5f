"""Looking for the discharge summary after a discharge."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from chartbridge.features.documents.models import Document
from chartbridge.features.monitoring import discharges, service
from chartbridge.features.monitoring.models import FollowUp
from chartbridge.ids import new_id
from tests.monitoring.conftest import SATURDAY, Clinic
from tests.support.client import M

VISIT = "0196a000-0000-7000-8000-0000000000aa"
JOB = "follow-discharge"


@pytest.fixture
def patient(clinic: Clinic) -> str:
    (one,) = clinic.patients(1)
    return one


def follow(clinic: Clinic, patient: str, now: datetime, discharged_at: datetime = SATURDAY) -> bool:
    with clinic.platform.db.write(clinic.tenant) as session:
        return service.follow_discharge(clinic.platform, session, patient, discharged_at, VISIT, now=now)


def attempt(clinic: Clinic, patient: str, number: int, now: datetime) -> bool:
    return discharges.attempt(clinic.platform, clinic.tenant, patient, VISIT, number, now)


def follow_up(clinic: Clinic, patient: str) -> FollowUp:
    with clinic.platform.db.read(clinic.tenant) as session:
        return session.get_one(FollowUp, (patient, VISIT))


def jobs(clinic: Clinic, patient: str) -> list[int]:
    """The numbers of the attempts that were enqueued."""
    found = clinic.platform.jobs.client().list_workflows(
        workflow_id_prefix=f"{JOB}:{patient}:", load_output=False
    )
    return sorted(int(job.input["args"][3]) for job in found if job.input)


def give_document(clinic: Clinic, patient: str, code: str, **told: Any) -> None:
    with clinic.platform.db.write(clinic.tenant) as session:
        coding = {"system": "http://loinc.org", "code": code}
        session.add(
            Document(
                patient_id=patient,
                source="hie",
                connector="SANDBOX",
                home_community_id="1",
                unique_id=new_id(),
                assigning_authority="a",
                remote_patient_id="r",
                remote={"type_code": {"coding": [coding]}, **told},
                description="d",
                mime_type="application/pdf",
                file_name="a/b/c.pdf",
                status="stored",
                conversion="none",
            )
        )


@pytest.mark.contract("10a", "after a discharge: attempts after 5 min, 30 min, 4 h, 1 day, 2 days, 4 days")
def test_attempts_are_made_in_their_time_until_the_last(clinic: Clinic, patient: str) -> None:
    assert follow(clinic, patient, SATURDAY)
    for number, pause in enumerate(service.ATTEMPTS_AFTER):
        assert jobs(clinic, patient) == list(range(number + 1))
        assert attempt(clinic, patient, number, SATURDAY + pause)
        assert not attempt(clinic, patient, number, SATURDAY + pause), "an attempt is made once"
    assert clinic.asked() == [(patient, "hie")] * 6
    assert {query.query_metadata["encounterId"] for query in clinic.queries()} == {VISIT}
    assert follow_up(clinic, patient).ending == "the last attempt was made"


def test_the_first_attempt_waits_five_minutes(clinic: Clinic, patient: str) -> None:
    follow(clinic, patient, SATURDAY)
    (job,) = clinic.platform.jobs.client().list_workflows(workflow_id_prefix=f"{JOB}:{patient}:")
    assert job.delay_until_epoch_ms is not None
    assert job.created_at is not None
    assert job.delay_until_epoch_ms - job.created_at == pytest.approx(300_000, abs=5_000)


@pytest.mark.contract("10a", "stopping once the discharge summary is found")
def test_it_stops_once_the_summary_is_here(clinic: Clinic, patient: str) -> None:
    follow(clinic, patient, SATURDAY)
    assert attempt(clinic, patient, 0, SATURDAY + timedelta(minutes=5))
    give_document(clinic, patient, "18842-5", created="2030-06-01T09:00:00Z")
    assert not attempt(clinic, patient, 1, SATURDAY + timedelta(minutes=30))
    assert follow_up(clinic, patient).ending == "the discharge summary is here"
    assert jobs(clinic, patient) == [0, 1]


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("34133-9", {"created": "2030-06-02T09:00:00Z"}),
        ("18842-5", {"created": "2030-05-12T09:00:00Z"}),
        ("18842-5", {"created": "2030-06-02", "period": {"start": "2030-03-01", "end": "2030-03-09"}}),
    ],
    ids=["another kind", "an earlier stay's", "of an earlier stay, made later"],
)
def test_other_documents_do_not_stop_it(
    clinic: Clinic, patient: str, code: str, told: dict[str, Any]
) -> None:
    follow(clinic, patient, SATURDAY)
    give_document(clinic, patient, code, **told)
    assert attempt(clinic, patient, 0, SATURDAY + timedelta(minutes=5))


def test_a_summary_of_the_local_day_of_the_discharge_counts(clinic: Clinic, patient: str) -> None:
    """Discharged in the evening of May 31st in Honolulu, which is June 1st in UTC."""
    follow(clinic, patient, SATURDAY)
    give_document(clinic, patient, "18842-5", period={"start": "2030-05-28", "end": "2030-05-31"})
    assert not attempt(clinic, patient, 0, SATURDAY + timedelta(minutes=5))


def test_a_discharge_that_is_told_again_is_not_doubled(clinic: Clinic, patient: str) -> None:
    assert follow(clinic, patient, SATURDAY)
    assert not follow(clinic, patient, SATURDAY)
    assert not follow(clinic, patient, SATURDAY, SATURDAY + timedelta(minutes=2)), "corrected"
    assert jobs(clinic, patient) == [0]
    assert follow_up(clinic, patient).discharged_at == SATURDAY + timedelta(minutes=2)


def test_a_later_discharge_of_a_visit_that_was_followed_begins_anew(clinic: Clinic, patient: str) -> None:
    follow(clinic, patient, SATURDAY)
    discharges.give_up(clinic.platform, clinic.tenant, patient, VISIT, "over", SATURDAY)
    assert not follow(clinic, patient, SATURDAY), "that discharge was followed"
    assert follow(clinic, patient, SATURDAY, SATURDAY + timedelta(seconds=1))
    assert jobs(clinic, patient) == [0, 0]


def test_a_discharge_that_is_told_of_late_is_asked_about_at_once(clinic: Clinic, patient: str) -> None:
    now = SATURDAY + timedelta(hours=5)
    follow(clinic, patient, now)
    assert jobs(clinic, patient) == [2]
    assert attempt(clinic, patient, 2, now)
    assert jobs(clinic, patient) == [2, 3]


def test_after_a_pause_of_all_workers_one_attempt_makes_up_for_those_missed(
    clinic: Clinic, patient: str
) -> None:
    follow(clinic, patient, SATURDAY)
    assert attempt(clinic, patient, 0, SATURDAY + timedelta(days=3))
    assert jobs(clinic, patient) == [0, 5]


@pytest.mark.parametrize("change", ["deleted", "opted out"])
def test_it_ends_for_a_patient_who_is_gone_or_opted_out(clinic: Clinic, patient: str, change: str) -> None:
    follow(clinic, patient, SATURDAY)
    if change == "deleted":
        clinic.api.delete(f"{M}/patient/{patient}")
        assert not follow(clinic, patient, SATURDAY)
    else:
        clinic.api.put(f"{M}/patient/{patient}/hie-opt-out", {}, hieOptOut="true")
    assert not attempt(clinic, patient, 0, SATURDAY + timedelta(minutes=5))
    assert clinic.asked() == []
    assert jobs(clinic, patient) == [0]
