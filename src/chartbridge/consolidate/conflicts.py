"""Statements that contradict each other: both stay, and each refers to the other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from chartbridge.consolidate.clusters import Node, candidates
from chartbridge.consolidate.moments import Moment
from chartbridge.consolidate.rule import Rule
from chartbridge.consolidate.rules.elements import DENIED, VALID

CONFLICT_URL = "https://chartbridge.dev/fhir/StructureDefinition/conflicting-statement"
_MOST = 10
"""The most links of one statement."""


def conflicts(rule: Rule, nodes: Sequence[Node]) -> dict[int, list[int]]:
    """For each statement that others contradict, which.

    Two contradict each other where they agree in all but what the rule calls conflict. One document that
    tells two values of a day has measured twice, so that is none.
    """
    found: defaultdict[int, list[int]] = defaultdict(list)
    if not rule.conflicting:
        return found
    for one, other in candidates(rule, nodes):
        if _contradict(rule, nodes[one], nodes[other]):
            found[one].append(other)
            found[other].append(one)
    return {
        number: sorted(others, key=lambda other: nodes[other].keys)[:_MOST]
        for number, others in found.items()
    }


def _contradict(rule: Rule, one: Node, other: Node) -> bool:
    if not rule.agree(one.facts, other.facts, rule.conflicting) or rule.agree(one.facts, other.facts):
        return False
    for place in rule.conflicting:
        mine, theirs = one.facts[place], other.facts[place]
        if rule.facets[place].name == "polarity" and mine != theirs and {mine, theirs} != {VALID, DENIED}:
            return False
        if rule.facets[place].name in ("value", "components") and (mine is None) != (theirs is None):
            return False
    if rule.when is not None and not rule.conflicting.isdisjoint(_values(rule)):
        place = rule.place(rule.when)
        timed = _timed(one.facts[place]) and _timed(other.facts[place])
        return timed or one.origins.isdisjoint(other.origins)
    return True


def _values(rule: Rule) -> set[int]:
    return {number for number, facet in enumerate(rule.facets) if facet.name in ("value", "components")}


def _timed(when: Moment | None) -> bool:
    return when is not None and when.exact
