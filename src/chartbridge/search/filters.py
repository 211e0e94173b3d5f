"""The filter language of lists (conventions 1.8): words, ``"phrases"``, ``or``, ``-without``.

Whole words, in any case and with or without accents. What is searched is text in one form, made by
:func:`text_of_fields` and looked at with LIKE, so that every database answers the same.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from chartbridge.errors import BadRequestError

MAX_LENGTH = 1000
MAX_TERMS = 100
_TOKEN = re.compile(r'(-?)"([^"]*)"?|(\S+)')
_ASCII_WORD = re.compile(r"[a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Term:
    """Words that must (or, ``negated``, must not) follow each other in a field."""

    words: tuple[str, ...]
    negated: bool = False


def words(text: str) -> tuple[str, ...]:
    """The text's runs of letters and digits, without case and accents."""
    if text.isascii():  # the same, and many times faster
        return tuple(_ASCII_WORD.findall(text.lower()))
    decomposed = unicodedata.normalize("NFD", text.casefold())
    kept = (c if c.isalnum() else " " for c in decomposed if not unicodedata.combining(c))
    return tuple("".join(kept).split())


def text_of_fields(fields: Iterable[str]) -> str:
    """The fields' words as `` word word | word … ``: a bar ends a field, so that a phrase does not reach
    from one field into the next."""
    return f" {' | '.join(' '.join(words(field)) for field in fields)} "


def pattern(term: Term) -> str:
    """What LIKE finds the term by. Words hold letters and digits only, so none of LIKE's wild cards."""
    return f"% {' '.join(term.words)} %"


def plain(text: str) -> str:
    """Text without case, with single spaces: how ids and names are compared with a whole filter."""
    return " ".join(text.casefold().split())


def parse(text: str) -> list[list[Term]]:
    """Alternatives, each a list of terms that must all hold. Raises BadRequestError beyond the limits."""
    if len(text) > MAX_LENGTH:
        raise BadRequestError(f"filters must have at most {MAX_LENGTH} characters")
    alternatives: list[list[Term]] = [[]]
    tokens = list(_TOKEN.finditer(text))
    if len(tokens) > MAX_TERMS:
        raise BadRequestError(f"filters must have at most {MAX_TERMS} words")
    for place, token in enumerate(tokens):
        minus, phrase, word = token.groups()
        if phrase is None and word.lower() == "or" and alternatives[-1] and place + 1 < len(tokens):
            alternatives.append([])
            continue
        negated = bool(minus) if phrase is not None else word.startswith("-")
        found = words(phrase if phrase is not None else word)
        if found:
            alternatives[-1].append(Term(found, negated))
    return [terms for terms in alternatives if terms]
