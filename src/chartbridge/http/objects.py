"""Serving the objects of a local store to holders of a presigned URL."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse

from chartbridge.errors import ForbiddenError, NotFoundError
from chartbridge.http.context import CurrentPlatform
from chartbridge.storage.disposition import disposition
from chartbridge.storage.signing import PATH_PREFIX, InvalidSignatureError

_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"

router = APIRouter(include_in_schema=False)


@router.get(PATH_PREFIX + "{key:path}")
def read_object(request: Request, platform: CurrentPlatform, key: str) -> FileResponse:
    """The bytes. A document is somebody else's content: a browser must not run anything in it."""
    try:
        granted = platform.store.verify("GET", key, request.query_params)
    except InvalidSignatureError as error:
        raise ForbiddenError(f"Access is forbidden: {error}") from None
    path = platform.store.local_path(granted.key)
    if not path.is_file():
        raise NotFoundError("Could not find object")
    shown = disposition(granted.content_type, inline=granted.inline)
    return FileResponse(
        path,
        media_type=granted.content_type,
        filename=granted.filename or path.name,
        content_disposition_type=shown,
        headers={
            "Content-Security-Policy": _POLICY,
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, no-store",
        },
    )
