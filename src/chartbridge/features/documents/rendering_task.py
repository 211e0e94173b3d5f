"""What a process of the pool does to show a document; it imports the viewer and little else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from chartbridge.ccda.document import parse
from chartbridge.ccda.errors import CcdaError
from chartbridge.cda_view import render_html, render_pdf


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a document cannot be shown; it holds nothing of the document."""

    reason: str


def render(xml: bytes, kind: str, created: datetime) -> bytes | Refusal:
    """Runs in a process of the pool: the document as ``html`` or ``pdf``."""
    try:
        root = parse(xml)
    except CcdaError as error:
        return Refusal(str(error))
    return render_pdf(root, created=created) if kind == "pdf" else render_html(root).encode()
