"""The rules by which resources of a type are one: a table for each kind of resource.

`RULES` has them in the order in which they are applied: what is referred to comes before what refers to it.
Types without a rule are one only where they say exactly the same (`identity`).
"""

from __future__ import annotations

from chartbridge.consolidate.rule import Rule
from chartbridge.consolidate.rules import (
    directory,
    medications,
    observations,
    papers,
    problems,
    products,
    visits,
)

RULES: tuple[Rule, ...] = (
    *directory.RULES,
    *products.RULES,
    *visits.RULES,
    *problems.RULES,
    *medications.RULES,
    *observations.RULES,
    *papers.RULES,
)
BY_KIND = {rule.kind: rule for rule in RULES}
