"""Draft a migration from the difference between the models and a database at the newest migration.

Usage: python scripts/new_migration.py "what changes". Read and correct the draft before committing it.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.config import Config

from chartbridge import app
from chartbridge.db import Base, Database
from chartbridge.db.migrate import MIGRATIONS


def main(message: str) -> None:
    assert app.ROUTERS  # importing the application is what makes all models known
    with tempfile.TemporaryDirectory() as folder:
        db = Database(f"sqlite:///{Path(folder) / 'draft.sqlite'}")
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["metadata"] = Base.metadata
        with db.engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        with db.engine.begin() as connection:
            config.attributes["connection"] = connection
            count = len(list((MIGRATIONS / "versions").glob("[0-9]*.py"))) + 1
            command.revision(config, message, autogenerate=True, rev_id=f"{count:04d}")
        db.dispose()


if __name__ == "__main__":
    main(sys.argv[1])
