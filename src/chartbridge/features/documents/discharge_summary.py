"""Whether the summary of a stay has come.

The rule: a document of the patient whose type has the LOINC code 18842-5 (discharge summary), whose bytes are
here, and that is dated on or after the day of the discharge. Its date is the end of the period it covers,
else that period's beginning, else when it was made. Days are compared as they are twelve hours west of UTC:
a summary bears the local day, and in the west the day of the discharge begins later.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from sqlalchemy import select

from chartbridge.db import TenantSession
from chartbridge.features.documents import fhir
from chartbridge.features.documents.models import Document

LOINC = "http://loinc.org"
CODE = "18842-5"
_WEST = timedelta(hours=12)


def is_here(session: TenantSession, patient_id: str, discharged_at: datetime) -> bool:
    """Whether the summary of the stay that ended at that instant is among the patient's documents."""
    earliest = (discharged_at.astimezone(UTC) - _WEST).date()
    rows = session.scalars(
        select(Document).where(Document.patient_id == patient_id, Document.status == "stored")
    )
    return any(_is_summary(row) and _day(row) >= earliest for row in rows)


def _is_summary(document: Document) -> bool:
    kind = document.remote.get("type_code")
    codings = kind.get("coding") if isinstance(kind, dict) else None
    return any(
        isinstance(coding, dict)
        and coding.get("code") == CODE
        and coding.get("system") in (LOINC, "urn:oid:2.16.840.1.113883.6.1")
        for coding in (codings if isinstance(codings, list) else ())
    )


def _day(document: Document) -> date:
    period = document.remote.get("period")
    for name in ("end", "start"):
        said = period.get(name) if isinstance(period, dict) else None
        try:
            return date.fromisoformat(str(said)[:10])
        except ValueError:
            continue  # a network's date need not be whole
    return fhir.document_date(document)
