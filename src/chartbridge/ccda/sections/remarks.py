"""Parts of a statement that its resource has no element for, in words."""

from __future__ import annotations

from chartbridge.ccda.context import Context
from chartbridge.ccda.datatypes import codeable, title
from chartbridge.ccda.names import CODE, TEXT, VALUE
from chartbridge.ccda.sections.observation import value, words
from chartbridge.ccda.statement import Statement

_OFF = {"nullified": "Entered in error", "cancelled": "Cancelled", "aborted": "Broken off"}


def remark(st: Statement, ctx: Context) -> str | None:
    """A part as a note: ``<what>: <value>``, and before it why that does not hold; ``None`` for nothing."""
    what = title(codeable(st.child(CODE), ctx))
    said = words(value(st.child(VALUE), ctx)) or ctx.text(st.child(TEXT))
    if said is None and (what is None or VALUE in st.one):
        return None
    text = ": ".join(part for part in (what if what != "ASSERTION" else None, said) if part)
    if not text:
        return None
    if st.negated:
        text = f"Not so: {text}"
    if st.planned:
        text = f"Planned or possible: {text}"
    if st.el.get("nullFlavor") is not None:
        text = f"Not known: {text}"
    if (person := st.another) is not None:
        text = f"Of {title(codeable(person.child(CODE), ctx)) or 'another person'}: {text}"
    return f"{_OFF[st.status]}: {text}" if st.status in _OFF else text
