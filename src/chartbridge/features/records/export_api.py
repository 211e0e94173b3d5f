"""Taking everything about a patient away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from chartbridge.features.records import export
from chartbridge.http.body import JsonRoute
from chartbridge.http.context import CurrentPlatform, CurrentTenant
from chartbridge.http.errors import answers

CHUNK_BYTES = 1 << 20
router = APIRouter(prefix="/medical/v1/patient/{patient_id}", route_class=JsonRoute, tags=["Patients"])


@router.get(
    "/export",
    summary="Export everything about a patient",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "a zip; its manifest.json lists every file with its SHA-256",
            "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
        },
        **answers({404: "no such patient"}),
    },
)
def export_patient(platform: CurrentPlatform, tenant: CurrentTenant, patient_id: str) -> StreamingResponse:
    """Demographics, chart, contributions, documents as they came and as converted, queries and messages."""
    file = export.export(platform, tenant, patient_id)
    return StreamingResponse(
        _chunks(file),
        media_type="application/zip",
        headers={
            "Content-Disposition": f'attachment; filename="patient-{patient_id}.zip"',
            "Cache-Control": "private, no-store",
        },
    )


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk
