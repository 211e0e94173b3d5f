"""The language that the contents of documents are searched with (contract, documents 4.2).

Blank means or; ``pat*`` is a beginning, ``"jumps over"`` a phrase (``\\"`` is a quote within or outside
one), ``-word`` excludes, ``+word`` requires, so ``+a +b`` means and. Words are compared without case,
accents and punctuation, as :func:`chartbridge.search.filters.words` makes them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from chartbridge.errors import BadRequestError, InvalidParametersError
from chartbridge.search.filters import words

MIN_LENGTH = 3
MAX_LENGTH = 1000
MAX_TERMS = 100
_TOKEN = re.compile(
    r'(?P<sign>[+-]?)(?:"(?P<phrase>(?:\\.|[^"\\]|\\\Z)*)"?|(?P<word>(?:\\.|[^\s"\\]|\\\Z)+))', re.S
)
_ESCAPED = re.compile(r"\\(.)", re.S)


@dataclass(frozen=True, slots=True)
class Term:
    """Words that follow each other; the last one is whole, or with ``is_prefix`` begins a word."""

    words: tuple[str, ...]
    is_prefix: bool = False

    @property
    def needle(self) -> str:
        """What stands in the :func:`searchable` text of a document that has the term."""
        return f" {' '.join(self.words)}" + ("" if self.is_prefix else " ")

    @property
    def pattern(self) -> str:
        """What LIKE finds the term by. Words hold letters and digits only, so none of LIKE's wild cards."""
        return f"%{self.needle}%"


@dataclass(frozen=True, slots=True)
class Query:
    """What a text must have, what it must not have, and of what one must be there.

    ``optional`` counts only when nothing is required. Without any term nothing is found; with excluded
    ones alone, everything that has none of them.
    """

    optional: tuple[Term, ...] = ()
    required: tuple[Term, ...] = ()
    excluded: tuple[Term, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.optional or self.required or self.excluded)

    def matches(self, text: str) -> bool:
        """Whether a document with that :func:`searchable` text is found."""
        if not self or any(term.needle in text for term in self.excluded):
            return False
        if self.required:
            return all(term.needle in text for term in self.required)
        return not self.optional or any(term.needle in text for term in self.optional)


def searchable(text: str) -> str:
    """A document's text in the one form that is stored and searched: `` word word ``."""
    return f" {' '.join(words(text))} "


def parse(text: str) -> Query:
    """The query that a search term means.

    Raises InvalidParametersError for one of less than three characters, and BadRequestError beyond the
    bounds (1000 characters, 100 words and phrases); nothing else.
    """
    text = text.strip()
    if len(text) < MIN_LENGTH:
        raise InvalidParametersError(f"String must contain at least {MIN_LENGTH} character(s), on [content]")
    if len(text) > MAX_LENGTH:
        raise InvalidParametersError(f"String must contain at most {MAX_LENGTH} character(s), on [content]")
    found: dict[str, list[Term]] = {"": [], "+": [], "-": []}
    for token in _TOKEN.finditer(text):
        phrase = token["phrase"]
        term = _term(token["word"]) if phrase is None else Term(words(_unescaped(phrase)))
        if term.words:
            found[token["sign"]].append(term)
    if sum(map(len, found.values())) > MAX_TERMS:
        raise BadRequestError(f"content must have at most {MAX_TERMS} words and phrases")
    return Query(tuple(found[""]), tuple(found["+"]), tuple(found["-"]))


def _term(word: str) -> Term:
    return Term(words(_unescaped(word)), is_prefix=word.endswith("*"))


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(r"\1", text)
