"""The rules applied: type after type, so that what refers comes after what it refers to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from chartbridge.consolidate.clusters import Node, labels, settle
from chartbridge.consolidate.conflicts import CONFLICT_URL, conflicts
from chartbridge.consolidate.identity import classes, content
from chartbridge.consolidate.no_known import give_way
from chartbridge.consolidate.pointers import Pointers
from chartbridge.consolidate.provenance import canonical
from chartbridge.consolidate.references import relative_key, rewrite
from chartbridge.consolidate.rule import Facts, Rule, Scope
from chartbridge.consolidate.rules import BY_KIND, RULES
from chartbridge.consolidate.rules.problems import chronic_codes, episodes
from chartbridge.consolidate.sources import Entry, Origin
from chartbridge.consolidate.unite import unite
from chartbridge.consolidate.wording import variants
from chartbridge.consolidate.words import objects, one_of
from chartbridge.fhir.references import Resource

_ORDER = {rule.kind: place for place, rule in enumerate(RULES)}
_LAST = len(RULES)
_SHARED = frozenset({"Location", "Medication", "Organization", "Practitioner", "PractitionerRole"})
"""What many statements refer to: an id tells an entry of a party's directory apart, not a statement."""


class Joining:
    """The resources of all sources on their way to one chart.

    pointed: the resources by `Type/id`, references already local; pointers: by which they became so.
    """

    def __init__(
        self,
        pointed: Mapping[str, Resource],
        entries: Mapping[str, Entry],
        pointers: Pointers,
        patient: str,
    ) -> None:
        self._entries = entries
        self._pinned = pointers.pinned
        self._patient = patient
        self._given = dict(pointed)
        self._referrers: defaultdict[str, set[str]] = defaultdict(set)
        for key in pointed:
            for target in pointers.targets[key]:
                self._referrers[target].add(key)
        self._stale: set[str] = set()
        self._touched: set[str] = set()
        self._aliases: dict[str, str] = {}
        self._standing: dict[str, Resource] = dict(pointed)
        self._members: dict[str, tuple[str, ...]] = {}
        self._nth: dict[str, int] = {}
        self._wordings: dict[str, str] = {}

    def chart(self) -> tuple[list[Resource], dict[str, str]]:
        """The resources of the chart, and for each that was joined to another the one that stands."""
        by_kind: defaultdict[str, list[str]] = defaultdict(list)
        for key in self._given:
            by_kind[key.partition("/")[0]].append(key)
        for rule in RULES:
            if by_kind[rule.kind]:
                self._apply(rule, by_kind[rule.kind])
        for key, by in give_way(self._standing, self._referrers_of).items():
            del self._standing[key]
            place = f"{by['resourceType']}/{by['id']}"
            self._standing[place] = by
            self._touched.add(place)
            self._alias(key, place)
        self._join_equals([key for kind, keys in by_kind.items() if kind not in BY_KIND for key in keys])
        touched = {self._follow(key) for key in self._touched}
        resources = [
            self._final(resource) if key in touched else resource for key, resource in self._standing.items()
        ]
        return resources, self._all_aliases()

    def parties(self) -> dict[str, frozenset[str]]:
        """For each resource of the chart the parties, if any, whose ids tell it from others."""
        found: defaultdict[str, set[str]] = defaultdict(set)
        for key, entry in self._entries.items():
            if entry.parties:
                found[self._follow(key)] |= entry.parties
        return {key: frozenset(found[key]) for key in sorted(found) if key in self._standing}

    # rules

    def _apply(self, rule: Rule, keys: list[str]) -> None:
        self._refresh(keys)
        scope = self._scope(rule, keys)
        pinned = {key for key in keys if self._given[key]["id"] in self._pinned}
        free = [key for key in keys if key not in pinned]
        nodes = [self._node(rule, scope, (key,)) for key in free]
        nodes = self._worded(rule, scope, nodes)
        self._number(rule, nodes)

        def remake(groups: list[list[Node]]) -> list[Node]:
            return self._remake(rule, scope, groups)

        settled = settle(rule, nodes, remake)
        for number, others in conflicts(rule, settled).items():
            self._link(settled[number], [settled[other] for other in others])

    def _scope(self, rule: Rule, keys: list[str]) -> Scope:
        scope = Scope(self._standing)
        if rule.kind == "Practitioner":
            scope.organizations = self._pairs("PractitionerRole", "practitioner", "organization")
        elif rule.kind == "Condition":
            scope.chronic = chronic_codes([self._given[key] for key in keys])
            scope.visits = self._visits()
            scope.episodes = episodes([self._given[key] for key in keys])
        return scope

    def _pairs(self, kind: str, one: str, other: str) -> dict[str, frozenset[str]]:
        found: defaultdict[str, set[str]] = defaultdict(set)
        for key, resource in self._given.items():
            if key.startswith(f"{kind}/"):
                mine, theirs = (one_of(resource.get(name)).get("reference") for name in (one, other))
                if mine and theirs:
                    found[mine].add(self._follow(theirs))
        return {key: frozenset(held) for key, held in found.items()}

    def _visits(self) -> dict[str, frozenset[str]]:
        found: defaultdict[str, set[str]] = defaultdict(set)
        for key, resource in self._given.items():
            if key.startswith("Encounter/"):
                for diagnosis in objects(resource.get("diagnosis")):
                    target = one_of(diagnosis.get("condition")).get("reference")
                    if target:
                        found[target].add(self._follow(key))
        return {key: frozenset(held) for key, held in found.items()}

    def _node(self, rule: Rule, scope: Scope, keys: tuple[str, ...]) -> Node:
        """The node of these resources, the oldest of which stands."""
        oldest_first = sorted(keys, key=lambda key: (self._entries[key].age, key))
        standing = oldest_first[0]
        if len(keys) > 1:
            members = [self._given[key] for key in reversed(oldest_first)]
            self._standing[standing] = unite(members, self._given[standing]["id"])
            for known in (scope.organizations, scope.visits):
                if held := frozenset[str]().union(*(known.get(key, ()) for key in keys)):
                    known[standing] = held
        else:
            self._standing[standing] = self._given[standing]
        self._members[standing] = keys
        resource = self._standing[standing]
        facts = rule.read(resource, scope)
        told = rule.told(facts)
        evident = bool(told)
        filed, sought = labels(rule, facts, told) if evident else ([], [])
        dates = [self._entries[key].age[0] for key in keys]
        return Node(
            keys=tuple(oldest_first),
            facts=facts,
            told=sum(1 << place for place, fact in enumerate(facts) if fact is not None),
            evident=evident,
            exact=self._exact(rule, resource, standing, facts),
            first=min(dates),
            last=max(dates),
            origins=frozenset[Origin]().union(*(self._entries[key].origins for key in keys)),
            parties=self._parties(rule.kind, keys),
            filed=filed,
            sought=sought,
        )

    def _parties(self, kind: str, keys: Iterable[str]) -> frozenset[str]:
        if kind in _SHARED:
            return frozenset()
        return frozenset[str]().union(*(self._entries[key].parties for key in keys))

    def _exact(self, rule: Rule, resource: Resource, key: str, facts: Facts) -> bytes:
        """What must be equal besides: all that is said, where there is no evidence; and which of the times
        it is that a document says it, where that may be several events."""
        nth = self._nth.get(key, 0)
        if rule.told(facts):
            told = b"%d" % nth if rule.repeats or rule.is_undated(facts) else b""
            return told + self._wordings.get(key, "").encode()
        held = rewrite(content(resource, self._patient), lambda ref: self._masked(ref, rule.kind))
        return canonical([nth, held])

    def _worded(self, rule: Rule, scope: Scope, nodes: list[Node]) -> list[Node]:
        """The nodes, told apart by their words where a document does so."""
        found = variants(rule, nodes, self._standing)
        self._wordings.update(found)
        return [self._node(rule, scope, node.keys) if node.keys[0] in found else node for node in nodes]

    def _masked(self, reference: str, kind: str) -> str:
        """References to what is joined later tell nothing apart."""
        target = relative_key(reference)
        if target in self._given and _ORDER.get(target.partition("/")[0], _LAST) > _ORDER[kind]:
            return ""
        return reference

    def _number(self, rule: Rule, nodes: list[Node]) -> None:
        """Tell apart what one document says twice, where that may mean two things."""
        next_of: dict[tuple[object, bytes, Origin], int] = {}
        for node in nodes:
            if not node.exact:
                continue
            said = (node.facts if node.evident else None, node.exact)
            nth = max(next_of.get((*said, origin), 0) for origin in node.origins)
            next_of.update(dict.fromkeys(((*said, origin) for origin in node.origins), nth + 1))
            if nth:
                key = node.keys[0]
                self._nth[key] = nth
                node.exact = self._exact(rule, self._standing[key], key, node.facts)

    def _remake(self, rule: Rule, scope: Scope, groups: list[list[Node]]) -> list[Node]:
        made: list[Node | tuple[str, ...]] = []
        for group in groups:
            if len(group) == 1:
                made.append(group[0])
                continue
            keys = tuple(key for node in group for key in node.keys)
            standing = min(keys, key=lambda key: (self._entries[key].age, key))
            for node in group:
                if node.keys[0] != standing:
                    del self._standing[node.keys[0]]
                    self._alias(node.keys[0], standing)
            self._nth[standing] = max(self._nth.get(key, 0) for key in keys)
            if group[0].keys[0] in self._wordings:
                self._wordings[standing] = self._wordings[group[0].keys[0]]
            made.append(keys)
        own = {key for key in self._stale if key.startswith(f"{rule.kind}/")}
        self._refresh(own)
        nodes = []
        for item in made:
            if isinstance(item, tuple):
                nodes.append(self._node(rule, scope, item))
            elif own.isdisjoint(item.keys):
                nodes.append(item)
            else:
                nodes.append(self._node(rule, scope, item.keys))
        return nodes

    def _link(self, node: Node, others: Iterable[Node]) -> None:
        key = node.keys[0]
        resource = self._standing[key]
        links = [{"url": CONFLICT_URL, "valueReference": {"reference": other.keys[0]}} for other in others]
        held = resource.get("extension", [])
        fresh = [link for link in links if link not in held]
        if fresh:
            self._standing[key] = {**resource, "extension": [*held, *fresh]}
            for other in others:
                self._referrers[other.keys[0]].add(key)

    # the rest

    def _join_equals(self, keys: list[str]) -> None:
        """Join what has no rule and says exactly the same, references included."""
        self._refresh(keys)
        resources = {key: self._given[key] for key in keys}
        alike: defaultdict[int, list[str]] = defaultdict(list)
        for key, number in classes(resources, self._patient).items():
            alike[number].append(key)
        for members in alike.values():
            for standing, *rest in self._slots(members):
                oldest = [resources[key] for key in (standing, *rest)]
                self._standing[standing] = unite(oldest[::-1], resources[standing]["id"])
                for key in rest:
                    del self._standing[key]
                    self._alias(key, standing)

    def _slots(self, members: list[str]) -> list[list[str]]:
        """Of alike resources the first of each document (and party) form one group, the second another, and
        so on."""
        slots: list[list[str]] = []
        alone: list[list[str]] = []
        next_slot: dict[Origin | str, int] = {}
        for key in sorted(members, key=lambda member: (self._entries[member].age, member)):
            if self._given[key]["id"] in self._pinned:
                alone.append([key])
                continue
            tellers: frozenset[Origin | str] = self._entries[key].origins | self._entries[key].parties
            slot = max(next_slot.get(teller, 0) for teller in tellers)
            next_slot.update(dict.fromkeys(tellers, slot + 1))
            if slot == len(slots):
                slots.append([])
            slots[slot].append(key)
        return slots + alone

    # references

    def _referrers_of(self, key: str) -> set[str]:
        """The standing resources that refer to one."""
        names = {key, *self._members.get(key, ())}
        return {self._follow(one) for name in names for one in self._referrers.get(name, ())}

    def _alias(self, key: str, standing: str) -> None:
        self._aliases[key] = standing
        self._stale |= self._referrers[key]
        self._touched |= self._referrers[key]
        self._referrers[standing] |= self._referrers[key]

    def _follow(self, reference: str) -> str:
        seen = reference
        while seen in self._aliases:
            seen = self._aliases[seen]
        return seen

    def _refresh(self, keys: Iterable[str]) -> None:
        """Let resources refer to what stands by now."""
        for key in self._stale.intersection(keys):
            self._given[key] = rewrite(self._given[key], self._follow)
            if key in self._standing:
                self._standing[key] = self._given[key]
            self._stale.discard(key)

    def _final(self, resource: Resource) -> Resource:
        final: Resource = without_repeats(rewrite(resource, self._follow), resource)
        return final

    def _all_aliases(self) -> dict[str, str]:
        return {key: self._follow(key) for key in sorted(self._aliases)}


def without_repeats(changed: Any, before: Any) -> Any:
    """What became of `before`, without items of lists that became equal when references were rewritten."""
    if changed is before:
        return changed
    if isinstance(changed, dict) and isinstance(before, dict):
        return {name: without_repeats(value, before.get(name)) for name, value in changed.items()}
    if isinstance(changed, list) and isinstance(before, list) and len(changed) == len(before):
        items = [without_repeats(*pair) for pair in zip(changed, before, strict=True)]
        if all(isinstance(item, dict) for item in items):
            return list({_identity(item): item for item in reversed(items)}.values())[::-1]
        return items
    return changed


def _identity(item: Resource) -> bytes:
    is_reference = "reference" in item and item.keys() <= {"reference", "display", "type"}
    return canonical(item["reference"] if is_reference else item)
