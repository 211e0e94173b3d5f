"""The directory: listing, importing, counting and clearing. Shared by all accounts of an environment."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnElement, and_, delete, false, func, not_, or_, select

from chartbridge.db import Database, Environment
from chartbridge.features.directory import sample, storing
from chartbridge.features.directory.entries import Network
from chartbridge.features.directory.models import NetworkEntry as NetworkEntry
from chartbridge.http.paging import Page, PageRequest, paginate
from chartbridge.search import filters


def list_entries(
    db: Database,
    environment: Environment,
    page: PageRequest,
    *,
    text: str | None = None,
    npi: str | None = None,
    oids: Sequence[str] = (),
    supports_messaging: bool = False,
    active: bool | None = None,
) -> Page[NetworkEntry]:
    """Entries, those entered last first. All that is given must hold: ``oids`` each name the one entry.

    An empty sandbox directory is filled with the sample first. Raises BadRequestError for a filter beyond
    the limits.
    """
    conditions: list[ColumnElement[bool]] = [NetworkEntry.environment == environment]
    if text and text.strip():
        conditions.append(_matching(text))
    if npi:
        conditions.append(NetworkEntry.npi == npi)
    conditions += [NetworkEntry.oid == oid for oid in oids]
    if supports_messaging:
        conditions.append(NetworkEntry.supports_messaging.is_(True))
    if active is not None:
        conditions.append(NetworkEntry.active.is_(active))
    ensure_sample(db, environment)
    with db.read(None) as session:
        return paginate(session, select(NetworkEntry).where(*conditions), NetworkEntry.id, page)


def _matching(text: str) -> ColumnElement[bool]:
    """The condition for entries that the filter finds; conventions 1.8."""

    def holds(term: filters.Term) -> ColumnElement[bool]:
        found = NetworkEntry.search_text.like(filters.pattern(term))
        return not_(found) if term.negated else found

    return or_(false(), *(and_(*map(holds, terms)) for terms in filters.parse(text)))


def ensure_sample(db: Database, environment: Environment) -> None:
    """Fill an empty sandbox directory with the sample. Any number of processes may do so at once."""
    if environment != "sandbox" or _has_entries(db, environment):
        return
    for network, entries in sample.entries().items():
        storing.store(db, environment, network, entries, keep_existing=True)


def _has_entries(db: Database, environment: Environment) -> bool:
    with db.read(None) as session:
        first = select(NetworkEntry.id).where(NetworkEntry.environment == environment).limit(1)
        return session.scalar(first) is not None


def count_entries(db: Database) -> dict[tuple[str, str], int]:
    """How many entries there are by environment and network."""
    with db.read(None) as session:
        groups = (NetworkEntry.environment, NetworkEntry.network)
        rows = session.execute(select(*groups, func.count()).group_by(*groups).order_by(*groups))
        return {(environment, network): number for environment, network, number in rows}


def clear(db: Database, environment: Environment, networks: Iterable[Network]) -> int:
    """Delete the entries of those networks; returns how many there were."""
    wanted = and_(
        NetworkEntry.environment == environment, NetworkEntry.network.in_([str(name) for name in networks])
    )
    with db.write(None) as session:
        number = session.scalar(select(func.count()).select_from(NetworkEntry).where(wanted)) or 0
        session.execute(delete(NetworkEntry).where(wanted))
    return number
