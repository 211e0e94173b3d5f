"""Making, checking, listing and revoking API keys (conventions 1.2)."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import and_, bindparam, func, or_, select

from chartbridge.auth.models import LIMITS_OF_TENANTS, Account, ApiKey
from chartbridge.db import Database, Environment, Lookup, Tenant, TenantSession
from chartbridge.ids import utcnow

MAX_ACTIVE_KEYS = 2
DEFAULT_ACCOUNT = "default"
_KEY_ID_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
_OWNER = Lookup(
    select(
        ApiKey.environment,
        ApiKey.secret_sha256,
        ApiKey.scope,
        ApiKey.expires_at,
        ApiKey.account_id,
        Account.medical_api_enabled,
        LIMITS_OF_TENANTS.c.rate_limits,
    )
    .join(Account, Account.id == ApiKey.account_id)
    .outerjoin(
        LIMITS_OF_TENANTS,
        and_(
            LIMITS_OF_TENANTS.c.account_id == ApiKey.account_id,
            LIMITS_OF_TENANTS.c.environment == ApiKey.environment,
        ),
    )
    .where(ApiKey.id == bindparam("key_id"), ApiKey.revoked_at.is_(None))
)


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
    read_only: bool
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Caller:
    """Whom a key belongs to. ``rate_limits`` are the calls a minute that the operator allows the tenant, by
    operation, where they are not the usual ones."""

    tenant: Tenant
    key_id: str
    medical_api_enabled: bool
    read_only: bool = False
    rate_limits: Mapping[str, int] = field(default_factory=dict)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def default_account(db: Database, name: str = DEFAULT_ACCOUNT) -> str:
    """The id of the account of that name, made when there is none."""
    with db.write(None) as session:
        return _account(db, session, name).id


def find_account(db: Database, name: str) -> str | None:
    """The id of the account of that name; None when there is none."""
    with db.glance(None) as session:
        return session.scalar(select(Account.id).where(Account.name == name))


def _account(db: Database, session: TenantSession, name: str) -> Account:
    db.lock(session, "account", name)
    account = session.scalars(select(Account).where(Account.name == name)).one_or_none()
    if account is None:
        account = Account(name=name)
        session.add(account)
        session.flush()
    return account


def create_key(
    db: Database,
    environment: Environment,
    account_name: str = DEFAULT_ACCOUNT,
    *,
    read_only: bool = False,
    expires_at: datetime | None = None,
) -> str:
    """A new key's text, which cannot be had again.

    A ``read_only`` key changes nothing; from ``expires_at`` on (never, when it is missing) the key is
    refused. Raises KeyLimitError at two active keys; revoked and expired ones do not count.
    """
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
                or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > utcnow()),
            )
        )
        if (active or 0) >= MAX_ACTIVE_KEYS:
            raise KeyLimitError(
                f"account {account_name} already has {MAX_ACTIVE_KEYS} active {environment} keys; "
                "revoke one first"
            )
        session.add(
            ApiKey(
                id=key_id,
                account_id=account.id,
                environment=environment,
                secret_sha256=_hash(secret),
                scope="read" if read_only else "full",
                expires_at=expires_at,
            )
        )
    return f"cb.{environment}.{key_id}.{secret}"


def authenticate(db: Database, key: str) -> Caller | None:
    """Whom the key belongs to; None when it is malformed, unknown, revoked or expired.

    Asks the database each time, so that revoking, and an account's new limits, act at once.
    """
    parts = key.split(".")
    if len(parts) != 4 or parts[0] != "cb" or not key.isascii() or "\0" in key:
        return None
    _, environment, key_id, secret = parts
    rows = db.look_up(_OWNER, None, {"key_id": key_id})
    if not rows:
        return None
    key_environment, sha256, scope, expires_at, account_id, medical_api_enabled, rate_limits = rows[0]
    if not hmac.compare_digest(sha256, _hash(secret)) or key_environment != environment:
        return None
    if expires_at is not None and expires_at <= utcnow():
        return None
    return Caller(
        Tenant(account_id, key_environment), key_id, medical_api_enabled, scope != "full", rate_limits or {}
    )


def list_keys(db: Database) -> list[ApiKeyInfo]:
    """All keys, newest first, revoked and expired ones too."""
    with db.read(None) as session:
        rows = session.execute(
            select(ApiKey, Account)
            .join(Account, Account.id == ApiKey.account_id)
            .order_by(ApiKey.created_at.desc(), ApiKey.id)
        ).all()
        return [
            ApiKeyInfo(
                k.id, a.name, k.environment, k.created_at, k.revoked_at, k.scope != "full", k.expires_at
            )
            for k, a in rows
        ]


def revoke_key(db: Database, key_id: str) -> None:
    """From now on the key is refused. ``key_id`` may be the whole key. Raises UnknownKeyError."""
    parts = key_id.split(".")
    bare = parts[2] if len(parts) == 4 else key_id
    with db.write(None) as session:
        api_key = session.get(ApiKey, bare)
        if api_key is None or api_key.revoked_at is not None:
            raise UnknownKeyError(f"no active key has the id {bare}")
        api_key.revoked_at = utcnow()
