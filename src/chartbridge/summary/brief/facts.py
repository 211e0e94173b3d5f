"""What a brief is made of: facts of the chart, each with the resources that say so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

Json = dict[str, Any]

Kind = Literal[
    "person", "count", "conflict", "chronic", "problem", "allergy", "past-allergy", "no-allergy",
    "no-allergy-stated", "do-not-give", "medication", "encounter", "admission", "result", "procedure",
    "immunization", "smoking",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that the chart states of the patient.

    name: what it is about, such as the name of a drug. text: the whole of it in words, the name among them;
    both are what the sources say. references: `Type/id` of what says so, sorted. weight: the more it must
    not be left out, the smaller.
    """

    kind: Kind
    name: str
    text: str
    references: tuple[str, ...]
    weight: int = 0
    short: str = ""
    """The text where there is little room; the whole of it when empty."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of a brief, and the `Type/id` of the resources that it is told from, sorted."""

    text: str
    references: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Brief:
    """One paragraph. Without sentences there is none."""

    sentences: tuple[Sentence, ...]

    @property
    def text(self) -> str:
        return " ".join(sentence.text for sentence in self.sentences)


def references_of(resources: Iterable[Json]) -> tuple[str, ...]:
    """`Type/id` of each resource, sorted, each once."""
    return tuple(sorted({f"{one['resourceType']}/{one['id']}" for one in resources}))
