"""Reading JSON bodies as the contract says (conventions 1.3)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Coroutine
from typing import Any

import orjson
from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

_ESCAPED_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


class JsonRequest(Request):
    """A request whose missing or ``null`` body reads as ``{}``.

    Text with a NUL character is refused: no database keeps it. orjson bounds the depth.
    """

    async def body(self) -> bytes:
        return await super().body() or b"{}"

    async def json(self) -> Any:
        data = await self.body()
        if _ESCAPED_NUL.search(data):
            raise HTTPException(400, "Text must not contain the NUL character")
        try:
            value = orjson.loads(data)
        except orjson.JSONDecodeError as error:
            raise json.JSONDecodeError("invalid JSON", "", 0) from error
        return {} if value is None else value


class JsonRoute(APIRoute):
    """The route class of all JSON operations."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def with_json_request(request: Request) -> Response:
            return await handle(JsonRequest(request.scope, request.receive))

        return with_json_request
