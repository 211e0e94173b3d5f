"""Making messages about what happened elsewhere, each from what its cause knows.

In: the patient's keys, the key of an object, instants and days. Out: the content that
:func:`chartbridge.features.webhooks.service.send` takes, its URL a link that works ten minutes from each
attempt on.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Literal

from chartbridge.features.webhooks import notifications as n
from chartbridge.features.webhooks.content import PatientKeys
from chartbridge.features.webhooks.links import link
from chartbridge.ids import timestamp

URL_S = 600


def admit(
    patient: PatientKeys, bundle_key: str, admitted_at: datetime, source_sent_at: datetime | None = None
) -> n.PatientAdmit:
    """The patient arrived; ``source_sent_at`` is when the hospital's message came."""
    stay = _stay(patient, bundle_key, admitted_at, source_sent_at)
    return n.PatientAdmit(payload=n.StayPayload(**stay))


def transfer(
    patient: PatientKeys,
    bundle_key: str,
    admitted_at: datetime,
    transfers: Sequence[n.Transfer],
    source_sent_at: datetime | None = None,
) -> n.PatientTransfer:
    """The patient was moved; ``transfers`` are all moves of the stay, oldest first."""
    stay = _stay(patient, bundle_key, admitted_at, source_sent_at)
    return n.PatientTransfer(payload=n.TransferPayload(**stay, transfers=list(transfers)))


def discharge(
    patient: PatientKeys,
    bundle_key: str,
    admitted_at: datetime,
    discharged_at: datetime,
    source_sent_at: datetime | None = None,
) -> n.PatientDischarge:
    """The stay is over."""
    stay = _stay(patient, bundle_key, admitted_at, source_sent_at)
    return n.PatientDischarge(payload=n.DischargePayload(**stay, dischargeTimestamp=timestamp(discharged_at)))


def move(at: datetime, source: n.Place, destination: n.Place) -> n.Transfer:
    return n.Transfer(timestamp=timestamp(at), sourceLocation=source, destinationLocation=destination)


def pharmacy(patient: PatientKeys, bundle_key: str, dispensed: date | None = None) -> n.PatientPharmacy:
    """A medication was dispensed, on that day where it is known."""
    keys = _with_bundle(patient, bundle_key, "dispenses.json")
    day = dispensed.isoformat() if dispensed else None
    return n.PatientPharmacy(payload=n.PharmacyPayload(**keys, medicationDispensedDate=day))


def laboratory(patient: PatientKeys, bundle_key: str, collected: date | None = None) -> n.PatientLaboratory:
    """A result is there; its specimen was taken on that day, where it is known."""
    keys = _with_bundle(patient, bundle_key, "results.json")
    day = collected.isoformat() if collected else None
    return n.PatientLaboratory(payload=n.LaboratoryPayload(**keys, specimenCollectedDate=day))


def message_status(
    message_id: str, patient_id: str, sent_at: datetime, ended_at: datetime, failure: str | None = None
) -> n.MessageStatus:
    """A message to another provider ended; ``failure`` says why it was not delivered."""
    status: Literal["completed", "failed"] = "completed" if failure is None else "failed"
    return n.MessageStatus(
        payload=n.MessageStatusPayload(
            id=message_id,
            patientId=patient_id,
            status=status,
            sentAt=timestamp(sent_at),
            completedAt=timestamp(ended_at),
            reason=None if failure is None else failure[:5000] or "unknown",
        )
    )


def message_received(
    message_id: str,
    patient_id: str,
    communication_key: str,
    destination: str,
    subject: str,
    sent_at: datetime,
) -> n.MessageReceived:
    """A message came in, kept as a Communication under that key."""
    return n.MessageReceived(
        payload=n.MessageReceivedPayload(
            id=message_id,
            patientId=patient_id,
            url=_bundle(communication_key, "communication.json"),
            destination=destination,
            subject=subject,
            sentAt=timestamp(sent_at),
        )
    )


def identity_verified(
    proofed_identity_id: str, patient_id: str, session_id: str, verified_at: datetime
) -> n.IdentityVerified:
    """A person proved who they are, in that session."""
    return n.IdentityVerified(
        payload=n.IdentityVerifiedPayload(
            proofedIdentityId=proofed_identity_id,
            patientId=patient_id,
            sessionId=session_id,
            verifiedAt=timestamp(verified_at),
        )
    )


def _stay(
    patient: PatientKeys, bundle_key: str, admitted_at: datetime, source_sent_at: datetime | None
) -> dict[str, Any]:
    return {
        **_with_bundle(patient, bundle_key, "encounter.json"),
        "admitTimestamp": timestamp(admitted_at),
        "whenSourceSent": timestamp(source_sent_at) if source_sent_at else None,
    }


def _with_bundle(patient: PatientKeys, key: str, filename: str) -> dict[str, Any]:
    return {**patient.model_dump(), "url": _bundle(key, filename)}


def _bundle(key: str, filename: str) -> dict[str, Any]:
    return link(key, content_type="application/json", expires_in_s=URL_S, filename=filename)
