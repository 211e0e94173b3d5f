"""Parts of a statement that its resource has no element for, in words."""

from __future__ import annotations

from chartbridge.ccda.context import Context
from chartbridge.ccda.datatypes import codeable, title
from chartbridge.ccda.names import CODE, TEXT, VALUE
from chartbridge.ccda.sections.observation import value, words
from chartbridge.ccda.statement import Statement


def remark(st: Statement, ctx: Context) -> str | None:
    """A part as a note: ``<what>: <value>``, negation first; ``None`` where it says nothing."""
    what = title(codeable(st.child(CODE), ctx))
    said = words(value(st.child(VALUE), ctx)) or ctx.text(st.child(TEXT))
    if said is None and (what is None or VALUE in st.one):
        return None
    text = ": ".join(part for part in (what if what != "ASSERTION" else None, said) if part)
    if not text:
        return None
    if st.nullified:
        return f"Entered in error: {text}"
    if (person := st.another) is not None:
        whose = title(codeable(person.child(CODE), ctx)) or "another person"
        return f"Of {whose}: {'not so: ' if st.negated else ''}{text}"
    return f"Not so: {text}" if st.negated else text
