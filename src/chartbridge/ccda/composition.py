"""The body: sections with their narrative as Composition, and a document without XML body as Binary."""

from __future__ import annotations

import base64
from typing import Any

from chartbridge.ccda.codesystems import LOINC
from chartbridge.ccda.context import SOURCE_ELEMENT, Context
from chartbridge.ccda.datatypes import absent_extension, codeable, concept, when
from chartbridge.ccda.header import Header
from chartbridge.ccda.names import (
    AUTHOR,
    CODE,
    COMPONENT,
    CONFIDENTIALITY_CODE,
    EFFECTIVE_TIME,
    ENTRY,
    LANGUAGE_CODE,
    NON_XML_BODY,
    REFERENCE,
    RELATED_SUBJECT,
    ROOT,
    SECTION,
    STATEMENTS,
    STRUCTURED_BODY,
    SUBJECT,
    TEXT,
    TITLE,
    V3_LENGTH,
    Element,
)
from chartbridge.ccda.narrative import div, words
from chartbridge.ccda.node import Node, node_at
from chartbridge.ccda.sections.notes import NOTE_CATEGORY
from chartbridge.ccda.statement import Section, Statement, statements_in
from chartbridge.fhir import content_id, drop

Json = dict[str, Any]

_CONFIDENTIALITY = frozenset(("U", "L", "M", "N", "R", "V"))
_SHOWN = ("displayName", "value", "unit", "code")
MAX_SECTION_DEPTH = 20


class Part:
    """A section of the body: its element, its narrative, its statements' account, its sub-sections."""

    __slots__ = ("code", "html", "node", "parts", "section")

    def __init__(
        self, node: Node, section: Section, code: Json | None, html: str | None, parts: list[Part]
    ) -> None:
        self.node = node
        self.section = section
        self.code = code
        self.html = html
        self.parts = parts


def read_sections(document: Node, ctx: Context) -> list[Part]:
    """All sections with their narrative; their entries are not converted yet."""
    body = node_at(document, COMPONENT, STRUCTURED_BODY)
    return [] if body is None else _sections(body, f"{ROOT}/component/structuredBody", ctx, 0)


def _sections(holder: Node, path: str, ctx: Context, depth: int, subject: Node | None = None) -> list[Part]:
    made: list[Part] = []
    for position, component in enumerate(holder.children(COMPONENT), 1):
        for el in component:
            if el.tag == SECTION:
                made.append(_section(Node(el), f"{path}/component[{position}]/section", ctx, depth, subject))
    return made


def _section(node: Node, path: str, ctx: Context, depth: int, subject: Node | None) -> Part:
    text = node.child(TEXT)
    html = None if text is None else ctx.narrative.add(text)
    code = node.child(CODE)
    section = Section(
        (code.get("code") or "").strip() if code is not None else "",
        words(node.child(TITLE)) or "",
        path,
        node_at(node, SUBJECT, RELATED_SUBJECT) or subject,
    )
    parts: list[Part] = []
    if depth < MAX_SECTION_DEPTH:
        parts = _sections(node, path, ctx, depth + 1, section.subject)
    elif COMPONENT in node.one:
        ctx.issue(f"sections nested deeper than {MAX_SECTION_DEPTH} were left out: {path}")
    return Part(node, section, codeable(code, ctx), html, parts)


def convert_entries(parts: list[Part], ctx: Context) -> None:
    """Convert the statements of all sections, in document order."""
    for part in parts:
        section = part.section
        for position, entry in enumerate(part.node.children(ENTRY), 1):
            for el, step in statements_in(entry):
                ctx.convert(ctx.statement(el, f"{section.path}/entry[{position}]/{step}", section))
        if not STATEMENTS.isdisjoint(part.node.one):
            for el, step in statements_in(part.node.el):
                ctx.convert(ctx.statement(el, f"{section.path}/{step}", section))
        convert_entries(part.parts, ctx)


