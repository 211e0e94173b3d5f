"""Is this R4? One resource against the structure of FHIR R4 (4.0.1), by its own type.

What JSON Schema can say is checked by jsonschema-rs with a schema of each type, made from our table of
R4's structure when the type is first met. What it cannot say is checked by a walk: one of a choice only,
lists of primitives and their companions side by side, whole numbers written as such, how deep it goes.
Not checked: what terminology and invariants say beyond the structure; see docs/validation.md.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import jsonschema_rs

from chartbridge.fhir.schema_table import EXPECTED, INTEGERS, TABLE, Field

RESOURCE_TYPES: frozenset[str] = frozenset(TABLE.resource_types)
"""The kinds of resources of R4."""

MOST_VIOLATIONS = 20
"""As many are told at most; the first are enough to act on."""
DEEPEST = 100
"""Objects and arrays within each other; the deepest of HL7's examples has some 20."""
_SHOWN_CODES = 12
_SHOWN_NAME = 64

_EXTENSIONS = ("extension", "modifierExtension")

Path = tuple[str | int, ...]

_CHOICES = {
    prefix + field.name: (field.choice, field.name)
    for fields in TABLE.structures.values()
    for field in fields.values()
    if field.choice
    for prefix in ("", "_")
}
"""Of each name of a choice, such as ``valueString``, the choice and the name."""
_INTEGER_NAMES = {
    field.name for fields in TABLE.structures.values() for field in fields.values() if field.type in INTEGERS
}
_RESOURCE_NAMES = {
    kind: {
        field.name
        for key, fields in TABLE.structures.items()
        if key == kind or key.startswith(f"{kind}.")
        for field in fields.values()
        if field.type == "Resource"
    }
    for kind in TABLE.resource_types
}
"""By resource type, the names of its elements that hold whole resources."""


def violations(resource: Any) -> list[str]:
    """Where a resource, in JSON form, departs from R4, as ``Type path: what was expected``; empty when not.

    At most :data:`MOST_VIOLATIONS`. Never a value of the resource: only names of elements, and what R4
    wants there. A resource within it (``contained``, of a Bundle or of Parameters) is looked at by its
    own type.
    """
    return _Check().run(resource)


