"""The language that contents are searched with, against a reading of it that is as plain as can be."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chartbridge.errors import BadRequestError
from chartbridge.search.content import Query, Term, parse, searchable
from chartbridge.search.filters import words


def term(*parts: str, is_prefix: bool = False) -> Term:
    return Term(parts, is_prefix)


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("chest pain", Query(optional=(term("chest"), term("pain")))),
        ("diab*", Query(optional=(term("diab", is_prefix=True),))),
        ('"Jumps  Over"', Query(optional=(term("jumps", "over"),))),
        (r"\"quoted\"", Query(optional=(term("quoted"),))),
        (r'"say \"hello\" now"', Query(optional=(term("say", "hello", "now"),))),
        ("pain -chest", Query(optional=(term("pain"),), excluded=(term("chest"),))),
        ("+pain chest", Query(optional=(term("chest"),), required=(term("pain"),))),
        ("+chest +pain", Query(required=(term("chest"), term("pain")))),
        ('-"chest pain"', Query(excluded=(term("chest", "pain"),))),
        ('+"chest pain" +acute', Query(required=(term("chest", "pain"), term("acute")))),
        ("E11.9", Query(optional=(term("e11", "9"),))),
        ("2024-01-31", Query(optional=(term("2024", "01", "31"),))),
        ("well-kn*", Query(optional=(term("well", "kn", is_prefix=True),))),
        ("Müller", Query(optional=(term("muller"),))),
        ('"never closed', Query(optional=(term("never", "closed"),))),
        ("*** !!! +", Query()),
        ("- pain", Query(optional=(term("pain"),))),
        ("abc\\", Query(optional=(term("abc"),))),
    ],
)
def test_a_search_term_is_read(text: str, query: Query) -> None:
    assert parse(text) == query


@pytest.mark.parametrize("text", ["", "ab", "  ab  "])
def test_less_than_three_characters_are_refused(text: str) -> None:
    with pytest.raises(
        BadRequestError, match=r"^String must contain at least 3 character\(s\), on \[content\]$"
    ):
        parse(text)


def test_a_search_term_has_bounds() -> None:
    with pytest.raises(BadRequestError, match="at most 1000 character"):
        parse("x" * 1001)
    with pytest.raises(BadRequestError, match="at most 100 words"):
        parse("x " * 101)


SENTENCE = searchable('The quick brown fox jumps over the lazy dog. Said "hello"; naïve café, E11.9!')


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ("fox", True),
        ("FOX cat", True),
        ("cat cow", False),
        ("jump", False),
        ("jump*", True),
        ("ump*", False),
        ('"jumps over"', True),
        ('"over jumps"', False),
        ('"jumps the"', False),
        ("+fox +dog", True),
        ("+fox +cat", False),
        ("+fox cat", True),
        ("fox -dog", False),
        ("fox -cat", True),
        ("-cat", True),
        ("-fox", False),
        ('-"lazy dog"', False),
        ('-"lazy fox"', True),
        (r'"said \"hello\""', True),
        ("cafe", True),
        ("CAFÉ", True),
        ("e11.9", True),
        ("11.9", False),
        ("???", False),
    ],
)
def test_a_text_is_found(text: str, is_found: bool) -> None:
    assert parse(text).matches(SENTENCE) is is_found


@given(st.text(max_size=1200))
def test_whatever_is_asked_is_read_or_refused(text: str) -> None:
    try:
        query = parse(text)
    except BadRequestError:
        return
    query.matches(SENTENCE)


WORDS = ("ab", "abc", "bcd", "é", "7", "abcd")


@st.composite
def search_terms(draw: st.DrawFn) -> str:
    """Search terms in the language, at least three characters long."""
    parts = []
    for _ in range(draw(st.integers(1, 5))):
        sign = draw(st.sampled_from(("", "", "+", "-")))
        chosen = draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=3))
        form = draw(st.sampled_from(("word", "prefix", "phrase")))
        parts.append(
            sign
            + {"word": chosen[0], "prefix": f"{chosen[0]}*", "phrase": '"' + " ".join(chosen) + '"'}[form]
        )
    return " ".join(parts).ljust(3, "!")


documents = st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join)


def naive(search: str, document: str) -> bool:
    """The contract's sentences one by one, over lists of words."""
    said = list(words(document))

    def has(form: str) -> bool:
        if form.startswith('"'):
            phrase = list(words(form))
            return any(said[i : i + len(phrase)] == phrase for i in range(len(said)))
        (wanted,) = words(form)
        return any(word.startswith(wanted) if form.endswith("*") else word == wanted for word in said)

    tokens = re.findall(r'([+-]?)("[^"]*"|[^\s!]+)', search)
    if any(has(form) for sign, form in tokens if sign == "-"):
        return False
    required = [form for sign, form in tokens if sign == "+"]
    if required:
        return all(map(has, required))
    optional = [form for sign, form in tokens if not sign]
    return not optional or any(map(has, optional))


@given(search_terms(), documents)
def test_what_is_found_is_what_the_contract_says(search: str, document: str) -> None:
    assert parse(search).matches(searchable(document)) is naive(search, document)


@given(st.text(max_size=300))
def test_ascii_words_are_those_of_the_general_rule(text: str) -> None:
    """The quick way for ASCII and the way for all texts give the same words."""
    ascii_only = "".join(c for c in text if c.isascii())
    assert words(ascii_only) == words(ascii_only + " é")[:-1]
