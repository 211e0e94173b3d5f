"""Notes: Note Activity as DocumentReference with the note's text."""

from __future__ import annotations

import base64

from chartbridge.ccda import templates as t
from chartbridge.ccda.codesystems import LOINC
from chartbridge.ccda.context import Context
from chartbridge.ccda.datatypes import codeable, concept, effective, identifiers, title, urn
from chartbridge.ccda.names import CODE, ID, TEXT
from chartbridge.ccda.node import Node
from chartbridge.ccda.registry import maps
from chartbridge.ccda.sections.common import Json
from chartbridge.ccda.sections.observation import STATUS
from chartbridge.ccda.sections.results import LAB_SERVICE, RADIOLOGY
from chartbridge.ccda.statement import Statement
from chartbridge.ccda.times import Interval
from chartbridge.fhir import drop, instant

NOTE_CATEGORY = concept(
    "http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category",
    "clinical-note",
    "Clinical Note",
)
DOCUMENT_STATUS = {"completed": "final", "active": "preliminary", "aborted": "preliminary"}


_CARDIOLOGY = concept(LOINC, "LP29708-2", "Cardiology")
_PATHOLOGY = concept(LOINC, "LP7839-6", "Pathology")
_IMAGING = concept(LOINC, "LP29684-5", "Radiology")
REPORTS = {
    "11502-2": [LAB_SERVICE],
    "18748-4": [_IMAGING, RADIOLOGY],
    "18726-0": [_IMAGING, RADIOLOGY],
    "18782-3": [_IMAGING, RADIOLOGY],
    "11526-1": [_PATHOLOGY],
    "27898-6": [_PATHOLOGY],
    "60567-5": [_PATHOLOGY],
    "18745-0": [_CARDIOLOGY],
    "26441-6": [_CARDIOLOGY],
}
"""Note types that are reports of a diagnostic service, and US Core's categories of them."""


@maps(t.NOTE_ACTIVITY)
def note(st: Statement, ctx: Context) -> Json | None:
    """Note Activity as DocumentReference; an embedded document keeps its media type and bytes."""
    el = st.child(TEXT)
    code = codeable(st.child(CODE), ctx)
    attachment = None
    if el is not None and el.get("representation") == "B64" and el.text:
        attachment = drop({"contentType": el.get("mediaType"), "data": "".join(el.text.split())})
    if attachment is None or "data" not in attachment:
        text = ctx.text(el)
        if text is None:
            return None
        data = base64.b64encode(text.encode()).decode("ascii")
        attachment = {"contentType": "text/plain; charset=utf-8", "data": data}
    moment = effective(st, ctx)
    author, authored = ctx.actors.author(st, st.path)
    attachment["title"] = title(code) or "Note"
    _report(st, code, attachment, moment, author, ctx)
    return ctx.add(
        "DocumentReference",
        {
            "identifier": identifiers(st.children(ID)),
            "status": "entered-in-error" if st.nullified else "current",
            "docStatus": DOCUMENT_STATUS.get(st.status),
            "type": code or concept(LOINC, "34109-9", "Note"),
            "category": [NOTE_CATEGORY],
            "subject": ctx.patient,
            "date": instant(authored) or instant(moment.start),
            "author": [author] if author else None,
            "content": [{"attachment": attachment}],
            "context": drop({"period": moment.period}),
        },
        st,
    )


def _report(
    st: Statement, code: Json | None, attachment: Json, moment: Interval, author: Json | None, ctx: Context
) -> None:
    """A note that is the report of a diagnostic service is a DiagnosticReport as well, as US Core asks."""
    kinds = [REPORTS[one["code"]] for one in (code or {}).get("coding", ()) if one["code"] in REPORTS]
    if not kinds:
        return
    made = ctx.add(
        "DiagnosticReport",
        {
            "identifier": identifiers(st.children(ID)),
            "status": STATUS.get(st.status, "unknown"),
            "category": kinds[0],
            "code": code,
            "subject": ctx.patient,
            **moment.choice("effective"),
            "performer": [author],
            "presentedForm": [attachment],
        },
        None,
        st.path,
    )
    ctx.belongs(f"DiagnosticReport/{made['id']}", st)


def external_document(st: Statement, document: Node, ctx: Context) -> Json | None:
    """An act that only names a document elsewhere, as DocumentReference without its content."""
    code = codeable(document.child(CODE), ctx)
    said = document.child(TEXT)
    text = ctx.text(said)
    ids = identifiers(document.children(ID))
    if code is None and text is None and not ids:
        return None
    attachment = drop(
        {
            "contentType": None if said is None else said.get("mediaType"),
            "url": next((uri for el in document.children(ID) if (uri := urn(el))), None),
            "title": title(code) or text or "External document",
        }
    )
    return ctx.add(
        "DocumentReference",
        {
            "identifier": ids,
            "status": "current",
            "type": code,
            "category": [NOTE_CATEGORY],
            "subject": ctx.patient,
            "description": text,
            "content": [{"attachment": attachment}],
        },
        st,
    )
