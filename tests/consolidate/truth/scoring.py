"""Statements of a chart against the rows of a truth table."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.consolidate.truth.dates import fits
from tests.consolidate.truth.statement import Statement
from tests.consolidate.truth.table import Row


@dataclass(frozen=True, slots=True)
class Score:
    """found: rows with the statements that match them and no other row. unmatched: no row at all.
    wrong: statements that claim several facts at once, with the rows they claim."""

    facts: int
    statements: int
    found: dict[Row, list[Statement]]
    missing: list[Row]
    unmatched: list[Statement]
    wrong: list[tuple[Statement, list[Row]]]

    @property
    def duplicates(self) -> dict[Row, list[Statement]]:
        return {row: taken for row, taken in self.found.items() if len(taken) > row.most}

    @property
    def precision(self) -> float:
        """Statements that are one fact which no other statement already took, of all statements. A second
        of a fact that may stand twice counts as neither right nor wrong."""
        open_ = sum(min(len(taken), row.most) - 1 for row, taken in self.found.items())
        return len(self.found) / (self.statements - open_) if self.statements else 0.0

    @property
    def recall(self) -> float:
        """Facts that stand exactly once, of all facts."""
        return (len(self.found) - len(self.duplicates)) / self.facts if self.facts else 0.0


def matches(row: Row, said: Statement) -> bool:
    """Whether the statement is the row's fact: kind, code or name, dates, value, status and negation."""
    return (
        row.kind == said.kind
        and row.negated == said.negated
        and (bool(row.codes & said.codes) or _met(row.words, said))
        and (not row.says or _met(row.says, said))
        and not _met(row.lacks, said)
        and _any(row.on, lambda date: fits(said.on, date))
        and _any(row.until, lambda date: fits(said.until, date))
        and _any(row.values, lambda value: any(like(one, value) for one in said.values))
        and _any(row.status, lambda status: status == said.status)
    )


def like(text: str, pattern: str) -> bool:
    """Whether the text is the pattern's, in which `*` stands for anything."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text) is not None


def score(rows: Sequence[Row], said: Sequence[Statement]) -> Score:
    found: defaultdict[Row, list[Statement]] = defaultdict(list)
    unmatched: list[Statement] = []
    wrong: list[tuple[Statement, list[Row]]] = []
    for one in said:
        claimed = [row for row in rows if matches(row, one)]
        if len(claimed) == 1:
            found[claimed[0]].append(one)
        elif claimed:
            wrong.append((one, claimed))
        else:
            unmatched.append(one)
    wanted = [row for row in rows if row in found or not row.yields]
    missing = [row for row in wanted if row not in found]
    return Score(len(wanted), len(said), dict(found), missing, unmatched, wrong)


def report(score: Score) -> str:
    """The figures, then each finding on a line of its own."""
    lines = [
        f"facts {score.facts}  resources {score.statements}  "
        f"precision {score.precision:.4f}  recall {score.recall:.4f}",
        f"duplicates {len(score.duplicates)}  missing {len(score.missing)}  "
        f"no fact {len(score.unmatched)}  wrongly merged {len(score.wrong)}",
    ]
    for row, taken in score.duplicates.items():
        lines += [f"DUPLICATE {len(taken)}x {row}", *(f"      {one}" for one in taken)]
    lines += [f"MISSING {row}" for row in score.missing]
    lines += [f"NO FACT {one}" for one in score.unmatched]
    for one, rows in score.wrong:
        lines += [f"WRONGLY MERGED {one}", *(f"      {row}" for row in rows)]
    return "\n".join(lines)


def _met(patterns: Sequence[str], said: Statement) -> bool:
    return any(like(word, pattern) for pattern in patterns for word in said.words)


def _any(wanted: Sequence[str], met: Callable[[str], bool]) -> bool:
    return not wanted or any(met(one) for one in wanted)
