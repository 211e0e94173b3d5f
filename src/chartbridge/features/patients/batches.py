"""Creating many patients in one transaction: those of a batch of an import, or of a part of it.

The look-ups are made once a batch, not once a person: everybody with one of the batch's dates of birth is
read, and what the batch itself makes counts for those who come later in it. The locks are those of creating
one patient (see ``service.create_patient``), so neither a create at the same time nor another batch makes the
same person twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import lazyload
from sqlalchemy.orm.exc import StaleDataError

from chartbridge.db import Database, TenantSession
from chartbridge.errors import PatientWithoutTreatmentRelationshipError, SandboxPatientCapError
from chartbridge.features.cohorts import service as cohorts
from chartbridge.features.facilities import service as facilities
from chartbridge.features.patients import search, service
from chartbridge.features.patients.drafts import PatientDraft
from chartbridge.features.patients.models import Patient
from chartbridge.features.patients.parts import MAX_ITEMS
from chartbridge.features.patients.schemas import PatientCreate
from chartbridge.ids import utcnow
from chartbridge.matching.contract_match import find_match
from chartbridge.matching.normalize import plain, zip_code

Effect = Literal["created", "updated", "matched", "refused"]
Wire = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """A person to create or to find, and the cohorts to join, by name or id."""

    data: PatientCreate
    cohorts: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an entry. ``patient_id`` is absent of a refused one, which has ``reasons``."""

    effect: Effect
    patient_id: str | None
    reasons: tuple[str, ...] = ()


def create_or_find(
    session: TenantSession,
    db: Database,
    entries: Sequence[Entry],
    *,
    facility_id: str,
    sandbox_max_patients: int,
) -> list[Outcome]:
    """One outcome an entry, in their order; refusing one leaves the others.

    A person of the same first and last name, date of birth and gender who shares a zip code is updated: what
    the entry says comes first, and what it leaves out stays. Otherwise somebody who is that person by the
    contract's matching rule is taken as stored, and else a patient is created. Cohorts are joined, and an
    opt-out is noted, whichever it was. Raises NotFoundError for the facility, and StaleDataError or
    IntegrityError when somebody else was faster; then the transaction must not commit.
    """
    db.lock_all(session, {service.person_lock(session, entry.data) for entry in entries})
    known = _Known.read(session, entries)
    facilities.get_facilities(session, [facility_id], keep=True)
    room = service.room_for_patients(session, db, sandbox_max_patients)
    named = cohorts.hold_named(session, {name for entry in entries for name in entry.cohorts})
    batch = _Batch(known, named, room, sandbox_max_patients)
    outcomes = [batch.take_in(entry) for entry in entries]
    _hold_members(session, batch)
    _write_changes(session, batch)
    service.insert_drafts(session, batch.new, facility_id)
    cohorts.join_many(session, sorted(batch.joining))
    service.opt_out(session, batch.opting_out)
    return outcomes


def foresee(
    session: TenantSession,
    entries: Sequence[Entry],
    *,
    facility_id: str,
    sandbox_max_patients: int,
    foreseen: int,
) -> list[Outcome]:
    """What ``create_or_find`` would do now; nothing is written or locked, and there are no patient ids.

    ``foreseen``: how many patients earlier calls have foreseen to be created. Raises NotFoundError.
    """
    known = _Known.read(session, entries)
    facilities.get_facilities(session, [facility_id], keep=False)
    room = service.room_left(session, sandbox_max_patients)
    named = cohorts.find_named(session, {name for entry in entries for name in entry.cohorts})
    left = None if room is None else max(0, room - foreseen)
    batch = _Batch(known, named, left, sandbox_max_patients)
    outcomes = [batch.take_in(entry) for entry in entries]
    return [Outcome(outcome.effect, None, outcome.reasons) for outcome in outcomes]


