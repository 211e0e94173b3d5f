"""JSON schemas as rows of a table to read, and examples of what they describe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chartbridge.http.glossary import VALUES

Json = dict[str, Any]
MAX_DEPTH = 5
"""Where a table ends: what lies deeper is named by its type only."""

_BOUNDS = {
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "minimum": "from {}",
    "maximum": "to {}",
    "pattern": "matches {}",
    "format": "{}",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A property: how deep it lies, what it is called, what it holds."""

    depth: int
    name: str
    type: str
    required: bool
    description: str
    values: tuple[str, ...]
    bounds: tuple[str, ...]


class Reader:
    """Reads schemas whose references lead into ``document``."""

    def __init__(self, document: Json) -> None:
        self._document = document

    def resolve(self, schema: Json) -> Json:
        """The schema, with what its reference names in place of the reference."""
        if "$ref" not in schema:
            return schema
        found: Any = self._document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        return {**found, **{key: value for key, value in schema.items() if key != "$ref"}}

    def takes_nothing(self, schema: Json) -> bool:
        """Whether an empty object is a value of the schema, as far as required properties go."""
        schema = self.resolve(schema)
        options = self._options(schema)
        if options:
            return any(self.takes_nothing(option) for option in options)
        return schema.get("type") == "object" and not schema.get("required")

    def rows(self, schema: Json) -> list[Row]:
        """A row for each property, at any depth, in the order of the schema."""
        return list(self._rows(schema, 0, ()))

    def _rows(self, schema: Json, depth: int, within: tuple[str, ...]) -> list[Row]:
        rows: list[Row] = []
        if depth > MAX_DEPTH:
            return rows
        for variant in self._objects(schema):
            title = str(variant.get("title", ""))
            if title and title in within:
                continue
            for name, value in variant.get("properties", {}).items():
                if any(row.name == name and row.depth == depth for row in rows):
                    continue
                rows.append(self._row(name, value, depth, name in variant.get("required", [])))
                rows += self._rows(value, depth + 1, (*within, title))
        return rows

    def _objects(self, schema: Json) -> list[Json]:
        """The objects that a value is or holds: those of a list, a map, or of alternatives."""
        schema = self.resolve(schema)
        if schema.get("type") == "array":
            return self._objects(schema.get("items", {}))
        if "properties" in schema:
            return [schema]
        if isinstance(schema.get("additionalProperties"), dict):
            return self._objects(schema["additionalProperties"])
        return [found for option in self._options(schema) for found in self._objects(option)]

    def _options(self, schema: Json) -> list[Json]:
        options: list[Json] = [*schema.get("anyOf", []), *schema.get("oneOf", []), *schema.get("allOf", [])]
        return options

    def _row(self, name: str, schema: Json, depth: int, required: bool) -> Row:
        resolved = self.resolve(schema)
        return Row(
            depth,
            name,
            self.type_of(schema),
            required,
            str(schema.get("description") or resolved.get("description") or ""),
            tuple(self._values(resolved)),
            tuple(self._bounds(resolved)),
        )

    def type_of(self, schema: Json) -> str:
        """The type in words: ``list of string``, ``object or null``."""
        schema = self.resolve(schema)
        options = self._options(schema)
        if options:
            return " or ".join(dict.fromkeys(self.type_of(option) for option in options))
        if "const" in schema or "enum" in schema:
            return str(schema.get("type", "string"))
        kind = schema.get("type", "any")
        if isinstance(kind, list):
            return " or ".join(kind) if len(kind) < 5 else "any"
        if kind == "array":
            return f"list of {self.type_of(schema.get('items', {}))}"
        if kind == "object" and "properties" not in schema:
            values = schema.get("additionalProperties")
            return f"map of {self.type_of(values)}" if isinstance(values, dict) and values else "object"
        return str(kind)

    def _values(self, schema: Json) -> list[str]:
        """What a value may be, where that is a short list."""
        if "const" in schema:
            return [str(schema["const"])]
        if "enum" in schema:
            return [str(value) for value in schema["enum"]]
        if schema.get("type") == "array":
            return self._values(self.resolve(schema.get("items", {})))
        return [value for option in self._options(schema) for value in self._values(self.resolve(option))]

    def _bounds(self, schema: Json) -> list[str]:
        own = [text.format(schema[name]) for name, text in _BOUNDS.items() if name in schema]
        return own + [b for option in self._options(schema) for b in self._bounds(self.resolve(option))]

    def example(self, media: Json) -> Any:
        """The example of a body: its own, that of its schema, or one put together from its properties'.

        None when the schema says nothing of what is in it.
        """
        if "example" in media:
            return media["example"]
        for given in media.get("examples", {}).values():
            return given["value"]
        return self._example(media.get("schema", {}), "", required=True, depth=0)

    def _example(self, schema: Json, name: str, *, required: bool, depth: int) -> Any:
        """``name`` is the property's. What need not be there and has no example is None: left out."""
        schema = self.resolve(schema)
        if schema.get("examples"):
            return schema["examples"][0]
        if "const" in schema:
            return schema["const"]
        options = [o for o in self._options(schema) if o != {"type": "null"}]
        if options:
            found = (self._example(o, name, required=required, depth=depth) for o in options)
            return next((e for e in found if e is not None), None)
        if "enum" in schema:
            return schema["enum"][0]
        if name in VALUES and _fits(VALUES[name], schema):
            return VALUES[name]
        if depth > MAX_DEPTH or not (required or "properties" in schema):
            return None
        return self._made_up(schema, depth)

    def _made_up(self, schema: Json, depth: int) -> Any:
        if "properties" in schema:
            needed = schema.get("required", [])
            parts = {
                name: self._example(value, name, required=name in needed, depth=depth + 1)
                for name, value in schema["properties"].items()
            }
            return {name: part for name, part in parts.items() if part is not None}
        if schema.get("type") == "array":
            item = self._example(schema.get("items", {}), "", required=True, depth=depth + 1)
            return [] if item is None else [item]
        return _PLAIN.get(str(schema.get("type")))


_PLAIN: Json = {"boolean": True, "integer": 1, "number": 1, "string": "text", "object": {}}
_TYPES = {"boolean": bool, "integer": int, "number": float, "string": str, "array": list, "object": dict}


def _fits(value: Any, schema: Json) -> bool:
    """Whether a value found by its name is of the schema's type."""
    return isinstance(value, _TYPES.get(str(schema.get("type")), ()))
