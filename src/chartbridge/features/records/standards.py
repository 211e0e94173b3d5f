"""The terminology edition that charts are made with, by the settings' folder."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import structlog

from chartbridge.config import ConfigurationError, Settings
from chartbridge.errors import ServiceUnavailableError
from chartbridge.terminology import editions
from chartbridge.terminology.edition import Edition
from chartbridge.terminology.rows import TerminologyError
from chartbridge.terminology.standardise import STANDARDISATION_VERSION

log = structlog.get_logger(__name__)


class Standards(NamedTuple):
    """An edition's file, and what changes when the same resource would get other codes."""

    edition: Path
    fingerprint: bytes


class StandardsUnavailableError(ServiceUnavailableError):
    """No chart is made without standard codes: it would differ from the one made before and after."""

    def __init__(self) -> None:
        super().__init__("The chart cannot be made now: the server has no readable terminology edition")


def current(settings: Settings) -> Standards:
    """The edition in use, installed on first use. Raises StandardsUnavailableError, and logs why."""
    try:
        path = editions.current(settings.resolved_terminology_dir)
        return Standards(path, f"{STANDARDISATION_VERSION} {_id(path)}".encode())
    except (TerminologyError, OSError) as error:
        raise unavailable(error) from error


def unavailable(error: Exception) -> StandardsUnavailableError:
    """What is raised for an edition that cannot be read, once the log says why."""
    log.error("the terminology edition cannot be read", reason=str(error))
    return StandardsUnavailableError()


def checked(settings: Settings) -> Path:
    """The edition in use, for who would not begin without it.

    Raises ConfigurationError, which says what is wrong with it and what to do.
    """
    folder = settings.resolved_terminology_dir
    try:
        path = editions.current(folder)
        _id(path)
    except (TerminologyError, OSError) as error:
        raise ConfigurationError(
            f"charts need a terminology edition, and that in {folder} cannot be used: {error}; "
            "correct the folder's owner, set CHARTBRIDGE_TERMINOLOGY_DIR, or delete its file 'current' "
            "to begin again with the edition that came with Chartbridge and your imports"
        ) from error
    return path


@lru_cache(maxsize=8)
def _id(path: Path) -> str:
    """Of an edition file, which never changes once it is there."""
    with Edition.open(path) as edition:
        return edition.id
