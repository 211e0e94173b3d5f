"""What became of RxNorm's retired concepts: RXNATOMARCHIVE.RRF and RXNCUI.RRF, where a release has them."""

from __future__ import annotations

from collections.abc import Iterator

from chartbridge.terminology.releases.files import File, Files
from chartbridge.terminology.releases.numbers import Numbers
from chartbridge.terminology.releases.tables import rrf, whole_number
from chartbridge.terminology.rows import Concept, Relation, Row

MOST_STEPS = 20
"""A retired concept may have been remapped to one that was retired later."""


def retired(
    files: Files, beside: dict[str, File], known: Numbers, names: frozenset[str], system: str
) -> Iterator[Row]:
    """Retired concepts with their last name, and the living ones they were remapped to.

    A concept that was split has several; which one is meant cannot be told, and nothing is chosen.
    """
    targets: dict[int, set[int]] = {}
    last: dict[int, str] = {}
    if archive := beside.get("RXNATOMARCHIVE"):
        _read_archive(files, archive, known, names, targets, last)
    if history := beside.get("RXNCUI"):
        for number, row in rrf(files, history, 5):
            old = whole_number(history, number, row[0], "the RXCUI")
            if old not in known and row[4]:
                targets.setdefault(old, set()).add(whole_number(history, number, row[4], "the new RXCUI"))
    for rxcui, text in last.items():
        yield Concept(system, str(rxcui), text, active=False)
    for rxcui in targets:
        for living in sorted(_living(rxcui, targets, known)):
            yield Relation(system, str(rxcui), "replaced-by", system, str(living))


def _read_archive(
    files: Files,
    file: File,
    known: Numbers,
    names: frozenset[str],
    targets: dict[int, set[int]],
    last: dict[int, str],
) -> None:
    for number, row in rrf(files, file, 16):
        if row[13] != "RXNORM" or row[14] not in names or not row[12]:
            continue
        old = whole_number(file, number, row[12], "the RXCUI")
        if old in known:
            continue
        text = row[2].strip()
        if text:
            last[old] = max(text, last.get(old, ""))
        if row[15]:
            targets.setdefault(old, set()).add(whole_number(file, number, row[15], "the RXCUI merged to"))


def _living(rxcui: int, targets: dict[int, set[int]], known: Numbers) -> set[int]:
    """Where the ways from a retired concept end; none where they lead in a circle or nowhere."""
    found: set[int] = set()
    open_ends = {rxcui}
    for _ in range(MOST_STEPS):
        following: set[int] = set()
        for end in open_ends:
            for target in targets.get(end, ()):
                if target in known:
                    found.add(target)
                elif target != end:
                    following.add(target)
        if not following:
            break
        open_ends = following
    return found
