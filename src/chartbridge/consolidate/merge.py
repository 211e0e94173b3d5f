"""Many documents to one chart.

Three rules join resources, and no others; whatever differs in a clinical element stays apart:

1. Within an id space (`spaces`) the same type and id is the same resource. Where versions differ, the one of
   the newest source stands; what it leaves out of a person's or place's entry comes from the older ones.
2. Resources of different documents that say exactly the same (`identity`) are one.
3. Every Patient gives way to the current one.

The resource that stands keeps the sources and the identifiers of those that it stands for.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from chartbridge.consolidate.identity import PATIENT_ELEMENTS, classes
from chartbridge.consolidate.provenance import adopt, canonical, stamp
from chartbridge.consolidate.references import key_of, relative_key, rewrite, target_type_and_id, urn_id
from chartbridge.consolidate.spaces import separated
from chartbridge.fhir.ids import name_based_id, namespace
from chartbridge.fhir.references import Resource

# Ids for resources that come without one are name-based, so the same content gets the same id each time.
_NAMELESS = namespace("consolidate: resource without an id")

# Entries of a directory, not statements about the patient: what an older one adds is still of use.
_DIRECTORY_TYPES = frozenset({"Location", "Organization", "Practitioner"})
_ADDED_UP = frozenset({"address", "telecom"})
# Elements that qualify the version they stand in.
_OF_THE_VERSION = frozenset(
    {
        "active",
        "extension",
        "identifier",
        "implicitRules",
        "language",
        "meta",
        "modifierExtension",
        "status",
        "text",
    }
)


@dataclass(frozen=True, slots=True)
class SourceBundle:
    """The resources of one document, contribution or message.

    source: file name, written to `meta.source`. data_source: code of the network or party, such as `SANDBOX`.
    document_id: id of the source document. date: when the document was made, ISO 8601 in UTC, compared as
    text; empty counts as oldest. A None leaves on each resource what it already says of its source.
    id_space: who gave the ids; an id is the same resource only within one space. Empty: our own converter.
    """

    resources: Sequence[Resource]
    source: str | None = None
    data_source: str | None = None
    document_id: str | None = None
    date: str = ""
    id_space: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """resources: the current Patient and everything else, sorted by type and id.

    aliases: `Type/id` of each resource that was joined to another of equal content, to the `Type/id` that
    stands.
    """

    resources: list[Resource]
    aliases: dict[str, str] = field(default_factory=dict)

    def as_source(self) -> SourceBundle:
        """The chart as a source of another consolidation; alone it yields the same chart again."""
        return SourceBundle(self.resources)


_Origin = tuple[str, str, str]
# Newest last: date, source, document id of a version, then its content.
_Age = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class _Version:
    resource: Resource
    age: _Age
    origin: _Origin


@dataclass(frozen=True, slots=True)
class _Entry:
    resource: Resource
    age: _Age
    origins: frozenset[_Origin]


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

    versions: defaultdict[str, list[_Version]] = defaultdict(list)
    patient_ids = {str(patient["id"])}
    for bundle in _separated(sources):
        for version in _versions(bundle):
            if version.resource["resourceType"] == "Patient":
                patient_ids.add(version.resource["id"])
            else:
                versions[key_of(version.resource)].append(version)

    entries = {key: _newest(versions[key]) for key in sorted(versions)}
    pointers = _Pointers(entries, patient_ids, patient_reference)
    pointed = {key: pointers.localise(entry.resource) for key, entry in entries.items()}
    groups = _groups(pointed, entries, pointers.pinned, patient_reference)

    standing: dict[str, Resource] = {}
    aliases: dict[str, str] = {}
    for first, *rest in groups:
        standing[first] = _stand_for(pointed[first], [pointed[key] for key in rest])
        aliases.update(dict.fromkeys(rest, first))

    def follow(reference: str) -> str:
        return aliases.get(reference, reference)

    resources = [rewrite(resource, follow) if aliases else resource for resource in standing.values()]
    resources.append(patient)
    resources.sort(key=lambda resource: (resource["resourceType"], resource["id"]))
    return Chart(resources, aliases)


def _separated(sources: Iterable[SourceBundle]) -> Iterator[SourceBundle]:
    bundles = list(sources)
    parts = separated([(bundle.id_space, bundle.resources) for bundle in bundles])
    for bundle, resources in zip(bundles, parts, strict=True):
        yield bundle if resources is bundle.resources else replace(bundle, resources=resources)


def _versions(bundle: SourceBundle) -> Iterator[_Version]:
    names = (bundle.source or "", bundle.document_id or "", bundle.data_source or "")
    nameless: Counter[str] = Counter()
    for given in bundle.resources:
        if not given.get("resourceType"):
            raise ValueError(f"A resource of {bundle.source or 'a source'} has no resourceType")
        resource = given
        if not given.get("id"):
            text = canonical([*names, given]).decode()
            nameless[text] += 1
            resource = {**given, "id": name_based_id(_NAMELESS, f"{text} {nameless[text]}")}
        stamped = stamp(
            resource, source=bundle.source, data_source=bundle.data_source, document_id=bundle.document_id
        )
        yield _Version(stamped, (bundle.date, *names[:2]), names)


def _newest(versions: list[_Version]) -> _Entry:
    """The version of the newest source, with the sources and identifiers of the others."""
    origins = frozenset(version.origin for version in versions)
    if len(versions) == 1:
        return _Entry(versions[0].resource, versions[0].age, origins)
    ordered = sorted(versions, key=lambda version: (version.age, canonical(version.resource)))
    newest = ordered.pop()
    older = [version.resource for version in reversed(ordered)]
    resource = _completed(newest.resource, older)
    return _Entry(adopt(resource, older), newest.age, origins)


def _completed(newest: Resource, older: list[Resource]) -> Resource:
    """A directory entry with what only its older versions (newest first) say; any other resource as it is."""
    if newest["resourceType"] not in _DIRECTORY_TYPES:
        return newest
    completed = dict(newest)
    for version in older:
        if "contained" in version:
            continue
        for name, value in version.items():
            if name in _OF_THE_VERSION:
                continue
            if name not in completed:
                completed[name] = value
            elif name in _ADDED_UP and isinstance(value, list):
                held = completed[name]
                completed[name] = [*held, *(item for item in value if item not in held)]
    return completed


def _groups(
    resources: dict[str, Resource], entries: dict[str, _Entry], pinned: set[str], patient_reference: str
) -> list[list[str]]:
    """`Type/id`s of resources that are one; the first of each group stands.

    A document that says the same twice may mean two events, so two resources of one document never join: of
    alike resources the first of each document form one group, the second another, and so on. The oldest
    source's resource stands, so that a new document doesn't change the ids of what was known.
    """
    alike: defaultdict[int, list[str]] = defaultdict(list)
    for key, number in classes(resources, patient_reference).items():
        alike[number].append(key)
    groups: list[list[str]] = []
    for members in alike.values():
        slots: list[list[str]] = []
        next_slot: dict[_Origin, int] = {}
        for key in sorted(members, key=lambda member: (entries[member].age, member)):
            if entries[key].resource["id"] in pinned:
                groups.append([key])
                continue
            origins = entries[key].origins
            slot = max(next_slot.get(origin, 0) for origin in origins)
            next_slot.update(dict.fromkeys(origins, slot + 1))
            if slot == len(slots):
                slots.append([])
            slots[slot].append(key)
        groups.extend(slots)
    return groups


def _stand_for(first: Resource, rest: list[Resource]) -> Resource:
    if not rest:
        return first
    joined = adopt(first, rest)
    if "text" not in joined:
        narrative = next((other["text"] for other in rest if "text" in other), None)
        if narrative is not None:
            joined["text"] = narrative
    return joined


class _Pointers:
    """Turns the references of source resources into those of the chart.

    pinned: ids that several types share and that a `urn:uuid:` reference names. Which resource is meant
    can't be known, so the reference stays as it is and what it may lead to must stay too.
    """

    def __init__(self, entries: dict[str, _Entry], patient_ids: set[str], patient_reference: str) -> None:
        self._known = entries
        self._by_id: defaultdict[str, list[str]] = defaultdict(list)
        for key, entry in entries.items():
            self._by_id[entry.resource["id"]].append(key)
        self._patient_ids = patient_ids
        self._patient_reference = patient_reference
        self.pinned: set[str] = set()

    def localise(self, resource: Resource) -> Resource:
        """The resource with `Type/id` for each reference that leads to the chart, its Patient included."""
        local = dict(rewrite(resource, self._change))
        holders = [local]
        if "contained" in local:
            local["contained"] = [dict(held) for held in local["contained"]]
            holders += local["contained"]
        patients = {f"#{held.get('id')}" for held in holders[1:] if held.get("resourceType") == "Patient"}
        about = {subject["reference"] for holder in holders for subject in _subjects(holder)} & patients
        for holder in holders:
            for name in PATIENT_ELEMENTS:
                if name in holder:
                    holder[name] = self._to_patient(holder[name], name)
        if about:
            local = dict(rewrite(local, lambda ref: self._patient_reference if ref in about else ref))
            kept = [held for held in local.pop("contained") if f"#{held.get('id')}" not in about]
            if kept:
                local["contained"] = kept
        return local

    def _change(self, reference: str) -> str:
        urn = urn_id(reference)
        if urn is not None:
            return self._patient_reference if urn in self._patient_ids else self._meant_by(urn, reference)
        target = target_type_and_id(reference)
        if target is not None and target[0] == "Patient" and target[1] in self._patient_ids:
            return self._patient_reference
        relative = relative_key(reference)
        return relative if relative in self._known and relative is not None else reference

    def _meant_by(self, urn: str, reference: str) -> str:
        keys = self._by_id.get(urn, ())
        if len(keys) > 1:
            self.pinned.add(urn)
        return keys[0] if len(keys) == 1 else reference

    def _to_patient(self, value: Any, name: str) -> Any:
        if isinstance(value, list):
            return [self._to_patient(item, name) for item in value]
        if not isinstance(value, dict) or not isinstance(value.get("reference"), str):
            return value
        reference = value["reference"]
        target = target_type_and_id(reference)
        if reference.startswith("#"):
            is_patient = False
        elif name != "subject":
            is_patient = True
        else:
            is_patient = target[0] == "Patient" if target else urn_id(reference) is not None
        return {**value, "reference": self._patient_reference} if is_patient else value


def _subjects(holder: Resource) -> Iterator[Resource]:
    for name in PATIENT_ELEMENTS:
        value = holder.get(name)
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict) and isinstance(item.get("reference"), str):
                yield item
