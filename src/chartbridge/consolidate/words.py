"""Texts, names, addresses, numbers and identifiers in the form in which they are compared."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from chartbridge.fhir.references import Resource

NPI = "http://hl7.org/fhir/sid/us-npi"
_WORD = re.compile(r"\d+(?:\.\d+)+|[^\W_]+|[<>≤≥]|(?<=\w)[+-]+(?!\w)|(?<!\w)-(?=\d)")
_TITLES = frozenset({"dr", "mr", "mrs", "ms", "md", "do", "rn", "np", "pa", "phd", "prof", "lpn", "cma"})
_GENERATIONS = frozenset({"jr", "sr", "ii", "iii", "iv"})
_STREET = {
    "avenue": "ave",
    "boulevard": "blvd",
    "drive": "dr",
    "east": "e",
    "lane": "ln",
    "north": "n",
    "place": "pl",
    "road": "rd",
    "south": "s",
    "street": "st",
    "suite": "ste",
    "west": "w",
}


@lru_cache(maxsize=65536)
def plain(text: str) -> str:
    """Words in lower case, one space between them: what is left differs in more than form.

    Signs that change what is said stay: `<5`, `-5`, `1.5` beside `1-5`, and the last of `2+`, `A+`, `A-`.
    """
    return " ".join(_WORD.findall(text.casefold()))


def list_of(value: Any) -> list[Any]:
    """A list, an element as a list of one, nothing as an empty list."""
    return value if isinstance(value, list) else [] if value is None else [value]


def objects(value: Any) -> list[Resource]:
    """The JSON objects of an element that is one or a list of them."""
    return [item for item in list_of(value) if isinstance(item, dict)]


def one_of(value: Any) -> Resource:
    """The JSON object that a value is; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def identifiers(resource: Resource) -> frozenset[str] | None:
    """`system|value` of each identifier that has both and names more than a bare OID; None without any."""
    found = {
        f"{one['system']}|{one['value']}"
        for one in objects(resource.get("identifier"))
        if one.get("system") and one.get("value") and not str(one["value"]).startswith("urn:oid:")
    }
    return frozenset(found) or None


def npi(resource: Resource) -> str | None:
    """The one valid National Provider Identifier; None where there is none, or more than one."""
    found = {
        str(one.get("value"))
        for one in objects(resource.get("identifier"))
        if one.get("system") == NPI and is_npi(str(one.get("value")))
    }
    return found.pop() if len(found) == 1 else None


def is_npi(value: str) -> bool:
    """Whether the ten digits have the check digit that CMS gives them (Luhn over 80840 and the number)."""
    if not re.fullmatch(r"[12]\d{9}", value):
        return False
    digits = [int(digit) for digit in f"80840{value}"]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


PersonName = tuple[frozenset[str], str, frozenset[str]]


def person_name(resource: Resource) -> PersonName | None:
    """(all words, family name, generation) of the first name that has words; titles do not count."""
    for name in objects(resource.get("name")):
        parts = [str(name.get("family") or ""), *map(str, list_of(name.get("given")))]
        said = plain(" ".join(parts)) or plain(str(name.get("text") or ""))
        suffix = set(plain(" ".join(map(str, list_of(name.get("suffix"))))).split())
        words = set(said.split()) - _TITLES
        generation = frozenset((words | suffix) & _GENERATIONS)
        words -= _GENERATIONS
        if words:
            return frozenset(words), plain(str(name.get("family") or "")), generation
    return None


def names_agree(one: PersonName, other: PersonName) -> bool:
    """Whether two names can be one person's: the generation the same, the family name not another."""
    families = (one[1], other[1])
    return one[2] == other[2] and (families[0] == families[1] or "" in families)


def same_name(one: PersonName, other: PersonName) -> bool:
    """Whether two names have the same words, in whatever order, of which at least two."""
    return one[0] == other[0] and len(one[0]) > 1


def telecoms(resource: Resource) -> frozenset[str] | None:
    """Telephone numbers by their last ten digits, other addresses in lower case; None without any."""
    found = set()
    for one in objects(resource.get("telecom")):
        value = str(one.get("value") or "").strip().casefold()
        digits = re.sub(r"\D", "", value)
        if "@" not in value and len(digits) >= 7:
            found.add(digits[-10:])
        elif value and not digits == value == "":
            found.add(value)
    return frozenset(found) or None


def addresses(resource: Resource) -> frozenset[str] | None:
    """`line|place` of each address with a street: the place is the ZIP's five digits, or else the city."""
    found = set()
    for one in objects(resource.get("address")):
        words = plain(" ".join(map(str, list_of(one.get("line"))))).split()
        line = " ".join(_STREET.get(word, word) for word in words)
        place = str(one.get("postalCode") or "")[:5] or plain(str(one.get("city") or ""))
        if line and place:
            found.add(f"{line}|{place}")
    return frozenset(found) or None


def number(value: Any) -> float | None:
    """A JSON number, or a text that is nothing but a decimal number; None for anything else."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, (int, float)):
        return float(value)
    text = str(value).strip()
    return float(text) if re.fullmatch(r"[+-]?\d{1,15}(\.\d{1,15})?", text) else None


def joined(texts: Iterable[str]) -> str | None:
    """The texts in plain form as one; None where nothing is said."""
    return " ".join(filter(None, map(plain, texts))) or None
