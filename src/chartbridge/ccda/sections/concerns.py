"""What a concern act says in its own words, as notes of the problems and allergies that it holds.

The act is converted as a frame: what it contains becomes resources. Its words may say more than their
codes, such as what is feared of a disease, and would otherwise stand in the section's narrative only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from chartbridge.ccda import templates as t
from chartbridge.ccda.context import Context
from chartbridge.ccda.datatypes import codeable
from chartbridge.ccda.names import CODE, TEXT
from chartbridge.ccda.narrative import words
from chartbridge.ccda.registry import FRAMES, mapper_of
from chartbridge.ccda.sections.common import Json
from chartbridge.ccda.statement import Statement

HEALTH_CONCERNS = frozenset((t.HEALTH_CONCERN_ACT, t.RISK_CONCERN_ACT))
_ENTRY_ACTS = frozenset(
    (
        t.PROBLEM_CONCERN_ACT,
        t.ALLERGY_CONCERN_ACT,
        t.ENCOUNTER_DIAGNOSIS,
        t.HOSPITAL_ADMISSION_DIAGNOSIS,
        t.HOSPITAL_DISCHARGE_DIAGNOSIS,
        t.PREOPERATIVE_DIAGNOSIS,
        t.POSTPROCEDURE_DIAGNOSIS,
    )
)
_CONTENT = frozenset(
    (
        t.PROBLEM_CONCERN_ACT,
        t.PROBLEM_OBSERVATION,
        t.ALLERGY_CONCERN_ACT,
        t.ALLERGY_OBSERVATION,
    )
)
_HOLDERS = frozenset(("act", "organizer"))
_MOST = 100
"""What is said of more statements than these is not repeated on each, and no resource gets more notes
than these: the words stay in the narrative."""

NAMES_NOTHING = re.compile(
    r"(?:[\W\d_]|\b(?:no|none|nil|denies|not|any|an?|or|and|of|at|this|time|known|noted|identified|recorded"
    r"|reported|reports|patient|has|present|currently|current|active|significant|clinical|medical|health"
    r"|problems?|conditions?|diseases?|disorders?|diagnos[ie]s|findings?|complaints?|concerns?|issues?"
    r"|disability)\b)*",
    re.IGNORECASE,
)
"""Words like 'problem' and 'no known problems', which name none: any other word may."""
_WORD = re.compile(r"[^\W_]+")
_LABELS = re.compile(
    r"\b(?:allerg(?:y|ies)|drug|food|medication|encounter|hospital|admission|discharge|pre-?operative"
    r"|post-?(?:operative|procedure)|list|act|section)\b",
    re.IGNORECASE,
)
"""What names the kind of an act, and nothing of the patient."""
_DATE_OR_STATUS = re.compile(
    r"(?:[\W\d_]|(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec|january|february|march|april"
    r"|august|september|october|november|december|am|pm|[ecmp][sd]t|utc|t|z|st|nd|rd|th|active|inactive"
    r"|resolved|completed|since|until)(?![a-z]))*",
    re.IGNORECASE,
)
"""Cells of a table that hold a date or a status, which the entry has in elements of their own."""


def concern_notes(st: Statement, ctx: Context, code: Json | None, made: Sequence[Json]) -> list[Json]:
    """The own words of the acts that hold a problem or an allergy, as notes, outermost last.

    Left out is what its code or the notes ``made`` tell anyway. What is denied alone, beside others that
    are not, has no part in the words: they are said of the others.
    """
    found: list[Json] = []
    child = st
    holder = st.parent
    while holder is not None and holder.tag in _HOLDERS and len(made) < _MOST:
        if _speaks_of(holder, child):
            said = stated(holder, ctx, st, [code, *made, *found])
            if said is not None:
                found.append({"text": said})
        child, holder = holder, holder.parent
    return found


def add_concern_notes(made: Json, st: Statement, ctx: Context) -> Json:
    """Add these notes to a resource that is made already: one that is told in its section and again in a
    concern, with nothing that tells the two apart, remains one."""
    found = concern_notes(st, ctx, made.get("code"), made.get("note", ()))
    if found:
        made.setdefault("note", []).extend(found)
    return made


def stated(
    act: Statement, ctx: Context, st: Statement | None = None, told: Sequence[Json | None] = ()
) -> str | None:
    """What an act says in its own words, ``None`` where it says nothing or nothing more than is ``told``.

    Words in the entry itself come first, then those that its text refers to, then its code's original
    text. The words of a health concern may be a row of a table, cell by cell; a problem's row is the
    entry ``st`` told once more, and stays in the narrative, and so do the very words of that entry.
    """
    health = act.template in HEALTH_CONCERNS
    if not health and not (act.template in _ENTRY_ACTS or (act.template == "" and mapper_of(act) in FRAMES)):
        return None
    cells = _cells(act, ctx, health)
    if not cells:
        code = codeable(act.child(CODE), ctx)
        text = None if code is None else code.get("text")
        cells = [text] if isinstance(text, str) else []
    known = [_plain(one) for concept in told for one in _told(concept)]
    if st is not None and not health:
        known.append(_plain(ctx.text(st.child(TEXT)) or ""))
    more = [
        cell
        for cell in cells
        if NAMES_NOTHING.fullmatch(_LABELS.sub(" ", cell)) is None
        and _DATE_OR_STATUS.fullmatch(cell) is None
        and not any(_plain(cell) in one for one in known)
    ]
    return "; ".join(cells) if more else None


def _cells(act: Statement, ctx: Context, rows: bool) -> list[str]:
    """The words of an act's text: one, or those of each cell where it refers to a row and may."""
    el = act.child(TEXT)
    if el is None:
        return []
    own = words(el)
    if own is not None:
        return [own]
    for child in el:
        reference = child.get("value")
        if reference:
            return ctx.narrative.cells(reference, rows)
    return []


def _speaks_of(holder: Statement, child: Statement) -> bool:
    """Whether the words of an act are said of this part of it.

    They are not where the act is denied, retracted, planned, null or another person's and the part is not.
    """
    if len(holder.related) > _MOST or holder.planned or holder.el.get("nullFlavor") is not None:
        return False
    if (holder.denied and not child.denied) or (holder.nullified and not child.nullified):
        return False
    if holder.another is not None:
        return False
    if not child.denied or holder.denied:
        return True
    return all(one.denied for one in holder.related if one.template in _CONTENT)


def _told(concept: Json | None) -> list[str]:
    """The words of a concept or of a note."""
    if concept is None:
        return []
    said = [concept.get("text"), *(code.get("display") for code in concept.get("coding", ()))]
    return [one for one in said if isinstance(one, str)]


def _plain(text: str) -> str:
    """A text's words in small letters with a blank around each, so that one may be looked for in another."""
    return f" {' '.join(_WORD.findall(text.casefold()))} "
