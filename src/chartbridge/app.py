"""Assembly: the API from its features. No logic."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from chartbridge import __version__
from chartbridge.auth import authenticate
from chartbridge.features.bulk import api as bulk_api
from chartbridge.features.bulk import receiving as bulk_receiving
from chartbridge.features.cohorts import api as cohorts_api
from chartbridge.features.converter import api as converter_api
from chartbridge.features.directory import api as directory_api
from chartbridge.features.documents import api as documents_api
from chartbridge.features.documents import bulk_api as documents_bulk_api
from chartbridge.features.documents import uploads_api as documents_uploads_api
from chartbridge.features.facilities import api as facilities_api
from chartbridge.features.organizations import api as organizations_api
from chartbridge.features.patients import api as patients_api
from chartbridge.features.queries import api as queries_api
from chartbridge.features.records import api as records_api
from chartbridge.features.records import search_api as records_search_api
from chartbridge.features.webhooks import api as webhooks_api
from chartbridge.features.webhooks import asyncapi
from chartbridge.features.webhooks import messages_api as webhooks_messages_api
from chartbridge.http import errors, objects, openapi, pages, uploads
from chartbridge.http import health as probes
from chartbridge.http.gateway import Gateway
from chartbridge.http.observing import Observing
from chartbridge.observability.readiness import Readiness
from chartbridge.platform import Platform

ROUTERS = (
    organizations_api.router,
    facilities_api.router,
    bulk_api.router,  # before the patients, whose ids stand where its `bulk` does
    patients_api.router,
    cohorts_api.router,
    records_api.router,
    records_search_api.router,
    queries_api.router,
    documents_api.router,
    documents_bulk_api.router,
    directory_api.router,
    converter_api.router,
    webhooks_api.router,
    webhooks_messages_api.router,
)


def create_app(platform: Platform) -> FastAPI:
    """The API. It enqueues jobs; a worker must run somewhere to do them."""
    app = FastAPI(
        title="Chartbridge",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        strict_content_type=False,
        generate_unique_id_function=openapi.provisional_id,
    )
    app.state.platform = platform
    app.state.readiness = Readiness.of(platform)
    for router in ROUTERS:
        app.include_router(router)
    app.include_router(webhooks_api.router, prefix="/medical/v1", include_in_schema=False)
    app.include_router(webhooks_messages_api.router, prefix="/medical/v1", include_in_schema=False)
    app.include_router(objects.router)
    app.include_router(uploads.router((documents_uploads_api.FILES, bulk_receiving.FILES)))
    app.include_router(probes.router)
    app.add_api_route(
        "/", health, methods=["GET"], summary="Health", tags=["Health"], responses=openapi.HEALTH
    )
    errors.install(app)
    openapi.install(app, origin=platform.settings.origin)
    pages.install(app, messages=asyncapi.document())
    app.add_middleware(
        Gateway,
        authenticate=lambda key: authenticate(platform.db, key),
        max_json_body=platform.settings.max_json_body_bytes,
        max_convert_body=platform.settings.max_convert_body_bytes,
    )
    app.add_middleware(Observing)
    app.add_middleware(
        CORSMiddleware, allow_origins=["*"], allow_methods=["*"], allow_headers=["*"], expose_headers=["*"]
    )
    return app


def health(request: Request) -> Response:
    """Whether the server answers; needs no key."""
    if "application/json" in request.headers.get("accept", ""):
        return JSONResponse({"status": "OK"})
    return PlainTextResponse("OK")
