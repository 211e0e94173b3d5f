"""Metadata of asynchronous operations, echoed in their webhooks (conventions 1.9)."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, StringConstraints, model_validator

MAX_ENTRIES = 50

Key = Annotated[str, StringConstraints(min_length=1, max_length=40)]
Value = Annotated[str, StringConstraints(max_length=500)]


def _bounded(value: object) -> object:
    if isinstance(value, dict) and len(value) > MAX_ENTRIES:
        raise ValueError("Record has too many properties")
    return value


Metadata = Annotated[dict[Key, Value], BeforeValidator(_bounded)]


class MetadataBody(BaseModel):
    """A body that may carry metadata, or be absent."""

    metadata: Metadata | None = Field(None, description="echoed as meta.data in the webhooks")

    @model_validator(mode="before")
    @classmethod
    def _bare_pairs(cls, data: Any) -> Any:
        """The Python SDK's type invites bare pairs in place of ``{"metadata": {…}}``: take them as such."""
        if isinstance(data, dict) and data and not {"metadata", "hie"} & set(data):
            return {"metadata": {k: v for k, v in data.items() if isinstance(v, str)}}
        return data
