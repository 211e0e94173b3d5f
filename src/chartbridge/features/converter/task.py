"""What a process of the pool does for the endpoint; it imports the converter and little else."""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from chartbridge.ccda import CcdaError, convert


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why the input could not be converted; holds nothing of it."""

    reason: str


def convert_to_json(xml: bytes, patient_id: str, with_report: bool) -> bytes | Unreadable:
    """Runs in a process of the pool: the bundle as JSON, or ``{"bundle", "report"}`` with its report."""
    try:
        done = convert(xml, patient_id)
    except CcdaError as error:
        return Unreadable(str(error))
    if with_report:
        return orjson.dumps({"bundle": done.bundle, "report": done.report.to_json()})
    return orjson.dumps(done.bundle)
