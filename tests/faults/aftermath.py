"""What must hold after any storm, read from the database and the store themselves."""

from __future__ import annotations

import gzip
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import func, select, text

from chartbridge.ccda import CONVERTER_VERSION
from chartbridge.db import Tenant
from chartbridge.features.bulk.models import BulkImport, BulkImportRow
from chartbridge.features.documents.models import Document
from chartbridge.features.patients.models import Patient
from chartbridge.features.queries import service as queries
from chartbridge.features.queries.models import NetworkQuery, QueryProvider
from chartbridge.features.records.models import ConsolidatedQuery, Record
from chartbridge.features.webhooks.links import linked_keys
from chartbridge.features.webhooks.models import WebhookMessage
from chartbridge.platform import Platform
from chartbridge.storage import keys

DOCUMENTS_OF_A_PERSONA = 6
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_MOMENTS = {"lastUpdated", "date", "indexed", "recorded", "recordedDate", "recorder", "asserter"}
_ALSO_STATED = "https://chartbridge.dev/fhir/StructureDefinition/also-stated"


@dataclass(frozen=True)
class Aftermath:
    """One tenant's data, once all has ended."""

    platform: Platform
    tenant: Tenant

    def sources_ended(self) -> int:
        """How many sources of network queries have ended."""
        with self.platform.db.read(self.tenant) as session:
            ended = (
                select(func.count()).select_from(QueryProvider).where(QueryProvider.status != "processing")
            )
            return session.scalar(ended) or 0

    def query_statuses(self) -> Counter[str]:
        with self.platform.db.read(self.tenant) as session:
            return Counter(queries.overall(query) for query in session.scalars(select(NetworkQuery)))

    def consolidated_statuses(self) -> Counter[str]:
        with self.platform.db.read(self.tenant) as session:
            return Counter(session.scalars(select(ConsolidatedQuery.status)))

    def imports_running(self) -> int:
        with self.platform.db.read(self.tenant) as session:
            running = BulkImport.status.in_(("waiting", "processing"))
            return session.scalar(select(func.count()).select_from(BulkImport).where(running)) or 0

    def check_import(self, import_id: str, *, rows: int, refused: int) -> None:
        """Each row is accounted for once, and each that was not refused has a patient of its own."""
        with self.platform.db.read(self.tenant) as session:
            job = session.get_one(BulkImport, import_id)
            kept = session.scalars(select(BulkImportRow).where(BulkImportRow.import_id == import_id)).all()
        assert (job.status, job.rows_total, job.rows_done) == ("completed", rows, rows), job.reason
        assert Counter(row.effect for row in kept) == {"created": rows - refused, "refused": refused}
        created = {row.patient_id for row in kept if row.effect == "created"}
        assert len(created - {None}) == rows - refused
        assert (job.patients_created, job.rows_failed) == (rows - refused, refused)

    def jobs_left(self) -> int:
        """Jobs that are begun or waiting, except those that are to run later."""
        statement = text(f"SELECT count(*) FROM {self._job_table()} WHERE status IN ('ENQUEUED', 'PENDING')")
        with self.platform.db.read(None) as session:
            return int(session.execute(statement).scalar_one())

    def _job_table(self) -> str:
        return "workflow_status" if self.platform.db.is_sqlite else "dbos.workflow_status"

    def check_patients(self, expected: int) -> None:
        """Nobody is missing and nobody is there twice."""
        with self.platform.db.read(self.tenant) as session:
            people = session.execute(select(Patient.first_name, Patient.last_name, Patient.dob)).all()
        assert len(people) == expected
        assert len(set(people)) == expected, "nobody is there twice"

    def check_documents(self, patient_ids: Sequence[str]) -> None:
        """Each patient has each of the persona's documents once, fetched and, if a C-CDA, converted."""
        with self.platform.db.read(self.tenant) as session:
            rows = session.scalars(select(Document)).all()
        held = Counter(row.patient_id for row in rows)
        assert held == dict.fromkeys(patient_ids, DOCUMENTS_OF_A_PERSONA)
        assert len({(r.patient_id, r.connector, r.unique_id) for r in rows}) == len(rows)
        assert {row.status for row in rows} == {"stored"}
        assert {row.conversion for row in rows} == {"none", "converted"}

    def objects_named(self) -> Iterator[str]:
        """Keys of all objects that a row says are there."""
        with self.platform.db.read(self.tenant) as session:
            for document in session.scalars(select(Document).where(Document.status == "stored")):
                yield keys.document(self.tenant, document.patient_id, document.file_name)
                if document.conversion == "converted":
                    sha256, version = str(document.converted_sha256), str(document.converter_version)
                    assert version == CONVERTER_VERSION
                    yield keys.conversion(self.tenant, document.patient_id, sha256, version)
            for record in session.scalars(select(Record)):
                yield keys.snapshot(self.tenant, record.patient_id, record.snapshot_id)
                yield keys.search_index(self.tenant, record.patient_id, record.snapshot_id)
            for body in session.scalars(select(WebhookMessage.body)):
                yield from linked_keys(body)

    def check_objects(self) -> Counter[str]:
        """Every object that a row names is there, and none lies with a patient who is not; no document's
        bytes lie there unnamed. Returns how many there are of each kind, those that nothing names apart."""
        named = set(self.objects_named())
        there = set(self.platform.store.keys(str(self.tenant)))
        assert not named - there, (
            f"{len(named - there)} objects are lost, such as {sorted(named - there)[:3]}"
        )
        with self.platform.db.read(self.tenant) as session:
            patient_ids = set(session.scalars(select(Patient.id)))
        counts: Counter[str] = Counter()
        for key in there:
            owner, kind = key.split("/")[2:4]
            if owner not in patient_ids:
                assert not _UUID.fullmatch(owner), f"{key} lies with a patient who is not there"
                continue
            counts[kind] += 1
            if kind in ("documents", "charts", "search") and key not in named:
                counts[f"{kind}, spare"] += 1
        assert not counts["documents, spare"]
        return counts

    def messages(self) -> list[WebhookMessage]:
        with self.platform.db.read(self.tenant) as session:
            return list(session.scalars(select(WebhookMessage).where(WebhookMessage.type != "ping")))

    def chart(self, patient_id: str) -> Counter[bytes]:
        """What the stored chart says: its resources without ids and moments, in the order that no id decides.

        Left out are the Patient, whom the application named, and the brief, which tells the patient's age.
        """
        with self.platform.db.read(self.tenant) as session:
            record = session.get(Record, patient_id)
        assert record is not None, "there is no chart"
        key = keys.snapshot(self.tenant, patient_id, record.snapshot_id)
        bundle: Any = orjson.loads(gzip.decompress(self.platform.store.get(key)))
        return Counter(
            orjson.dumps(_plain(entry["resource"]), option=orjson.OPT_SORT_KEYS)
            for entry in bundle["entry"]
            if entry["resource"]["resourceType"] not in ("Patient", "Binary")
        )


def _plain(value: Any) -> Any:
    """Without ids and moments, and with lists in an order of their own: theirs may come from ids, and so may
    which of two equally good values stands in its place and which is also stated."""
    if isinstance(value, dict):
        return {name: "" if name in _MOMENTS else _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        kept = (item for item in value if not (isinstance(item, dict) and item.get("url") == _ALSO_STATED))
        return sorted(map(_plain, kept), key=lambda item: orjson.dumps(item, option=orjson.OPT_SORT_KEYS))
    return _UUID.sub("#", value) if isinstance(value, str) else value
