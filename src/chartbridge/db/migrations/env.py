"""Alembic's entry point; the connection comes from :mod:`chartbridge.db.migrate`."""

from typing import Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext

from chartbridge.db.model import Json, UtcDateTime


def render_item(kind: str, item: object, _context: AutogenContext) -> str | Literal[False]:
    """Migrations spell our column types with SQLAlchemy's own, so that they never change with the models."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and item is Json:
        return "JSON"
    return False


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=context.config.attributes.get("metadata"),
    render_item=render_item,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
