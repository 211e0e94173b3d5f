"""What a code is in other systems, by the edition's maps, and by what replaced it."""

from __future__ import annotations

from typing import NamedTuple

from chartbridge.terminology.edition import Edition
from chartbridge.terminology.rows import MapRow
from chartbridge.terminology.standardise.forms import ICD9CM, ICD10CM, NDC, RXNORM, ndc11
from chartbridge.terminology.standardise.marks import INEXACT, NARROWER, WIDER

_MOST_STEPS = 5
"""A code that replaced another may have been retired later."""

# By equivalence (FHIR R4, ConceptMapEquivalence: what the target is to the source), the name's ending.
ENDINGS = {
    "equal": "",
    "equivalent": "",
    "wider": WIDER,
    "subsumes": WIDER,
    "narrower": NARROWER,
    "specializes": NARROWER,
    "inexact": INEXACT,
    "relatedto": INEXACT,
}
_EXACT = frozenset(("equal", "equivalent"))
# From, to, and the equivalences that are taken in.
_MAPS = (
    *((system, ICD10CM, _EXACT) for system in ICD9CM),
    (NDC, RXNORM, frozenset(ENDINGS)),
)


class Added(NamedTuple):
    """A coding to add: the name that says why, and what it is."""

    map_name: str
    system: str
    code: str
    display: str | None


def added(system: str, code: str, edition: Edition) -> list[Added]:
    """The codings that a code (in its system's spelling) brings with it, in the order found."""
    found: list[Added] = []
    given = (system, code)
    if system == NDC and (digits := ndc11(code)) is not None:
        given = (NDC, digits)
        if digits != code:
            found.append(_named("NDC in eleven digits", *given, edition))
    starts = [given]
    living = _living(*given, edition)
    if living is not None:
        found.append(_named(_replacement_name(system, edition), *living, edition))
        starts.append(living)
    for start in starts:
        for source, target, equivalences in _MAPS:
            if start[0] == source:
                found += _crosswalked(start, target, equivalences, edition)
    return found


def _living(system: str, code: str, edition: Edition) -> tuple[str, str] | None:
    """The one active code that a retired one was replaced by; ``None`` where there is none, or several."""
    concept = edition.concept(system, code)
    if concept is not None and concept.active:
        return None
    now = (system, code)
    for _ in range(_MOST_STEPS):
        targets = edition.related(*now, "replaced-by")
        if len(targets) != 1:
            return None
        now = targets[0]
        concept = edition.concept(*now)
        if concept is not None and concept.active:
            return now
    return None


def _replacement_name(system: str, edition: Edition) -> str:
    held = edition.system(system)
    return f"{held.name} {held.version} replacements".replace("  ", " ") if held else "replacements"


def _crosswalked(
    source: tuple[str, str], target_system: str, equivalences: frozenset[str], edition: Edition
) -> list[Added]:
    """The one target that a map has for a code, without conditions; several are no answer."""
    by_map: dict[str, list[MapRow]] = {}
    for row in edition.mapped(*source, target_system):
        by_map.setdefault(row.name, []).append(row)
    found = []
    for name, rows in by_map.items():
        row = rows[0]
        if len(rows) > 1 or row.rule or not row.target_code or row.equivalence not in equivalences:
            continue
        if not _is_retired(row.target_system, row.target_code, edition):
            ending = ENDINGS[row.equivalence]
            found.append(_named(name + ending, row.target_system, row.target_code, edition))
    return found


def _is_retired(system: str, code: str, edition: Edition) -> bool:
    concept = edition.concept(system, code)
    if concept is not None:
        return not concept.active
    held = edition.system(system)
    return held is not None and held.complete


def _named(map_name: str, system: str, code: str, edition: Edition) -> Added:
    concept = edition.concept(system, code)
    return Added(map_name, system, code, concept.display if concept else None)
