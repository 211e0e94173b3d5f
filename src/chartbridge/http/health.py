"""``GET /health`` and ``GET /ready``: for load balancers and orchestrators; no key is needed."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from chartbridge.observability.readiness import OK, SLOW, UNAVAILABLE, Readiness

router = APIRouter(tags=["Health"])

_STATE = {"type": "string", "description": "OK, or in a few words what is not well"}
_HEALTHY: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "the process answers",
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {"status": {"const": OK, "description": "it answers"}},
                    "required": ["status"],
                },
                "example": {"status": OK},
            }
        },
    }
}


def _verdict(description: str, status: str, database: str) -> dict[str, Any]:
    return {
        "description": description,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "status": {"const": status, "description": "whether requests can be served"},
                        "parts": {
                            "type": "object",
                            "description": "what was looked at",
                            "properties": {"database": _STATE, "objects": _STATE},
                            "required": ["database", "objects"],
                        },
                    },
                    "required": ["status", "parts"],
                },
                "example": {"status": status, "parts": {"database": database, "objects": OK}},
            }
        },
    }


_READY: dict[int | str, dict[str, Any]] = {
    200: _verdict("requests can be served", OK, OK),
    503: _verdict("requests cannot be served at the moment", UNAVAILABLE, SLOW),
}
_NO_STORE = {"cache-control": "no-store"}


@router.get("/health", summary="Liveness", responses=_HEALTHY)
async def liveness() -> Response:
    """Whether the process answers. It looks at nothing else: a process must not be restarted because its
    database is away."""
    return JSONResponse({"status": OK}, headers=_NO_STORE)


@router.get("/ready", summary="Readiness", responses=_READY)
async def readiness(request: Request) -> Response:
    """Whether requests can be served: the database answers and its schema fits, and the object store
    answers. Found out at most once a second, in two seconds at most."""
    parts: Readiness = request.app.state.readiness
    verdict = parts.kept()
    if verdict is None:
        # Not in the threads of the requests, all of which may be waiting for that same database.
        verdict = await asyncio.to_thread(parts.verdict)
    return JSONResponse(verdict.body(), 200 if verdict.is_ready else 503, headers=_NO_STORE)