def composition(header: Header, parts: list[Part]) -> Json:
    """The Composition: the document's header and all of its sections."""
    ctx, document = header.ctx, header.document
    moment = when(document.child(EFFECTIVE_TIME), ctx).start
    confidentiality = document.child(CONFIDENTIALITY_CODE)
    level = None if confidentiality is None else confidentiality.get("code")
    language = document.child(LANGUAGE_CODE)
    fields: Json = {
        "language": None if language is None else (language.get("code") or "").strip() or None,
        "identifier": header.identifier,
        "status": "final",
        "type": codeable(document.child(CODE), ctx) or concept(LOINC, "34133-9", "Summary of episode note"),
        "subject": ctx.patient,
        "encounter": ctx.ref(header.encounter),
        "date": moment,
        "_date": None if moment else {"extension": absent_extension()},
        "author": header.authors or [{"extension": absent_extension()}],
        "title": header.title or "Clinical document",
        "confidentiality": level if level in _CONFIDENTIALITY else None,
        "attester": header.attesters,
        "custodian": header.custodian,
        "event": header.events,
        "section": [_section_json(part, ctx) for part in parts],
    }
    body = drop(fields) or {}
    identity = content_id(ctx.namespace, "Composition", body)
    source = [{"url": SOURCE_ELEMENT, "valueString": ROOT}]
    made: Json = {"resourceType": "Composition", "id": identity, "extension": source, **body}
    ctx.entries = {f"Composition/{identity}": made, **ctx.entries}
    return made


def _section_json(part: Part, ctx: Context) -> Json | None:
    section = part.section
    html = part.html or ""
    if section.failed:
        html += "".join(f"<p>{_escape(gist(st))}</p>" for st in section.failed)
    status = "additional" if part.html else "generated"
    entries = [{"reference": key} for key in section.resources if key in ctx.entries]
    subsections = [_section_json(inner, ctx) for inner in part.parts]
    if not html and not entries and not any(subsections):
        html, status = "<p>This section has no text and no entries in the source document.</p>", "empty"
    author, _ = ctx.actors.author(part.node, section.path) if AUTHOR in part.node.one else (None, None)
    return drop(
        {
            "title": section.title or None,
            "code": part.code,
            "author": [author],
            "text": {"status": status, "div": div(html)} if html else None,
            "entry": entries,
            "section": subsections,
        }
    )


def gist(st: Statement) -> str:
    """What a statement that could not be converted says, in words, so that a reader does not miss it."""
    said: list[str] = []
    for el in st.el.iter():
        if not isinstance(el.tag, str) or el.tag.endswith(("}templateId", "}id", "}typeId")):
            continue
        shown = [value for name in _SHOWN if (value := el.get(name)) and name != "code"]
        code = el.get("code")
        if code and not el.get("displayName"):
            shown.append(code)
        if el.text and not el.text.isspace():
            shown.append(el.text.strip())
        if shown:
            said.append(f"{el.tag[V3_LENGTH:]}: {' '.join(shown)}")
    negation = "NEGATED; " if st.negated else ""
    return f"[{st.tag} not converted] {negation}" + "; ".join(said)


def _escape(text: str) -> str:
    clean = "".join(ch for ch in text if ch >= " ")
    return clean.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def unstructured(header: Header) -> Json | None:
    """A nonXMLBody as DocumentReference; what is embedded becomes a Binary."""
    ctx = header.ctx
    body = node_at(header.document, COMPONENT, NON_XML_BODY)
    text = None if body is None else body.child(TEXT)
    if text is None:
        return None
    path = f"{ROOT}/component/nonXMLBody/text"
    attachment = _attachment(text, ctx, path)
    if attachment is None:
        return None
    attachment["title"] = header.title or "Clinical document"
    return ctx.add(
        "DocumentReference",
        {
            "status": "current",
            "type": codeable(header.document.child(CODE), ctx),
            "category": [NOTE_CATEGORY],
            "subject": ctx.patient,
            "author": header.authors,
            "custodian": header.custodian,
            "content": [{"attachment": attachment}],
            "context": drop({"encounter": [ctx.ref(header.encounter)]}),
        },
        None,
        path,
    )


def _attachment(text: Element, ctx: Context, path: str) -> Json | None:
    kind = text.get("mediaType") or "text/plain"
    own = text.text or ""
    if own.strip():
        data = "".join(own.split()) if text.get("representation") == "B64" else None
        if data is not None and not _is_base64(data):
            ctx.issue("what the document embeds is no Base64; it was kept as text")
            kind, data = "text/plain", None
        data = data or base64.b64encode(own.encode()).decode("ascii")
        made = ctx.add("Binary", {"contentType": kind, "data": data}, None, path)
        return {"contentType": kind, "url": f"Binary/{made['id']}"}
    link = next((child.get("value") for child in text if child.tag == REFERENCE), None)
    url = "%20".join(link.split()) if link else None
    return {"contentType": kind, "url": url} if url else None


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except ValueError:
        return False
    return True
