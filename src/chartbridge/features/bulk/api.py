"""Operations on bulk imports. The file itself comes to a presigned URL (see ``receiving``)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from chartbridge.db import Tenant
from chartbridge.features.bulk import service
from chartbridge.features.bulk.schemas import (
    BulkImportDto,
    BulkImportPage,
    BulkStart,
    import_dto,
    start_dto,
)
from chartbridge.http.body import JsonRoute
from chartbridge.http.context import CurrentPlatform, CurrentTenant, truth
from chartbridge.http.errors import answers
from chartbridge.http.paging import PageQuery
from chartbridge.platform import Platform

_NO_IMPORT = {404: "no such import"}
router = APIRouter(prefix="/medical/v1/patient/bulk", route_class=JsonRoute, tags=["Bulk import"])
ImportId = Annotated[str, Path(description="the requestId that starting the import answered")]


@router.post(
    "",
    summary="Start an import of patients from a CSV file",
    response_model_exclude_none=True,
    responses=answers({400: "the facility must be named", 404: "no such facility"}),
)
def start_bulk_import(
    platform: CurrentPlatform,
    tenant: CurrentTenant,
    facilityId: Annotated[
        str | None, Query(description="may be left out when the account has exactly one facility")
    ] = None,
    dryRun: Annotated[
        str | None, Query(description="`true`: rows are checked and the result is written, nobody is created")
    ] = None,
) -> BulkStart:
    """PUT the file to `uploadUrl` within ten minutes: that starts the processing. Messages tell of it."""
    with platform.db.write(tenant) as session:
        job = service.start(session, facility_id=facilityId, dry_run=truth(dryRun))
        return start_dto(job, service.upload_url(platform, job, tenant))


@router.get(
    "",
    summary="List imports",
    response_model_exclude_none=True,
    responses=answers({400: "cursor or count cannot be used"}),
)
def list_bulk_imports(page: PageQuery, platform: CurrentPlatform, tenant: CurrentTenant) -> BulkImportPage:
    """Newest first. Imports are forgotten some weeks after their end."""
    with platform.db.read(tenant) as session:
        found = service.list_imports(session, page)
        return BulkImportPage(
            meta=found.meta(f"{platform.settings.origin}{router.prefix}", {}),
            imports=[_dto(platform, tenant, job) for job in found.items],
        )


@router.get(
    "/{request_id}",
    summary="Get an import and how far it is",
    response_model_exclude_none=True,
    responses=answers(_NO_IMPORT),
)
def get_bulk_import(request_id: ImportId, platform: CurrentPlatform, tenant: CurrentTenant) -> BulkImportDto:
    """Once it has ended, with a fresh URL of the result."""
    with platform.db.glance(tenant) as session:
        return _dto(platform, tenant, service.get_import(session, request_id))


@router.post(
    "/{request_id}/cancel",
    summary="Cancel an import",
    response_model_exclude_none=True,
    responses=answers({400: "the import is completed", **_NO_IMPORT}),
)
def cancel_bulk_import(
    request_id: ImportId, platform: CurrentPlatform, tenant: CurrentTenant
) -> BulkImportDto:
    """It ends as failed before its next batch of rows; patients made until then stay, and the result says
    which. Queries that run are not stopped."""
    with platform.db.write(tenant) as session:
        return _dto(platform, tenant, service.cancel(platform, session, request_id))


def _dto(platform: Platform, tenant: Tenant, job: service.BulkImport) -> BulkImportDto:
    return import_dto(job, service.result_url(platform, job, tenant))
