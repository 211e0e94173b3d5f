"""When the date that a resource states and the date of a row can be the same."""

from __future__ import annotations

from datetime import UTC, datetime

NONE = "none"
_MIDNIGHT = ("T00:00:00", "T00:00")


def fits(stated: str | None, wanted: str) -> bool:
    """Whether a stated FHIR date can be the wanted one, as precise as the less precise of them.

    A date of a row is FHIR's, to the minute where it has a time; `none` wants no date; with `=` before it
    nothing less precise than a time fits. The day of a time is the day at its own place: a day and a time in
    it fit, and midnight is how many systems spell a day.
    """
    if stated is None or wanted == NONE:
        return stated is None and wanted == NONE
    exact = wanted.startswith("=")
    wanted = wanted.removeprefix("=")
    if _timed(stated) and _timed(wanted):
        return _minute(stated) == _minute(wanted)
    if exact:
        return False
    stated, wanted = stated[:10], wanted[:10]
    shared = min(len(stated), len(wanted))
    return stated[:shared] == wanted[:shared]


def _timed(date: str) -> bool:
    return len(date) > 10 and not date[10:].startswith(_MIDNIGHT)


def _minute(date: str) -> datetime:
    moment = datetime.fromisoformat(date)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).replace(second=0, microsecond=0)
