"""Pages whose cursor is an item's id, newest first (conventions 1.7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar
from urllib.parse import urlencode

from fastapi import Depends, Query
from pydantic import BaseModel, Field
from sqlalchemy import Select, func, select
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


def _page_request(
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
) -> Page[T]:
    """Run ``statement`` (filters set, not ordered) for one page.

    One surplus row is read to tell whether more follow.
    """
    wanted: Any = statement
    if page.to_item:
        rows = list(
            session.scalars(
                wanted.where(id_column >= page.to_item).order_by(id_column.asc()).limit(page.count + 1)
            )
        )
        newer = _id(rows[page.count], id_column) if len(rows) > page.count else None
        items = list(reversed(rows[: page.count]))
        older = session.scalar(
            select(func.max(id_column)).where(
                id_column.in_(statement.with_only_columns(id_column)), id_column < page.to_item
            )
        )
        total = _total(session, statement, id_column) if newer is None and items else None
        return Page(items, older, newer, total, page.count)
    if page.from_item:
        wanted = wanted.where(id_column <= page.from_item)
    rows = list(session.scalars(wanted.order_by(id_column.desc()).limit(page.count + 1)))
    older = _id(rows[page.count], id_column) if len(rows) > page.count else None
    newer = None
    if page.from_item:
        newer = session.scalar(
            select(func.min(id_column)).where(
                id_column.in_(statement.with_only_columns(id_column)), id_column > page.from_item
            )
        )
    total = _total(session, statement, id_column) if newer is None and rows else None
    return Page(rows[: page.count], older, newer, total, page.count)


def _total(session: TenantSession, statement: Select[T], id_column: InstrumentedAttribute[str]) -> int | None:
    return session.scalar(select(func.count()).select_from(statement.with_only_columns(id_column).subquery()))


def _id(item: object, id_column: InstrumentedAttribute[str]) -> str:
    return str(getattr(item, id_column.key))
