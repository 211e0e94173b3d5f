"""Which resources of one type are one, by a rule.

Being compatible is not transitive: an undated fever fits that of May and that of June, which contradict each
other. So look at each resource together with all that fit it: where no two of these contradict each other,
it is *clear*. Clear resources that fit one another, and of which no two contradict each other, are one;
what fits several that contradict each other stays apart. All this depends on the resources alone, not on
their order. First come resources that tell the same elements, then those of which one tells less, and each
time what was joined is looked at anew, until nothing changes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from chartbridge.consolidate.moments import Moment, buckets, wider_buckets
from chartbridge.consolidate.rule import Facts, Rule
from chartbridge.consolidate.rules.problems import ACTIVE, ENDED

LIMIT = 200
"""The most resources of one label that are compared one by one; of more only what is all but equal joins."""

Key = str
Label = tuple[str, str]
Pair = tuple[int, int]


@dataclass(slots=True)
class Node:
    """Resources that are one so far.

    keys: `Type/id` of each. told: how many facets are told, as bits. exact: for what has no evidence, and for
    what may happen twice, what must be equal for two to be one. first, last: dates of the sources. origins:
    the documents. parties: others than our converter whose ids tell these resources from their own others.
    """

    keys: tuple[Key, ...]
    facts: Facts
    told: int
    evident: bool
    exact: bytes
    first: str
    last: str
    origins: frozenset[tuple[str, str, str]]
    parties: frozenset[str]
    filed: list[Label]
    sought: list[Label]


Groups = list[list[int]]


def settle(rule: Rule, nodes: list[Node], remake: Callable[[list[list[Node]]], list[Node]]) -> list[Node]:
    """The nodes, joined until nothing more can be.

    remake: takes the groups of nodes of which each becomes one, groups of one included, and gives the new
    nodes.
    """
    when = 0 if rule.when is None else 1 << rule.place(rule.when)
    exactly = (True, False) if rule.event is not None else (False,)
    levels = [(*level, words) for level in product(exactly, (-1, when, 0)) for words in (False, True)]
    while True:
        groups = _identical(rule, nodes)
        if not groups:
            pairs = agreeing(rule, nodes)
            timed = [pair for pair in pairs if _both_timed(rule, nodes, pair)]
            for exact, like, words in levels:
                groups = _clear_groups(rule, nodes, timed if exact else pairs, like=like, words=words)
                if groups:
                    break
            groups = groups or _less_precise(rule, nodes, pairs) or _moved_on(rule, nodes)
        if not groups:
            return nodes
        nodes = remake(_partition(nodes, groups))


def _partition(nodes: list[Node], groups: Groups) -> list[list[Node]]:
    taken = {number for group in groups for number in group}
    alone = [[node] for number, node in enumerate(nodes) if number not in taken]
    return [[nodes[number] for number in group] for group in groups] + alone


def _identical(rule: Rule, nodes: list[Node]) -> Groups:
    """What has equal facts; without evidence, what says exactly the same."""
    same: defaultdict[tuple[Facts | None, bytes], list[int]] = defaultdict(list)
    for number, node in enumerate(nodes):
        same[(rule.said(node.facts) if node.evident else None, node.exact)].append(number)
    groups = (group for held in same.values() for group in _of_different_parties(nodes, held))
    return [group for group in groups if len(group) > 1]


def _of_different_parties(nodes: list[Node], alike: list[int]) -> Groups:
    """Of nodes that are alike, groups in which no party tells two apart; each joins the first that it can."""
    if len(alike) < 2 or not any(nodes[number].parties for number in alike):
        return [alike]
    groups: Groups = []
    used: defaultdict[str, set[int]] = defaultdict(set)
    least: defaultdict[str, int] = defaultdict(int)
    for number in sorted(alike, key=lambda number: nodes[number].keys):
        parties = nodes[number].parties
        place = max((least[party] for party in parties), default=0)
        while any(place in used[party] for party in parties):
            place += 1
        if place == len(groups):
            groups.append([])
        groups[place].append(number)
        for party in parties:
            used[party].add(place)
            while least[party] in used[party]:
                least[party] += 1
    return groups


def _clear_groups(rule: Rule, nodes: list[Node], pairs: list[Pair], *, like: int, words: bool) -> Groups:
    """Groups of clear nodes that are one.

    like: bits of the facets that both must tell or both leave out. words: whether a concept without a code
    is compared with coded ones too; where it is, it must not tie codes together that share nothing.
    """
    near: dict[int, set[int]] = {}
    for one, other in pairs:
        mine, theirs = nodes[one], nodes[other]
        if (mine.told ^ theirs.told) & like == 0 and (words or not rule.by_words(mine.facts, theirs.facts)):
            near.setdefault(one, {one}).add(other)
            near.setdefault(other, {other}).add(one)
    groups: Groups = []
    for part in _connected(near, set(near)):
        against = _contradictions(rule, nodes, part, words=words)
        if not any(against.values()):
            groups.append(part)
            continue
        clear = {
            number for number in part if all(near[number].isdisjoint(against[one]) for one in near[number])
        }
        for group in _connected(near, clear):
            held = set(group)
            if len(group) > 1 and all(held.isdisjoint(against[one]) for one in group):
                groups.append(group)
    return groups


def _contradictions(rule: Rule, nodes: list[Node], part: list[int], *, words: bool) -> dict[int, set[int]]:
    """For each of some nodes those of them that it contradicts."""
    against: dict[int, set[int]] = {number: set() for number in part}
    for place, one in enumerate(part):
        for other in part[:place]:
            mine, theirs = nodes[one].facts, nodes[other].facts
            if (
                _told_apart(nodes[one], nodes[other])
                or rule.contradict(mine, theirs)
                or (words and rule.share_no_code(mine, theirs))
            ):
                against[one].add(other)
                against[other].add(one)
    return against


def _told_apart(one: Node, other: Node) -> bool:
    """Whether a party gave each an id of its own, and so says that they are two."""
    return not one.parties.isdisjoint(other.parties)


def _connected(near: dict[int, set[int]], among: set[int]) -> list[list[int]]:
    """The numbers in parts that hang together, each in order."""
    parts: list[list[int]] = []
    done: set[int] = set()
    for start in sorted(among):
        if start in done:
            continue
        waiting, part = [start], []
        done.add(start)
        while waiting:
            number = waiting.pop()
            part.append(number)
            fresh = (near[number] & among) - done
            done |= fresh
            waiting.extend(fresh)
        parts.append(sorted(part))
    return parts


def _less_precise(rule: Rule, nodes: list[Node], pairs: list[Pair]) -> Groups:
    """What tells less than several that do not fit each other, and nothing that any of them doesn't tell.

    So is what tells the day of an event, beside several times of that day that are alike in all else: it adds
    nothing to the chart whichever it joins. And so is what leaves unsaid how often a drug is taken, or
    whether a problem goes on: it joins that which more documents tell than any other that it fits.
    """
    if rule.repeats or (rule.event is None and not rule.unsaid):
        return []
    fitting: defaultdict[int, list[int]] = defaultdict(list)
    for pair in pairs:
        for less, more in (pair, pair[::-1]):
            if _tells_less(rule, nodes[less].facts, nodes[more].facts):
                fitting[less].append(more)
    joined: dict[int, int] = {}
    for less in sorted(fitting, key=lambda number: nodes[number].keys):
        best = min(fitting[less], key=lambda more: (-len(nodes[more].origins), nodes[more].keys))
        if all(_is_no_rival(rule, nodes[best], nodes[more]) for more in fitting[less] if more != best):
            joined.setdefault(best, less)
    taken: set[int] = set()
    groups: Groups = []
    for more, less in sorted(joined.items()):
        if taken.isdisjoint((more, less)):
            taken.update((more, less))
            groups.append([more, less])
    return groups


def _is_no_rival(rule: Rule, best: Node, other: Node) -> bool:
    """Whether what fits both is no less the best attested's: they differ in the time of day alone, or more
    documents tell the best."""
    if rule.event is not None and not rule.unsaid:
        return not rule.contradict(best.facts, other.facts, frozenset({rule.event}))
    return len(best.origins) > len(other.origins) or not rule.contradict(best.facts, other.facts)


def _tells_less(rule: Rule, less: Facts, more: Facts) -> bool:
    """Whether of two that agree one lacks just the time of the day, or what may be left unsaid."""
    unsaid = [rule.place(name) for name in rule.unsaid]
    if any(
        mine is not None and more[place] is None for place, mine in enumerate(less) if place not in unsaid
    ):
        return False
    if rule.event is not None:
        return _is_day(less[rule.event]) and _is_time(more[rule.event])
    told_by_one = (place for place in unsaid if (less[place] is None) != (more[place] is None))
    return next((less[place] is None for place in told_by_one), False)


def _both_timed(rule: Rule, nodes: list[Node], pair: Pair) -> bool:
    """Whether both tell the very time of an event: that binds them more than a day's other events."""
    return rule.event is not None and all(_is_time(nodes[number].facts[rule.event]) for number in pair)


