"""Bulk runs as tests start them."""

from __future__ import annotations

from typing import Any

from chartbridge.features.accounts import service as accounts
from tests.running import Caller, Json, World
from tests.support.client import M

PATH = f"{M}/document/download-url/bulk"


def ask(api: Caller, patient: str, body: Any = None) -> Json:
    """The answer of a start."""
    answer: Json = api.post(PATH, body, patientId=patient)
    return answer


def page_by_page(world: World, api: Caller) -> None:
    """Have the account's URLs sent in pages."""
    with world.platform.db.write(world.tenant(api)) as session:
        accounts.settings(session).document_url_pages = True
