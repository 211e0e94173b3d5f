"""A patient before it is one: many of them are made and inserted in a fraction of the time that as many
entities take, which keep account of every change."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, ClassVar

from chartbridge.ids import new_id, utcnow


@dataclass(slots=True)
class PatientDraft:
    """What a new row of ``patients`` holds, under the names of :class:`.models.Patient`."""

    id: str = field(default_factory=new_id)
    first_name: str = ""
    last_name: str = ""
    dob: str = ""
    gender_at_birth: str = ""
    address: list[dict[str, Any]] = field(default_factory=list)
    contact: list[dict[str, Any]] = field(default_factory=list)
    personal_identifiers: list[dict[str, Any]] = field(default_factory=list)
    external_id: str | None = None
    additional_ids: dict[str, Any] = field(default_factory=dict)
    hie_opt_out: bool = False
    treatment_relationship: bool = True
    hie: dict[str, Any] | None = None
    search_text: str = ""
    search_ids: str = ""
    updated_at: datetime = field(default_factory=utcnow)

    NAMES: ClassVar[tuple[str, ...]]
    """Of the columns, in the order of the constructor."""

    def row(self) -> dict[str, Any]:
        """The row's columns; ``version`` as an insert of an entity sets it."""
        return {**{name: getattr(self, name) for name in self.NAMES}, "version": 1}


PatientDraft.NAMES = tuple(item.name for item in fields(PatientDraft))
