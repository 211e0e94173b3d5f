"""Bodies and answers of network queries (contract, network query 5.1 and 5.2) and document queries (4.1)."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, field_validator

from chartbridge.features.networks.protocol import SOURCES, Source
from chartbridge.features.patients.schemas import HieControl
from chartbridge.features.queries import document_queries, service
from chartbridge.http.metadata import Metadata, MetadataBody
from chartbridge.ids import timestamp


class SourceSwitch(BaseModel):
    """Whether to ask a source."""

    model_config = ConfigDict(extra="forbid", strict=True)

    enabled: bool = Field(description="whether this source is asked")


class PharmacySwitch(SourceSwitch):
    """Whether to ask the pharmacies."""

    realtime: bool = Field(False, description="taken and without effect: pharmacies are always asked now")


class Sources(BaseModel):
    """Which sources to ask."""

    model_config = ConfigDict(extra="forbid")

    hie: SourceSwitch | None = None
    pharmacy: PharmacySwitch | None = None
    lab: SourceSwitch | None = None

    def enabled(self) -> list[Source]:
        switches = {"hie": self.hie, "pharmacy": self.pharmacy, "lab": self.lab}
        return [s for s in SOURCES if (switch := switches[s]) is not None and switch.enabled]


class NetworkQueryBody(BaseModel):
    """What to ask for. ``sources`` names each source with a switch; the older list form is taken too."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"sources": {"hie": {"enabled": True}}, "metadata": {"visit": "42"}}],
        }
    )

    sources: Sources = Field(description="at least one enabled; a list of their names is taken too")
    metadata: Metadata | None = Field(None, description="echoed as meta.data in the webhooks")
    override: StrictBool | None = Field(None, description="fetch again what is already held")
    commonwell: StrictBool | None = Field(None, description="false: this network is not asked")
    carequality: StrictBool | None = Field(None, description="false: this network is not asked")
    ehex: StrictBool | None = Field(None, description="false: this network is not asked")
    healthix: StrictBool | None = Field(None, description="false: this network is not asked")

    def wishes(self) -> dict[str, bool]:
        """The networks that are switched on or off, by name."""
        return self.model_dump(include={"commonwell", "carequality", "ehex", "healthix"}, exclude_none=True)

    @field_validator("sources", mode="before", json_schema_input_type=Sources | list[Source])
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
    """Where one source stands, over all its networks."""

    type: Source = Field(description="which source")
    status: Literal["processing", "completed", "failed"] = Field(description="failed: all its networks did")
    startedAt: str = Field(description="ISO 8601 in UTC")
    completedAt: str | None = Field(None, description="absent while it is processing")


class SourceError(BaseModel):
    """What is missing from a query, and why."""

    source: Source
    httpStatus: int = Field(description="400, 429: not started; 502: a network failed; 422: not convertible")
    message: str = Field(description="what happened, to show to people")
    timestamp: str = Field(description="ISO 8601 in UTC")


class NetworkQueryStatus(BaseModel):
    """Where a query stands."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "requestId": "0196f0e0-0000-7000-8000-000000000000",
                    "startedAt": "2026-02-01T10:00:00.000Z",
                    "status": "processing",
                    "sources": [
                        {"type": "hie", "status": "processing", "startedAt": "2026-02-01T10:00:00.000Z"}
                    ],
                }
            ]
        }
    )

    requestId: str = Field(description="its messages have it as meta.requestId")
    startedAt: str = Field(description="ISO 8601 in UTC")
    status: service.Status = Field(description="over all networks; partial: some of them failed")
    sources: list[SourceStatus] = Field(description="one entry a source that was started")
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


class DocumentQueryBody(MetadataBody):
    """What may stand in the body of a document query; it may be absent, or bare pairs of metadata."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"metadata": {"visit": "42"}, "hie": {"carequality": {"exclude": True}}}],
        }
    )

    hie: HieControl | None = Field(
        None, description="networks that this query leaves out, beside those that the patient is left out of"
    )

    def control(self) -> dict[str, Any]:
        return self.hie.model_dump(exclude_none=True) if self.hie else {}


class PhaseProgress(BaseModel):
    """How far the downloads or the conversions are."""

    status: document_queries.Status = Field(description="failed: it was given up, or no network answered")
    total: int | None = Field(None, description="absent while it is not known")
    successful: int | None = Field(None, description="how many are done")
    errors: int | None = Field(None, description="how many failed")

    @classmethod
    def of(cls, phase: document_queries.Phase, *, counted: bool = True) -> PhaseProgress:
        """``counted``: with how many are done and how many failed, where the total is known."""
        if phase.total is None or not counted:
            return cls(status=phase.status, total=phase.total)
        return cls(status=phase.status, total=phase.total, successful=phase.successful, errors=phase.errors)


class DocumentQueryProgress(BaseModel):
    """Where a patient's last document query stands; an empty object when there never was one."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "requestId": "0196f0e0-0000-7000-8000-000000000000",
                    "download": {"status": "completed", "total": 6, "successful": 6, "errors": 0},
                    "convert": {"status": "processing", "total": 4, "successful": 1, "errors": 0},
                }
            ]
        }
    )

    requestId: str | None = Field(None, description="of the query; its messages have it as meta.requestId")
    download: PhaseProgress | None = Field(None, description="over the documents new in this query")
    convert: PhaseProgress | None = Field(None, description="C-CDA to FHIR; absent until the downloads end")

    @classmethod
    def of(
        cls,
        query: document_queries.DocumentQuery,
        download: document_queries.Phase,
        convert: document_queries.Phase | None,
    ) -> DocumentQueryProgress:
        return cls(
            requestId=query.id,
            download=PhaseProgress.of(download),
            convert=PhaseProgress.of(convert, counted=bool(convert.total)) if convert else None,
        )
