"""Why a file cannot be used."""

from __future__ import annotations


class SheetError(Exception):
    """The whole file cannot be used. The text tells the caller why, and quotes nothing from the rows."""
