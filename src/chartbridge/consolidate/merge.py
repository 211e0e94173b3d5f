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

from collections.abc import Iterable
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
    parties: by `Type/id`, who else than our converter told a resource from others by its id.
    """

    resources: list[Resource]
    aliases: dict[str, str] = field(default_factory=dict)
    parties: dict[str, frozenset[str]] = field(default_factory=dict)

    def as_source(self) -> SourceBundle:
        """The chart as a source of another consolidation; alone it yields the same chart again."""
        return SourceBundle(self.resources, parties=self.parties)


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
    patient_reference = f"Patient/{patient['id']}"
    entries, patient_ids = read(sources)
    pointers = Pointers(entries, patient_ids | {str(patient["id"])}, patient_reference)
    pointed = {key: pointers.localise(entry.resource) for key, entry in entries.items()}
    joining = Joining(pointed, entries, pointers, patient_reference)
    resources, aliases = joining.chart()
    resources.append(patient)
    resources.sort(key=lambda resource: (resource["resourceType"], resource["id"]))
    return Chart(resources, aliases, joining.parties())
