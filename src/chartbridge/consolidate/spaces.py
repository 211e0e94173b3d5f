"""Ids that two parties gave independently.

Within one id space - all that our converter makes, all that one network or the application itself gives -
the same type and id is the same resource. Between spaces an equal id is chance (or malice) and says nothing,
so one of the two gets another id before anything is joined; equal content is still found to be equal.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set

from chartbridge.consolidate.references import relative_key, rewrite, urn_id
from chartbridge.fhir.ids import name_based_id, namespace
from chartbridge.fhir.references import Resource

_CLASHING = namespace("consolidate: an id that another source gave too")


def separated(given: Sequence[tuple[str, Sequence[Resource]]]) -> list[Sequence[Resource]]:
    """The resources of each (id space, resources), in that order, where no id stands in two spaces.

    The space whose name sorts first keeps a disputed id, so our own conversions ("") always do. In another
    space the id becomes a name-based one, the same each time, for every resource of the space that has it,
    and the space's references follow. A reference to a resource that the space itself does not hold stays
    as it is. Patients keep their ids: all of them give way to the current one.
    """
    ids: defaultdict[str, set[str]] = defaultdict(set)
    keys: defaultdict[str, set[str]] = defaultdict(set)
    for space, resources in given:
        for resource in resources:
            if resource.get("id") and resource.get("resourceType") not in (None, "Patient"):
                ids[space].add(resource["id"])
                keys[space].add(f"{resource['resourceType']}/{resource['id']}")
    taken: set[str] = set()
    changed: dict[str, dict[str, str]] = {}
    for space in sorted(ids):
        disputed = ids[space] & taken
        changed[space] = {held: name_based_id(_CLASHING, f"{space} {held}") for held in disputed}
        taken |= ids[space]
    return [
        _renamed(resources, changed[space], keys[space]) if changed.get(space) else resources
        for space, resources in given
    ]


def _renamed(resources: Iterable[Resource], new_ids: Mapping[str, str], own: Set[str]) -> list[Resource]:
    def follow(reference: str) -> str:
        urn = urn_id(reference)
        if urn is not None:
            return f"urn:uuid:{new_ids[urn]}" if urn in new_ids else reference
        key = relative_key(reference)
        if key is None or key not in own:
            return reference
        kind, _, held = key.partition("/")
        return f"{kind}/{new_ids[held]}" if held in new_ids else reference

    renamed = []
    for resource in resources:
        pointed = rewrite(resource, follow)
        if resource.get("id") in new_ids and resource.get("resourceType") != "Patient":
            pointed = {**pointed, "id": new_ids[resource["id"]]}
        renamed.append(pointed)
    return renamed