@cache
def _validator(resource_type: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(
        TABLE.schema(resource_type), pattern_options=jsonschema_rs.RegexOptions()
    )


class _TooDeepError(Exception):
    """Objects and arrays beyond :data:`DEEPEST`."""


def _field(resource_type: str, path: Path) -> Field | None:
    """The element that a path within a resource leads to, whether to its list or to an item of that."""
    structure, field = TABLE.structures[resource_type], None
    for part in path:
        if isinstance(part, int):
            continue
        field = structure.get(part)
        if field is None:
            primitive = structure.get(part.removeprefix("_"))
            if primitive is None:
                return None
            field = Field(part, "Element", required=False, many=primitive.many)
        structure = TABLE.structures.get(field.type, {})
    return field


def _expected(field: Field, value: Any, *, item: bool) -> str:
    """In words, what R4 wants in place of a value, which stands for one ``item`` or for the list of them."""
    if not item:
        return "expected at least one item" if isinstance(value, list) else "expected an array"
    if isinstance(value, list):
        return "expected one value, not an array"
    if field.codes:
        codes = TABLE.codes[field.codes]
        listed = ", ".join(codes[:_SHOWN_CODES]) + (", …" if len(codes) > _SHOWN_CODES else "")
        return f"expected a code of {field.codes}: {listed}"
    if field.type in EXPECTED:
        return f"expected {EXPECTED[field.type]}"
    return "expected a resource" if field.type == "Resource" else "expected an object"


def _missing(structure: str, node: dict[str, Any]) -> list[str]:
    """The required elements that an object lacks."""
    groups: dict[str, list[str]] = {}
    for field in TABLE.structures[structure].values():
        if field.required:
            groups.setdefault(f"{field.choice}[x]" if field.choice else field.name, []).append(field.name)
    return [
        element
        for element, names in groups.items()
        if not any(name in node or f"_{name}" in node for name in names)
    ]


class _Check:
    """One look at one resource, and at those within it."""

    def __init__(self) -> None:
        self.kind = ""
        self.at_kind, self.at_depth = "", 0
        self.found: dict[str, None] = {}
        self.path: list[str | int] = []
        self.resource_names: set[str] = set()
        self.inner: list[tuple[Path, Any]] = []

    def run(self, resource: Any) -> list[str]:
        kind = resource.get("resourceType") if isinstance(resource, dict) else None
        self.kind = kind if isinstance(kind, str) and kind in RESOURCE_TYPES else "?"
        waiting: list[tuple[Path, Any]] = [((), resource)]
        try:
            while waiting and len(self.found) < MOST_VIOLATIONS:
                at, member = waiting.pop()
                self.inner = []
                self._look(at, member)
                waiting += reversed(self.inner)
        except _TooDeepError:
            return [f"{self.kind}: expected at most {DEEPEST} objects and arrays within each other"]
        return list(self.found)[:MOST_VIOLATIONS]

    def _tell(self, path: Path, message: str) -> None:
        shown = "/".join(str(part)[:_SHOWN_NAME] for part in path)
        self.found[f"{self.kind} {shown}: {message}" if shown else f"{self.kind}: {message}"] = None

    def _look(self, at: Path, resource: Any) -> None:
        kind = resource.get("resourceType") if isinstance(resource, dict) else None
        if not isinstance(kind, str) or kind not in RESOURCE_TYPES:
            self._tell((*at, "resourceType"), "expected a resource type of R4")
            return
        self.path = list(at)
        self.at_kind, self.at_depth = kind, len(at)
        self.resource_names = _RESOURCE_NAMES[kind]
        self._walk(resource, "")
        if "contained" in resource and "contained" in at:
            self._tell((*at, "contained"), "a contained resource contains no others")
            self.inner = []
        validator, before = _validator(kind), len(self.found)
        try:
            if not validator.is_valid(resource):
                for error in validator.iter_errors(resource):
                    self._explain(at, kind, error)
                    if len(self.found) >= MOST_VIOLATIONS:
                        break
                if len(self.found) == before and not self.inner:
                    self._tell(at, "expected a resource of R4")
        except ValueError:
            self._tell(at, "expected what JSON can hold")

    def _walk(self, node: dict[str, Any], name: str) -> None:
        """What JSON Schema cannot say, of the object at ``self.path``, called ``name``, and all in it."""
        if len(self.path) > DEEPEST:
            raise _TooDeepError
        chosen: dict[str, str] = {}
        for key, value in node.items():
            if key in _CHOICES:
                choice, alternative = _CHOICES[key]
                if chosen.setdefault(choice, alternative) != alternative and self._is_choice(alternative):
                    self._tell(tuple(self.path), f"expected only one of {choice}[x]")
            if isinstance(value, dict):
                self._enter(value, key, key)
            elif isinstance(value, list):
                self.path.append(key)
                if key[:1] == "_" or None in value:
                    self._align(node, key)
                for index, item in enumerate(value):
                    if isinstance(item, dict):
                        self._enter(item, key, index)
                    elif isinstance(item, float):
                        self._number(item, key, index)
                self.path.pop()
            elif isinstance(value, float):
                self._number(value, key, key)
        if name in _EXTENSIONS and ("extension" in node) == ("value" in chosen):
            self._tell(tuple(self.path), "expected either value[x] or extension")

    def _enter(self, node: dict[str, Any], name: str, part: str | int) -> None:
        self.path.append(part)
        if name in self.resource_names:
            self.inner.append((tuple(self.path), node))
        else:
            self._walk(node, name)
        self.path.pop()

    def _is_choice(self, name: str) -> bool:
        """Whether a name that is one of a choice elsewhere is so in the object at ``self.path`` too."""
        field = _field(self.at_kind, (*self.path[self.at_depth :], name))
        return field is not None and field.choice is not None

    def _align(self, node: dict[str, Any], key: str) -> None:
        """A list of primitives and the list of its companions have the same length, and no place is void."""
        twin = key[1:] if key[:1] == "_" else f"_{key}"
        mine, others = node[key], node.get(twin)
        if others is None:
            if None in mine:
                self._tell(tuple(self.path), f"expected null only where {twin} has something")
        elif not isinstance(others, list) or len(mine) != len(others):
            self._tell(tuple(self.path), f"expected as many items as {twin} has")
        elif any(one is None and other is None for one, other in zip(mine, others, strict=True)):
            self._tell(tuple(self.path), f"expected null only where {twin} has something")

    def _number(self, value: float, name: str, part: str | int) -> None:
        """``1.0`` is an integer for JSON Schema, and a decimal for FHIR."""
        if name in _INTEGER_NAMES and value.is_integer():
            path = (*self.path, part)
            field = _field(self.at_kind, path[self.at_depth :])
            if field and field.type in INTEGERS:
                self._tell(path, _expected(field, value, item=True))

    def _explain(self, at: Path, kind: str, error: jsonschema_rs.ValidationError) -> None:
        """One error of the schema of ``kind``, of the resource at ``at``, in our words."""
        path, value = tuple(error.instance_path), error.instance
        field = _field(kind, path)
        problem = error.kind
        one = not path or (field is not None and (not field.many or isinstance(path[-1], int)))
        if isinstance(problem, jsonschema_rs.ValidationErrorKind.AdditionalProperties):
            for name in problem.unexpected:
                self._tell((*at, *path, name), "unknown element")
        elif one and isinstance(value, dict) and (field is None or field.type in TABLE.structures):
            if not value:
                self._tell((*at, *path), "expected an object that is not empty")
            for missing in _missing(field.type if field else kind, value):
                self._tell((*at, *path, missing), "required")
        elif field and not (one and isinstance(value, dict) and field.type == "Resource"):
            self._tell((*at, *path), _expected(field, value, item=one))