@dataclass(slots=True)
class _Known:
    """Everybody who may be one of the entries."""

    people: dict[tuple[str, str], list[PatientDraft]]
    """By date of birth and gender, oldest first; what the batch makes is put behind them."""
    versions: dict[str, int]
    """Of those who are stored, as they were read."""

    @classmethod
    def read(cls, session: TenantSession, entries: Iterable[Entry]) -> _Known:
        """Not as entities: most of them stay as they are, and an entity takes twice the time."""
        known = cls({_key(entry.data): [] for entry in entries}, {})
        for gender in sorted({gender for _, gender in known.people}):
            days = sorted(day for day, held in known.people if held == gender)
            query = (
                select(*_COLUMNS, Patient.version)
                .where(Patient.dob.in_(days), Patient.gender_at_birth == gender)
                .order_by(Patient.id)
            )
            for *values, version in session.execute(query):
                draft = PatientDraft(*values)
                known.people[draft.dob, draft.gender_at_birth].append(draft)
                known.versions[draft.id] = version
        return known


_COLUMNS = [getattr(Patient, name) for name in PatientDraft.NAMES[: PatientDraft.NAMES.index("hie")]]
"""What is looked at of somebody who is stored; the rest of a draft's columns is made anew or stays."""


def _key(data: PatientCreate) -> tuple[str, str]:
    return data.dob, data.genderAtBirth


@dataclass(slots=True)
class _Batch:
    """Entries taken in so far, and what has to be written for them."""

    known: _Known
    cohorts: Mapping[str, cohorts.Cohort]
    room: int | None
    cap: int
    new: list[PatientDraft] = field(default_factory=list)
    changed: dict[str, PatientDraft] = field(default_factory=dict)
    """Stored patients with other values than were read, by id."""
    joining: set[tuple[str, str]] = field(default_factory=set)
    opting_out: set[str] = field(default_factory=set)

    def take_in(self, entry: Entry) -> Outcome:
        unknown = [name for name in entry.cohorts if name not in self.cohorts]
        if unknown:
            return Outcome("refused", None, tuple(f"Unknown cohort {name}" for name in unknown))
        joined = [self.cohorts[name] for name in entry.cohorts]
        people = self.known.people[_key(entry.data)]
        wire = entry.data.wire()
        same = next((patient for patient in people if _is_same(patient, entry.data)), None)
        found = same or _match(wire, people)
        in_treatment = entry.data.in_treatment if found is None else found.treatment_relationship
        if not in_treatment and any(cohort.purpose_of_use == cohorts.TREATMENT for cohort in joined):
            return Outcome("refused", None, (PatientWithoutTreatmentRelationshipError().detail,))
        effect: Effect = "matched"
        if found is None:
            if self.room == 0:
                return Outcome("refused", None, (SandboxPatientCapError(self.cap).detail,))
            self.room = None if self.room is None else self.room - 1
            draft = PatientDraft(
                hie_opt_out=entry.data.opted_out, treatment_relationship=entry.data.in_treatment
            )
            service.fill(draft, entry.data, wire)
            effect, found = "created", draft
            self.new.append(draft)
            people.append(draft)
        else:
            if same is not None and _update(same, entry.data, wire):
                effect = "updated"
                if same.id in self.known.versions:
                    self.changed[same.id] = same
            if entry.data.opted_out and not found.hie_opt_out:
                self.opting_out.add(found.id)
        self.joining.update((cohort.id, found.id) for cohort in joined)
        return Outcome(effect, found.id)


def _match(wire: Wire, people: Sequence[PatientDraft]) -> PatientDraft | None:
    place = find_match(wire, [_wire(patient) for patient in people]) if people else None
    return None if place is None else people[place]


def _wire(patient: PatientDraft) -> Wire:
    return {
        "firstName": patient.first_name,
        "lastName": patient.last_name,
        "dob": patient.dob,
        "genderAtBirth": patient.gender_at_birth,
        "address": patient.address,
        "contact": patient.contact,
        "personalIdentifiers": patient.personal_identifiers,
    }


