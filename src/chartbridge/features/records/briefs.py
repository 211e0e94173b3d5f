"""How the brief of a patient's chart is made, and what a model wrote of it last."""

from __future__ import annotations

import hashlib

import orjson

from chartbridge.db import Tenant
from chartbridge.features.patients import service as patients
from chartbridge.features.records.brief_task import BriefInput, Written
from chartbridge.ids import utcnow
from chartbridge.platform import Platform
from chartbridge.storage import ObjectNotFoundError, keys

VERSION = "1"
"""Of the rules by which briefs are made; another one has all charts made again."""


def wanted(platform: Platform, tenant: Tenant, patient_id: str) -> BriefInput | None:
    """How the brief is to be made; None when there is to be none."""
    settings = platform.settings
    if settings.brief_provider == "off":
        return None
    today = utcnow().date().isoformat()
    if settings.brief_provider == "extractive":
        return BriefInput(today)
    asked = (settings.brief_provider, settings.brief_endpoint or "", settings.brief_model or "")
    return BriefInput(today, asked, _kept(platform, tenant, patient_id))


def fingerprint(given: BriefInput | None) -> bytes:
    """Equal for charts whose briefs are made in the same way; the day does not count."""
    if given is None:
        return b"no brief"
    text = given.written.text if given.written else None
    digest = given.written.digest if given.written and text else None
    return hashlib.sha256(orjson.dumps([VERSION, given.asked, digest, text])).digest()


def keep(platform: Platform, tenant: Tenant, patient_id: str, written: Written) -> None:
    """Keep what a model wrote, in place of what it wrote before. A patient deleted meanwhile takes it
    along."""
    content = orjson.dumps({"digest": written.digest, "text": written.text})
    platform.store.put(keys.brief(tenant, patient_id), content, content_type="application/json")
    patients.swept_if_gone(platform, tenant, patient_id)


def forget(platform: Platform, tenant: Tenant, patient_id: str) -> None:
    """Keep nothing of what a model wrote."""
    platform.store.delete(keys.brief(tenant, patient_id))


def _kept(platform: Platform, tenant: Tenant, patient_id: str) -> Written | None:
    try:
        value = orjson.loads(platform.store.get(keys.brief(tenant, patient_id)))
    except ObjectNotFoundError:
        return None
    return Written(value["digest"], value["text"])
