"""Messages about what happened elsewhere: stays at hospitals, pharmacies, laboratories, messages between
providers, proofs of identity (contract, webhooks 8.6).

:mod:`chartbridge.features.webhooks.builders` makes them; :data:`chartbridge.features.webhooks.events.EVENTS`
names the type that each is sent as.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from chartbridge.features.webhooks.content import Content, Day, Instant, PatientKeys, Url


class StayPayload(PatientKeys):
    """The patient and their stay so far."""

    url: Url = Field(description="the patient's encounter as a FHIR Bundle, ten minutes")
    whenSourceSent: Instant | None = Field(None, description="when the hospital's message came")
    admitTimestamp: Instant = Field(description="when the stay began")


class Place(Content):
    """A place in a hospital."""

    name: str = Field(description="what the hospital calls it")
    type: str = Field(description="what kind of place it is")


class Transfer(Content):
    """A move from one place to another."""

    timestamp: Instant = Field(description="when")
    sourceLocation: Place = Field(description="from where")
    destinationLocation: Place = Field(description="to where")


class TransferPayload(StayPayload):
    """The patient, their stay and its moves."""

    transfers: list[Transfer] = Field(description="all moves of this stay")


class DischargePayload(StayPayload):
    """The patient and their stay, which is over."""

    dischargeTimestamp: Instant = Field(description="when the stay ended")


class PatientAdmit(Content):
    """A patient arrived at a hospital."""

    payload: StayPayload = Field(description="who, and since when")


class PatientTransfer(Content):
    """A patient was moved within a hospital."""

    payload: TransferPayload = Field(description="who, and where to")


class PatientDischarge(Content):
    """A patient's stay at a hospital ended, by leaving or by death."""

    payload: DischargePayload = Field(description="who, and when")


class PharmacyPayload(PatientKeys):
    """The patient and what was dispensed."""

    url: Url = Field(description="what was dispensed as a FHIR Bundle, ten minutes")
    medicationDispensedDate: Day | None = Field(None, description="the day it was dispensed")


class PatientPharmacy(Content):
    """A medication was dispensed to a patient."""

    payload: PharmacyPayload = Field(description="who, and what")


class LaboratoryPayload(PatientKeys):
    """The patient and what was found."""

    url: Url = Field(description="what was found as a FHIR Bundle, ten minutes")
    specimenCollectedDate: Day | None = Field(None, description="the day the specimen was taken")


class PatientLaboratory(Content):
    """A patient has a laboratory result."""

    payload: LaboratoryPayload = Field(description="who, and what")


class MessageStatusPayload(Content):
    """A message to another provider, and how it ended."""

    id: str = Field(description="the message's id")
    patientId: str = Field(description="the patient it is about")
    status: Literal["completed", "failed"] = Field(description="how it ended")
    sentAt: Instant = Field(description="when it was sent")
    completedAt: Instant = Field(description="when it ended")
    reason: str | None = Field(None, min_length=1, max_length=5000, description="why it failed")


class MessageStatus(Content):
    """A message to another provider was delivered, or will not be."""

    payload: MessageStatusPayload = Field(description="which, and how it ended")


class MessageReceivedPayload(Content):
    """A message of another provider."""

    id: str = Field(description="the message's id")
    patientId: str = Field(description="the patient it is about")
    url: Url = Field(description="the message as a FHIR Communication with its attachments, ten minutes")
    destination: str = Field(description="the address it was sent to")
    subject: str = Field(description="its subject")
    sentAt: Instant = Field(description="when it was sent")


class MessageReceived(Content):
    """A message of another provider came in."""

    payload: MessageReceivedPayload = Field(description="the message")


class IdentityVerifiedPayload(Content):
    """A person and the proof of who they are."""

    proofedIdentityId: str = Field(description="the proof's id")
    patientId: str = Field(description="the patient they are")
    sessionId: str = Field(description="the session in which they proved it")
    status: Literal["active"] = Field("active", description="the proof holds")
    verifiedAt: Instant = Field(description="when they proved it")


class IdentityVerified(Content):
    """A person proved who they are."""

    payload: IdentityVerifiedPayload = Field(description="who, and the proof")
