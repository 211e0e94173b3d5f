"""The database: SQLite in WAL mode by default, PostgreSQL by URL, the same code on both.

In: a SQLAlchemy URL. Out: sessions. Every row of a tenant is a :class:`TenantOwned` entity, and a
session opened for a tenant sees and writes that tenant's rows only; a session without a tenant may
not touch them at all. That rule is kept here, once, and features cannot get round it by forgetting.
"""

from chartbridge.db.engine import Database
from chartbridge.db.lookup import Lookup
from chartbridge.db.model import Base, Json, TenantOwned, UtcDateTime, Versioned
from chartbridge.db.tenancy import Environment, Tenant, TenantSession

__all__ = [
    "Base",
    "Database",
    "Environment",
    "Json",
    "Lookup",
    "Tenant",
    "TenantOwned",
    "TenantSession",
    "UtcDateTime",
    "Versioned",
]
