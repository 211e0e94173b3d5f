"""Many documents to one chart.

1. Within an id space (`spaces`) the same type and id is the same resource; the newest source's version stands
   (`sources`).
2. Every Patient gives way to the current one (`pointers`).
3. Resources that are one by the rule of their type (`rules`, `clusters`) become one (`unite`); types without
   a rule are one where they say exactly the same (`identity`).
4. Statements that contradict each other both stay, and refer to each other (`conflicts`).
5. Statements that nothing is known give way to what is known (`no_known`).

docs/consolidation.md has the rules as a table.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from chartbridge.consolidate.joining import Joining
from chartbridge.consolidate.pointers import Pointers
from chartbridge.consolidate.sources import SourceBundle, read
from chartbridge.fhir.references import Resource

__all__ = ["Chart", "SourceBundle", "consolidate"]


@dataclass(frozen=True, slots=True)
class Chart:
    """resources: the current Patient and everything else, sorted by type and id.

    aliases: `Type/id` of each resource that was joined to another, or gave way, to the `Type/id` that stands.
    """

    resources: list[Resource]
    aliases: dict[str, str] = field(default_factory=dict)

    def as_source(self) -> SourceBundle:
        """The chart as a source of another consolidation; alone it yields the same chart again."""
        return SourceBundle(self.resources)


def consolidate(sources: Iterable[SourceBundle], *, patient: Resource) -> Chart:
    """One chart from all sources of one patient, about `patient` (the current Patient, with id).

    The result depends on what the sources hold, not on their order. References to a source's Patient, and
    every `subject`, `patient` and `beneficiary` that names a Patient, point to `Patient/<id>`. A reference
    that led to a resource leads to the one that stands for it; one that led nowhere is left as it was. The
    input is not changed; the chart may share parts with it. Raises ValueError for a resource without
    `resourceType` or a patient without `id`.
    """
    if not patient.get("id"):
        raise ValueError("The current Patient needs an id")
    with _uncollected():
        return _consolidated(sources, patient)


@contextmanager
def _uncollected() -> Iterator[None]:
    """A while without the cyclic garbage collector: nothing here is cyclic, and each of its passes would look
    at all resources again, the slower the more there are."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _consolidated(sources: Iterable[SourceBundle], patient: Resource) -> Chart:
    patient_reference = f"Patient/{patient['id']}"
    entries, patient_ids = read(sources)
    pointers = Pointers(entries, patient_ids | {str(patient["id"])}, patient_reference)
    pointed = {key: pointers.localise(entry.resource) for key, entry in entries.items()}
    resources, aliases = Joining(pointed, entries, pointers.pinned, patient_reference).chart()
    resources.append(patient)
    resources.sort(key=lambda resource: (resource["resourceType"], resource["id"]))
    return Chart(resources, aliases)
