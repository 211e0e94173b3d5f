"""What is wrong with a release, for the operator: the file, the line, and why."""

from __future__ import annotations

from chartbridge.terminology.rows import TerminologyError


class ReleaseError(TerminologyError):
    """A release that is not taken in. ``line`` is counted from 1, and 0 where no line is to blame."""

    def __init__(self, file: str, line: int, why: str) -> None:
        place = f"{file}, line {line}" if line else file
        super().__init__(f"{place}: {why}" if place else why)
        self.file = file
        self.line = line
