"""The six documents of a persona: one C-CDA, three PDF reports, one JPEG and one TIFF.

Each is made when first asked for and then kept in memory; made twice, it has the same bytes.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cache

from chartbridge.features.networks.sandbox import ccd, images, reports
from chartbridge.features.networks.sandbox.persona import Facts, Persona, load, uuid_oid

LOINC = "http://loinc.org"
MIME_TYPES = {"JPEG": "image/jpeg", "TIFF": "image/tiff"}
IMAGE_DESCRIPTION = "Clinical Photograph or X-ray"


@dataclass(frozen=True, slots=True)
class SandboxDocument:
    """What the network says of one document; ``content`` gives its bytes."""

    persona_key: str
    key: str
    description: str
    mime_type: str
    loinc: str
    type_display: str
    created: dt.datetime
    period: tuple[dt.date, dt.date]
    organization: str

    @property
    def unique_id(self) -> str:
        return uuid_oid("document", self.persona_key, self.key)

    def content(self) -> bytes:
        return _content(self.persona_key, self.key)


@cache
def documents(persona_key: str) -> tuple[SandboxDocument, ...]:
    """The persona's documents: the C-CDA first, then reports, then images."""
    persona = load(persona_key)
    return (
        SandboxDocument(
            persona_key=persona_key,
            key="ccd",
            description="C-CDA R2.1 Patient Record",
            mime_type="application/xml",
            loinc="34133-9",
            type_display="Summarization of episode note",
            created=persona.written,
            period=(persona.facts["covers_from"], persona.written.date()),
            organization=persona.organization["name"],
        ),
        *(_described(persona, report, "application/pdf") for report in persona.each("report")),
        *(_described(persona, image, MIME_TYPES[image["format"]]) for image in persona.each("image")),
    )


def _described(persona: Persona, facts: Facts, mime_type: str) -> SandboxDocument:
    kind = persona.look_up("note", facts["kind"])
    created: dt.datetime = facts["created"]
    first, last = facts.get("period", (created.date(), created.date()))
    return SandboxDocument(
        persona_key=persona.key,
        key=facts["key"],
        description=facts.get("description", IMAGE_DESCRIPTION),
        mime_type=mime_type,
        loinc=kind["code"],
        type_display=kind["display"],
        created=created,
        period=(first, last),
        organization=persona.place(facts),
    )


@cache
def _content(persona_key: str, key: str) -> bytes:
    persona = load(persona_key)
    if key == "ccd":
        return ccd.render(persona)
    for report in persona.each("report"):
        if report["key"] == key:
            return reports.render(persona, report)
    return images.render(persona, persona.named("image", key))
