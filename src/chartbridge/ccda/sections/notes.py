"""Notes: Note Activity as DocumentReference with the note's text."""

from __future__ import annotations

import base64

from chartbridge.ccda import templates as t
from chartbridge.ccda.codesystems import LOINC
from chartbridge.ccda.context import Context
from chartbridge.ccda.datatypes import codeable, concept, effective, identifiers, title
from chartbridge.ccda.names import CODE, ID, STATUS_CODE, TEXT
from chartbridge.ccda.registry import maps
from chartbridge.ccda.sections.common import Json
from chartbridge.ccda.statement import Statement
from chartbridge.fhir import drop, instant

NOTE_CATEGORY = concept(
    "http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category",
    "clinical-note",
    "Clinical Note",
)
DOCUMENT_STATUS = {"completed": "final", "active": "preliminary", "aborted": "preliminary"}


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
    return ctx.add(
        "DocumentReference",
        {
            "identifier": identifiers(st.children(ID)),
            "status": "entered-in-error" if st.code_value(STATUS_CODE) == "nullified" else "current",
            "docStatus": DOCUMENT_STATUS.get(st.code_value(STATUS_CODE)),
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
