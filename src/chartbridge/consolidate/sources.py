"""What goes into a chart: the sources, and of each resource the versions that they give."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from chartbridge.consolidate.provenance import adopt, canonical, stamp
from chartbridge.consolidate.references import key_of
from chartbridge.consolidate.spaces import separated
from chartbridge.consolidate.unite_lists import union
from chartbridge.consolidate.words import list_of
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
    Any other party that gives two ids tells two statements, whatever else they have in common.
    parties: of a chart that is a source itself, by `Type/id`, the parties that told a resource from others.
    """

    resources: Sequence[Resource]
    source: str | None = None
    data_source: str | None = None
    document_id: str | None = None
    date: str = ""
    id_space: str = ""
    parties: Mapping[str, frozenset[str]] = field(default_factory=dict)


Origin = tuple[str, str, str]
# Newest last: date, source, document id.
Age = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Entry:
    """One resource of the sources, its versions made one. origins: the documents that give it. parties: who
    else than our converter gave it its id."""

    resource: Resource
    age: Age
    origins: frozenset[Origin]
    parties: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Version:
    resource: Resource
    age: Age
    origin: Origin
    parties: frozenset[str]


def read(sources: Iterable[SourceBundle]) -> tuple[dict[str, Entry], set[str]]:
    """The resources of all sources by `Type/id`, sorted, and the ids of the sources' Patients.

    Raises ValueError for a resource without `resourceType`.
    """
    versions: defaultdict[str, list[_Version]] = defaultdict(list)
    patient_ids: set[str] = set()
    for bundle in _separated(sources):
        for version in _versions(bundle):
            if version.resource["resourceType"] == "Patient":
                patient_ids.add(version.resource["id"])
            else:
                versions[key_of(version.resource)].append(version)
    return {key: _newest(versions[key]) for key in sorted(versions)}, patient_ids


def _separated(sources: Iterable[SourceBundle]) -> Iterator[SourceBundle]:
    bundles = list(sources)
    parts = separated([(bundle.id_space, bundle.resources) for bundle in bundles])
    for bundle, resources in zip(bundles, parts, strict=True):
        yield bundle if resources is bundle.resources else replace(bundle, resources=resources)


def _versions(bundle: SourceBundle) -> Iterator[_Version]:
    names = (bundle.source or "", bundle.document_id or "", bundle.data_source or "")
    party = frozenset({bundle.id_space}) if bundle.id_space else frozenset[str]()
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
        parties = party | bundle.parties[key_of(resource)] if key_of(resource) in bundle.parties else party
        yield _Version(stamped, (bundle.date, *names[:2]), names, parties)


def _newest(versions: list[_Version]) -> Entry:
    """The version of the newest source, with the sources and identifiers of the others, and with the notes
    that other documents make on it: to leave a note out is not to take it back."""
    origins = frozenset(version.origin for version in versions)
    parties = frozenset[str]().union(*(version.parties for version in versions))
    if len(versions) == 1:
        return Entry(versions[0].resource, versions[0].age, origins, parties)
    ordered = sorted(versions, key=lambda version: (version.age, canonical(version.resource)))
    newest = ordered.pop()
    older = [version.resource for version in reversed(ordered)]
    resource = _completed(newest.resource, older)
    for version in reversed(ordered):
        if version.origin != newest.origin and not version.parties and version.resource.get("note"):
            notes = union(list_of(resource.get("note")), list_of(version.resource["note"]))
            resource = {**resource, "note": notes}
    return Entry(adopt(resource, older), newest.age, origins, parties)


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
