"""The one place that knows the tenant.

:class:`TenantSession` adds ``account_id = … AND environment = …`` to every ORM statement that reads,
updates or deletes a :class:`TenantOwned` entity, in joins and subqueries too, and stamps the tenant
on every new row. Without a tenant such a statement raises :class:`MissingTenantError`. What it cannot
see are statements on bare tables (``Model.__table__``, ``text``): features must not use them, which
a test holds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, Self, get_args

from sqlalchemy import Select, Table, and_, bindparam, event, inspect
from sqlalchemy.orm import ORMExecuteState, Session, UOWTransaction, with_loader_criteria
from sqlalchemy.orm.interfaces import ORMOption
from sqlalchemy.sql import visitors

from chartbridge.db.model import TenantOwned

Environment = Literal["sandbox", "production"]
ENVIRONMENTS: tuple[Environment, ...] = get_args(Environment)


class MissingTenantError(RuntimeError):
    """A tenant's rows were asked for in a session that has no tenant: a programming error."""


class WrongTenantError(RuntimeError):
    """A row of one tenant was about to be written in the session of another."""


class ReadOnlySessionError(RuntimeError):
    """A session that was opened for reading was about to write: a programming error."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """An account in one environment; what every row, object key and job belongs to."""

    account_id: str
    environment: Environment

    def __str__(self) -> str:
        return f"{self.environment}/{self.account_id}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Back from ``str(tenant)``, as jobs carry it. Raises ValueError."""
        environment, _, account_id = text.partition("/")
        for known in ENVIRONMENTS:
            if environment == known and account_id:
                return cls(account_id, known)
        raise ValueError("not a tenant")


class TenantSession(Session):
    """A session for one tenant, or for none where only the platform's own tables are touched."""

    @property
    def tenant(self) -> Tenant:
        tenant: Tenant | None = self.info.get("tenant")
        if tenant is None:
            raise MissingTenantError("this session was opened without a tenant")
        return tenant


def refuse_if_read_only(session: Session) -> None:
    """Raise ReadOnlySessionError in a session that was opened for reading."""
    if session.info.get("read_only"):
        raise ReadOnlySessionError("a read session was written to")


def _touches_tenant_rows(state: ORMExecuteState) -> bool:
    """Whether a tenant's table stands anywhere in the statement; ``all_mappers`` knows the outermost only."""
    return _names_tenant_tables(state.statement)


def _names_tenant_tables(statement: Any) -> bool:
    tables = {inspect(model).local_table for model in TenantOwned.__subclasses__()}
    return any(isinstance(part, Table) and part in tables for part in visitors.iterate(statement))


@event.listens_for(TenantSession, "do_orm_execute")
def _scope_statement(state: ORMExecuteState) -> None:
    tenant: Tenant | None = state.session.info.get("tenant")
    if state.is_insert or state.is_update or state.is_delete:
        refuse_if_read_only(state.session)
    if tenant is None:
        if _touches_tenant_rows(state):
            raise MissingTenantError("a tenant's rows were asked for without a tenant")
        return
    if state.is_insert:
        _check_inserted(state, tenant)
        return
    if state.is_update and isinstance(state.parameters, list):
        # SQLAlchemy's bulk update by primary key takes no criteria, so it would reach any tenant's rows.
        raise WrongTenantError("update rows with a WHERE clause, not by a list of primary keys")
    state.statement = state.statement.options(_criteria(tenant))


@lru_cache(maxsize=4096)
def _criteria(tenant: Tenant) -> ORMOption:
    """What every statement of the tenant is given; made once: making it takes time."""
    account_id, environment = tenant.account_id, str(tenant.environment)
    return with_loader_criteria(
        TenantOwned,
        lambda cls: and_(cls.account_id == account_id, cls.environment == environment),
        include_aliases=True,
    )


def for_any_tenant(statement: Select[Any]) -> tuple[Select[Any], bool]:
    """The statement with the criteria that a session would add, the tenant left open, and whether it reads
    what tenants own: then ``tenant_parameters`` must be among its parameters, or it fails."""
    criteria = with_loader_criteria(
        TenantOwned,
        lambda cls: and_(
            cls.account_id == bindparam("tenant_account_id"),
            cls.environment == bindparam("tenant_environment"),
        ),
        include_aliases=True,
    )
    return statement.options(criteria), _names_tenant_tables(statement)


def tenant_parameters(tenant: Tenant) -> dict[str, str]:
    """What a statement made by ``for_any_tenant`` is executed with."""
    return {"tenant_account_id": tenant.account_id, "tenant_environment": tenant.environment}


def _check_inserted(state: ORMExecuteState, tenant: Tenant) -> None:
    """A Core-style insert of tenant rows must carry the tenant in its parameters (see ``tenant_values``)."""
    if not _touches_tenant_rows(state):
        return
    parameters: Any = state.parameters
    rows: Iterable[Any] = parameters if isinstance(parameters, list) else [parameters or {}]
    for row in rows:
        if row.get("account_id") != tenant.account_id or row.get("environment") != tenant.environment:
            raise WrongTenantError("an insert must name this session's tenant in its parameters")


@event.listens_for(TenantSession, "before_flush")
def _stamp_rows(session: Session, _context: UOWTransaction, _instances: object) -> None:
    tenant: Tenant | None = session.info.get("tenant")
    if session.new or session.deleted or session.dirty:
        refuse_if_read_only(session)
    for row in (*session.new, *session.dirty, *session.deleted):
        if not isinstance(row, TenantOwned):
            continue
        if tenant is None:
            raise MissingTenantError("a tenant's row was written without a tenant")
        owner: tuple[str | None, str | None] = (row.account_id, row.environment)
        if row in session.new and owner == (None, None):
            row.account_id, row.environment = tenant.account_id, tenant.environment
        if (row.account_id, row.environment) != (tenant.account_id, tenant.environment):
            raise WrongTenantError("a row of another tenant was about to be written")


def tenant_values(tenant: Tenant) -> dict[str, str]:
    """The columns a Core-style insert adds to its parameters."""
    return {"account_id": tenant.account_id, "environment": tenant.environment}
