"""Truth tables as typed rows."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
_ELEMENTS = "name by code words says lacks on until value status not most yields why"
ELEMENTS = frozenset(_ELEMENTS.split())


@dataclass(frozen=True, slots=True)
class Row:
    """One fact. Whatever is empty is not compared, but for `negated`, which always is.

    kind: as `statement.KINDS` names them. codes: `S:386661006` and the like, any of them carries the fact.
    words: patterns (`*` for anything) of the name where no code carries it. says, lacks: patterns of which
    one must and none may be met besides, where one code stands for two things. on, until: dates of start and
    end, any of them; `none` for undated; `=` before a time that only that very minute meets. values: any of
    them; of a medicine taken how often, of a plan its intent. most: how often it may stand, where the
    documents leave open whether it is one event or several. yields: it may give way to another row and need
    not stand, but not twice. by: how many documents say it. why: the judgement where they differ.
    """

    kind: str
    name: str
    codes: frozenset[str] = frozenset()
    words: tuple[str, ...] = ()
    says: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    on: tuple[str, ...] = ()
    until: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    negated: bool = False
    most: int = 1
    yields: bool = False
    by: int = 1
    why: str = ""

    def __str__(self) -> str:
        told = [self.kind, self.name, "/".join(self.on), "/".join(self.values), "/".join(self.status)]
        return " | ".join(part for part in told if part) + (" | not" if self.negated else "")


@dataclass(frozen=True, slots=True)
class Table:
    """documents: file names in the corpus, all of them of this one person. narratives: LOINC codes of the
    sections that they have; each must be found with its text in a Composition of the chart."""

    patient: str
    gender: str
    born: str
    documents: tuple[str, ...]
    narratives: tuple[str, ...]
    rows: tuple[Row, ...]


def names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load(name: str) -> Table:
    """The table of a patient. Raises ValueError for a row that is misspelt or says nothing to match."""
    given = tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    rows = tuple(row(kind, entry) for kind, entries in given["facts"].items() for entry in entries)
    return Table(
        patient=given["patient"],
        gender=given["gender"],
        born=given["born"],
        documents=tuple(given["documents"]),
        narratives=tuple(given["narratives"]),
        rows=rows,
    )


def row(kind: str, given: dict[str, Any]) -> Row:
    """A row as the tables spell it: one text stands for a list of one."""
    unknown = given.keys() - ELEMENTS
    if unknown or not (given.get("code") or given.get("words")):
        raise ValueError(f"The row {given} has {sorted(unknown)} or neither code nor words")
    return Row(
        kind=kind,
        name=given["name"],
        codes=frozenset(_texts(given.get("code"))),
        words=_texts(given.get("words")),
        says=_texts(given.get("says")),
        lacks=_texts(given.get("lacks")),
        on=_texts(given.get("on")),
        until=_texts(given.get("until")),
        values=_texts(given.get("value")),
        status=_texts(given.get("status")),
        negated=given.get("not", False),
        most=given.get("most", 1),
        yields=given.get("yields", False),
        by=given.get("by", 1),
        why=given.get("why", ""),
    )


def _texts(given: str | list[str] | None) -> tuple[str, ...]:
    if given is None:
        return ()
    return (given,) if isinstance(given, str) else tuple(given)
