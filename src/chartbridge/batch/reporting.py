"""What became of every document of a run: an account a part, and the whole in numbers.

``_batch/report/part-00000001.ndjson.gz`` has a line a document; ``_batch/done/00000001.json`` says in numbers
that a part is done; ``report.json`` sums them up at the end.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import orjson

from chartbridge.batch.converting import Result
from chartbridge.batch.places import Place
from chartbridge.batch.plan import FOLDER, Plan
from chartbridge.ccda import CONVERTER_VERSION
from chartbridge.ccda.report import OUTCOMES
from chartbridge.commands.sources import printable

REPORT = "report.json"
NAMED = 1000
"""So many failed documents are named in the report of the whole; the parts' have them all."""


@dataclass(slots=True)
class Totals:
    """Documents by outcome, statements by outcome and resources by type; the first documents that failed."""

    documents: Counter[str] = field(default_factory=Counter)
    statements: Counter[str] = field(default_factory=Counter)
    resources: Counter[str] = field(default_factory=Counter)
    failed: list[dict[str, str]] = field(default_factory=list)

    def count(self, key: str, result: Result) -> bytes:
        """Count a document; its line of the part's report."""
        line: dict[str, Any] = {"document": printable(key), "outcome": "converted"}
        if result.failure:
            line |= {"outcome": "failed", "reason": result.failure}
            if len(self.failed) < NAMED:
                self.failed.append({"document": line["document"], "reason": result.failure})
        if result.sha256:
            line["sha256"] = result.sha256
        resources = Counter(row.type for row in result.rows)
        if not result.failure:
            line |= {
                "patientId": result.patient_id,
                "resources": dict(sorted(resources.items())),
                "statements": result.statements,
                "notConverted": result.not_converted,
            }
        self.documents[line["outcome"]] += 1
        self.statements.update(result.statements)
        self.resources.update(resources)
        return orjson.dumps(line) + b"\n"

    def add(self, other: Totals) -> None:
        self.documents.update(other.documents)
        self.statements.update(other.statements)
        self.resources.update(other.resources)
        self.failed += other.failed[: NAMED - len(self.failed)]

    def to_json(self) -> dict[str, Any]:
        return {
            "documents": {outcome: self.documents[outcome] for outcome in ("converted", "failed")},
            "statements": {name: self.statements[name] for name in ("statements", *OUTCOMES)},
            "resources": dict(sorted(self.resources.items())),
            "failed": self.failed,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Totals:
        return cls(
            Counter(value["documents"]),
            Counter(value["statements"]),
            Counter(value["resources"]),
            value["failed"],
        )


def write_whole(target: Place, plan: Plan) -> Totals:
    """Sum up the parts that are done and write the report of the whole. Raises PlaceError."""
    totals, parts = Totals(), 0
    for key in sorted(target.keys(f"{FOLDER}/done")):
        content = target.get(key)
        if content is not None:
            totals.add(Totals.from_json(orjson.loads(content)))
            parts += 1
    whole = {
        "converterVersion": CONVERTER_VERSION,
        "planned": {"documents": plan.documents, "parts": plan.parts, "passedOver": plan.passed_over},
        "doneParts": parts,
        **totals.to_json(),
    }
    target.put(REPORT, orjson.dumps(whole, option=orjson.OPT_INDENT_2))
    return totals
