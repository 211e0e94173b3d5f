"""The error envelope (conventions 1.5), and the answers that do not use it."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionError
from starlette.exceptions import HTTPException

from chartbridge.errors import (
    DomainError,
    InvalidParametersError,
    PatientLockedError,
    RateLimitedError,
    SandboxPatientCapError,
)
from chartbridge.http.validation import describe_issues
from chartbridge.logs import without_values
from chartbridge.observability import metrics
from chartbridge.storage import ObjectNotFoundError, StorageError

log = structlog.get_logger(__name__)

APOLOGY = "Oops, something went wrong. Please try again later."
UNAVAILABLE = "The service cannot reach its database or object store. Please try again later."
_NAMES = {413: "PAYLOAD_TOO_LARGE", 414: "URI_TOO_LONG", 422: "UNPROCESSABLE_ENTITY"}
"""Where Python's own names are others, or change from version to version."""

_UNREACHABLE = (OperationalError, InterfaceError, NoConnectionError, StorageError)


class ErrorEnvelope(BaseModel):
    """What went wrong, in the form every operation uses."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "status": 404,
                    "name": "NOT_FOUND",
                    "title": "NotFoundError",
                    "detail": "Could not find patient",
                }
            ]
        }
    )

    status: int = Field(description="HTTP status")
    name: str = Field(description="HTTP reason constant")
    title: str = Field(description="stable class of the error")
    detail: str = Field(description="what happened this time")
    additionalInfo: dict[str, Any] | None = Field(None, description="ids and values involved")


def envelope(status: int, title: str, detail: str, info: dict[str, Any] | None = None) -> JSONResponse:
    """An error answer in the contract's form."""
    name = _NAMES.get(status) or HTTPStatus(status).name
    body: dict[str, Any] = {"status": status, "name": name, "title": title, "detail": detail}
    if info:
        body["additionalInfo"] = info
    return JSONResponse(body, status)


def answers(descriptions: Mapping[int, str]) -> dict[int | str, dict[str, Any]]:
    """Errors of an operation for its OpenAPI description, by status; each is an :class:`ErrorEnvelope`."""
    return {
        status: {"model": ErrorEnvelope, "description": description}
        for status, description in descriptions.items()
    }


def forbidden() -> JSONResponse:
    """The gateway's answer to a missing, unknown, revoked or expired key."""
    return JSONResponse({"message": "Forbidden"}, 403)


def _domain_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, DomainError)
    if isinstance(error, RateLimitedError):
        return PlainTextResponse(error.detail, 429)
    if isinstance(error, SandboxPatientCapError):
        return JSONResponse({"message": error.detail}, error.status)
    if isinstance(error, PatientLockedError):
        return JSONResponse(error.detail, error.status)
    return envelope(error.status, error.title, error.detail, error.info or None)


def _validation_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return envelope(400, InvalidParametersError.title, describe_issues(error.errors()))


def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404 and "endpoint" not in request.scope:
        return JSONResponse({"message": "Not Found"}, 404)
    if error.status_code == 400:
        return envelope(400, "BadRequestError", str(error.detail))
    response = envelope(error.status_code, "MetriportError", str(error.detail))
    response.headers.update(error.headers or {})
    return response


def unexpected_error(request: Request, error: Exception) -> Response:
    """An answer that tells nothing of the inside; the log tells the type and place, never the data."""
    log.error(
        "unexpected error",
        method=metrics.known_method(request.method),
        route=getattr(request.scope.get("route"), "path", None),
        error=type(error).__name__,
        exc_info=without_values(error),
    )
    if isinstance(error, _UNREACHABLE) and not isinstance(error, ObjectNotFoundError):
        return envelope(503, "MetriportError", UNAVAILABLE)
    return envelope(500, "InternalServerError", APOLOGY)


def install(app: FastAPI) -> None:
    app.add_exception_handler(DomainError, _domain_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
