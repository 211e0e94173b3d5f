"""Networks that do what a test tells them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from chartbridge.features.networks.protocol import (
    ConnectorError,
    PatientIdentity,
    RemoteDocument,
    RemotePatient,
    Resource,
    Source,
)
from tests.ccda import builders

ROLE = """<patientRole><id root="1.2.3" extension="{id}"/>
  <patient><name use="L"><given>{first}</given><family>{last}</family></name>
  <administrativeGenderCode code="{sex}" codeSystem="2.16.840.1.113883.5.1"/><birthTime value="{born}"/>
  </patient></patientRole>"""


def known(patient: PatientIdentity, remote_id: str = "r-1", **changes: Any) -> RemotePatient:
    """The patient who is asked about as a network knows them that has all just so, but for the changes."""
    demographics = {
        "firstName": patient.first_name,
        "lastName": patient.last_name,
        "dob": patient.dob,
        "genderAtBirth": patient.gender_at_birth,
        "address": list(patient.address),
        **changes,
    }
    return RemotePatient("1.2.3", remote_id, demographics)


def role(
    first: str = "Jane", last: str = "Smith", born: str = "19960210", sex: str = "F", id: str = "r-1"
) -> str:
    """A patientRole: Jane's, unless somebody else is named."""
    return ROLE.format(first=first, last=last, born=born, sex=sex, id=id)


def ccda(snomed: str = "38341003", display: str = "Hypertension", about: str | None = None) -> bytes:
    """A small C-CDA with one problem, of Jane or of whom ``about`` describes."""
    coded = builders.value(snomed, builders.SNOMED, display)
    section = builders.section("11450-4", builders.problem(coded=coded), title="Problems")
    return builders.document(section, role=about or role())


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
        return [known(patient)]

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
        return [known(patient)]

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
