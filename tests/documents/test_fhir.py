"""When a document was made, whatever a network says of it."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from chartbridge.features.documents import fhir
from chartbridge.features.documents.models import Document


def document(created: str | None) -> Document:
    return Document(remote={"created": created}, created_at=datetime(2026, 2, 1, 10, tzinfo=UTC))


@pytest.mark.parametrize(
    ("created", "day"),
    [
        ("2024-05-01T10:00:00Z", date(2024, 5, 1)),
        ("2024-05-01T23:30:00-07:00", date(2024, 5, 2)),
        ("2024-05-01T00:30:00+05:00", date(2024, 4, 30)),
        ("2024-05-01T23:30:00", date(2024, 5, 1)),
        (None, date(2026, 2, 1)),
    ],
)
def test_the_day_is_that_of_utc(created: str | None, day: date) -> None:
    assert fhir.document_date(document(created)) == day


def test_the_order_is_that_of_the_moments_and_not_of_the_texts() -> None:
    earlier, later = document("2024-05-02T01:00:00+05:00"), document("2024-05-01T23:00:00-07:00")
    assert fhir.document_instant(earlier) < fhir.document_instant(later)
