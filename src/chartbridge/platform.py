"""What every feature is handed: settings, database, objects, jobs and processes, opened once."""

from __future__ import annotations

from dataclasses import dataclass

from chartbridge.config import Settings
from chartbridge.db import Database
from chartbridge.db.migrate import upgrade
from chartbridge.jobs.pool import CpuPool
from chartbridge.jobs.queue import SYSTEM_SCHEMA, JobQueue
from chartbridge.storage import ObjectStore, open_store


@dataclass(frozen=True, slots=True)
class Platform:
    settings: Settings
    db: Database
    store: ObjectStore
    jobs: JobQueue
    cpu: CpuPool

    @classmethod
    def open(cls, settings: Settings) -> Platform:
        """Open what the settings name; the database must have been migrated. Raises ConfigurationError."""
        db = Database(settings.db_url, pool_size=settings.database_pool_size)
        return cls(
            settings,
            db,
            open_store(settings),
            JobQueue(db),
            CpuPool(settings.conversion_processes, settings.conversion_timeout_s),
        )

    def close(self) -> None:
        self.cpu.close()
        self.jobs.close()
        self.db.dispose()


def migrate(settings: Settings) -> None:
    """Bring the database that the settings name to the present schema."""
    db = Database(settings.db_url)
    try:
        upgrade(db, system_schema=SYSTEM_SCHEMA)
    finally:
        db.dispose()
