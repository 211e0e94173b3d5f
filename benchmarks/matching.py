"""How well the stronger matching rule links generated records: ``python -m benchmarks.matching``.

Prints the tables of docs/matching.md: a seed that the weights were tuned on, and seeds that nobody had looked
at; then, of the latter, how many are linked by fault of the record, and every wrong link. Takes a minute or
two; ``python -m benchmarks.matching 2000`` takes that many people instead of 10,000.
"""

from __future__ import annotations

import sys
import time
from collections import Counter

from tests.matching.generator import population
from tests.matching.measuring import Measure, measure

TUNED_ON = 1
SEEDS = (TUNED_ON, 11, 12)
PEOPLE = 10_000


def main(people: int = PEOPLE) -> None:
    """Measure every seed and print."""
    print("| seed | records | pairs compared | links | wrong | precision | recall | for review | a second |")
    print("|---|---|---|---|---|---|---|---|---|")
    others: list[Measure] = []
    for seed in SEEDS:
        started = time.perf_counter()
        found = measure(population(people, seed))
        if seed != TUNED_ON:
            others.append(found)
        rate = found.pairs / (time.perf_counter() - started)
        name = f"{seed} (tuned on)" if seed == TUNED_ON else str(seed)
        print(
            f"| {name} | {found.records:,} | {found.pairs:,} | {found.links:,} | {len(found.wrong)} "
            f"| {found.precision:.5f} | {found.recall:.4f} | {found.reviews:,} | {rate:,.0f} |"
        )
    _print_errors(others)


def _print_errors(found: list[Measure]) -> None:
    missed = sum((one.missed for one in found), Counter[str]())
    of_kind = sum((one.true_by_fault for one in found), Counter[str]())
    print("\n| fault in the network's record | true pairs | linked, % |\n|---|---|---|")
    for fault, number in sorted(of_kind.items()):
        print(f"| {fault} | {number:,} | {100 * (1 - missed[fault] / number):.1f} |")
    wrong = Counter(kind for one in found for kind, _ in one.wrong)
    print("\nWrong links by kind of household:", dict(sorted(wrong.items())) or "none")
    for kind, reasons in [w for one in found for w in one.wrong][:20]:
        print(f"  {kind}: {'; '.join(reasons)}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else PEOPLE)