def _is_day(when: Moment | None) -> bool:
    return when is not None and not when.exact and len(when.day) == len("2000-01-01")


def _is_time(when: Moment | None) -> bool:
    return when is not None and when.exact


def _moved_on(rule: Rule, nodes: list[Node]) -> Groups:
    """What goes on according to older sources, and has ended according to newer ones alone."""
    if rule.course is None:
        return []
    place = rule.place(rule.course)
    later: defaultdict[int, list[int]] = defaultdict(list)
    earlier: defaultdict[int, list[int]] = defaultdict(list)
    for one, other in candidates(rule, nodes):
        phases = (nodes[one].facts[place], nodes[other].facts[place])
        if set(phases) != {ACTIVE, ENDED} or nodes[one].exact != nodes[other].exact:
            continue
        if _told_apart(nodes[one], nodes[other]):
            continue
        if rule.agree(nodes[one].facts, nodes[other].facts, frozenset({place})):
            going, gone = (one, other) if phases[0] == ACTIVE else (other, one)
            later[going].append(gone)
            earlier[gone].append(going)
    return [
        [going, gone[0]]
        for going, gone in later.items()
        if len(gone) == len(earlier[gone[0]]) == 1 and nodes[going].last < nodes[gone[0]].first
    ]


def agreeing(rule: Rule, nodes: Sequence[Node]) -> list[Pair]:
    """The pairs of nodes that are the same by the rule, each for itself."""
    return [
        (one, other)
        for one, other in candidates(rule, nodes)
        if nodes[one].exact == nodes[other].exact
        and not _told_apart(nodes[one], nodes[other])
        and rule.agree(nodes[one].facts, nodes[other].facts)
    ]


