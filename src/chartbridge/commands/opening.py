"""Opening the platform for one command. Without the API's and the workflows' code, which takes seconds to
import."""

from __future__ import annotations

import os

from chartbridge import logs
from chartbridge.commands.console import fail
from chartbridge.config import ConfigurationError, Settings
from chartbridge.platform import Platform, migrate


def open_platform(settings: Settings) -> Platform:
    """The platform with its database migrated; ends the command with a clear error when it can't be."""
    os.umask(0o077)  # what is written here is about patients
    logs.configure(settings)
    try:
        migrate(settings)
        return Platform.open(settings)
    except ConfigurationError as error:
        fail(str(error))
    except Exception as error:  # noqa: BLE001 - any driver's error; the message may hold a password
        fail(f"the database could not be opened ({type(error).__name__}); `chartbridge doctor` says more")
