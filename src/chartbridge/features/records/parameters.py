"""The filters of requests for consolidated data, as the query string gives them (contract, 6.1 and 6.4)."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from chartbridge.consolidate.resource_types import parse_resource_types
from chartbridge.errors import BadRequestError, InvalidParametersError
from chartbridge.features.records.reading import Filters
from chartbridge.http.context import query_date, required

Types = Annotated[str | None, Query(description="comma-separated types of resources; all unless given")]
FirstDay = Annotated[str | None, Query(description="first day, YYYY-MM-DD, in UTC and inclusive")]
LastDay = Annotated[str | None, Query(description="last day, YYYY-MM-DD, in UTC and inclusive")]


def filters(resources: str | None, date_from: str | None, date_to: str | None) -> Filters:
    """Raises BadRequestError for an unknown type and for a day that is none."""
    try:
        types = parse_resource_types(resources)
    except ValueError as error:
        raise BadRequestError(str(error)) from None
    return Filters(types, query_date(date_from), query_date(date_to))


def conversion_type(text: str | None, accepted: tuple[str, ...]) -> str:
    """Raises BadRequestError when it is missing, InvalidParametersError for another than those."""
    kind = required(text, "conversionType")
    if kind not in accepted:
        expected = " | ".join(f"'{name}'" for name in accepted)
        raise InvalidParametersError(
            f"Invalid enum value. Expected {expected}, received '{kind[:100]}', on [conversionType]"
        )
    return kind
