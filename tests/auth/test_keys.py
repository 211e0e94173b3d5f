"""API keys: made, checked, listed, revoked."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import MetaData, select, update

from chartbridge.auth import (
    KeyLimitError,
    UnknownKeyError,
    authenticate,
    create_key,
    default_account,
    list_keys,
    revoke_key,
)
from chartbridge.auth.models import Account
from chartbridge.db import Database
from chartbridge.ids import utcnow
from chartbridge.platform import Platform


@pytest.fixture
def db(platform: Platform) -> Database:
    return platform.db


def key_id(key: str) -> str:
    return key.split(".")[2]


def test_a_key_tells_account_and_environment(db: Database) -> None:
    for environment in ("sandbox", "production"):
        caller = authenticate(db, create_key(db, environment))
        assert caller is not None
        assert caller.tenant.environment == environment
        assert caller.tenant.account_id == default_account(db)
        assert caller.medical_api_enabled
    other = authenticate(db, create_key(db, "sandbox", "Other Clinic"))
    assert other is not None
    assert other.tenant.account_id == default_account(db, "Other Clinic") != default_account(db)


def test_an_account_has_two_active_keys_in_each_environment(db: Database) -> None:
    keys = [create_key(db, "sandbox"), create_key(db, "sandbox"), create_key(db, "production")]
    with pytest.raises(KeyLimitError, match="already has 2 active sandbox keys"):
        create_key(db, "sandbox")
    create_key(db, "sandbox", "other")
    revoke_key(db, key_id(keys[0]))
    create_key(db, "sandbox")
    with pytest.raises(KeyLimitError):
        create_key(db, "sandbox")
    assert all(authenticate(db, key) for key in keys[1:])


def test_keys_made_at_once_keep_to_the_limit(db: Database) -> None:
    def make(_: int) -> bool:
        try:
            create_key(db, "sandbox", "new account")
        except KeyLimitError:
            return False
        return True

    with ThreadPoolExecutor(6) as threads:
        assert sum(threads.map(make, range(6))) == 2
    assert len(list_keys(db)) == 2


def test_a_revoked_key_is_refused_at_once(db: Database) -> None:
    key, other = create_key(db, "sandbox"), create_key(db, "sandbox")
    assert authenticate(db, key)
    revoke_key(db, key)
    assert authenticate(db, key) is None
    assert authenticate(db, other)
    with pytest.raises(UnknownKeyError):
        revoke_key(db, key_id(key))
    with pytest.raises(UnknownKeyError):
        revoke_key(db, "unknown")


def test_a_key_that_was_changed_is_refused(db: Database) -> None:
    key, other = create_key(db, "sandbox"), create_key(db, "production")
    kind, environment, identity, secret = key.split(".")
    wrong = [
        "",
        " ",
        key[:-1],
        key + "x",
        key.upper(),
        f"{kind}.production.{identity}.{secret}",
        f"{kind}.{environment}.{key_id(other)}.{secret}",
        f"{kind}.{environment}.{identity}.",
        f"xx.{environment}.{identity}.{secret}",
        f"{environment}.{identity}.{secret}",
        f"{key}.more",
        f"{kind}.{environment}.{identity}.{secret}\0",
        f"{kind}.{environment}.{identity}é.{secret}",
        f"{kind}.{environment}.%.{secret}",
        f"{kind}.{environment}.' OR 1=1 --.{secret}",
        "." * 3,
        "a" * 100_000,
    ]
    assert [key for key in wrong if authenticate(db, key) is not None] == []
    assert authenticate(db, key)


def test_no_secret_is_kept(db: Database) -> None:
    secrets = [create_key(db, "sandbox").split(".")[3] for _ in range(2)]
    kept = MetaData()
    kept.reflect(db.engine, only=["accounts", "api_keys"])
    with db.engine.connect() as connection:
        content = repr([connection.execute(select(table)).all() for table in kept.sorted_tables])
    assert list_keys(db)[0].id in content
    assert not [secret for secret in secrets if secret in content]
    if db.is_sqlite:
        path = str(db.url.database)
        with open(path, "rb") as file, open(f"{path}-wal", "rb") as log:
            raw = file.read() + log.read()
        assert list_keys(db)[0].id.encode() in raw
        assert not [secret for secret in secrets if secret.encode() in raw]


def test_a_list_shows_no_secret_and_the_newest_first(db: Database) -> None:
    first, second = create_key(db, "sandbox"), create_key(db, "production", "other")
    revoke_key(db, first)
    listed = list_keys(db)
    assert [key.id for key in listed] == [key_id(second), key_id(first)]
    assert [key.account for key in listed] == ["other", "default"]
    assert [key.revoked_at is None for key in listed] == [True, False]
    assert all(key.split(".")[3] not in repr(listed) for key in (first, second))


def test_an_account_without_the_medical_api_is_known_by_its_key(db: Database) -> None:
    key = create_key(db, "sandbox")
    with db.write(None) as session:
        session.execute(update(Account).values(medical_api_enabled=False))
    caller = authenticate(db, key)
    assert caller is not None
    assert not caller.medical_api_enabled


def test_an_expired_key_is_refused_as_an_unknown_one_is(db: Database) -> None:
    over = create_key(db, "sandbox", expires_at=utcnow() - timedelta(seconds=1))
    soon = create_key(db, "sandbox", expires_at=utcnow() + timedelta(minutes=5))
    assert authenticate(db, over) is None
    assert authenticate(db, soon) is not None


def test_expired_keys_do_not_count_to_the_limit(db: Database) -> None:
    for _ in range(3):
        create_key(db, "sandbox", expires_at=utcnow() - timedelta(days=1))
    create_key(db, "sandbox", expires_at=utcnow() + timedelta(days=1))
    create_key(db, "sandbox")
    with pytest.raises(KeyLimitError):
        create_key(db, "sandbox")


def test_a_key_tells_whether_it_may_only_read(db: Database) -> None:
    full, read = create_key(db, "sandbox"), create_key(db, "sandbox", read_only=True)
    callers = [authenticate(db, key) for key in (full, read)]
    assert [caller and caller.read_only for caller in callers] == [False, True]
    listed = {key.id: (key.read_only, key.expires_at) for key in list_keys(db)}
    assert listed == {key_id(full): (False, None), key_id(read): (True, None)}
