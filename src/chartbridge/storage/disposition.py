"""Whether a browser shows an object or saves it."""

from __future__ import annotations

SHOWN = ("image/png", "image/jpeg", "image/gif", "image/tiff", "application/pdf", "application/json")
"""Types in which nothing can run. HTML, XML and SVG are somebody else's programs until shown otherwise."""


def disposition(content_type: str, filename: str | None = None, *, inline: bool = False) -> str:
    """A Content-Disposition. ``inline`` is for pages that we made ourselves and that run nothing."""
    bare = content_type.partition(";")[0].strip().lower()
    kind = "inline" if inline or bare in SHOWN or bare == "text/plain" else "attachment"
    return kind if filename is None else f'{kind}; filename="{_quotable(filename)}"'


def _quotable(filename: str) -> str:
    return "".join(c if c.isascii() and c.isprintable() and c not in '"\\' else "_" for c in filename)
