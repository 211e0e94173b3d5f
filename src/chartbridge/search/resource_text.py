"""What a FHIR resource says in words, codes, numbers and days; no ids, no addresses on the web."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_NOT_SOUGHT = (
    "resourceType id meta reference url system profile fullUrl data hash contentType language versionId "
    "implicitRules use mode userSelected version"
)
_SILENT = frozenset(_NOT_SOUGHT.split())
"""Members that a reader of a chart does not look for."""
_SILENT_EXTENSIONS = ("data-source.json", "doc-id-extension.json")
_GATHERING = frozenset({"Composition", "DocumentManifest", "DocumentReference", "List", "Provenance"})
_TAG = re.compile(r"<[^>]*>")
_DATE_TIME = re.compile(r"(\d{4}-\d{2}-\d{2})T\d{2}:\d{2}.*", re.DOTALL)
_WEB = ("http://", "https://", "urn:uuid:", "#")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_ENTITIES = {"&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'"}
_ENTITY = re.compile("|".join(_ENTITIES))


def texts(resource: dict[str, Any]) -> Iterator[str]:
    """The texts of a resource, each for itself, in no particular order. Of times only the day is told.

    A Composition's sections are left out: what they narrate is found in the resources made of them, and in
    the document itself. Found by them, it would bring all that it refers to, which is the whole document.
    """
    stack: list[Any] = [resource]
    if resource.get("resourceType") == "Composition":
        stack = [{name: value for name, value in resource.items() if name not in ("section", "text")}]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            stack.extend(_members(value))
        elif isinstance(value, list):
            stack.extend(value)
        elif isinstance(value, str):
            text = _said(value)
            if text:
                yield text
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield str(value)


def references(resource: dict[str, Any]) -> Iterator[str]:
    """`Type/id` of what a resource refers to; nothing of what gathers others, such as a Composition, for it
    would be found by the words of all of them."""
    if resource.get("resourceType") in _GATHERING:
        return
    stack: list[Any] = [resource]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            target = value.get("reference")
            if isinstance(target, str):
                yield target
            stack.extend(member for member in value.values() if isinstance(member, dict | list))
        elif isinstance(value, list):
            stack.extend(value)


def _members(value: dict[str, Any]) -> Iterator[Any]:
    if str(value.get("url", "")).endswith(_SILENT_EXTENSIONS):
        return
    for name, member in value.items():
        if name == "div" and isinstance(member, str):
            yield _narrative(member)
        elif name not in _SILENT:
            yield member


def _narrative(div: str) -> str:
    """XHTML without its markup."""
    return _ENTITY.sub(lambda found: _ENTITIES[found[0]], _TAG.sub(" ", div))


def _said(text: str) -> str:
    if text.startswith(_WEB) or _UUID.fullmatch(text):
        return ""
    moment = _DATE_TIME.fullmatch(text)
    return moment[1] if moment else text
