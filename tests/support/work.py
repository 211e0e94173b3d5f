"""How much work something is, told without a clock: machines differ, and are busy with other things."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any


def calls_made_by(action: Callable[[], object]) -> int:
    """How many calls of functions, Python's own and built-in ones, an action makes in this thread."""
    count = 0

    def note(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal count
        if event in ("call", "c_call"):
            count += 1

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        action()
    finally:
        sys.setprofile(before)
    return count
