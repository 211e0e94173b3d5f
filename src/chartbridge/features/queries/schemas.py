"""Bodies and answers of network queries (contract, network query 5.1 and 5.2)."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from chartbridge.features.networks.protocol import SOURCES, Source
from chartbridge.features.queries import service
from chartbridge.http.metadata import Metadata
from chartbridge.ids import timestamp


class Switch(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    enabled: bool


class PharmacySwitch(Switch):
    realtime: bool = False


class Sources(BaseModel):
    """Which sources to ask."""

    model_config = ConfigDict(extra="forbid")

    hie: Switch | None = None
    pharmacy: PharmacySwitch | None = None
    lab: Switch | None = None

    def enabled(self) -> list[Source]:
        switches = {"hie": self.hie, "pharmacy": self.pharmacy, "lab": self.lab}
        return [s for s in SOURCES if (switch := switches[s]) is not None and switch.enabled]


class NetworkQueryBody(BaseModel):
    """What to ask for. ``sources`` names each source with a switch; the older list form is taken too."""

    sources: Sources
    metadata: Metadata | None = Field(None, description="echoed as meta.data in the webhooks")
    override: bool | None = Field(None, description="fetch again what is already held")
    commonwell: bool | None = None
    carequality: bool | None = None
    ehex: bool | None = None
    healthix: bool | None = None

    @field_validator("sources", mode="before")
    @classmethod
    def _list_form(cls, value: object) -> object:
        if not isinstance(value, list):
            return value
        for name in value:
            if name not in SOURCES:
                raise ValueError(
                    f"Invalid enum value. Expected 'hie' | 'pharmacy' | 'lab', received '{name}'"
                )
        return {name: {"enabled": True} for name in value}

    @field_validator("sources")
    @classmethod
    def _at_least_one(cls, value: Sources) -> Sources:
        if not value.enabled():
            raise ValueError("At least one source must be enabled")
        return value


class SourceStatus(BaseModel):
    type: Source
    status: Literal["processing", "completed", "failed"]
    startedAt: str
    completedAt: str | None = None


class SourceError(BaseModel):
    source: str
    httpStatus: int
    message: str
    timestamp: str


class NetworkQueryStatus(BaseModel):
    """Where a query stands."""

    requestId: str
    startedAt: str
    status: service.Status
    sources: list[SourceStatus]
    errors: list[SourceError] | None = Field(None, description="absent when there are none")

    @classmethod
    def of(cls, query: service.NetworkQuery) -> NetworkQueryStatus:
        sources = [
            {"type": s.type, "status": s.status, "startedAt": timestamp(s.started_at)}
            | ({"completedAt": timestamp(s.completed_at)} if s.completed_at else {})
            for s in service.fold(query.providers)
        ]
        errors = [
            {
                "source": e.source,
                "httpStatus": e.http_status,
                "message": e.message,
                "timestamp": timestamp(e.occurred_at),
            }
            for e in query.errors
        ]
        content = {
            "requestId": query.id,
            "startedAt": timestamp(query.started_at),
            "status": service.overall(query),
            "sources": sources,
        }
        return cls.model_validate(content | ({"errors": errors} if errors else {}))
