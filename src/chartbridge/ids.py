"""Identifiers, time stamps and version tags in the contract's formats (conventions 1.4, 1.6)."""

from __future__ import annotations

import hashlib
import secrets
import string
import uuid
from datetime import UTC, datetime

import uuid_utils

_NANOID_ALPHABET = string.ascii_letters + string.digits + "_-"


def new_id() -> str:
    """A UUID version 7: lower-case, ordered by time of creation."""
    return str(uuid_utils.uuid7())


def new_message_id() -> str:
    """A UUID version 4, as webhook messages carry."""
    return str(uuid.uuid4())


def nanoid(length: int = 21) -> str:
    """``length`` random characters that are safe in URLs."""
    return "".join(secrets.choice(_NANOID_ALPHABET) for _ in range(length))


def new_oid() -> str:
    """A globally unique OID in the arc that ITU-T X.667 reserves for UUIDs (2.25)."""
    return f"2.25.{uuid.uuid4().int}"


def utcnow() -> datetime:
    return datetime.now(UTC)


def timestamp(moment: datetime) -> str:
    """ISO-8601 in UTC with milliseconds, ``2026-01-31T09:15:00.000Z``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def etag(object_id: str, version: int) -> str:
    """The version tag of a stored object: hex MD5 of ``<id>_<version>`` (an identifier, no secret)."""
    return hashlib.md5(f"{object_id}_{version}".encode(), usedforsecurity=False).hexdigest()
