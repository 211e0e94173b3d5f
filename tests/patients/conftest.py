"""A caller of the facility and patient operations, on each database."""

from __future__ import annotations

import pytest
from fastapi import FastAPI

from chartbridge.config import Settings
from chartbridge.platform import Platform
from tests.patients.caller import Caller, Json, application


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Without the limit that would end tests which write much; the limit has a test of its own."""
    return settings.model_copy(update={"rate_limits": {"patient-write": 100_000}})


@pytest.fixture
def app(platform: Platform) -> FastAPI:
    return application(platform)


@pytest.fixture
def api(app: FastAPI, platform: Platform) -> Caller:
    return Caller(app, platform)


@pytest.fixture
def clinic(api: Caller) -> Json:
    return api.facility()