def labels(rule: Rule, facts: Facts, told: list[tuple[int, ...]]) -> tuple[list[Label], list[Label]]:
    """The labels under which facts are filed, and under which what may be the same is sought."""
    when = None if rule.when is None else facts[rule.place(rule.when)]
    own, wider = buckets(when), wider_buckets(when)
    tokens = rule.tokens(facts, told)
    return [(token, one) for token in tokens for one in own], [
        (token, one) for token in tokens for one in wider
    ]


def candidates(rule: Rule, nodes: Sequence[Node]) -> Iterator[Pair]:
    """Pairs of nodes that share a label, each pair once."""
    index: defaultdict[Label, list[int]] = defaultdict(list)
    for number, node in enumerate(nodes):
        for label in node.filed:
            index[label].append(number)
    narrow: dict[Label, dict[Facts, list[int]]] = {}
    met: list[set[int]] = [set() for _ in nodes]
    for number, node in enumerate(nodes):
        own = met[number]
        for label in node.sought:
            held = index.get(label)
            if held is None:
                continue
            if len(held) > LIMIT:
                held = _alike(rule, label, held, node, nodes, narrow)
            for other in held:
                if other != number and other not in own and number not in met[other]:
                    own.add(other)
                    yield (other, number) if other < number else (number, other)


def _alike(
    rule: Rule,
    label: Label,
    held: list[int],
    node: Node,
    nodes: Sequence[Node],
    narrow: dict[Label, dict[Facts, list[int]]],
) -> list[int]:
    """Of the many under a label those whose facts, but for evidence and time, are the node's."""
    if label not in narrow:
        narrow[label] = defaultdict(list)
        for other in held:
            narrow[label][_rest(rule, nodes[other])].append(other)
    found = narrow[label].get(_rest(rule, node), [])
    return found if len(found) <= LIMIT else []


def _rest(rule: Rule, node: Node) -> Facts:
    """The facts that are neither the evidence's first nor the time."""
    return tuple(node.facts[place] for place in rule.others)
