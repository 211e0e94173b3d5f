"""Insert or update in one statement, the same on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import and_, inspect
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import InstrumentedAttribute

from chartbridge.db.model import TenantOwned
from chartbridge.db.tenancy import TenantSession, WrongTenantError, refuse_if_read_only, tenant_values
from chartbridge.ids import utcnow

T = TypeVar("T")


def _insert(session: TenantSession, target: Any, model: Any, values: Mapping[str, Any]) -> Any:
    row: dict[str, Any] = dict(values)
    if issubclass(model, TenantOwned):
        now = utcnow()
        row = {"created_at": now, "updated_at": now, **row, **tenant_values(session.tenant)}
    dialect = session.get_bind().dialect.name
    build: Any = sqlite.insert if dialect == "sqlite" else postgresql.insert
    return build(target), row


def upsert(
    session: TenantSession,
    model: Any,
    values: Mapping[str, Any],
    *,
    key: Sequence[str],
    update: Mapping[str, Any],
    returning: InstrumentedAttribute[T],
) -> T:
    """Insert the row, or apply ``update`` to the one that has the same ``key``; gives back a column.

    Raises WrongTenantError when the row that has the key is another tenant's.
    """
    statement, row = _insert(session, model, model, values)
    ours = None
    if issubclass(model, TenantOwned):
        ours = and_(*(getattr(model, name) == value for name, value in tenant_values(session.tenant).items()))
    statement = statement.on_conflict_do_update(
        index_elements=list(key), set_=dict(update), where=ours
    ).returning(returning)
    found = session.execute(statement, row).one_or_none()
    if found is None:
        raise WrongTenantError("the row that has this key belongs to another tenant")
    result: T = found[0]
    return result


def insert_new(session: TenantSession, model: Any, values: Mapping[str, Any], *, key: Sequence[str]) -> bool:
    """Insert the row unless one with the same ``key`` exists. True when it was inserted."""
    statement, row = _insert(session, model, model, values)
    statement = statement.on_conflict_do_nothing(index_elements=list(key)).returning(*_columns(model, key))
    return session.execute(statement, row).first() is not None


def insert_all_new(
    session: TenantSession, model: Any, rows: Sequence[Mapping[str, Any]], *, key: Sequence[str]
) -> None:
    """Insert the rows, however many, but those whose ``key`` exists. Each row names the same columns.

    Without the entities' machinery, which looks at every value of every row twice more; so the tenant is
    put into each row here.
    """
    if not rows:
        return
    refuse_if_read_only(session)
    statement, first = _insert(session, inspect(model).local_table, model, rows[0])
    common = {name: value for name, value in first.items() if name not in rows[0]}
    owner = tenant_values(session.tenant) if issubclass(model, TenantOwned) else {}
    parameters = [{**common, **row, **owner} for row in rows]
    session.connection().execute(statement.on_conflict_do_nothing(index_elements=list(key)), parameters)


def _columns(model: Any, names: Sequence[str]) -> list[Any]:
    return [getattr(model, name) for name in names]
