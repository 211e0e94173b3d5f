"""Rounds and follow-ups in the background."""

from __future__ import annotations

from chartbridge.db import Tenant
from chartbridge.features.monitoring import discharges, rounds, service
from chartbridge.ids import utcnow
from chartbridge.jobs.queue import HOUSEKEEPING
from chartbridge.jobs.scheduler import Plan
from chartbridge.jobs.workflow import platform, step, workflow

QUEUE = HOUSEKEEPING
PLAN = Plan("monitoring", rounds.enter_due)


def _round_failed(tenant: str, round_id: str, number: str, *, reason: str) -> None:  # noqa: ARG001 - as the job has them
    rounds.give_up(platform(), Tenant.parse(tenant), round_id, reason, utcnow())


@workflow(rounds.BATCH_JOB, failed=_round_failed)
def do_batch(tenant: str, round_id: str, number: str) -> None:
    ask_batch(tenant, round_id, number)
    go_on(tenant, round_id, number)


@step
def ask_batch(tenant: str, round_id: str, number: str) -> None:
    rounds.ask_batch(platform(), Tenant.parse(tenant), round_id, int(number))


@step
def go_on(tenant: str, round_id: str, number: str) -> bool:
    return rounds.go_on(platform(), Tenant.parse(tenant), round_id, int(number), utcnow())


def _attempt_failed(tenant: str, patient_id: str, encounter_id: str, number: str, *, reason: str) -> None:  # noqa: ARG001
    discharges.give_up(platform(), Tenant.parse(tenant), patient_id, encounter_id, reason, utcnow())


@workflow(service.FOLLOW_DISCHARGE, failed=_attempt_failed)
def follow_discharge(tenant: str, patient_id: str, encounter_id: str, number: str) -> None:
    attempt(tenant, patient_id, encounter_id, number)


@step
def attempt(tenant: str, patient_id: str, encounter_id: str, number: str) -> bool:
    return discharges.attempt(
        platform(), Tenant.parse(tenant), patient_id, encounter_id, int(number), utcnow()
    )
