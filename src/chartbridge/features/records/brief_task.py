"""What a process of the pool does for the brief of a chart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chartbridge.summary.brief import Brief, Fact, facts_of
from chartbridge.summary.brief.binary import binary, is_brief
from chartbridge.summary.brief.checking import RefusedAnswerError, check
from chartbridge.summary.brief.prompt import digest, facts_to_tell
from chartbridge.summary.brief.wording import tell

Resource = dict[str, Any]
RULES = "rules"


@dataclass(frozen=True, slots=True)
class Written:
    """What a model wrote, of facts with that digest; without a text when it could not be used."""

    digest: str
    text: str | None


@dataclass(frozen=True, slots=True)
class BriefInput:
    """How the brief is to be made. ``asked``: interface, endpoint and model; empty where nobody is asked.
    ``today``, YYYY-MM-DD, bounds what counts as the chart's latest entry."""

    today: str
    asked: tuple[str, ...] = ()
    written: Written | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """The facts that a model is given, and the digest by which its answer is known again."""

    facts: Sequence[Fact]
    digest: str


def question(resources: Sequence[Resource], patient: Resource, given: BriefInput) -> Question | None:
    """What a model is asked of a chart; None when there is nothing to tell, or it must not be asked."""
    facts, latest = facts_of(resources, patient, given.today)
    return _question(facts, latest, given) if tell(facts, latest).sentences else None


def _question(facts: Sequence[Fact], latest: str, given: BriefInput) -> Question | None:
    told = facts_to_tell(facts, latest)
    return Question(told, digest(told, *given.asked)) if told is not None else None


def with_brief(resources: list[Resource], patient: Resource, given: BriefInput | None) -> list[Resource]:
    """The chart with its brief, in its place by type and id; without one where there is nothing to tell.

    A model's text is taken when it was written of the very facts that the chart has now, and passes the
    check; else the rules' own text stands.
    """
    resources = [_not_ours(one) for one in resources]
    if given is None:
        return resources
    facts, latest = facts_of(resources, patient, given.today)
    brief = tell(facts, latest)
    if not brief.sentences:
        return resources
    writer = RULES
    if given.asked and (written := _written(facts, latest, given)) is not None:
        brief, writer = written, given.asked[-1]
    made = binary(brief, str(patient["id"]), writer=writer)
    return sorted([*resources, made], key=lambda one: (one["resourceType"], one["id"]))


def _not_ours(resource: Resource) -> Resource:
    """What a source calls a brief is kept, and is not the chart's."""
    if not is_brief(resource):
        return resource
    return {**resource, "meta": {name: value for name, value in resource["meta"].items() if name != "source"}}


def _written(facts: Sequence[Fact], latest: str, given: BriefInput) -> Brief | None:
    asked = _question(facts, latest, given)
    if asked is None or given.written is None or given.written.text is None:
        return None
    if given.written.digest != asked.digest:
        return None
    try:
        return check(given.written.text, asked.facts)
    except RefusedAnswerError:
        return None
