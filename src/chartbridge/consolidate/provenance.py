"""Where a resource comes from: `meta.source` and the extensions that name network, document and element."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from chartbridge.fhir.references import Resource

DATA_SOURCE_URL = "https://public.metriport.com/fhir/StructureDefinition/data-source.json"
DOC_ID_URL = "https://public.metriport.com/fhir/StructureDefinition/doc-id-extension.json"
# Written by the C-CDA converter: the path of the element within its document.
SOURCE_ELEMENT_URL = "https://chartbridge.dev/fhir/StructureDefinition/source-element"
SOURCE_EXTENSIONS = frozenset({DATA_SOURCE_URL, DOC_ID_URL, SOURCE_ELEMENT_URL})

_META_LISTS = ("profile", "security", "tag")
# R4 gives these types one identifier, not a list: a second one has no place to stand.
_ONE_IDENTIFIER = frozenset({"Composition", "QuestionnaireResponse"})


def canonical(value: Any) -> bytes:
    """JSON with sorted keys: equal bytes for equal values."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def data_source_extension(code: str) -> Resource:
    """The extension that names the network or party a resource came from, such as `CAREQUALITY`."""
    return {"url": DATA_SOURCE_URL, "valueCoding": {"system": DATA_SOURCE_URL, "code": code}}


def doc_id_extension(document_id: str) -> Resource:
    """The extension that names the document a resource came from."""
    return {"url": DOC_ID_URL, "valueString": document_id}


def stamp(
    resource: Resource, *, source: str | None, data_source: str | None, document_id: str | None
) -> Resource:
    """The resource with its source written on it; what is given replaces what the resource said, None keeps
    it.
    """
    stamped = dict(resource)
    if source is not None:
        stamped["meta"] = {**resource.get("meta", {}), "source": source}
    extensions = list(resource.get("extension", []))
    for url, extension in (
        (DATA_SOURCE_URL, data_source_extension(data_source) if data_source is not None else None),
        (DOC_ID_URL, doc_id_extension(document_id) if document_id is not None else None),
    ):
        if extension is not None:
            extensions = [*(held for held in extensions if held.get("url") != url), extension]
    if extensions:
        stamped["extension"] = extensions
    return stamped


def without_source(extensions: list[Any]) -> list[Any]:
    """The extensions that are content, not source."""
    return [held for held in extensions if held.get("url") not in SOURCE_EXTENSIONS]


def adopt(standing: Resource, others: Iterable[Resource]) -> Resource:
    """`standing` plus the sources, identifiers and labels of the resources that it stands for.

    Its own come first and in their order; what the others add follows in an order that depends on content
    only. Security labels are added up, so a restriction that any source declares stays.
    """
    others = list(others)
    joined = dict(standing)
    _extend(
        joined,
        "extension",
        (
            held
            for other in others
            for held in other.get("extension", [])
            if held.get("url") in SOURCE_EXTENSIONS
        ),
    )
    if standing["resourceType"] not in _ONE_IDENTIFIER:
        _extend(joined, "identifier", (held for other in others for held in other.get("identifier", [])))
    meta = dict(standing.get("meta", {}))
    for name in _META_LISTS:
        _extend(meta, name, (held for other in others for held in other.get("meta", {}).get(name, [])))
    if meta:
        joined["meta"] = meta
    return joined


def _extend(holder: Resource, name: str, additions: Iterable[Any]) -> None:
    own = holder.get(name, [])
    known = {canonical(item) for item in own}
    fresh = {canonical(item): item for item in additions}
    added = [fresh[text] for text in sorted(fresh) if text not in known]
    if added:
        holder[name] = [*own, *added]
