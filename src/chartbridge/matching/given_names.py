"""Given names: short forms of each other, one mistyped, or two different names.

Twins share everything but the given name, and their names are often alike, so alikeness alone is no
evidence: a name counts as mistyped only when it is one slip away from a name that people have, and is
none itself.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Literal

from nicknames import NickNamer
from rapidfuzz.distance import OSA, JaroWinkler

from chartbridge.matching.common_names import is_common_given

GivenLevel = Literal["same", "nickname", "sound", "typo", "alike", "rhyme", "initial", "unlike"]
_LONG = 8
_ALIKE = 0.9
_VOWELS = frozenset("aeiouy")
_POPULAR_TEXT = """
    addison aiden amelia aria asher ashton ava avery ayden bella brady braden brayden brendan brody bryce
    brooklyn caden caleb camden cameron carson carter chase chloe cole colin colton connor cooper damian
    declan delilah devin dominic easton eli elijah eliana ella ellie emma erica ethan eva evan faith finn
    gabriella gavin genesis gianna grayson hailey hannah harper hayden hazel hope hudson hunter ian isaac
    isabella isla ivy jace jada jade jaden jasmine jaxon jayden jaylen jayla jaylin jonah jordan josiah kai
    kaleb kayden kayla kaylee kendall kinsley kirsten kristen kristin kristina kyla kylie landon layla leah
    leila lena levi liam lila lily lina logan luca lucas luke luna lydia mackenzie madison makayla malia
    maria mario marisa mariah mason maya mia mikayla mila naomi natalia nevaeh nina noah nora nova olivia
    owen paige parker peyton piper quinn raelyn reagan riley rowan ruby ryan ryder ryland sadie savannah
    sawyer scarlett serenity skylar sofia sophia stella taylor tessa tristan tyler tyson violet wyatt xavier
    zane zara zoe zoey abdul ahmed aisha alejandra alejandro ali alfredo amir ana andre angel antonio
    armando arturo beatriz bianca brandi brandy brittany bryant carlos cesar chantel claudia cristina damon
    darnell darrell dawn demetrius desiree dominique dwayne ebony eduardo edgar edwin efrain enrique erick
    ernesto esteban fatima felipe fernando francisco gabriela gerardo gloria guadalupe guillermo gustavo
    hector hiroshi hugo ibrahim ismael israel ivan jaime jamal jamie javier jermaine jerome jesus joaquin
    jorge jose juan juana julio keisha keith kenji kendra krystal lamar latasha latoya leonardo leticia linh
    luis malik manuel marco marcos marcus maribel maricela marisol marquis mateo mei miguel minh miriam
    mohamed mohammed monique muhammad mustafa natasha nestor omar orlando oscar pablo pedro priya rafael
    ramiro ramon raul ricardo roberto rodolfo rodrigo rosa rosario ruben salvador sanjay santiago santos
    sergio shanice sheena silvia sonia tamara tamika tanisha tanya tasha terrell thuy tiffany tomas trevon
    tyrone veronica vicente wei xiomara yesenia yolanda yusuf yvonne
"""
_POPULAR = frozenset(_POPULAR_TEXT.split())
"""Frequent names of this century's children and of other languages, which tables of nicknames lack."""
_FURTHER_SHORT_FORMS = {
    "alberto": {"beto"}, "alejandro": {"alex"}, "alexander": {"xander"}, "antonio": {"tono", "tony"},
    "catherine": {"cat"}, "christopher": {"topher"}, "concepcion": {"concha"}, "dolores": {"lola"},
    "eduardo": {"lalo"}, "enrique": {"kike"}, "ernesto": {"neto"}, "francisco": {"paco", "pancho", "frank"},
    "guadalupe": {"lupe", "lupita"}, "guillermo": {"memo"}, "ignacio": {"nacho"}, "isabel": {"chabela"},
    "jesus": {"chuy"}, "jose": {"pepe"}, "manuel": {"manny"}, "miguel": {"mike"}, "roberto": {"beto"},
    "rosario": {"chayo"}, "santiago": {"santi"}, "sebastian": {"seb"}, "vincenzo": {"enzo"},
}  # fmt: skip
_SPOKEN = (
    ("sch", "s"), ("ph", "f"), ("ck", "k"), ("ch", "k"), ("sh", "s"), ("th", "t"), ("gh", "g"), ("kh", "k"),
    ("x", "ks"), ("qu", "kw"), ("ay", "e"), ("ai", "e"), ("ei", "e"), ("ey", "e"), ("ie", "i"), ("ee", "i"),
    ("ea", "i"), ("ou", "u"), ("oo", "u"), ("y", "i"), ("c", "k"), ("q", "k"), ("z", "s"), ("v", "f"),
)  # fmt: skip


