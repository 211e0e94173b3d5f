"""The sources of a summary: their numbers, and what the list at its end says of each."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from chartbridge.summary import words
from chartbridge.summary.chart import UNKNOWN_SOURCE, Chart, Json, sources_of
from chartbridge.summary.sections import Section

_ELEMENT_URL = "https://chartbridge.dev/fhir/StructureDefinition/source-element"
_WHOLE = "/ClinicalDocument"


@dataclass(frozen=True, slots=True)
class Source:
    """One line of the list of sources."""

    number: int
    name: str
    """Its file and network."""
    document: str
    """What document that is, by whom and from when, where the chart says it."""

    @property
    def short(self) -> str:
        """As the entries name it."""
        return f"S{self.number}"


def listed(sections: list[Section], chart: Chart) -> dict[str, Source]:
    """Each source by its name, numbered in the order in which the summary comes to them."""
    named = dict.fromkeys(
        source
        for section in sections
        for block in section.blocks
        for row in [*block.rows, *(row for test in block.tests for row in test.rows)]
        for source in row.sources
        if source != UNKNOWN_SOURCE
    )
    documents = _documents(chart)
    return {
        name: Source(number, name, words.joined(documents.get(name, []), "; "))
        for number, name in enumerate(named, 1)
    }


class Citations:
    """The sources of an entry as links to the list of sources; most entries have those of another one."""

    def __init__(self, known: dict[str, Source]) -> None:
        self._known = known
        self._made: dict[tuple[str, ...], Markup] = {}

    def __call__(self, names: list[str]) -> Markup:
        key = tuple(names)
        if key not in self._made:
            last = len(names) - 1
            shown = [self._one(name, "" if at == last else ",") for at, name in enumerate(names)]
            self._made[key] = Markup(" ").join(shown)
        return self._made[key]

    def _one(self, name: str, comma: str) -> Markup | str:
        source = self._known.get(name)
        if source is None:
            return name + comma
        return Markup('<a href="#source-{}">{}{}</a>').format(source.number, source.short, comma)


def _documents(chart: Chart) -> dict[str, list[str]]:
    """The documents that the chart describes, by the source that they are themselves."""
    found: dict[str, list[str]] = {}
    for held in chart.of("DocumentReference", "Composition"):
        elements = [one for one in held.get("extension") or [] if one.get("url") == _ELEMENT_URL]
        if held["resourceType"] == "DocumentReference" and any(
            one.get("valueString") == _WHOLE for one in elements
        ):
            for source in sources_of(held):
                found.setdefault(source, []).append(_described(held, chart))
    return {source: sorted(texts) for source, texts in found.items()}


def _described(held: Json, chart: Chart) -> str:
    attachments = [one.get("attachment") or {} for one in held.get("content") or []]
    title = next((str(one["title"]) for one in attachments if one.get("title")), "")
    return words.joined(
        [
            title or words.concept(held.get("type")),
            words.date(held.get("date")),
            chart.who(held.get("custodian"), held) or chart.everyone(held.get("author"), held),
        ]
    )
