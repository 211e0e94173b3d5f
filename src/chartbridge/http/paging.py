"""Pages whose cursor is an item's id, newest first (conventions 1.7)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar
from urllib.parse import urlencode

from fastapi import Depends, Query
from pydantic import BaseModel, Field
from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import InstrumentedAttribute

from chartbridge.db import TenantSession
from chartbridge.errors import BadRequestError

T = TypeVar("T")
DEFAULT_COUNT = 50
MAX_COUNT = 500


class PageMeta(BaseModel):
    """Where a page lies in its list."""

    itemsOnPage: int
    itemsInTotal: int | None = Field(None, description="on the first page only")
    nextPage: str | None = Field(None, description="URL of the older items, when there are any")
    prevPage: str | None = Field(None, description="URL of the newer items, when there are any")


@dataclass(frozen=True, slots=True)
class PageRequest:
    from_item: str | None
    to_item: str | None
    count: int


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Items, newest first. The cursors are ids."""

    items: list[T]
    next_from: str | None
    prev_to: str | None
    total: int | None
    count: int

    def meta(self, url: str, filters: Mapping[str, str | None]) -> PageMeta:
        """``url`` is the list's own address without a query; ``filters`` the caller's other values."""
        kept = {k: v for k, v in filters.items() if v}

        def link(name: str, item: str | None) -> str | None:
            if item is None:
                return None
            return f"{url}?{urlencode({name: item, 'count': self.count, **kept})}"

        return PageMeta(
            itemsOnPage=len(self.items),
            itemsInTotal=self.total,
            nextPage=link("fromItem", self.next_from),
            prevPage=link("toItem", self.prev_to),
        )


async def _page_request(
    fromItem: Annotated[
        str | None, Query(description="first item of the page; goes on to older ones")
    ] = None,
    toItem: Annotated[str | None, Query(description="last item of the page")] = None,
    count: Annotated[str | None, Query(description="items on a page, 50 unless given, 500 at most")] = None,
) -> PageRequest:
    if fromItem and toItem:
        raise BadRequestError("Either fromItem or toItem can be provided, but not both")
    return PageRequest(fromItem or None, toItem or None, parse_count(count))


PageQuery = Annotated[PageRequest, Depends(_page_request)]


def parse_count(text: str | None, maximum: int = MAX_COUNT) -> int:
    """The page size asked for. Raises BadRequestError out of range."""
    if text is None or not text.strip():
        return DEFAULT_COUNT
    try:
        count = int(text)
    except ValueError:
        raise BadRequestError("Count has to be a number") from None
    if count < 0:
        raise BadRequestError("Count has to be greater than or equal to 0")
    if count > maximum:
        raise BadRequestError(f"Count has to be less than or equal to {maximum}")
    return count or DEFAULT_COUNT


def paginate(
    session: TenantSession,
    statement: Select[T],
    id_column: InstrumentedAttribute[str],
    page: PageRequest,
    *,
    total: Callable[[], int] | None = None,
    is_search: bool = False,
) -> Page[T]:
    """Run ``statement`` (filters set, not ordered) for one page.

    One surplus row is read to tell whether more follow. ``total`` tells how many items there are in all,
    where that is known without counting what the statement finds. ``is_search`` says that it finds its rows
    by an index of their content: then the first page's rows and their number come from one run of it. A
    database left to itself might walk through all rows, newest first, for the few that are wanted.
    """
    if page.to_item:
        ascending = statement.where(id_column >= page.to_item).order_by(id_column.asc())
        rows = list(session.scalars(ascending.limit(page.count + 1)))
        items = list(reversed(rows[: page.count]))
        newer = _id(rows[page.count], id_column) if len(rows) > page.count else None
        older = _nearest(session, statement.where(id_column < page.to_item), id_column, id_column.desc())
    elif is_search and not page.from_item:
        rows, found = _search(session, statement, id_column, page.count + 1)
        older = _id(rows[page.count], id_column) if len(rows) > page.count else None
        return Page(rows[: page.count], older, None, found or None, page.count)
    else:
        newer = None
        descending = statement.order_by(id_column.desc())
        if page.from_item:
            descending = descending.where(id_column <= page.from_item)
            newer = _nearest(session, statement.where(id_column > page.from_item), id_column, id_column.asc())
        rows = list(session.scalars(descending.limit(page.count + 1)))
        items = rows[: page.count]
        older = _id(rows[page.count], id_column) if len(rows) > page.count else None
    number = None
    if newer is None and items:
        if older is None:
            number = len(items)
        else:
            number = total() if total else _count(session, statement, id_column)
    return Page(items, older, newer, number, page.count)


def _search(
    session: TenantSession, statement: Select[T], id_column: InstrumentedAttribute[str], limit: int
) -> tuple[list[T], int]:
    """The newest items, and how many there are in all."""
    found = (
        statement.with_only_columns(id_column.label("id"))
        .cte("found")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    number = select(func.count()).select_from(found).scalar_subquery()
    newest = session.execute(select(found.c.id, number).order_by(found.c.id.desc()).limit(limit)).all()
    if not newest:
        return [], 0
    rows = (
        select(id_column.class_).where(id_column.in_([row[0] for row in newest])).order_by(id_column.desc())
    )
    return list(session.scalars(rows)), newest[0][1]


def _nearest(
    session: TenantSession,
    beyond: Select[T],
    id_column: InstrumentedAttribute[str],
    order: ColumnElement[str],
) -> str | None:
    """The id of the first item beyond the page."""
    return session.scalar(beyond.with_only_columns(id_column).order_by(order).limit(1))


def _count(session: TenantSession, statement: Select[T], id_column: InstrumentedAttribute[str]) -> int:
    ids = statement.with_only_columns(id_column).subquery()
    return session.scalar(select(func.count()).select_from(ids)) or 0


def _id(item: object, id_column: InstrumentedAttribute[str]) -> str:
    return str(getattr(item, id_column.key))
