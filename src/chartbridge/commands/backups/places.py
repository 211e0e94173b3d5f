"""Where an embedded installation keeps what a backup holds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sqlalchemy import make_url

from chartbridge.config import Settings

DATABASE = "chartbridge.sqlite"
OBJECTS = "objects"
SECRET = "secret.key"  # noqa: S105 - the file's name
TERMINOLOGY = "terminology"


class BackupError(Exception):
    """The backup cannot be made, is not whole, or cannot be restored; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Places:
    """Paths of an installation's parts; ``None`` for what it does not keep itself."""

    data_dir: Path
    database: Path
    objects: Path
    secret: Path | None
    terminology: Path | None

    @classmethod
    def of(cls, settings: Settings) -> Places:
        """Raises BackupError for PostgreSQL and for a cloud's store, whose own tools copy them."""
        url = make_url(settings.db_url)
        store = urlsplit(settings.store_url)
        if url.get_backend_name() != "sqlite" or url.database is None or store.scheme != "file":
            raise BackupError(
                "this command is for SQLite with a folder of objects; "
                "how to back up PostgreSQL and a bucket is in docs/backup.md"
            )
        data_dir, terminology = settings.resolved_data_dir, settings.resolved_terminology_dir
        return cls(
            data_dir,
            Path(url.database).resolve(),
            Path(unquote(store.path)).resolve(),
            data_dir / SECRET if settings.secret_key is None else None,
            terminology if data_dir in terminology.parents else None,
        )

    def by_name(self) -> dict[str, Path]:
        """Each part by its name in a backup, in the order in which they are put back: once the database is
        there, all is."""
        parts = {OBJECTS: self.objects, TERMINOLOGY: self.terminology, SECRET: self.secret}
        return {name: path for name, path in parts.items() if path is not None} | {DATABASE: self.database}
