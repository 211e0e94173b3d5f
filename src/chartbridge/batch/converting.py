"""What a process does with one document."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field

import orjson

from chartbridge.batch.places import Place, PlaceError
from chartbridge.ccda import CcdaError, convert
from chartbridge.ccda.document import MAX_BYTES
from chartbridge.commands.converting import patient_id_for

ACCOUNTS = 20
"""So many statements that were not converted are listed for each document; all are counted."""


@dataclass(frozen=True, slots=True)
class Row:
    """A resource, with its JSON."""

    type: str
    id: str
    json: bytes


@dataclass(slots=True)
class Result:
    """What became of a document: rows, or the reason why there are none."""

    failure: str = ""
    sha256: str = ""
    patient_id: str = ""
    rows: list[Row] = field(default_factory=list)
    statements: dict[str, int] = field(default_factory=dict)
    not_converted: list[dict[str, object]] = field(default_factory=list)


@dataclass(frozen=True)
class Conversion:
    """Reads and converts a document of the source by its key; picklable."""

    source: Place
    patient_from: str | None

    def __call__(self, key: str) -> Result:
        try:
            xml = self.source.read(key, MAX_BYTES)
        except PlaceError as error:
            return Result(f"it {error}")
        if len(xml) > MAX_BYTES:
            return Result(f"it has more than the {MAX_BYTES} bytes that are accepted")
        sha256 = hashlib.sha256(xml).hexdigest()
        patient_id = self._patient_id(key, xml)
        if patient_id is None:
            return Result("its key holds no patient's id", sha256)
        try:
            done = convert(xml, patient_id)
        except CcdaError as error:
            return Result(str(error), sha256)
        members = [entry["resource"] for entry in done.bundle["entry"]]
        return Result(
            sha256=sha256,
            patient_id=patient_id,
            rows=[Row(member["resourceType"], member["id"], orjson.dumps(member)) for member in members],
            statements=done.report.totals,
            not_converted=[account.to_json() for account in done.report.not_converted[:ACCOUNTS]],
        )

    def _patient_id(self, key: str, xml: bytes) -> str | None:
        if self.patient_from is None:
            return patient_id_for(xml)
        found = re.search(self.patient_from, key)
        return (found.group(1) or None) if found else None


def convert_document(conversion: Conversion, key: str) -> Result:
    """The conversion as a function with a name, as a pool of processes takes it."""
    return conversion(key)
