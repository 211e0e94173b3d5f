"""The whole page: head, header block, contents, sections."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from html import escape

from chartbridge.cda_view import texts
from chartbridge.cda_view.header import header, patient_name, title
from chartbridge.cda_view.media import Media, unstructured
from chartbridge.cda_view.narrative import Narrative
from chartbridge.cda_view.style import SCREEN_CSS, paper_css
from chartbridge.cda_view.texts import Element, child, children

_DEEPEST_HEADING = 6
_PAPER_BASE = '<base href="about:blank">'
"""Without it, links within a page cannot be resolved when it is printed."""
_UNTITLED = "Untitled section"


def render_html(root: Element) -> str:
    """A ClinicalDocument as one HTML page that needs and loads nothing else."""
    return _page(root, _head(SCREEN_CSS))


def render_pdf(root: Element, *, created: datetime) -> bytes:
    """The same as PDF; ``created`` is written into it as its date. Equal input gives equal bytes."""
    from chartbridge.printing import to_pdf  # loads the typesetter, which only printing needs

    author = next(iter(children(root, "author")), None)
    name = texts.name(child(author, "assignedAuthor", "assignedPerson", "name"))
    return to_pdf(
        _page(root, _PAPER_BASE + _head(paper_css())),
        title=_head_title(root),
        author=name,
        subject=title(root),
        created=created,
    )


@dataclass(slots=True)
class _Contents:
    """Titles of the sections as they are met, each with its id and depth."""

    lines: list[tuple[int, str, str]] = field(default_factory=list)

    def add(self, depth: int, words: str) -> str:
        anchor = f"s-{len(self.lines) + 1}"
        self.lines.append((depth, anchor, words))
        return anchor

    def html(self) -> str:
        if not self.lines:
            return ""
        out = ['<nav><h2 id="contents">Contents</h2>']
        at = 0
        for depth, anchor, words in self.lines:
            if depth > at:
                out.append("<ol><li>" * (depth - at))
            else:
                out.append("</li></ol>" * (at - depth) + "</li><li>")
            out.append(f'<a href="#{anchor}">{escape(words)}</a>')
            at = depth
        out.append("</li></ol>" * at + "</nav>")
        return "".join(out)


def _head(css: str) -> str:
    return (
        f'<meta http-equiv="Content-Security-Policy" content="{_policy(css)}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="referrer" content="no-referrer"><style>{css}</style>'
    )


def _page(root: Element, head: str) -> str:
    media = Media(root)
    narrative, contents = Narrative(media), _Contents()
    body = _body(root, media, narrative, contents)
    return "".join(
        (
            '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">',
            f"{head}<title>{escape(_head_title(root))}</title></head><body><main>",
            header(root),
            contents.html(),
            f'<div class="body">{body}</div>',
            "<footer>This page shows the text of the document as its author wrote it. "
            "Coded entries are not shown; the original document has them.</footer>",
            "</main></body></html>\n",
        )
    )


def _policy(css: str) -> str:
    """Our style alone, pictures from within the page, and nothing else of any kind."""
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    )


def _head_title(root: Element) -> str:
    who = patient_name(root)
    return f"{title(root)} \N{EN DASH} {who}" if who else title(root)


def _body(root: Element, media: Media, narrative: Narrative, contents: _Contents) -> str:
    parts: list[str] = []
    for component in children(root, "component"):
        for body in children(component, "nonXMLBody"):
            parts.append(unstructured(body, media))
        for body in children(component, "structuredBody"):
            _sections(body, 1, media, narrative, contents, parts)
    return "".join(parts) or '<p class="note">This document has no text.</p>'


def _sections(
    parent: Element, depth: int, media: Media, narrative: Narrative, contents: _Contents, out: list[str]
) -> None:
    for component in children(parent, "component"):
        for section in children(component, "section"):
            words = texts.words(child(section, "title")) or texts.code(child(section, "code")) or _UNTITLED
            anchor = contents.add(depth, words)
            level = min(depth + 1, _DEEPEST_HEADING)
            out.append(f'<div class="section" id="{anchor}"><h{level}>{escape(words)}</h{level}>')
            blocks = children(section, "text")
            out.extend(narrative.block(text) for text in blocks)
            out.append(media.left_over(section))
            if not blocks and not children(section, "component"):
                out.append('<p class="note">This section has no text.</p>')
            _sections(section, depth + 1, media, narrative, contents, out)
            out.append("</div>")
