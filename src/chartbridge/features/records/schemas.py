"""What the operations on charts take and give (contract, consolidated)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, FailFast, Field, WithJsonSchema, field_validator
from pydantic.config import JsonDict

from chartbridge.features.records.contributions import Accepted
from chartbridge.features.records.service import ConsolidatedQuery
from chartbridge.http.validation import type_name
from chartbridge.ids import timestamp

Status = Literal["processing", "completed", "failed"]
ConversionType = Literal["json", "pdf", "html"]
_RESOURCE: JsonDict = {
    "type": "object",
    "description": "a FHIR R4 resource",
    "properties": {"resourceType": {"type": "string"}, "id": {"type": "string"}},
    "required": ["resourceType"],
    "additionalProperties": True,
}
Resource = Annotated[dict[str, Any], WithJsonSchema(_RESOURCE)]
_EXAMPLE: JsonDict = {
    "resourceType": "Bundle",
    "type": "collection",
    "entry": [
        {
            "resource": {
                "resourceType": "Observation",
                "id": "0d3b2f6e-5a64-4b0c-9e0a-6d5c1f1a7e21",
                "status": "final",
                "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}], "text": "Heart rate"},
                "subject": {"reference": "Patient/01990a52-7c1f-7d3a-8e55-0c6a6b1f0d11"},
                "effectiveDateTime": "2026-01-31T09:15:00Z",
                "valueQuantity": {
                    "value": 72,
                    "unit": "/min",
                    "system": "http://unitsofmeasure.org",
                    "code": "/min",
                },
            }
        }
    ],
}


class QueryDto(BaseModel):
    """One query; its result arrives by webhook."""

    requestId: str
    status: Status
    startedAt: str = Field(description="ISO-8601 in UTC")
    conversionType: ConversionType
    resources: list[str] = Field(description="empty: all")
    dateFrom: str | None = Field(None, description="first day, where one was given")
    dateTo: str | None = Field(None, description="last day, where one was given")

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


class QueryResult(BaseModel):
    """Where the files of a query are."""

    requestId: str
    status: Status
    fileUrl: str | None = Field(None, description="presigned, three minutes; absent when there is no file")
    gzipUrl: str | None = Field(None, description="the same file compressed; of JSON only")
    conversionType: ConversionType
    message: str | None = Field(None, description="why there is no file")

    @classmethod
    def of(cls, query: ConsolidatedQuery, urls: Mapping[str, str]) -> QueryResult:
        why = {
            "processing": "The query is still running",
            "failed": "The query failed",
            "completed": "Nothing fits the query, or its files are no longer kept",
        }
        given: dict[str, Any] = {
            "requestId": query.id,
            "status": query.status,
            "conversionType": query.conversion_type,
        }
        if query.conversion_type in urls:
            given["fileUrl"] = urls[query.conversion_type]
        else:
            given["message"] = why[query.status]
        if "json.gz" in urls:
            given["gzipUrl"] = urls["json.gz"]
        return cls.model_validate(given)


class BundleEntry(BaseModel):
    """An entry of a FHIR Bundle."""

    fullUrl: str = Field(description="urn:uuid: and the resource's id")
    resource: Resource


class Searchset(BaseModel):
    """A FHIR R4 Bundle with the resources asked for, those they refer to, and the current Patient."""

    resourceType: Literal["Bundle"]
    type: Literal["searchset"]
    total: int = Field(description="how many entries there are")
    entry: list[BundleEntry]


class CountFilter(BaseModel):
    """What was counted."""

    resources: str = Field(description='the types asked for, joined by commas, or "all"')
    dateFrom: str | None = Field(None, description="first day, where one was given")
    dateTo: str | None = Field(None, description="last day, where one was given")


class Count(BaseModel):
    """How many resources fit, those they refer to included; the Patient does not count."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "total": 7,
                    "resources": {"Condition": 4, "Observation": 3},
                    "filter": {"resources": "Condition,Observation", "dateFrom": "2024-01-01"},
                }
            ]
        }
    )

    total: int
    resources: dict[str, int] = Field(description="by type; types with none are left out")
    filter: CountFilter


def _resource_is_required(schema: JsonDict) -> None:
    """The default only has the validator run, whose words the contract gives."""
    schema["required"] = ["resource"]


class ContributedEntry(BaseModel):
    """A resource to put into the chart."""

    model_config = ConfigDict(json_schema_extra=_resource_is_required)

    resource: Resource = Field(default_factory=dict, validate_default=True)

    @field_validator("resource", mode="before")
    @classmethod
    def _is_resource(cls, value: Any) -> Any:
        if value is None or value == {}:
            raise ValueError("Resource is required")
        if isinstance(value, dict) and not isinstance(value.get("resourceType"), str):
            if "resourceType" not in value:
                raise ValueError("resourceType is required")
            raise ValueError(f"Expected string, received {type_name(value['resourceType'])}")
        return value


class Contribution(BaseModel):
    """FHIR R4 resources to be put into a patient's chart. Each needs an id that is a UUID."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    resourceType: Literal["Bundle"]
    type: Literal["collection", "searchset"] = Field(description="must be collection")
    entry: Annotated[list[ContributedEntry], FailFast()]  # a million wrong ones would take minutes to tell


class Outcome(BaseModel):
    """What is to be said of one resource."""

    resourceType: Literal["OperationOutcome"] = "OperationOutcome"


class EntryResponse(BaseModel):
    """What became of one resource."""

    status: Literal["201 Created"] = "201 Created"
    location: str = Field(description="<Type>/<id>/_history/<version>")
    etag: str = Field(description='W/"<version>"')
    lastModified: str = Field(description="FHIR instant")
    outcome: Outcome = Outcome()


class ResponseEntry(BaseModel):
    """The answer to one entry of the Bundle."""

    response: EntryResponse


class TransactionResponse(BaseModel):
    """A FHIR R4 Bundle: one entry for each resource that was stored, in the order given, without the
    Patient."""

    resourceType: Literal["Bundle"] = "Bundle"
    type: Literal["transaction-response"] = "transaction-response"
    entry: list[ResponseEntry]

    @classmethod
    def of(cls, accepted: list[Accepted]) -> TransactionResponse:
        return cls(
            entry=[
                ResponseEntry(
                    response=EntryResponse(
                        location=f"{a.resource_type}/{a.resource_id}/_history/{a.version}",
                        etag=f'W/"{a.version}"',
                        lastModified=a.given_at,
                    )
                )
                for a in accepted
            ]
        )


class SummaryUrl(BaseModel):
    """Where the medical record summary is."""

    url: str = Field(description="presigned, three minutes; needs no key")


class SummaryFormat(BaseModel):
    """Whether a medical record summary was made, and when."""

    exists: bool
    createdAt: str | None = Field(None, description="ISO-8601 in UTC")


class SummaryStatus(BaseModel):
    """When the newest medical record summaries were made, in two spellings of the same."""

    htmlCreatedAt: str | None = Field(None, description="absent when there is none")
    pdfCreatedAt: str | None = Field(None, description="absent when there is none")
    html: SummaryFormat
    pdf: SummaryFormat

    @classmethod
    def of(cls, made_at: Mapping[str, datetime]) -> SummaryStatus:
        given: dict[str, Any] = {"html": {"exists": False}, "pdf": {"exists": False}}
        for form, moment in made_at.items():
            given[f"{form}CreatedAt"] = timestamp(moment)
            given[form] = {"exists": True, "createdAt": timestamp(moment)}
        return cls.model_validate(given)
