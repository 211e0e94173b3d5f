"""Taking in files that are PUT to a presigned URL of our own, whatever the object store is.

What the URL's key names decides who takes the file: each feature that hands out such URLs has an
:class:`UploadKind`. A file is written to disk while it arrives, so its size is no matter of memory.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from chartbridge.config import Settings
from chartbridge.errors import BadRequestError, ForbiddenError, PayloadTooLargeError
from chartbridge.http.context import CurrentPlatform
from chartbridge.platform import Platform
from chartbridge.storage.signing import PATH_PREFIX, InvalidSignatureError

ARRIVES_WITHIN_S = 600
_PART_BYTES = 1 << 20
"""What is kept in memory of a file that arrives."""


@dataclass(frozen=True, slots=True)
class UploadKind:
    """Files of one kind. ``is_for`` tells by the key of a URL whether it is for one; ``limit`` is the most
    bytes; ``expect`` raises a DomainError when no file is taken there now, before it is read; ``take_in`` is
    given the platform, the key, the file at its start and the Content-Type that came with it."""

    is_for: Callable[[str], bool]
    limit: Callable[[Settings], int]
    expect: Callable[[Platform, str], None]
    take_in: Callable[[Platform, str, IO[bytes], str | None], None]


def router(kinds: Sequence[UploadKind]) -> APIRouter:
    """The route that takes files of those kinds."""
    files = APIRouter(include_in_schema=False)

    @files.put(PATH_PREFIX + "{key:path}")
    async def receive_file(request: Request, platform: CurrentPlatform, key: str) -> Response:
        """Take an announced file; 200 without a body once it is kept."""
        try:
            platform.store.verify_upload(key, request.query_params)
        except InvalidSignatureError as error:
            raise ForbiddenError(f"Access is forbidden: {error}") from None
        kind = next((kind for kind in kinds if kind.is_for(key)), None)
        if kind is None:
            raise ForbiddenError
        await run_in_threadpool(kind.expect, platform, key)
        with tempfile.SpooledTemporaryFile(max_size=_PART_BYTES) as file:
            await _receive(request, file, kind.limit(platform.settings))
            sent_type = request.headers.get("content-type")
            await run_in_threadpool(kind.take_in, platform, key, file, sent_type)
        return Response()

    return files


async def _receive(request: Request, file: IO[bytes], limit: int) -> None:
    """Write the body to ``file``, however its length was told, and go back to the file's start.

    Raises PayloadTooLargeError, and BadRequestError for a body that does not arrive whole in time.
    """
    too_large = PayloadTooLargeError(f"The file is larger than {limit} bytes")
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > limit:
        raise too_large
    waiting, total = bytearray(), 0
    try:
        async with asyncio.timeout(ARRIVES_WITHIN_S):
            async for part in request.stream():
                waiting += part
                total += len(part)
                if total > limit:
                    raise too_large
                if len(waiting) >= _PART_BYTES:
                    await run_in_threadpool(file.write, bytes(waiting))
                    waiting.clear()
    except TimeoutError:
        raise BadRequestError(f"The file did not arrive within {ARRIVES_WITHIN_S} seconds") from None
    except ClientDisconnect:
        raise BadRequestError("The file did not arrive whole") from None
    file.write(waiting)
    file.seek(0)
