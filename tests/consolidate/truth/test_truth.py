"""The charts of real documents hold each fact of the tables made by hand once, and nothing else."""

from __future__ import annotations

import pytest

from tests.consolidate.truth.charts import chart, present
from tests.consolidate.truth.scoring import report, score
from tests.consolidate.truth.statement import narratives, statements
from tests.consolidate.truth.table import load, names

LEAST = 0.99


@pytest.mark.slow
@pytest.mark.parametrize("patient", names())
def test_each_fact_stands_once(patient: str) -> None:
    table = load(patient)
    if not present(table):
        pytest.skip("the corpus of real documents is not beside this checkout")
    resources = chart(table).resources
    result = score(table.rows, statements(resources))
    assert result.precision >= LEAST, report(result)
    assert result.recall >= LEAST, report(result)
    assert narratives(resources) >= set(table.narratives)
