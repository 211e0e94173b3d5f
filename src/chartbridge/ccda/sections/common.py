"""What mappers of several sections need: notes, reasons, the statement's own text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from chartbridge.ccda import templates as t
from chartbridge.ccda.context import Context
from chartbridge.ccda.datatypes import codeable, title
from chartbridge.ccda.names import CODE, TEXT, VALUE
from chartbridge.ccda.registry import about_another, part
from chartbridge.ccda.statement import Statement

Json = dict[str, Any]

part(t.COMMENT_ACTIVITY, of="the statement it comments on")
part(t.INDICATION, of="the statement it is the reason of")


def notes(st: Statement, ctx: Context) -> list[Json]:
    """Comment activities within a statement as Annotations; those without a text are left alone."""
    made: list[Json] = []
    for comment in st.related:
        if comment.template != t.COMMENT_ACTIVITY or comment.taken or not comment.is_asserted:
            continue
        text = ctx.text(comment.child(TEXT))
        if text is None:
            continue
        comment.taken = True
        author, moment = ctx.actors.author(comment, comment.path)
        note: Json = {"text": text}
        if author is not None:
            note = {"authorReference": author, **note}
        if moment is not None:
            note["time"] = moment
        made.append(note)
    return made


def reasons(st: Statement, ctx: Context) -> list[Json]:
    """Indications within a statement (template or typeCode RSON) as reason codes."""
    made: list[Json] = []
    for indication in st.related:
        if indication.taken or indication.tag != "observation" or not _holds(indication):
            continue
        if indication.template != t.INDICATION and not (
            indication.type_code == "RSON" and indication.template in ("", t.PROBLEM_OBSERVATION)
        ):
            continue
        code = codeable(indication.child(VALUE), ctx) or text_concept(indication, ctx)
        if code is None:
            continue
        if "text" not in code and (words := own_words(indication, ctx, code)):
            code["text"] = words
        indication.taken = True
        ctx.pending.append(indication)
        if code not in made:
            made.append(code)
    return made


def _holds(indication: Statement) -> bool:
    """Whether an indication is the patient's and is stated: not denied, entered in error, or planned."""
    return not (
        indication.negated
        or indication.nullified
        or indication.planned
        or indication.el.get("nullFlavor") is not None
        or about_another(indication)
    )


def own_words(st: Statement, ctx: Context, *told: Json | str | None) -> str | None:
    """Words that stand in the statement itself, not in the narrative, where they are not those of the
    concepts and texts that are told anyway."""
    el = st.child(TEXT)
    if el is None or el.text is None or el.text.isspace():
        return None
    said = ctx.text(el)
    if said is None:
        return None
    for one in told:
        known = [one]
        if isinstance(one, dict):
            known = [one.get("text"), *(code.get("display") for code in one.get("coding", ()))]
        if any(isinstance(words, str) and words.casefold() == said.casefold() for words in known):
            return None
    return said


def own_note(st: Statement, ctx: Context, *told: Json | str | None) -> list[Json]:
    """The statement's own words as a note, where they are not told anyway."""
    said = own_words(st, ctx, *told)
    return [] if said is None else [{"text": said}]


def text_concept(st: Statement, ctx: Context) -> Json | None:
    """A CodeableConcept of nothing but the statement's own text, where it has one."""
    text = ctx.text(st.child(TEXT))
    return None if text is None else {"text": text}


def code_or_text(st: Statement, ctx: Context) -> Json | None:
    """The statement's code; without one, its text."""
    return codeable(st.child(CODE), ctx) or text_concept(st, ctx)


def label(st: Statement, ctx: Context) -> str | None:
    """What to call a statement in words."""
    return title(codeable(st.child(CODE), ctx))


def frame(st: Statement, ctx: Context, content: Iterable[Statement]) -> Json | None:
    """A statement that only holds others together: they are converted, and it is part of what they become."""
    made = [one for child in content if (one := ctx.convert(child)) is not None]
    if made:
        ctx.absorb(st, *made)
        return made[0]
    return None
