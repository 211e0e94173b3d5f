"""Searching a chart by text (contract, consolidated 6.6)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from chartbridge.features.records import searching
from chartbridge.http.body import JsonRoute
from chartbridge.http.context import CurrentPlatform, CurrentTenant
from chartbridge.http.errors import answers

router = APIRouter(prefix="/medical/v1/patient/{patient_id}", route_class=JsonRoute, tags=["FHIR"])


class SearchResult(BaseModel):
    """What a search found."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"url": "https://example.org/storage/…?signature=…", "resourceCount": 12}]
        }
    )

    url: str | None = Field(
        None,
        description="presigned, lives 60 seconds: a searchset Bundle; absent when nothing was found",
    )
    resourceCount: int = Field(description="resources in the Bundle, the Patient among them")


@router.get(
    "/consolidated/search",
    summary="Search the consolidated data",
    response_model_exclude_none=True,
    responses=answers({400: "the query is too long", 404: "no such patient"}),
)
def search(
    platform: CurrentPlatform,
    tenant: CurrentTenant,
    patient_id: str,
    query: Annotated[
        str | None, Query(description="words that must all be found; everything unless given")
    ] = None,
) -> SearchResult:
    """Words may have typing errors. Documents are found by their contents, as in listing documents. What
    is found brings along what it refers to, and the Patient."""
    found = searching.search(platform, tenant, patient_id, query or "")
    return SearchResult(url=found.url, resourceCount=found.resource_count)