@lru_cache(maxsize=65_536)
def given_level(one: str, other: str) -> GivenLevel:
    """How two given names, lower-case letters only, stand to each other.

    ``alike`` may be one name; ``rhyme`` are two names that people have, alike in their letters (Jayla and
    Kayla), of which one may have been taken for the other.
    """
    if one == other:
        return "same"
    if len(one) == 1 or len(other) == 1:
        return "initial" if one[0] == other[0] else "unlike"
    if other in _short_forms(one) or one in _short_forms(other):
        return "nickname"
    if _spoken(one) == _spoken(other) or _without_doubles(one) == _without_doubles(other):
        return "sound"
    if _is_slip(one, other) and (_is_known(one) != _is_known(other) or _is_mechanical(one, other)):
        return "typo"
    if _is_known(one) and _is_known(other) and not _shares_long_form(one, other):
        return "rhyme" if _looks_same(one, other) else "unlike"
    if _shares_long_form(one, other) or _is_part(one, other) or _looks_same(one, other):
        return "alike"
    return "unlike"


def _looks_same(one: str, other: str) -> bool:
    """Alike in their letters."""
    is_near = min(len(one), len(other)) > 4 and int(OSA.distance(one, other)) == 1
    return is_near or float(JaroWinkler.similarity(one, other)) >= _ALIKE


def _is_slip(one: str, other: str) -> bool:
    """One letter left out, added, wrong or swapped with the next, two in long names; seldom the first. One
    vowel for another is none: it may well make another name."""
    shortest, longest = sorted((len(one), len(other)))
    if longest < 4 or shortest < 3 or not (one[0] == other[0] or one[:2] == other[1::-1]):
        return False
    distance = int(OSA.distance(one, other))
    return distance <= (2 if shortest >= _LONG else 1) and not (distance == 1 and _swaps_vowel(one, other))


def _swaps_vowel(one: str, other: str) -> bool:
    differing = [{a, b} for a, b in zip(one, other, strict=False) if a != b]
    return len(one) == len(other) and len(differing) == 1 and differing[0] <= _VOWELS


def _is_mechanical(one: str, other: str) -> bool:
    """A slip of the hand between two names of which no list has either: neighbours swapped, or any slip in
    a long name."""
    if _is_known(one) or int(OSA.distance(one, other)) != 1:
        return False
    is_swap = len(one) == len(other) and sorted(one) == sorted(other)
    return is_swap or min(len(one), len(other)) >= _LONG - 1


@cache
def _names() -> NickNamer:
    return NickNamer()


@cache
def _known() -> frozenset[str]:
    table = _names()
    return frozenset(table.nickname_lookup) | frozenset(table.canonical_lookup) | _POPULAR


def _is_known(name: str) -> bool:
    return name in _known() or is_common_given(name)


def _short_forms(name: str) -> set[str]:
    return _names().nicknames_of(name) | _FURTHER_SHORT_FORMS.get(name, set())


def _shares_long_form(one: str, other: str) -> bool:
    """Bob and Rob are both Robert; but so are Chris for Christina and Chris for Christopher, so two long
    forms with one short form are two names."""
    return bool(_names().canonicals_of(one) & _names().canonicals_of(other))


def _is_part(one: str, other: str) -> bool:
    """One stands at the beginning or the end of the other, as short forms do (Santi, Xander)."""
    short, long = sorted((one, other), key=len)
    return len(short) > 2 and (long.startswith(short) or long.endswith(short))


@lru_cache(maxsize=65_536)
def _spoken(name: str) -> str:
    """The name as it sounds, roughly. Parents do not give twins names that sound the same."""
    for letters, sound in _SPOKEN:
        name = name.replace(letters, sound)
    name = _without_doubles(name)
    return name.rstrip("h") or name


def _without_doubles(name: str) -> str:
    return "".join(c for place, c in enumerate(name) if place == 0 or name[place - 1] != c)
