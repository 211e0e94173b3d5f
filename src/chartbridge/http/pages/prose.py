"""The few marks that descriptions use, as HTML: paragraphs, code, stress and links."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

_MARKS = re.compile(
    r"``(?P<code2>[^`]+)``|`(?P<code>[^`]+)`|\*\*(?P<strong>[^*]+)\*\*"
    r"|\[(?P<text>[^\]]+)\]\((?P<url>(?:https?://|/|#)[^)\s]*)\)"
)


def inline(text: str) -> Markup:
    """One line of prose; everything but the marks is escaped."""
    parts: list[Markup] = []
    end = 0
    for mark in _MARKS.finditer(text):
        parts += [escape(text[end : mark.start()]), _marked(mark)]
        end = mark.end()
    return Markup("").join([*parts, escape(text[end:])])


def _marked(mark: re.Match[str]) -> Markup:
    if code := mark["code"] or mark["code2"]:
        return Markup("<code>{}</code>").format(code)
    if strong := mark["strong"]:
        return Markup("<strong>{}</strong>").format(strong)
    return Markup('<a href="{}">{}</a>').format(mark["url"], mark["text"])


def paragraphs(text: str) -> Markup:
    """Prose whose paragraphs stand between blank lines."""
    found = [" ".join(block.split()) for block in re.split(r"\n\s*\n", text.strip())]
    return Markup("\n").join(Markup("<p>{}</p>").format(inline(block)) for block in found if block)
