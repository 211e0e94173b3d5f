"""Statements that are made with nearly every request, executed without what the ORM adds to each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

from sqlalchemy import Connection, Dialect, Select

from chartbridge.db.tenancy import MissingTenantError, Tenant, for_any_tenant, tenant_parameters


class Lookup:
    """A query of columns, whose values are text in named ``bindparam``; made once, when a module is loaded.

    Where it reads what tenants own, it is given the tenant's criteria as any session's statement is.
    """

    def __init__(self, statement: Select[Any]) -> None:
        self._statement, self._is_of_tenant = for_any_tenant(statement)
        self._texts: dict[str, str] = {}

    def rows(
        self, connection: Connection, tenant: Tenant | None, values: Mapping[str, str]
    ) -> Sequence[Sequence[Any]]:
        """All rows; an instant is aware, in whatever zone the database tells it.

        Raises MissingTenantError, and SQLAlchemy's errors.
        """
        if self._is_of_tenant:
            if tenant is None:
                raise MissingTenantError("a tenant's rows were asked for without a tenant")
            values = {**values, **tenant_parameters(tenant)}
        if connection.dialect.name != "postgresql":  # the driver itself knows neither JSON nor instants
            return connection.execute(self._statement, values).all()
        try:
            return self._ask_driver(connection, values)
        except connection.dialect.loaded_dbapi.Error:
            # Asked the usual way it succeeds, or fails with an error that is known everywhere, and a
            # connection that broke is replaced.
            return connection.execute(self._statement, values).all()

    def _ask_driver(self, connection: Connection, values: Mapping[str, str]) -> Sequence[Sequence[Any]]:
        with closing(connection.connection.cursor()) as cursor:
            cursor.execute(self._text(connection.dialect), values)
            return cursor.fetchall()

    def _text(self, dialect: Dialect) -> str:
        text = self._texts.get(dialect.name)
        if text is None:
            compiled = self._statement.compile(dialect=dialect)
            fixed = {name for name, value in compiled.params.items() if value is not None}
            if fixed or "POSTCOMPILE" in str(compiled):
                raise ValueError("a lookup's values must be named parameters")
            text = self._texts[dialect.name] = str(compiled)
        return text
