"""Serving the reference and the AsyncAPI document."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, JSONResponse, Response

from chartbridge.http.pages.reference import render

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "public, max-age=300",
}


def install(app: FastAPI, *, messages: dict[str, Any]) -> None:
    """Serve ``/docs`` from the application's OpenAPI document and the AsyncAPI document ``messages``,
    and that one as ``/asyncapi.json``. Neither needs a key."""

    @cache
    def reference() -> str:
        return render(app.openapi(), messages)

    def docs() -> HTMLResponse:
        return HTMLResponse(reference(), headers=HEADERS)

    def stylesheet() -> Response:
        css = files(__package__).joinpath("reference.css").read_text(encoding="utf-8")
        return Response(css, media_type="text/css", headers=HEADERS)

    def asyncapi() -> JSONResponse:
        return JSONResponse(messages)

    for path, page in (("/docs", docs), ("/docs/reference.css", stylesheet), ("/asyncapi.json", asyncapi)):
        app.add_api_route(path, page, methods=["GET"], include_in_schema=False)
