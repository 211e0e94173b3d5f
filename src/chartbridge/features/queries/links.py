"""As whom networks know our patients: what is believed, what waits for a person, what was undone.

A network's patient is compared with ours before anything is asked for them (docs/matching.md); only what is
``linked`` or ``accepted`` is taken in. A person may accept any link and undo any; comparisons change nothing
of that. Undoing withdraws what came through the link; accepting brings it back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from chartbridge.db import Tenant, TenantSession
from chartbridge.db.upsert import insert_new
from chartbridge.errors import NotFoundError
from chartbridge.features.documents import withholding
from chartbridge.features.networks.protocol import Connector, PatientIdentity, RemotePatient, TrustedMatcher
from chartbridge.features.patients import service as patients
from chartbridge.features.queries import answers
from chartbridge.features.queries.models import LINK_IDENTITY, TAKEN_IN
from chartbridge.features.queries.models import NetworkLink as NetworkLink
from chartbridge.features.records import withdrawing
from chartbridge.features.records.service import refresh_later
from chartbridge.ids import new_id, timestamp, utcnow
from chartbridge.matching.linkage import Linkage, compare
from chartbridge.platform import Platform

DECIDED = ("accepted", "undone")
STATUSES = ("linked", "review", "refused", "accepted", "undone")
TRUSTED = "trusted: the network matches by itself and gives nothing to compare"
NOTHING_TO_COMPARE = "refused: nothing to compare, and the network is no trusted matcher"
_STATUS = {"link": "linked", "review": "review", "refuse": "refused"}
_MAX_AUTHORITY = 200
_MAX_ID = 300
_MAX_HISTORY = 100


def demographics(who: PatientIdentity) -> dict[str, Any]:
    """Our patient in the shape that the comparison takes."""
    return {
        "firstName": who.first_name,
        "lastName": who.last_name,
        "dob": who.dob,
        "genderAtBirth": who.gender_at_birth,
        "address": list(who.address),
        "contact": list(who.contact),
        "personalIdentifiers": list(who.personal_identifiers),
    }


def judge(who: PatientIdentity, connector: Connector, remote: RemotePatient) -> tuple[Linkage, bool]:
    """Whether the network's patient is ours, and whether anything was compared."""
    if remote.demographics is not None:
        return compare(demographics(who), remote.demographics), True
    if isinstance(connector, TrustedMatcher) and connector.is_trusted_matcher is True:
        return Linkage(1.0, "link", (TRUSTED,)), False
    return Linkage(0.0, "refuse", (NOTHING_TO_COMPARE,)), False


def is_fit(remote: RemotePatient) -> bool:
    """Whether what the network calls the patient can be kept."""
    bounds = ((remote.assigning_authority, _MAX_AUTHORITY), (remote.id, _MAX_ID))
    return all(0 < len(text) <= limit and "\0" not in text for text, limit in bounds)


def enter(
    platform: Platform,
    session: TenantSession,
    who: PatientIdentity,
    connector: Connector,
    remote: RemotePatient,
) -> NetworkLink | None:
    """The link as the comparison with our patient leaves it; None when the patient is gone.

    What a person decided stays as decided; only the comparison is noted anew.
    """
    if not patients.hold_patient(session, who.id):
        return None
    linkage, was_compared = judge(who, connector, remote)
    _lock(platform, session, who.id)
    identity = {
        "patient_id": who.id,
        "source": connector.source,
        "connector": connector.name,
        "assigning_authority": remote.assigning_authority,
        "remote_patient_id": remote.id,
    }
    found = {
        "score": linkage.score if was_compared else None,
        "decision": linkage.decision,
        "reasons": list(linkage.reasons),
        "compared_at": utcnow(),
    }
    status = _STATUS[linkage.decision]
    row = {**identity, **found, "id": new_id(), "status": status, "history": []}
    insert_new(session, NetworkLink, row, key=LINK_IDENTITY)
    link = session.scalars(select(NetworkLink).filter_by(**identity)).one()
    for name, value in found.items():
        setattr(link, name, value)
    if link.status not in DECIDED:
        # What was taken in before stays until a person decides, but nothing more comes.
        link.status = "review" if link.status == "linked" and status == "refused" else status
    return link


def lock(platform: Platform, session: TenantSession, link: NetworkLink) -> NetworkLink | None:
    """The link as it is now, and stays until the transaction ends; None when the patient is gone."""
    if not patients.hold_patient(session, link.patient_id):
        return None
    _lock(platform, session, link.patient_id)
    return session.get(NetworkLink, link.id, populate_existing=True)


