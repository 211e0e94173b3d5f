"""What all messages are made of."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

Url = Annotated[
    dict[str, Any],
    WithJsonSchema({"type": "string", "format": "uri", "description": "presigned; needs no key"}),
]
"""Where the receiver finds a URL: made by :func:`chartbridge.features.webhooks.links.link`."""

Instant = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
Day = Annotated[str, WithJsonSchema({"type": "string", "format": "date"})]
Resource = Annotated[
    dict[str, Any],
    WithJsonSchema(
        {
            "type": "object",
            "properties": {"resourceType": {"type": "string", "description": "the type of the resource"}},
        }
    ),
]


class Content(BaseModel):
    """Base of all that is sent."""

    model_config = ConfigDict(extra="forbid")


class PatientKeys(Content):
    """How messages name a patient."""

    patientId: str = Field(description="the patient's id")
    externalId: str | None = Field(None, description="the caller's own id of the patient")
    additionalIds: dict[str, list[str]] | None = Field(None, description="ids in other systems, by source")
