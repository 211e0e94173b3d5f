"""The brief of a chart: one paragraph that states what the chart holds, and nothing else.

In: FHIR R4 resources as plain dicts, the current Patient, and the day.
Out: :class:`Brief`, sentences that each name the resources they are told from; the same for the same chart,
whatever the order of its resources. Without anything to tell, a brief without sentences.

    facts        what a brief is made of
    statements   which resources state something of the patient, what it is called, and when it was
    problems     conditions and allergies as facts; treatments and events do the same for the others
    wording      facts as sentences, within 250 words
    prompt       facts as a question to a language model
    checking     whether a model's answer says nothing that the facts do not
    binary       the brief as the chart's Binary

Never: tells as the patient's what is refuted, doubted, planned, entered in error or another's; works out what
the sources do not say; asks anybody.
"""

from __future__ import annotations

from collections.abc import Iterable

from chartbridge.summary.brief import events, problems, treatments
from chartbridge.summary.brief.facts import Brief, Fact, Json, Sentence
from chartbridge.summary.brief.statements import latest_entry
from chartbridge.summary.brief.wording import tell
from chartbridge.summary.chart import Chart

__all__ = ["Brief", "Fact", "Sentence", "extract", "facts_of"]


def extract(resources: Iterable[Json], patient: Json, today: str = "") -> Brief:
    """The brief of a chart, by rules alone.

    ``patient`` is the current Patient. ``today``, as `YYYY-MM-DD`, bounds what counts as the latest entry, by
    which the age and what is recent are told; so the brief does not change as days go by.
    """
    facts, latest = facts_of(resources, patient, today)
    return tell(facts, latest)


def facts_of(resources: Iterable[Json], patient: Json, today: str = "") -> tuple[list[Fact], str]:
    """All that a brief of the chart could tell, most important first within each kind, and the day of the
    latest entry."""
    held = sorted(
        (one for one in resources if one["resourceType"] != "Patient"),
        key=lambda one: (one["resourceType"], str(one["id"])),
    )
    chart = Chart(held)
    latest, entry = latest_entry(chart, today)
    conditions = problems.conditions(chart)
    facts = [
        events.person(patient, latest, entry),
        *conditions,
        *problems.allergies(chart),
        *treatments.medications(chart, latest),
        *events.encounters(chart, latest),
        *events.abnormal_results(chart, latest),
        *treatments.procedures(chart, latest),
        *treatments.immunizations(chart, latest),
        *events.smoking(chart, latest),
    ]
    return facts, latest