def is_taken_in(link: NetworkLink | None) -> bool:
    """Whether what comes through the link may reach the chart."""
    return link is not None and link.status in TAKEN_IN


def is_vouched_for(link: NetworkLink) -> bool:
    """Whether somebody else than the comparison says that the two are one person: a document or an answer
    that differs from our patient is then still theirs when it bears the network's own identifier."""
    return link.status == "accepted" or (link.status == "linked" and link.score is None)


def find(
    session: TenantSession, patient_id: str, source: str, connector: str, remote: RemotePatient
) -> NetworkLink | None:
    """The link, or None: networks asked by an earlier version entered none."""
    return session.scalars(
        select(NetworkLink).where(
            NetworkLink.patient_id == patient_id,
            NetworkLink.source == source,
            NetworkLink.connector == connector,
            NetworkLink.assigning_authority == remote.assigning_authority,
            NetworkLink.remote_patient_id == remote.id,
        )
    ).one_or_none()


def doubt(session: TenantSession, link_id: str, reasons: Sequence[str]) -> None:
    """What came through an automatic link was about another person: a person has to look at the link."""
    link = session.get(NetworkLink, link_id)
    if link is not None and link.status == "linked":
        link.status = "review"
        link.reasons = [*(f"answer {reason}" for reason in reasons), *link.reasons][:50]


def list_links(
    session: TenantSession, *, patient_id: str | None = None, status: str | None = None, limit: int = 1000
) -> list[NetworkLink]:
    """Links of the tenant, those compared last first."""
    query = select(NetworkLink).order_by(NetworkLink.compared_at.desc(), NetworkLink.id).limit(limit)
    if patient_id is not None:
        query = query.where(NetworkLink.patient_id == patient_id)
    if status is not None:
        query = query.where(NetworkLink.status == status)
    return list(session.scalars(query))


def undo(platform: Platform, tenant: Tenant, link_id: str, *, by: str) -> None:
    """Withdraw all that came through a link, and take in no more, until somebody accepts it.

    Charts, summaries and results that were made so far are forgotten; the chart is made anew in the
    background, or for whoever asks first. Raises NotFoundError.
    """
    with platform.db.write(tenant) as session:
        link = _held(platform, session, link_id)
        patient_id = link.patient_id
        _decide(link, "undone", by)
        withholding.withhold(session, patient_id, link.source, link.connector, remote_of(link))
        answers.withdraw(platform, link)
        withdrawing.forget_charts(session, patient_id)
        refresh_later(platform, session, patient_id)
    withdrawing.delete_charts(platform, tenant, patient_id)


def accept(platform: Platform, tenant: Tenant, link_id: str, *, by: str) -> None:
    """Say that the network's patient is ours. What an undoing withdrew comes back; what was never taken in
    comes with the next query. Raises NotFoundError."""
    with platform.db.write(tenant) as session:
        link = _held(platform, session, link_id)
        _decide(link, "accepted", by)
        back = withholding.restore(session, link.patient_id, link.source, link.connector, remote_of(link))
        answers.restore(platform, link, earlier=not _has_other_undone(session, link))
        refresh_later(platform, session, link.patient_id, back)


def _has_other_undone(session: TenantSession, link: NetworkLink) -> bool:
    """Whether the network knows the patient as somebody else too, of whom a person said no."""
    same = select(NetworkLink.id).where(
        NetworkLink.patient_id == link.patient_id,
        NetworkLink.source == link.source,
        NetworkLink.connector == link.connector,
        NetworkLink.status == "undone",
        NetworkLink.id != link.id,
    )
    return session.scalars(same.limit(1)).first() is not None


def remote_of(link: NetworkLink) -> RemotePatient:
    """The network's patient that the link is to."""
    return RemotePatient(link.assigning_authority, link.remote_patient_id)


def _held(platform: Platform, session: TenantSession, link_id: str) -> NetworkLink:
    link = session.get(NetworkLink, link_id)
    if link is None or not patients.hold_patient(session, link.patient_id):
        raise NotFoundError("Could not find link", id=link_id)
    _lock(platform, session, link.patient_id)
    session.refresh(link)
    return link


def _lock(platform: Platform, session: TenantSession, patient_id: str) -> None:
    """Deciding about a patient's links, and taking in by them, happen one after the other."""
    platform.db.lock(session, "network-links", patient_id)


def _decide(link: NetworkLink, status: str, by: str) -> None:
    now = utcnow()
    link.status, link.decided_by, link.decided_at = status, by[:100], now
    entry = {"status": status, "by": by[:100], "at": timestamp(now)}
    link.history = [*link.history, entry][-_MAX_HISTORY:]
