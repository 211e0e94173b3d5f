"""Starting a network query that nobody asked for by a request."""

from __future__ import annotations

from collections.abc import Mapping

from chartbridge.db import TenantSession
from chartbridge.errors import BadRequestError
from chartbridge.features.networks.protocol import Source
from chartbridge.features.patients import service as patients
from chartbridge.features.queries import service as queries
from chartbridge.features.queries import steering
from chartbridge.platform import Platform

NOTHING_TO_ASK = "No network of the source may be asked"


def ask(
    platform: Platform,
    session: TenantSession,
    patient_id: str,
    source: Source,
    *,
    metadata: Mapping[str, str],
) -> str | None:
    """Start a query of one source about a patient who is held; or why none was started.

    It does not count against the limits of requests: the operator's pace holds in their place.
    """
    patient = patients.get_patient(session, patient_id)
    try:
        patients.ensure_queryable(patient)
    except BadRequestError as error:
        return error.detail
    if not steering.connectors(session.tenant.environment, source, patient):
        return NOTHING_TO_ASK
    queries.start(platform, session, patient_id, [source], metadata=dict(metadata))
    return None
