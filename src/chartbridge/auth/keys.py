"""Making, checking, listing and revoking API keys (conventions 1.2)."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import func, select

from chartbridge.auth.models import Account, ApiKey
from chartbridge.db import Database, Environment, Tenant, TenantSession
from chartbridge.ids import utcnow

MAX_ACTIVE_KEYS = 2
DEFAULT_ACCOUNT = "default"
_KEY_ID_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"


class KeyLimitError(Exception):
    """The account has as many active keys in this environment as it may have."""


class UnknownKeyError(Exception):
    """No active key has that id."""


@dataclass(frozen=True, slots=True)
class ApiKeyInfo:
    """A key without its secret."""

    id: str
    account: str
    environment: str
    created_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Caller:
    """Whom a key belongs to."""

    tenant: Tenant
    key_id: str
    medical_api_enabled: bool


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def default_account(db: Database, name: str = DEFAULT_ACCOUNT) -> str:
    """The id of the account of that name, made when there is none."""
    with db.write(None) as session:
        return _account(db, session, name).id


def _account(db: Database, session: TenantSession, name: str) -> Account:
    db.lock(session, "account", name)
    account = session.scalars(select(Account).where(Account.name == name)).one_or_none()
    if account is None:
        account = Account(name=name)
        session.add(account)
        session.flush()
    return account


def create_key(db: Database, environment: Environment, account_name: str = DEFAULT_ACCOUNT) -> str:
    """A new key's text, which cannot be had again. Raises KeyLimitError at two active keys."""
    key_id = "".join(secrets.choice(_KEY_ID_ALPHABET) for _ in range(12))
    secret = secrets.token_urlsafe(32)
    with db.write(None) as session:
        account = _account(db, session, account_name)
        db.lock(session, "api-keys", account.id, environment)
        active = session.scalar(
            select(func.count())
            .select_from(ApiKey)
            .where(
                ApiKey.account_id == account.id,
                ApiKey.environment == environment,
                ApiKey.revoked_at.is_(None),
            )
        )
        if (active or 0) >= MAX_ACTIVE_KEYS:
            raise KeyLimitError(
                f"account {account_name} already has {MAX_ACTIVE_KEYS} active {environment} keys; "
                "revoke one first"
            )
        session.add(
            ApiKey(id=key_id, account_id=account.id, environment=environment, secret_sha256=_hash(secret))
        )
    return f"cb.{environment}.{key_id}.{secret}"


def authenticate(db: Database, key: str) -> Caller | None:
    """Whom the key belongs to; None when it is malformed, unknown or revoked."""
    parts = key.split(".")
    if len(parts) != 4 or parts[0] != "cb" or not key.isascii() or "\0" in key:
        return None
    _, environment, key_id, secret = parts
    with db.read(None) as session:
        row = session.execute(
            select(ApiKey, Account)
            .join(Account, Account.id == ApiKey.account_id)
            .where(ApiKey.id == key_id, ApiKey.revoked_at.is_(None))
        ).one_or_none()
    if row is None:
        return None
    api_key, account = row
    if not hmac.compare_digest(api_key.secret_sha256, _hash(secret)) or api_key.environment != environment:
        return None
    tenant = Tenant(account.id, cast(Environment, api_key.environment))
    return Caller(tenant, api_key.id, account.medical_api_enabled)


def list_keys(db: Database) -> list[ApiKeyInfo]:
    """All keys, newest first, revoked ones too."""
    with db.read(None) as session:
        rows = session.execute(
            select(ApiKey, Account)
            .join(Account, Account.id == ApiKey.account_id)
            .order_by(ApiKey.created_at.desc(), ApiKey.id)
        ).all()
        return [ApiKeyInfo(k.id, a.name, k.environment, k.created_at, k.revoked_at) for k, a in rows]


def revoke_key(db: Database, key_id: str) -> None:
    """From now on the key is refused. ``key_id`` may be the whole key. Raises UnknownKeyError."""
    parts = key_id.split(".")
    bare = parts[2] if len(parts) == 4 else key_id
    with db.write(None) as session:
        api_key = session.get(ApiKey, bare)
        if api_key is None or api_key.revoked_at is not None:
            raise UnknownKeyError(f"no active key has the id {bare}")
        api_key.revoked_at = utcnow()
