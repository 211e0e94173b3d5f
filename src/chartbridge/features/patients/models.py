"""The tables of patients, of the facilities they belong to, and of what other systems call them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from chartbridge.db import Base, TenantOwned, Versioned
from chartbridge.ids import new_id


class Patient(Versioned, TenantOwned, Base):
    """A person. JSON columns are in the API's shape; ``dob`` is ``YYYY-MM-DD``.

    ``search_text`` and ``search_ids`` are what the list's filter looks in (see ``search``).
    """

    __tablename__ = "patients"
    __table_args__ = (
        Index(None, "account_id", "environment", "id"),
        Index(None, "account_id", "environment", "dob", "gender_at_birth"),
        Index(None, "account_id", "environment", "external_id"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    first_name: Mapped[str] = mapped_column(String(500))
    last_name: Mapped[str] = mapped_column(String(500))
    dob: Mapped[str] = mapped_column(String(10))
    gender_at_birth: Mapped[str] = mapped_column(String(1))
    address: Mapped[list[dict[str, Any]]]
    contact: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    personal_identifiers: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    external_id: Mapped[str | None] = mapped_column(String(500))
    additional_ids: Mapped[dict[str, Any]] = mapped_column(default=dict)
    hie_opt_out: Mapped[bool] = mapped_column(default=False)
    treatment_relationship: Mapped[bool] = mapped_column(default=True)
    hie: Mapped[dict[str, Any] | None]
    search_text: Mapped[str] = mapped_column(Text)
    search_ids: Mapped[str] = mapped_column(Text)

    facilities: Mapped[list[PatientFacility]] = relationship(
        order_by="PatientFacility.facility_id",
        cascade="all, delete-orphan",
        passive_deletes=True,
        lazy="selectin",
    )

    @property
    def facility_ids(self) -> list[str]:
        """Oldest facility first."""
        return sorted(link.facility_id for link in self.facilities)


class PatientFacility(TenantOwned, Base):
    """A facility that a patient is associated with. It keeps the facility from being deleted."""

    __tablename__ = "patient_facilities"

    patient_id: Mapped[str] = mapped_column(ForeignKey(Patient.id, ondelete="CASCADE"), primary_key=True)
    facility_id: Mapped[str] = mapped_column(
        ForeignKey("facilities.id", ondelete="RESTRICT"), primary_key=True, index=True
    )


class Integration(TenantOwned, Base):
    """Another system whose ids of patients the account keeps; an operator enables it."""

    __tablename__ = "integrations"

    account_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    environment: Mapped[str] = mapped_column(String(10), primary_key=True)
    source: Mapped[str] = mapped_column(String(20), primary_key=True)


class PatientLink(TenantOwned, Base):
    """What another system calls a patient. An id there is one patient's; a patient may have several."""

    __tablename__ = "patient_links"

    account_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    environment: Mapped[str] = mapped_column(String(10), primary_key=True)
    source: Mapped[str] = mapped_column(String(20), primary_key=True)
    external_id: Mapped[str] = mapped_column(String(500), primary_key=True)
    patient_id: Mapped[str] = mapped_column(ForeignKey(Patient.id, ondelete="CASCADE"), index=True)
