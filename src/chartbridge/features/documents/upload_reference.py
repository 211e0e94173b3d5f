"""The DocumentReference that an application uploads a file with, as it is kept (contract, documents 4.4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from chartbridge.consolidate.provenance import DATA_SOURCE_URL
from chartbridge.errors import BadRequestError

MAX_BYTES = 200_000
REQUIRED = ("description", "type", "context")
_REPLACED = frozenset({"Patient", "Organization"})
_OURS = ("id", "status", "docStatus", "masterIdentifier", "subject")
_FILLED_IN = ("contentType", "data", "url", "size", "hash", "title")
Resource = dict[str, Any]


def prepare(draft: Mapping[str, Any], *, patient_id: str, document_id: str, author: Resource) -> Resource:
    """The draft with the server's own id, subject and author organization in place of what it said.

    ``author`` is an Organization with an id. A contained Patient or Organization of the draft is left out
    and what pointed to it points to ours. Status, name, size and address of the file are not in it: they
    are written when the reference is read. Raises BadRequestError for what is missing, too large, or
    points to something contained that is not there.
    """
    for name in REQUIRED:
        if not draft.get(name):
            raise BadRequestError(f"Document Reference must have a {name}")
    if len(orjson.dumps(draft)) > MAX_BYTES:
        raise BadRequestError(f"Document Reference must not be larger than {MAX_BYTES} bytes")
    kept = {key: value for key, value in draft.items() if key not in _OURS}
    contained = [item for item in _objects(kept.get("contained")) if item.get("resourceType") in _REPLACED]
    ours = {f"#{item.get('id')}": _pointer(item, patient_id=patient_id, author=author) for item in contained}
    others = [item for item in _objects(kept.get("contained")) if item.get("resourceType") not in _REPLACED]
    reference: Resource = _redirected({**kept, "contained": others}, ours)
    own_author = {"reference": f"#{author['id']}", "type": "Organization"}
    reference["contained"] = [author, *(i for i in reference["contained"] if i.get("id") != author["id"])]
    reference["author"] = [own_author, *(a for a in _objects(reference.get("author")) if not _is(a, author))]
    reference["subject"] = {"reference": f"Patient/{patient_id}"}
    if isinstance(reference["context"], dict) and "sourcePatientInfo" in reference["context"]:
        reference["context"] = {**reference["context"], "sourcePatientInfo": reference["subject"]}
    reference["extension"] = [
        held for held in _objects(reference.get("extension")) if held.get("url") != DATA_SOURCE_URL
    ]
    if not reference["extension"]:
        del reference["extension"]
    _refuse_dangling(reference)
    return {
        "resourceType": "DocumentReference",
        "id": document_id,
        "masterIdentifier": {"system": "urn:ietf:rfc:3986", "value": document_id},
        **{key: value for key, value in reference.items() if key not in ("resourceType", "id")},
    }


def declared_type(reference: Mapping[str, Any]) -> str | None:
    """The media type that the draft says its file will have."""
    attachment = _first_content(reference).get("attachment")
    said = attachment.get("contentType") if isinstance(attachment, dict) else None
    return said if isinstance(said, str) else None


def contents(reference: Mapping[str, Any], attachment: Resource, extension: Resource) -> list[Resource]:
    """``content`` with our attachment in the first place; what else the draft said of it is kept, and
    each says where it comes from."""
    given = _objects(reference.get("content"))
    first = _first_content(reference)
    said = first.get("attachment") if isinstance(first.get("attachment"), dict) else {}
    filled = {**{key: value for key, value in (said or {}).items() if key not in _FILLED_IN}, **attachment}
    made = [{**first, "attachment": filled}, *given[1:]]
    return [{**item, "extension": _marked(item.get("extension"), extension)} for item in made]


def marked(reference: Mapping[str, Any], extension: Resource) -> list[Resource]:
    """The reference's extensions and ``extension``."""
    return _marked(reference.get("extension"), extension)


def _marked(extensions: Any, added: Resource) -> list[Resource]:
    return [*(held for held in _objects(extensions) if held.get("url") != added["url"]), added]


def _first_content(reference: Mapping[str, Any]) -> Resource:
    return next(iter(_objects(reference.get("content"))), {})


def _pointer(item: Resource, *, patient_id: str, author: Resource) -> str:
    return f"Patient/{patient_id}" if item["resourceType"] == "Patient" else f"#{author['id']}"


def _is(given: Resource, author: Resource) -> bool:
    return given.get("reference") == f"#{author['id']}"


def _objects(value: Any) -> list[Resource]:
    """A list of objects, empty when absent. Raises BadRequestError for anything else."""
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise BadRequestError("Document Reference is not valid FHIR R4: a list of objects was expected")
    return value


def _redirected(value: Any, targets: Mapping[str, str]) -> Any:
    """The value with each reference to one of the targets pointing elsewhere."""
    if isinstance(value, dict):
        return {
            key: targets[item]
            if key == "reference" and isinstance(item, str) and item in targets
            else _redirected(item, targets)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_redirected(item, targets) for item in value]
    return value


def _refuse_dangling(reference: Resource) -> None:
    held = {f"#{item.get('id')}" for item in reference["contained"]}
    missing = sorted({t for t in _fragments(reference) if t != "#"} - held)
    if missing:
        raise BadRequestError(f"Document Reference points to {missing[0][:100]}, which it does not contain")


def _fragments(value: Any) -> Iterable[str]:
    if isinstance(value, dict):
        target = value.get("reference")
        if isinstance(target, str) and target.startswith("#"):
            yield target
        for item in value.values():
            yield from _fragments(item)
    elif isinstance(value, list):
        for item in value:
            yield from _fragments(item)
