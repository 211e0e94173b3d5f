"""Reading JSON bodies as the contract says (conventions 1.3), and writing answers."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any

import orjson
from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.exceptions import HTTPException

_ESCAPED_NUL = rb"\u0000"
_BACKSLASH = ord("\\")


MAX_VALUES = 20_000
"""How many values a body may hold, contributions aside: each may be wrong, and to tell of a wrong one takes a
thousand times its own size, on the event loop."""


class JsonRequest(Request):
    """A request whose missing or ``null`` body reads as ``{}``.

    Text with a NUL character is refused: no database keeps it; and so is a body nested too deeply.
    """

    async def body(self) -> bytes:
        return await super().body() or b"{}"

    async def json(self) -> Any:
        data = await self.body()
        if _has_nul(data):
            raise HTTPException(400, "Text must not contain the NUL character")
        if data.count(b",") >= MAX_VALUES and not self.scope.get("state", {}).get("many_values"):
            raise HTTPException(400, f"Request body must not have more than {MAX_VALUES} values")
        try:
            value = orjson.loads(data)
        except orjson.JSONDecodeError as error:
            raise json.JSONDecodeError("invalid JSON", "", 0) from error
        if not _can_be_written(value):
            raise HTTPException(400, "Request body is nested too deeply")
        return {} if value is None else value


def _can_be_written(value: Any) -> bool:
    """orjson reads a thousand levels, but writes a quarter of them: what cannot be stored or answered again
    is refused here, for all operations."""
    try:
        orjson.dumps(value)
    except TypeError:
        return False
    return True


def _has_nul(data: bytes) -> bool:
    """Whether JSON text has an escaped NUL: one whose backslash is not itself escaped.

    Read here, on the event loop, so it takes milliseconds for 50 MB: a regular expression takes seconds, in
    which nobody else is answered.
    """
    place = data.find(_ESCAPED_NUL)
    while place >= 0:
        before = place
        while before > 0 and data[before - 1] == _BACKSLASH:
            before -= 1
        if (place - before) % 2 == 0:
            return True
        place = data.find(_ESCAPED_NUL, place + len(_ESCAPED_NUL))
    return False


class JsonRoute(APIRoute):
    """The route class of all JSON operations."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, self._written(endpoint), **options)

    def _written(self, endpoint: Callable[..., Any]) -> Callable[..., Any]:
        """``endpoint`` with its answer already JSON where it is what the operation declares to answer.

        A model was validated when it was made. Left to itself, FastAPI would validate and write it again in
        another thread, which takes longer than many an operation.
        """
        if inspect.iscoroutinefunction(endpoint):
            return endpoint

        @wraps(endpoint)
        def answer(**values: Any) -> Any:
            result = endpoint(**values)
            if not isinstance(result, BaseModel) or type(result) is not self.response_model:
                return result
            content = result.__pydantic_serializer__.to_json(
                result,
                by_alias=self.response_model_by_alias,
                include=self.response_model_include,
                exclude=self.response_model_exclude,
                exclude_unset=self.response_model_exclude_unset,
                exclude_defaults=self.response_model_exclude_defaults,
                exclude_none=self.response_model_exclude_none,
            )
            return Response(content, self.status_code or 200, media_type="application/json")

        return answer

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def with_json_request(request: Request) -> Response:
            return await handle(JsonRequest(request.scope, request.receive))

        return with_json_request
