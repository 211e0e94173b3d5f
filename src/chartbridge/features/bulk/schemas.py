"""What the operations of bulk imports answer."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from chartbridge.features.bulk import service
from chartbridge.http.paging import PageMeta
from chartbridge.ids import timestamp

_STARTED: JsonDict = {
    "requestId": "0196a000-0000-7000-8000-000000000021",
    "facilityId": "0196a000-0000-7000-8000-000000000002",
    "status": "waiting",
    "params": {"dryRun": False},
    "createdAt": "2026-02-01T10:00:00.000Z",
}


class BulkParams(BaseModel):
    """What the import was started with."""

    dryRun: bool | None = Field(None, description="present where it was given")


class BulkStart(BaseModel):
    """An import that waits for its file."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{**_STARTED, "uploadUrl": "https://api.example.org/storage/…?signature=…"}]
        }
    )

    requestId: str = Field(description="comes back as meta.requestId of the messages")
    facilityId: str = Field(description="the facility that new patients join")
    status: Literal["waiting"]
    uploadUrl: str = Field(description="PUT the CSV here: ten minutes, one file")
    params: BulkParams
    createdAt: str = Field(description="ISO 8601 in UTC")


class BulkRows(BaseModel):
    """How far the rows are."""

    total: int | None = Field(None, description="rows of the file, once they are counted")
    processed: int = Field(description="rows looked at so far")
    succeeded: int = Field(description="rows whose patient is there now; in a dry run, would be")
    failed: int = Field(description="refused rows; the result tells why")


class BulkPatients(BaseModel):
    """What became of the rows that succeeded."""

    created: int = Field(description="new patients")
    updated: int = Field(description="the same person was there, and the row changed something")
    matched: int = Field(description="somebody who was there, taken as stored")


class BulkQueries(BaseModel):
    """How far the network queries are."""

    started: int = Field(description="queries begun")
    ended: int = Field(description="those of them that need not be waited for any more")


class BulkImportDto(BaseModel):
    """An import and how far it is."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **_STARTED,
                    "status": "processing",
                    "uploadedAt": "2026-02-01T10:01:00.000Z",
                    "rows": {"total": 2000, "processed": 1500, "succeeded": 1498, "failed": 2},
                    "patients": {"created": 1400, "updated": 8, "matched": 90},
                    "queries": {"started": 0, "ended": 0},
                }
            ]
        }
    )

    requestId: str = Field(description="comes back as meta.requestId of the messages")
    facilityId: str = Field(description="the facility that new patients join")
    status: service.Status = Field(description="expired: no file came in time")
    params: BulkParams
    createdAt: str = Field(description="when it was started; ISO 8601 in UTC")
    uploadedAt: str | None = Field(None, description="when its file was here")
    endedAt: str | None = Field(None, description="when it was completed, failed or expired")
    reason: str | None = Field(None, description="why it failed")
    cancelRequested: bool | None = Field(None, description="it ends before its next batch")
    rows: BulkRows
    patients: BulkPatients | None = Field(None, description="absent in a dry run")
    queries: BulkQueries
    result: str | None = Field(
        None, description="URL of the result as CSV, three minutes; once the import has ended"
    )


class BulkImportPage(BaseModel):
    """A page of imports, newest first."""

    meta: PageMeta
    imports: list[BulkImportDto] = Field(description="newest first")


def start_dto(job: service.BulkImport, upload_url: str) -> BulkStart:
    return BulkStart(
        requestId=job.id,
        facilityId=job.facility_id,
        status="waiting",
        uploadUrl=upload_url,
        params=BulkParams(dryRun=job.dry_run),
        createdAt=timestamp(job.created_at),
    )


def import_dto(job: service.BulkImport, result_url: str | None) -> BulkImportDto:
    made = BulkPatients(
        created=job.patients_created, updated=job.patients_updated, matched=job.patients_matched
    )
    return BulkImportDto(
        requestId=job.id,
        facilityId=job.facility_id,
        status=service.shown_status(job),
        params=BulkParams(dryRun=job.dry_run),
        createdAt=timestamp(job.created_at),
        uploadedAt=timestamp(job.uploaded_at) if job.uploaded_at else None,
        endedAt=timestamp(job.ended_at) if job.ended_at else None,
        reason=job.reason,
        cancelRequested=True if job.status == "processing" and job.cancelled_at else None,
        rows=BulkRows(
            total=job.rows_total,
            processed=job.rows_done,
            succeeded=job.rows_done - job.rows_failed,
            failed=job.rows_failed,
        ),
        patients=None if job.dry_run else made,
        queries=BulkQueries(started=job.queries_started, ended=job.queries_ended),
        result=result_url,
    )
