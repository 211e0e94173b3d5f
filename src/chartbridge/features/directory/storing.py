"""Writing entries: many in one statement, by OID."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import case, func, inspect, null, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from chartbridge.db import Database, Environment, TenantSession
from chartbridge.features.directory.entries import Entry, Network
from chartbridge.features.directory.models import NetworkEntry
from chartbridge.ids import new_id, utcnow

BATCH = 1000
MAX_DEPTH = 20
_KEY = ("environment", "oid")
_LEFT_ON_UPDATE = frozenset({"id", "created_at", "updated_at", "root_organization", *_KEY})


def store(
    db: Database,
    environment: Environment,
    network: Network,
    entries: Sequence[Entry],
    *,
    keep_existing: bool = False,
) -> None:
    """Enter the entries, in place of those that have the same OID unless these are to be kept.

    An entry that says what is stored already changes nothing; of two with one OID the last counts.
    """
    now = utcnow()
    rows = {
        entry.oid: {
            **entry.values(),
            "id": new_id(),
            "environment": environment,
            "network": str(network),
            "created_at": now,
            "updated_at": now,
        }
        for entry in entries
    }
    if not rows:
        return
    build: Any = sqlite.insert if db.is_sqlite else postgresql.insert
    statement = build(NetworkEntry)
    statement = (
        statement.on_conflict_do_nothing(index_elements=list(_KEY)) if keep_existing else _updating(statement)
    )
    with db.write(None) as session:
        # In one order, lest two imports at once wait for each other.
        session.execute(statement, [rows[oid] for oid in sorted(rows)])


def _updating(statement: Any) -> Any:
    given = statement.excluded
    names = [column.key for column in inspect(NetworkEntry).column_attrs if column.key not in _LEFT_ON_UPDATE]
    # A root that the row does not tell was found by following managers; it holds as long as they do.
    root = case(
        (given.root_organization.is_not(None), given.root_organization),
        (given.managing_org_oid.is_distinct_from(NetworkEntry.managing_org_oid), null()),
        else_=NetworkEntry.root_organization,
    )
    changed = or_(
        *(getattr(NetworkEntry, name).is_distinct_from(given[name]) for name in names),
        NetworkEntry.root_organization.is_distinct_from(root),
    )
    values = {name: given[name] for name in names}
    return statement.on_conflict_do_update(
        index_elements=list(_KEY),
        set_={**values, "root_organization": root, "updated_at": given.updated_at},
        where=changed,
    )


def deactivate(db: Database, environment: Environment, oids: Sequence[str]) -> None:
    """Mark those of the entries that are there as no longer active."""
    with db.write(None) as session:
        for start in range(0, len(oids), BATCH):
            session.execute(
                update(NetworkEntry)
                .where(
                    NetworkEntry.environment == environment,
                    NetworkEntry.oid.in_(oids[start : start + BATCH]),
                    NetworkEntry.active,
                )
                .values(active=False, updated_at=utcnow())
            )


def name_roots(db: Database, environment: Environment) -> None:
    """Give each managed entry the name of the organization at the top of its managers, as far as the
    directory knows them. What is kept in memory grows with the number of managers only."""
    with db.read(None) as session:
        managers = _managers(session, environment)
    named = [(oid, name) for oid in managers if (name := _root_name(oid, managers)) is not None]
    for start in range(0, len(named), BATCH):
        with db.write(None) as session:
            for oid, name in named[start : start + BATCH]:
                session.execute(
                    update(NetworkEntry)
                    .where(
                        NetworkEntry.environment == environment,
                        NetworkEntry.managing_org_oid == oid,
                        NetworkEntry.root_organization.is_distinct_from(name),
                    )
                    .values(root_organization=name, updated_at=utcnow())
                )


Managers = dict[str, tuple[str | None, str | None]]


def _managers(session: TenantSession, environment: Environment) -> Managers:
    """Name and manager of each organization that manages another; nothing of one that has no entry."""
    managing = select(NetworkEntry.managing_org_oid).where(
        NetworkEntry.environment == environment, NetworkEntry.managing_org_oid.is_not(None)
    )
    found: Managers = {str(oid): (None, None) for oid in session.scalars(managing.distinct())}
    rows = session.execute(
        select(NetworkEntry.oid, NetworkEntry.name, NetworkEntry.managing_org_oid).where(
            NetworkEntry.environment == environment, NetworkEntry.oid.in_(managing)
        )
    )
    return found | {oid: (name, manager) for oid, name, manager in rows}


def _root_name(oid: str, managers: Managers) -> str | None:
    """The name at the end of the chain, or the last that is known; a chain may be broken, or a circle."""
    name: str | None = None
    for place in _chain(oid, managers):
        name = managers[place][0] or name
    return name


def _chain(oid: str, managers: Managers) -> Iterator[str]:
    seen: set[str] = set()
    while oid in managers and oid not in seen and len(seen) < MAX_DEPTH:
        seen.add(oid)
        yield oid
        oid = managers[oid][1] or ""


def number_of(db: Database, environment: Environment) -> int:
    """How many entries the environment has."""
    with db.read(None) as session:
        counted = select(func.count()).select_from(NetworkEntry)
        return session.scalar(counted.where(NetworkEntry.environment == environment)) or 0