def _is_same(patient: PatientDraft, data: PatientCreate) -> bool:
    """Whether name and a zip code agree, of people whose date of birth and gender do."""
    return (
        _name(patient.first_name) == _name(data.firstName)
        and _name(patient.last_name) == _name(data.lastName)
        and not {zip_code(address.get("zip")) for address in patient.address}.isdisjoint(
            zip_code(address.zip) for address in data.address
        )
    )


def _name(text: str) -> str:
    return " ".join(plain(text).split())


def _update(patient: PatientDraft, data: PatientCreate, wire: Wire) -> bool:
    """Put the entry's values before the patient's own; whether that changed anything (of ``_UPDATED``)."""
    given = {_identifier_key(held) for held in wire["personalIdentifiers"]}
    kept = [held for held in patient.personal_identifiers if _identifier_key(held) not in given]
    values = {
        "address": _first(wire["address"], patient.address),
        "contact": _first(wire["contact"], patient.contact),
        "personal_identifiers": _in_place(patient.personal_identifiers, wire["personalIdentifiers"], kept),
        "external_id": data.externalId or patient.external_id,
    }
    changed = {name: value for name, value in values.items() if value != getattr(patient, name)}
    if not changed:
        return False
    for name, value in changed.items():
        setattr(patient, name, value)
    patient.search_text, patient.search_ids = search.text_of(patient), search.ids_of(patient)
    patient.updated_at = utcnow()
    return True


_UPDATED = (
    "address",
    "contact",
    "personal_identifiers",
    "external_id",
    "search_text",
    "search_ids",
    "updated_at",
)


def _first(given: Sequence[Wire], stored: Sequence[Wire]) -> list[Wire]:
    """What is given, as it is stored where it is (that may know its coordinates), and then the rest."""
    known = {_text(item): item for item in stored}
    texts = {_text(item) for item in given}
    rest = [item for item in stored if _text(item) not in texts]
    return [*(known.get(_text(item), item) for item in given), *rest][:MAX_ITEMS]


def _text(item: Wire) -> str:
    return repr(sorted((key, value) for key, value in item.items() if key != "coordinates"))


def _in_place(stored: Sequence[Wire], given: Sequence[Wire], kept: Sequence[Wire]) -> list[Wire]:
    """The identifiers given and those kept; the stored list itself when nothing of it is different."""
    whole = [*given, *kept]
    return list(stored) if sorted(map(_text, whole)) == sorted(map(_text, stored)) else whole[:MAX_ITEMS]


def _identifier_key(held: Wire) -> tuple[str, str]:
    return str(held["type"]), str(held.get("state") or "")


def _hold_members(session: TenantSession, batch: _Batch) -> None:
    """Have the stored patients who join cohorts stay as they were read. Raises StaleDataError."""
    new = {patient.id for patient in batch.new}
    stored = sorted({patient_id for _, patient_id in batch.joining} - new)
    if not stored:
        return
    treated = service.hold_patients(session, stored)
    people = {patient.id: patient for held in batch.known.people.values() for patient in held}
    if any(treated.get(patient_id) != people[patient_id].treatment_relationship for patient_id in stored):
        raise StaleDataError("a patient was changed or deleted meanwhile")


def _write_changes(session: TenantSession, batch: _Batch) -> None:
    """A new version of each stored patient who has changed. Raises StaleDataError."""
    if not batch.changed:
        return
    query = select(Patient).where(Patient.id.in_(batch.changed)).options(lazyload(Patient.facilities))
    stored = session.scalars(query).all()
    if {patient.id: patient.version for patient in stored} != {
        patient_id: batch.known.versions[patient_id] for patient_id in batch.changed
    }:
        raise StaleDataError("a patient was changed or deleted meanwhile")
    for patient in stored:
        for name in _UPDATED:
            setattr(patient, name, getattr(batch.changed[patient.id], name))
    session.flush()
