"""All rows of a patient, whatever feature they belong to: no table can be forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, inspect, select
from sqlalchemy.orm import Mapper

from chartbridge.db.model import Base, TenantOwned
from chartbridge.db.tenancy import TenantSession

PATIENTS = "patients"
_AT_A_TIME = 100


def table_names() -> list[str]:
    """Names of the tables whose rows belong to a patient: those that refer to one, and those that refer to
    such a row."""
    return sorted(_conditions("-"))


def rows(session: TenantSession, patient_id: str, table: str) -> Iterator[dict[str, Any]]:
    """The patient's rows of that table, in the order of their keys, as column names and values."""
    condition = _conditions(patient_id)[table]
    mapper = _mappers()[table]
    query = select(mapper.class_).where(condition).order_by(*mapper.primary_key)
    names = [attribute.key for attribute in mapper.column_attrs]
    found = session.scalars(query.execution_options(yield_per=_AT_A_TIME))
    for row in found:
        yield {name: getattr(row, name) for name in names}
        session.expunge(row)


def _mappers() -> dict[str, Mapper[Any]]:
    found = (inspect(model) for model in TenantOwned.__subclasses__() if issubclass(model, Base))
    return {mapper.local_table.description: mapper for mapper in found}


def _conditions(patient_id: str) -> dict[str, ColumnElement[bool]]:
    """By table, what makes a row the patient's."""
    mappers = _mappers()
    known: dict[str, ColumnElement[bool]] = {PATIENTS: mappers[PATIENTS].class_.id == patient_id}
    while True:
        new = {
            name: condition
            for name, mapper in mappers.items()
            if name not in known and (condition := _through(mapper, mappers, known)) is not None
        }
        if not new:
            return known
        known |= new


def _through(
    mapper: Mapper[Any], mappers: dict[str, Mapper[Any]], known: dict[str, ColumnElement[bool]]
) -> ColumnElement[bool] | None:
    """The condition by the first foreign key that leads to a table whose rows are known."""
    for column in mapper.local_table.columns:
        for key in column.foreign_keys:
            parent = key.column.table.description
            if parent in known:
                own = getattr(mapper.class_, mapper.get_property_by_column(column).key)
                target = mappers[parent].class_
                whose = getattr(target, mappers[parent].get_property_by_column(key.column).key)
                condition: ColumnElement[bool] = own.in_(select(whose).where(known[parent]))
                return condition
    return None
