"""The words of an answer: those that say nothing of a patient by themselves, numbers, and what turns a
sentence into its opposite."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal


def listed(words: str) -> list[str]:
    """The words of a list that is written as one text."""
    return words.split()


PLAIN = frozenset(
    listed(
        """a an the of in on at by for from to with and or as is are was were be been has have had this
    that these those which who whose it its their they there also both other another include
    including included among patient chart record recorded documented document noted listed list
    stated state reported report show showed shown marked known active current currently recent
    recently most latest last entry since until dated date day year old aged age month problem
    condition diagnosis diagnoses diagnosed medication medicine drug take taking takes prescribed
    receive received receiving given allergy allergic intolerance reaction reacted result laboratory
    lab value level measured abnormal procedure performed underwent immunization vaccination vaccine
    vaccinated immunized encounter visit visited seen smoking status she he her his him woman man
    according summary finding source"""
    )
)
"""Words that an answer may have though no fact has them: none says anything of a patient by itself."""

NEGATIONS = frozenset(
    listed(
        """no not nor never none neither without deny denie denied negative absent absence former formerly
    inactive longer stopped resolved past previou previously ex quit free lack contradict
    contradictory conflicting disagree non-smoker nonsmoker non unknown"""
    )
)
"""Stems that turn what stands beside them: each needs a fact that has one as well."""
PLAIN_NEGATIONS = frozenset({"no", "not", "nor", "never", "none", "longer"})

_ONES = listed(
    """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
    sixteen seventeen eighteen nineteen"""
)
_TENS = listed("""twenty thirty forty fifty sixty seventy eighty ninety""")
_ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "once": 1, "twice": 2, "thrice": 3}
NUMBER_WORDS: dict[str, Decimal] = {
    **{word: Decimal(number) for number, word in enumerate(_ONES)},
    **{word: Decimal(20 + 10 * number) for number, word in enumerate(_TENS)},
    **{word: Decimal(number) for word, number in _ORDINALS.items()},
    "hundred": Decimal(100), "thousand": Decimal(1000), "dozen": Decimal(12), "half": Decimal("0.5"),
}  # fmt: skip

TOKEN = re.compile(
    r"(?P<number>(?<![^\W_])\d+(?:,\d{3})*(?:\.\d+)?(?![^\W_]|\.\d))"
    r"|(?P<word>%|°|[^\W_\x00]+(?:[/.][^\W_\x00]+)*)"
)


def normal(text: str) -> str:
    """The one form in which a fact and an answer are compared: compatible characters, without case."""
    return unicodedata.normalize("NFKC", text).replace("’", "'").casefold()


def stem(word: str) -> str:
    """A word without the ending of its plural."""
    if len(word) > 4 and word.endswith("ies"):
        return f"{word[:-3]}y"
    if len(word) > 4 and word.endswith(("ses", "xes", "ches", "shes")):
        return word[:-2]
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def number(text: str) -> Decimal:
    """A number as a value: `7.40` is `7.4`, `1,200` is `1200`."""
    return Decimal(text.replace(",", ""))


PLAIN_STEMS = frozenset(map(stem, PLAIN)) | PLAIN
