"""Answers from a chart at once: the data, and how many there are (contract, consolidated 6.3-6.5)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import Any

from chartbridge.consolidate.bundle import select
from chartbridge.consolidate.resource_types import canonical_types
from chartbridge.db import Tenant
from chartbridge.errors import NotFoundError, ServiceUnavailableError
from chartbridge.features.patients import fhir as patient_fhir
from chartbridge.features.patients import service as patients
from chartbridge.features.records import chart
from chartbridge.jobs.pool import PoolTaskError
from chartbridge.platform import Platform

Resource = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Filters:
    """What is asked for: types (None: all) and days, both inclusive."""

    types: frozenset[str] | None = None
    date_from: date | None = None
    date_to: date | None = None


@dataclass(frozen=True, slots=True)
class Current:
    """A chart that is up to date: its snapshot, the resources of that, and the current Patient. They are
    shared and must not be changed."""

    snapshot_id: str
    resources: list[Resource]
    patient: Resource


def current(platform: Platform, tenant: Tenant, patient_id: str) -> Current:
    """The chart, brought up to date first. Raises NotFoundError, and ServiceUnavailableError when the chart
    cannot be made now."""
    with platform.db.read(tenant) as session:
        patients.get_patient(session, patient_id)
    try:
        chart.consolidate_patient(platform, tenant, patient_id)
    except PoolTaskError as error:
        raise ServiceUnavailableError(f"The chart could not be made: that {error.reason}") from error
    with platform.db.read(tenant) as session:
        patient = patients.find_patient(session, patient_id)
    if patient is None:  # deleted meanwhile
        raise NotFoundError("Could not find patient", id=patient_id)
    snapshot_id, resources = chart.current_snapshot(platform, tenant, patient_id) or ("", [])
    return Current(snapshot_id, resources, patient_fhir.to_fhir(patient))


def read(platform: Platform, tenant: Tenant, patient_id: str, filters: Filters) -> list[Resource]:
    """The resources that fit, those they refer to, and the current Patient, of a chart that is brought up to
    date first; they must not be changed. Raises as ``current`` does."""
    return chosen(current(platform, tenant, patient_id), filters)


def chosen(held: Current, filters: Filters) -> list[Resource]:
    """What of a chart ``read`` gives."""
    return select(
        held.resources,
        types=canonical_types(filters.types),
        date_from=filters.date_from,
        date_to=filters.date_to,
        patient=held.patient,
    )


def count(platform: Platform, tenant: Tenant, patient_id: str, filters: Filters) -> dict[str, int]:
    """How many resources ``read`` gives, by type; the Patient does not count. Raises NotFoundError."""
    found = read(platform, tenant, patient_id, filters)
    counted = Counter(str(resource["resourceType"]) for resource in found)
    return {kind: number for kind, number in sorted(counted.items()) if kind != "Patient"}
