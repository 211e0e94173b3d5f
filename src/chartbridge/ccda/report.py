"""The account of a conversion: every clinical statement of the body, and what became of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from chartbridge.ccda.statement import Outcome

OUTCOMES: tuple[Outcome, ...] = ("converted", "absorbed", "merged", "no-information", "not-converted")


class Account(NamedTuple):
    """What became of one clinical statement.

    - ``converted``: ``resources`` names what it became (``Type/id``);
    - ``absorbed``: it is part of ``resources``, those of the statement around it;
    - ``merged``: it says the same as a statement before it, which became ``resources``;
    - ``no-information``: it holds nothing but nulls;
    - ``not-converted``: ``reason`` tells why; its text is kept in the Composition's section.

    ``path`` is an XPath in which every name is of namespace ``urn:hl7-org:v3``.
    """

    path: str
    element: str
    template: str
    section: str
    outcome: Outcome
    resources: Sequence[str] = ()
    reason: str = ""
    issues: Sequence[str] = ()

    def to_json(self) -> dict[str, Any]:
        """As plain JSON; what is empty is left out."""
        made: dict[str, Any] = {"path": self.path, "element": self.element, "outcome": self.outcome}
        if self.template:
            made["template"] = self.template
        if self.section:
            made["section"] = self.section
        if self.resources:
            made["resources"] = list(self.resources)
        if self.reason:
            made["reason"] = self.reason
        if self.issues:
            made["issues"] = list(self.issues)
        return made


class Report(NamedTuple):
    """All accounts, in document order of their entries, and what was wrong outside of them."""

    converter_version: str
    statements: Sequence[Account]
    resources: dict[str, int]
    """The number of resources by type."""
    issues: Sequence[str] = ()

    @property
    def totals(self) -> dict[str, int]:
        """The number of statements by outcome, and of all."""
        counted = Counter(account.outcome for account in self.statements)
        return {"statements": len(self.statements)} | {outcome: counted[outcome] for outcome in OUTCOMES}

    @property
    def not_converted(self) -> list[Account]:
        """The accounts of what could not be mapped."""
        return [account for account in self.statements if account.outcome == "not-converted"]

    def to_json(self) -> dict[str, Any]:
        """``{"converterVersion", "totals", "resources", "statements", "issues"}``."""
        return {
            "converterVersion": self.converter_version,
            "totals": self.totals,
            "resources": self.resources,
            "statements": [account.to_json() for account in self.statements],
            "issues": list(self.issues),
        }
