"""Body and answer of the bulk operation (contract, documents 4.5)."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from chartbridge.features.documents import bulk
from chartbridge.http.metadata import MetadataBody


class BulkBody(MetadataBody):
    """What may stand in the body of a bulk request; it may be absent, or bare pairs of metadata."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"metadata": {"visit": "42"}}]})


class BulkRun(BaseModel):
    """A run that was started, or that is under way already."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"status": "processing", "requestId": "0196f0e0-0000-7000-8000-000000000000"}]
        }
    )

    status: bulk.Status = Field(description="processing: the URLs are still to come")
    requestId: str = Field(description="comes back as meta.requestId of the messages")
