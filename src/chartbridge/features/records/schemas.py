"""Answers of consolidated queries (contract, consolidated 6.2)."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from chartbridge.features.records.service import ConsolidatedQuery
from chartbridge.ids import timestamp

Status = Literal["processing", "completed", "failed"]


class QueryDto(BaseModel):
    """One query; its result arrives by webhook."""

    requestId: str
    status: Status
    startedAt: str
    conversionType: str
    resources: list[str] = Field(description="empty: all")
    dateFrom: str | None = None
    dateTo: str | None = None

    @classmethod
    def of(cls, query: ConsolidatedQuery) -> QueryDto:
        days = {"dateFrom": query.date_from, "dateTo": query.date_to}
        return cls.model_validate(
            {
                "requestId": query.id,
                "status": query.status,
                "startedAt": timestamp(query.started_at),
                "conversionType": query.conversion_type,
                "resources": query.resources,
                **{name: day for name, day in days.items() if day is not None},
            }
        )


class QueryList(BaseModel):
    """Running queries, and those finished since the last start."""

    status: Status | None = Field(description="of the newest query")
    queries: list[QueryDto]
    message: str
