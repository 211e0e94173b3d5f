"""`python -m tests.consolidate.truth [patient...]`: the figures and findings of each patient's chart."""

from __future__ import annotations

import sys

from tests.consolidate.truth.charts import chart, present
from tests.consolidate.truth.scoring import report, score
from tests.consolidate.truth.statement import statements
from tests.consolidate.truth.table import load, names


def main(asked: list[str]) -> int:
    for name in asked or names():
        table = load(name)
        if not present(table):
            print(f"{name}: its documents are not beside this checkout")
            continue
        print(f"== {table.patient}, {table.gender}, born {table.born}, {len(table.documents)} documents")
        print(report(score(table.rows, statements(chart(table).resources))))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
