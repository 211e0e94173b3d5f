"""What a process of the pool does for a medical record summary; it imports the summary and little else."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson

from chartbridge import summary

Resource = dict[str, Any]


def render(
    form: str,
    resources: bytes,
    patient: Resource,
    generated_at: datetime,
    filters: list[dict[str, Any]] | None,
) -> bytes:
    """Runs in a process of the pool: the summary as ``html`` or ``pdf``. ``resources`` is a JSON list."""
    chosen = orjson.loads(resources)
    if form == "pdf":
        return summary.render_pdf(chosen, patient=patient, generated_at=generated_at, filters=filters)
    return summary.render_html(chosen, patient=patient, generated_at=generated_at, filters=filters).encode()
