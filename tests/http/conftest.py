"""The whole application, called in this process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from chartbridge.app import create_app
from chartbridge.auth import create_key
from chartbridge.config import Settings
from chartbridge.platform import Platform


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Small limits, so that tests can pass them, and an origin that is not the test client's."""
    return settings.model_copy(
        update={
            "max_json_body_bytes": 5_000,
            "max_convert_body_bytes": 20_000,
            "public_url": "https://charts.example.org/",
            "sandbox_max_patients": 1_000,
        }
    )


@pytest.fixture
def key(platform: Platform) -> str:
    return create_key(platform.db, "sandbox")


@pytest.fixture
def client(platform: Platform, key: str) -> Iterator[TestClient]:
    with TestClient(create_app(platform), headers={"x-api-key": key}, follow_redirects=False) as caller:
        yield caller
