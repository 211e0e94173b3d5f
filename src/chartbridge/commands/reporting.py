"""The account of a whole run of ``convert``: as JSON while it goes on, and as tables at its end."""

from __future__ import annotations

from collections import Counter
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import orjson
from rich.markup import escape
from rich.table import Table

from chartbridge.ccda import CONVERTER_VERSION, Account
from chartbridge.ccda.report import OUTCOMES
from chartbridge.commands.console import talk
from chartbridge.commands.outputs import appearing
from chartbridge.commands.sources import printable

SHOWN = 100
"""So many statements that were not converted stand in the table; the JSON has them all."""


@dataclass(slots=True)
class Tally:
    """What became of documents, statements and resources, in numbers."""

    documents: Counter[str] = field(default_factory=Counter)
    statements: Counter[str] = field(default_factory=Counter)
    resources: Counter[str] = field(default_factory=Counter)

    def to_json(self) -> dict[str, Any]:
        """``{"documents", "statements", "resources"}``, numbers by outcome and by type."""
        return {
            "documents": {
                "documents": self.documents.total(),
                **{outcome: self.documents[outcome] for outcome in ("converted", "failed", "skipped")},
            },
            "statements": {name: self.statements[name] for name in ("statements", *OUTCOMES)},
            "resources": dict(sorted(self.resources.items())),
        }


class ReportFile(AbstractContextManager["ReportFile"]):
    """The run's account as JSON, written document by document; it appears when the block ends well.

        {"converterVersion": "2",
         "documents": [{"document": "a.xml", "outcome": "converted", "report": {…}},
                       {"document": "b.xml", "outcome": "failed", "reason": "…"}],
         "totals": {"documents": {…}, "statements": {…}, "resources": {…}}}

    ``report`` is what :meth:`chartbridge.ccda.Report.to_json` gives for the document.
    """

    def __init__(self, path: Path, tally: Tally) -> None:
        self._path = path
        self._tally = tally
        self._closing = ExitStack()
        self._separator = b"\n"
        self._file: IO[bytes]

    def __enter__(self) -> ReportFile:
        self._file = self._closing.enter_context(appearing(self._path))
        version = orjson.dumps(CONVERTER_VERSION)
        self._file.write(b'{"converterVersion":' + version + b',"documents":[')
        return self

    def add(self, document: str, outcome: str, reason: str, report: bytes) -> None:
        """``report`` is the document's, as JSON; without one there is a reason."""
        said = orjson.dumps(
            {"document": document, "outcome": outcome} | ({"reason": reason} if reason else {})
        )
        whole = said[:-1] + b',"report":' + report + b"}" if report else said
        self._file.write(self._separator + whole)
        self._separator = b",\n"

    def __exit__(self, *raised: Any) -> bool | None:
        if raised[0] is None:
            self._file.write(b'],\n"totals":' + orjson.dumps(self._tally.to_json()) + b"}\n")
        return self._closing.__exit__(*raised)


@dataclass(slots=True)
class Unconverted:
    """The statements that were not converted, with their documents: the first, and the number of all."""

    rows: list[tuple[str, Account]] = field(default_factory=list)
    total: int = 0

    def add(self, document: str, accounts: list[Account], total: int) -> None:
        self.total += total
        self.rows += [(document, account) for account in accounts[: SHOWN - len(self.rows)]]


def show(tally: Tally, unconverted: Unconverted) -> None:
    """The tables."""
    _show_numbers("Statements", {name: tally.statements[name] for name in OUTCOMES})
    _show_numbers("Resources", dict(sorted(tally.resources.items())))
    if not unconverted.total:
        return
    table = Table("Document", "XPath", "Template", "Reason", title="Not converted", title_justify="left")
    for column in table.columns:
        column.overflow = "fold"
    for document, account in unconverted.rows:
        what = account.template or account.element
        table.add_row(*(escape(printable(cell)) for cell in (document, account.path, what, account.reason)))
    talk.print(table)
    if unconverted.total > len(unconverted.rows):
        talk.print(f"and {unconverted.total - len(unconverted.rows)} more in the JSON report")


def _show_numbers(title: str, numbers: dict[str, int]) -> None:
    table = Table(title, "Number", show_footer=True)
    table.columns[0].footer = "total"
    table.columns[1].footer = str(sum(numbers.values()))
    table.columns[1].justify = "right"
    for name, number in numbers.items():
        table.add_row(name, str(number))
    talk.print(table)
