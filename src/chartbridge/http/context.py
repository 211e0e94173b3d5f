"""What an operation asks of its request: the platform, the tenant, version tags, query values."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, cast

from fastapi import Depends, Header, Request

from chartbridge.auth.keys import Caller
from chartbridge.db import Tenant
from chartbridge.errors import BadRequestError, VersionMismatchError
from chartbridge.platform import Platform

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


# Coroutines, though they wait for nothing: each plain function would cost a request a change of threads.
async def _platform(request: Request) -> Platform:
    return cast(Platform, request.app.state.platform)


async def _caller(request: Request) -> Caller:
    return cast(Caller, request.state.caller)


async def _tenant(request: Request) -> Tenant:
    return cast(Caller, request.state.caller).tenant


CurrentPlatform = Annotated[Platform, Depends(_platform)]
CurrentCaller = Annotated[Caller, Depends(_caller)]
CurrentTenant = Annotated[Tenant, Depends(_tenant)]
IfMatch = Annotated[str | None, Header(alias="If-Match", description="the eTag the object must still have")]


def truth(text: str | None) -> bool | None:
    """A query boolean: only ``true`` counts as true; absent stays absent."""
    return None if text is None else text.strip().lower() == "true"


def required(value: str | None, name: str) -> str:
    """A query value that must be there. Raises BadRequestError in the contract's words."""
    if value is None or not value.strip():
        raise BadRequestError(f"Missing {name} query param")
    return value.strip()


def query_date(text: str | None) -> date | None:
    """``YYYY-MM-DD``, or BadRequestError."""
    if text is None or text == "":
        return None
    try:
        if not _DATE.fullmatch(text):
            raise ValueError(text)
        return date.fromisoformat(text)
    except ValueError:
        raise BadRequestError(f"Date must be in format YYYY-MM-DD - got {text}") from None


def check_etag(current: str, header: str | None, body: str | None = None) -> None:
    """Raise VersionMismatchError when the caller's tag (the header wins) is not the current one."""
    given = header if header is not None else body
    if given is not None and given.strip().strip('"') != current:
        raise VersionMismatchError()
