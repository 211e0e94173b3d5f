"""Networks that do what a test tells them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from chartbridge.features.networks.protocol import (
    ConnectorError,
    PatientIdentity,
    RemoteDocument,
    RemotePatient,
    Resource,
    Source,
)
from tests.ccda import builders

KNOWN = RemotePatient("1.2.3", "r-1")


def ccda(snomed: str = "38341003", display: str = "Hypertension") -> bytes:
    """A small C-CDA with one problem."""
    coded = builders.value(snomed, builders.SNOMED, display)
    return builders.document(builders.section("11450-4", builders.problem(coded=coded), title="Problems"))


def document(unique_id: str, mime_type: str = "text/plain") -> RemoteDocument:
    created = "2024-05-01T10:00:00+00:00"
    return RemoteDocument("1.2.3", unique_id, f"Document {unique_id}", mime_type, created=created)


@dataclass
class Hie:
    """A network of documents. ``contents``: bytes by unique id, or an error to raise for that one.

    ``down`` makes it fail at discovery; ``while_fetching`` is called before each document is given.
    """

    name: str
    contents: dict[str, bytes | ConnectorError]
    types: dict[str, str] = field(default_factory=dict)
    down: str | None = None
    while_fetching: Callable[[], None] = lambda: None
    fetched: list[str] = field(default_factory=list)
    source: Source = "hie"
    running: int = 0
    most_running: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def discover(self, patient: PatientIdentity, *, timeout_s: float) -> list[RemotePatient]:
        if self.down:
            raise ConnectorError(self.down)
        return [KNOWN]

    def list_documents(self, patient: RemotePatient, *, timeout_s: float) -> list[RemoteDocument]:
        return [document(u, self.types.get(u, "text/plain")) for u in self.contents]

    def fetch(self, patient: RemotePatient, document: RemoteDocument, *, timeout_s: float) -> bytes:
        with self._lock:
            self.running += 1
            self.most_running = max(self.running, self.most_running)
        try:
            self.while_fetching()
            given = self.contents[document.unique_id]
            if isinstance(given, ConnectorError):
                raise given
            self.fetched.append(document.unique_id)
            return given
        finally:
            with self._lock:
                self.running -= 1


@dataclass
class Pharmacy:
    """A network of resources; ``fills`` names what it gives this time."""

    fills: Sequence[str]
    name: str = "FILLS"
    source: Source = "pharmacy"
    while_asked: Callable[[], None] = lambda: None

    def discover(self, patient: PatientIdentity, *, timeout_s: float) -> list[RemotePatient]:
        return [KNOWN]

    def resources(self, patient: RemotePatient, *, subject_id: str, timeout_s: float) -> Iterable[Resource]:
        self.while_asked()
        for number, name in enumerate(self.fills):
            yield {
                "resourceType": "MedicationDispense",
                "id": f"00000000-0000-4000-8000-{sum(map(ord, name)):012d}",
                "status": "completed",
                "medicationCodeableConcept": {"text": name},
                "subject": {"reference": f"Patient/{subject_id}"},
                "whenHandedOver": f"2024-01-{number + 1:02d}T12:00:00Z",
            }
