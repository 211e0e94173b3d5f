"""Add to a filtered chart what its resources refer to, so that no reference inside it leads nowhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from chartbridge.consolidate.references import key_of, references, relative_key, urn_id
from chartbridge.fhir.references import Resource

MAX_ROUNDS = 5


def hydrate(kept: Sequence[Resource], everything: Iterable[Resource]) -> list[Resource]:
    """`kept`, then the resources of `everything` that it refers to, that those refer to, and so on, five
    rounds deep.

    References of the form `Type/id` and `urn:uuid:<id>` are followed; nothing is added twice.
    """
    by_reference: dict[str, Resource] = {}
    for resource in everything:
        by_reference[key_of(resource)] = resource
        by_reference.setdefault(f"urn:uuid:{resource['id']}", resource)
    result = list(kept)
    present = {key_of(resource) for resource in result}
    newest: Sequence[Resource] = result
    for _ in range(MAX_ROUNDS):
        added: list[Resource] = []
        for resource in newest:
            for reference in references(resource):
                name = reference if urn_id(reference) is not None else relative_key(reference)
                target = by_reference.get(name) if name else None
                if target is not None and key_of(target) not in present:
                    present.add(key_of(target))
                    added.append(target)
        if not added:
            break
        result = [*result, *added]
        newest = added
    return result
