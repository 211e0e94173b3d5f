"""What any health network must provide to be a source of a patient's chart.

A connector is handed a patient and yields documents or resources. It knows nothing of the
database, of jobs or of HTTP requests to us, so it can be written and tested alone. It blocks while
it works, honours the deadline it is given, and raises :class:`ConnectorError` when the network
fails; it never swallows a failure by returning less. Everything it returns is plain data that
survives being written to a job's checkpoint (see ``to_json``/``from_json`` of each type).

Two kinds exist:

- :class:`DocumentConnector` (HIEs): discover the patient, list documents, fetch one at a time;
- :class:`ResourceConnector` (pharmacies, laboratories): discover the patient, yield FHIR resources.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Protocol, Self, runtime_checkable

Source = Literal["hie", "pharmacy", "lab"]
SOURCES: tuple[Source, ...] = ("hie", "pharmacy", "lab")
Resource = dict[str, Any]


class ConnectorError(Exception):
    """The network could not answer. ``retryable`` tells whether asking again may help.

    The message is shown to operators and stored: it must hold no patient data.
    """

    def __init__(self, message: str, *, retryable: bool = True) -> None:
        super().__init__(message)
        self.retryable = retryable


@dataclass(frozen=True, slots=True)
class PatientIdentity:
    """The demographics a network is asked about; the shapes are those of the API's patient."""

    id: str
    first_name: str
    last_name: str
    dob: str
    gender_at_birth: str
    address: Sequence[dict[str, Any]] = ()
    contact: Sequence[dict[str, Any]] = ()
    personal_identifiers: Sequence[dict[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class RemotePatient:
    """The patient as one network knows them: an identifier within an assigning authority.

    ``demographics``: what the network has of them, in the shape of the API's patient with every part
    optional, and beside it ``suffix`` and ``otherNames`` (see ``chartbridge.matching.people``). They are
    compared with our patient before anything is taken in, and then forgotten. A network that gives none is
    believed only when it is a :class:`TrustedMatcher`.
    """

    assigning_authority: str
    id: str
    demographics: Mapping[str, Any] | None = field(default=None, compare=False, repr=False)

    def to_json(self) -> dict[str, Any]:
        """Without the demographics: nobody needs them once they were compared."""
        return {"assigning_authority": self.assigning_authority, "id": self.id}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        return cls(**data)


@dataclass(frozen=True, slots=True)
class RemoteDocument:
    """One document that a network offers.

    ``unique_id`` identifies it within ``home_community_id``; the pair never changes for the same
    content, and it is what keeps a document from being stored twice. ``type_code`` is a FHIR
    CodeableConcept; ``created`` an ISO-8601 instant; ``period`` FHIR's ``{"start", "end"}``.
    """

    home_community_id: str
    unique_id: str
    description: str
    mime_type: str
    type_code: dict[str, Any] = field(default_factory=dict)
    created: str | None = None
    size: int | None = None
    period: dict[str, str] | None = None
    author_organization: str | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        return cls(**data)


@runtime_checkable
class Connector(Protocol):
    """What every connector has.

    ``name``: the data-source code shown on everything that came through it, in capitals
    (``SANDBOX``, ``CAREQUALITY``). ``source``: which source of a network query it serves.
    """

    name: str
    source: Source

    def discover(self, patient: PatientIdentity, *, timeout_s: float) -> list[RemotePatient]:
        """The patient's identities in the network; an empty list when it does not know them.

        Raises ConnectorError when the network fails or does not answer within ``timeout_s``.
        """
        ...


@runtime_checkable
class TrustedMatcher(Connector, Protocol):
    """A network whose own matching is relied on where it gives no demographics to be compared.

    To be declared only of a network whose operator answers for its matching. Where it does give
    demographics, they are compared like anybody's.
    """

    is_trusted_matcher: Literal[True]


@runtime_checkable
class DocumentConnector(Connector, Protocol):
    """A network of documents."""

    def list_documents(self, patient: RemotePatient, *, timeout_s: float) -> list[RemoteDocument]:
        """All documents the network offers for the patient. Raises ConnectorError."""
        ...

    def fetch(self, patient: RemotePatient, document: RemoteDocument, *, timeout_s: float) -> bytes:
        """The bytes of one document. Raises ConnectorError."""
        ...


@runtime_checkable
class ResourceConnector(Connector, Protocol):
    """A network that answers with FHIR R4 resources."""

    def resources(self, patient: RemotePatient, *, subject_id: str, timeout_s: float) -> Iterable[Resource]:
        """The patient's resources, each with an id that is the same on every call, with
        ``subject``/``patient`` references set to ``Patient/<subject_id>``, and with references
        only to resources that are yielded too. Raises ConnectorError."""
        ...
