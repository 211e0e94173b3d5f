"""Having a model write the brief of a chart: in jobs only, and once for the same facts."""

from __future__ import annotations

import structlog

from chartbridge.db import Tenant
from chartbridge.features.patients import fhir as patient_fhir
from chartbridge.features.patients import service as patients
from chartbridge.features.records import brief_endpoint, briefs, chart
from chartbridge.features.records.brief_task import Question, Written, question
from chartbridge.jobs.pool import PoolTaskError
from chartbridge.platform import Platform
from chartbridge.summary.brief.checking import RefusedAnswerError, check
from chartbridge.summary.brief.prompt import SYSTEM, message

log = structlog.get_logger(__name__)


def write(platform: Platform, tenant: Tenant, patient_id: str) -> str | None:
    """Bring the chart up to date, have its brief written where an endpoint is set and the facts are new, and
    bring the chart up to date with that; returns the snapshot's id, None when the patient is gone.

    An answer that is refused is not asked for again while the facts are the same. Where no answer comes, the
    rules' text stands, and the next job asks anew. Raises what ``chart.consolidate_patient`` does.
    """
    made = chart.consolidate_patient(platform, tenant, patient_id)
    given = briefs.wanted(platform, tenant, patient_id)
    if made is None or given is None or not given.asked:
        return made
    with platform.db.read(tenant) as session:
        patient = patients.find_patient(session, patient_id)
    if patient is None:
        return None
    snapshot_id, held = chart.current_snapshot(platform, tenant, patient_id) or ("", [])
    asked = question(held, patient_fhir.to_fhir(patient), given)
    if asked is None or (given.written is not None and given.written.digest == asked.digest):
        return made
    written = _answer(platform, tenant, patient_id, asked)
    if written is None:
        return made
    briefs.keep(platform, tenant, patient_id, written)
    if not chart.stands(platform, tenant, patient_id, snapshot_id):
        briefs.forget(platform, tenant, patient_id)  # it may tell what was withdrawn while the model wrote
    return chart.consolidate_patient(platform, tenant, patient_id) if written.text else made


def write_if_possible(platform: Platform, tenant: Tenant, patient_id: str) -> None:
    """The same for who asks for the chart anyway and is told then that it cannot be made; nothing without an
    endpoint."""
    given = briefs.wanted(platform, tenant, patient_id)
    if given is not None and given.asked:
        try:
            write(platform, tenant, patient_id)
        except (PoolTaskError, chart.ConsolidationRaceError):
            log.warning("a brief waits for its chart", tenant=str(tenant), patient=patient_id)


def _answer(platform: Platform, tenant: Tenant, patient_id: str, asked: Question) -> Written | None:
    """What the model wrote, without its text when that is refused; None when no answer came."""
    named = {"tenant": str(tenant), "patient": patient_id}
    try:
        text = brief_endpoint.ask(platform.settings, SYSTEM, message(asked.facts))
        check(text, asked.facts)
    except brief_endpoint.BriefEndpointError as error:
        log.warning("a model gave no brief; that of the rules stands", **named, reason=error.reason)
        return None
    except RefusedAnswerError as error:
        log.warning("a model's brief was refused; that of the rules stands", **named, reason=error.reason)
        return Written(asked.digest, None)
    return Written(asked.digest, text.strip())
