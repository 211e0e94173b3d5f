"""The same caller as the tests of patients have."""

from tests.patients.conftest import api, app, clinic, settings

__all__ = ["api", "app", "clinic", "settings"]
