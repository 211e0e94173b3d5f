"""How much a storm has to break. ``STORM=full`` asks for the size that docs/reliability.md reports."""

from __future__ import annotations

import os
from dataclasses import dataclass

REFUSED_EVERY = 10
"""So many rows of the import have one among them that is refused."""

PERSONAS = ("Jane", "Chris", "Ollie", "Andreas", "Kyla")


@dataclass(frozen=True)
class Scale:
    """How much is asked for, and how often each kind of trouble comes (``rounds``).

    ``queries``: network queries, each followed by a consolidated query: five webhooks each. ``personas``: how
    many of them they are about. ``rows``: of the bulk import; ``rows_asked``: the networks are asked about
    its people too. ``timeout_s``: until all has ended.
    """

    queries: int
    rows: int
    rows_asked: bool
    personas: int
    rounds: int
    timeout_s: float

    @property
    def sources(self) -> int:
        """Sources of network queries that end before all is done."""
        return 3 * (self.queries + (self.rows - self.rows // REFUSED_EVERY if self.rows_asked else 0))


SMALL = Scale(queries=6, rows=20, rows_asked=True, personas=2, rounds=1, timeout_s=400)
FULL = Scale(queries=200, rows=2_000, rows_asked=False, personas=len(PERSONAS), rounds=5, timeout_s=3_000)


def chosen() -> Scale:
    return FULL if os.environ.get("STORM") == "full" else SMALL
