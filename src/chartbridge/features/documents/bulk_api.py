"""Asking for the URLs of all of a patient's documents."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Query

from chartbridge.features.documents import bulk
from chartbridge.features.documents.bulk_schemas import BulkBody, BulkRun
from chartbridge.http.body import JsonRoute
from chartbridge.http.context import CurrentPlatform, CurrentTenant, required
from chartbridge.http.errors import answers

router = APIRouter(prefix="/medical/v1/document/download-url/bulk", route_class=JsonRoute, tags=["Documents"])


@router.post(
    "",
    summary="Have the URLs of all documents sent",
    responses=answers({400: "patientId is missing, or the metadata are not right", 404: "no such patient"}),
)
def start_bulk_urls(
    platform: CurrentPlatform,
    tenant: CurrentTenant,
    body: Annotated[BulkBody, Body(default_factory=BulkBody)],
    patientId: Annotated[str | None, Query(description="required")] = None,
) -> BulkRun:
    """The URLs come by webhook. While a run of the patient is under way, that run is answered."""
    patient_id = required(patientId, "patientId")
    with platform.db.write(tenant) as session:
        run = bulk.start(platform, session, patient_id, metadata=body.metadata or {})
        return BulkRun(status="processing", requestId=run.id)
