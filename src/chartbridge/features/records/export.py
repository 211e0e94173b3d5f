"""Everything about a patient, as a zip: what they are owed, and what another system can take over.

manifest.json                    every file with its size and SHA-256
patient.json                     the patient as the API gives them and as FHIR, facilities and cohorts
chart.json                       the consolidated chart, a FHIR Bundle
document-references.json         the stored documents as FHIR, a Bundle
rows/<table>.jsonl               every row of the patient, one a line: contributions, documents, queries,
                                 webhook messages (objects are named in them, not linked to), ...
objects/<kind>/<name>            every object: documents as they came, conversions with their reports,
                                 networks' answers, snapshots, results
"""

from __future__ import annotations

import hashlib
import tempfile
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import IO, Any

import orjson

from chartbridge import __version__
from chartbridge.consolidate.bundle import searchset
from chartbridge.db import Tenant, belongings
from chartbridge.features.cohorts import service as cohorts
from chartbridge.features.documents import fhir, withholding
from chartbridge.features.documents import service as documents
from chartbridge.features.patients import fhir as patient_fhir
from chartbridge.features.patients import service as patients
from chartbridge.features.patients.schemas import patient_dto
from chartbridge.features.records import reading
from chartbridge.ids import timestamp, utcnow
from chartbridge.platform import Platform
from chartbridge.storage import ObjectNotFoundError, keys

FORMAT = "chartbridge-patient-export/1"
_FIRST_DAY_OF_ZIP = (1980, 1, 1, 0, 0, 0)
_COMPRESSED_ALREADY = (".gz", ".pdf", ".jpeg", ".jpg", ".png", ".zip")


def export(platform: Platform, tenant: Tenant, patient_id: str) -> IO[bytes]:
    """The zip in a temporary file without a name, at its start; closing it removes it.

    The chart is brought up to date first. One object is in memory at a time. Raises NotFoundError.
    """
    chart = reading.read(platform, tenant, patient_id, reading.Filters())
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller reads and closes it
    try:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            _fill(_Writer(archive), platform, tenant, patient_id, chart)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file


def _fill(
    out: _Writer, platform: Platform, tenant: Tenant, patient_id: str, chart: list[dict[str, Any]]
) -> None:
    with platform.db.read(tenant) as session:
        patient = patients.get_patient(session, patient_id)
        stored = documents.list_stored(session, patient_id)
        named = [{"id": cohort.id, "name": cohort.name} for cohort in cohorts.cohorts_of(session, patient_id)]
        out.json(
            "patient.json",
            {
                "patient": patient_dto(patient).model_dump(mode="json", exclude_none=True),
                "fhir": patient_fhir.to_fhir(patient),
                "cohorts": named,
            },
        )
        origin = platform.settings.origin
        out.json("document-references.json", searchset([fhir.document_reference(d, origin) for d in stored]))
        for table in belongings.table_names():
            rows = belongings.rows(session, patient_id, table)
            lines = (orjson.dumps(row) + b"\n" for row in rows if not _is_others(table, row))
            out.file(f"rows/{table}.jsonl", lines)
        withheld = withholding.marks(session, patient_id)
    out.json("chart.json", searchset(chart))
    folder = keys.patient_folder(tenant, patient_id)
    for key in sorted(platform.store.keys(folder)):
        # What may be another person's is not this patient's to have.
        if key.startswith(f"{folder}/withheld/") or any(mark in key for mark in withheld):
            continue
        try:
            content = platform.store.get(key)
        except ObjectNotFoundError:  # a result or a snapshot whose time was over just now
            continue
        out.file(f"objects/{key.removeprefix(folder + '/')}", [content])
    out.manifest(patient_id)


def _is_others(table: str, row: dict[str, Any]) -> bool:
    """Whether a row may tell of another person: of a document about one, or of how a network calls one."""
    if table == "network_links":
        return row["status"] not in ("linked", "accepted")
    return table == "documents" and withholding.is_unseen(row)


@dataclass
class _Writer:
    archive: zipfile.ZipFile
    files: list[dict[str, Any]] = field(default_factory=list)

    def json(self, name: str, value: Any) -> None:
        self.file(name, [orjson.dumps(value, option=orjson.OPT_INDENT_2)])

    def file(self, name: str, parts: Iterable[bytes]) -> None:
        digest, size = hashlib.sha256(), 0
        with self.archive.open(_entry(name), "w", force_zip64=True) as entry:
            for part in parts:
                digest.update(part)
                size += len(part)
                entry.write(part)
        self.files.append({"path": name, "size": size, "sha256": digest.hexdigest()})

    def manifest(self, patient_id: str) -> None:
        self.json(
            "manifest.json",
            {
                "format": FORMAT,
                "version": __version__,
                "patientId": patient_id,
                "exportedAt": timestamp(utcnow()),
                "files": list(self.files),
            },
        )


def _entry(name: str) -> zipfile.ZipInfo:
    """Names are made of the keys' safe segments below fixed folders, so none leads out of where the zip is
    unpacked."""
    info = zipfile.ZipInfo(name, _FIRST_DAY_OF_ZIP)
    stored = name.endswith(_COMPRESSED_ALREADY)
    info.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
    info.external_attr = 0o600 << 16
    return info
