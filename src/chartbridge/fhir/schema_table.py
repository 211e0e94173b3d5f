"""The structure of FHIR R4 (4.0.1) as our table of facts has it, and the JSON Schema made from that.

The table, ``r4.txt``, is written by ``scripts/r4_schema.py``, which says what its lines mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import Any

Schema = dict[str, Any]

INTEGERS = {"integer": -(2**31), "unsignedInt": 0, "positiveInt": 1}
"""The whole numbers of R4, and the smallest of each. All end at 2³¹ - 1."""
_BLANK = r"[ \t\r\n]"
_TEXT = rf"^{_BLANK}*[^\s\x00-\x1f](?:{_BLANK}|[^\s\x00-\x1f])*$"
_NO_SUCH_DAY = (
    r"^(?:\d{4}-(?:02-3|0[469]-31|11-31)|"
    r"(?:\d\d(?:\d[13579]|[02468][26]|[13579][048])|(?:\d[13579]|[02468][26]|[13579][048])00)-02-29)"
)
_TIGHTER = {
    "string": _TEXT,
    "markdown": _TEXT,
    "uri": r"^\S+$",
    "url": r"^\S+$",
    "canonical": r"^\S+$",
    "xhtml": r"^\s*<div[\s>/](?s:.)*>\s*$",
}
"""Where the specification's text asks for more than its regex: no value is empty or blank."""

EXPECTED = {
    "base64Binary": "base64 text",
    "boolean": "true or false",
    "canonical": "a URI without blanks",
    "code": "a code: text without blanks around it or two in a row",
    "date": "a date that exists: YYYY, YYYY-MM or YYYY-MM-DD",
    "dateTime": "a date that exists, or date, time with seconds, and offset",
    "decimal": "a number",
    "id": "an id: 1 to 64 letters, digits, '-' and '.'",
    "instant": "a date that exists, with time, seconds, and offset",
    "integer": "a whole number of 32 bits",
    "markdown": "text that is not blank, with no white space but blanks, tabs and line ends",
    "oid": "urn:oid: and an OID",
    "positiveInt": "a whole number from 1",
    "string": "text that is not blank, with no white space but blanks, tabs and line ends",
    "time": "a time hh:mm:ss",
    "unsignedInt": "a whole number from 0",
    "uri": "a URI without blanks",
    "url": "a URL without blanks",
    "uuid": "urn:uuid: and a UUID in lower case",
    "xhtml": "an XHTML <div>",
}
"""In words, what a value of a primitive type is."""


@dataclass(frozen=True, slots=True)
class Field:
    """One name of an object's JSON: an element, or one type of a choice."""

    name: str
    type: str
    """A primitive type, the key of a structure (``Patient.contact``), or ``Resource``."""
    required: bool
    many: bool
    codes: str | None = None
    """The value set of a code, where the codes are known."""
    choice: str | None = None
    """``value`` for ``valueString``."""


class Table:
    """All of R4: structures by key, each with its fields by JSON name."""

    def __init__(self, text: str) -> None:
        self.codes: dict[str, list[str]] = {}
        self.primitives: dict[str, str] = {}
        self.resource_types: set[str] = set()
        self.structures: dict[str, dict[str, Field]] = {}
        self._bases: dict[str, str] = {}
        owner = ""
        for line in text.splitlines():
            word, _, rest = line.partition(" ")
            if not word:
                self._read_element(owner, rest.split(" "))
            elif word == "type":
                owner, kind, base = rest.split(" ")
                self._open(owner, base)
                if kind == "resource":
                    self.resource_types.add(owner)
            else:
                name, _, rest = rest.partition(" ")
                if word == "codes":
                    self.codes[name] = rest.split(" ")
                else:
                    self.primitives[name] = rest
        self.resource_types -= {"Resource", "DomainResource"}
        for key in self.structures:
            base = self._bases[key]
            while base in self._bases:
                self.structures[key] = self.structures[base] | self.structures[key]
                base = self._bases[base]

    def _open(self, key: str, base: str) -> None:
        self.structures[key] = {}
        self._bases[key] = base

    def _read_element(self, owner: str, words: list[str]) -> None:
        path, least, most, *types = words
        key = f"{owner}.{path}"
        parent, _, name = key.rpartition(".")
        choice = name.removesuffix("[x]") if name.endswith("[x]") else None
        for text in types:
            type_, _, codes = text.partition("=")
            json_name = f"{choice}{type_[0].upper()}{type_[1:]}" if choice else name
            if type_.startswith("#"):
                type_ = type_[1:]
            elif type_ in {"Element", "BackboneElement"}:
                self._open(key, type_)
                type_ = key
            self.structures[parent][json_name] = Field(
                json_name, type_, least != "0", most != "1", codes or None, choice
            )

    def schema(self, resource_type: str) -> Schema:
        """The JSON Schema (2020-12) of one resource type; resources within are any object."""
        definitions: dict[str, Schema] = {}
        open_ = [resource_type]
        while open_:
            key = open_.pop()
            if key not in definitions:
                definitions[key] = self._definition(key)
                fields = self.structures.get(key, {})
                open_ += [field.type for field in fields.values()]
                open_ += ["Element"] * bool(fields)
                open_ += [f"codes/{field.codes}" for field in fields.values() if field.codes]
        return {
            "$ref": _pointer(resource_type),
            "$defs": {_name(key): value for key, value in definitions.items()},
        }

    def _definition(self, key: str) -> Schema:
        if key.startswith("codes/"):
            return {"enum": self.codes[key.removeprefix("codes/")]}
        if key == "Resource":
            return {"type": "object", "required": ["resourceType"]}
        if key in self.structures:
            return self._object(key)
        if key == "boolean":
            return {"type": "boolean"}
        if key == "decimal":
            return {"type": "number"}
        if key in INTEGERS:
            return {"type": "integer", "minimum": INTEGERS[key], "maximum": 2**31 - 1}
        schema: Schema = {"type": "string", "pattern": _TIGHTER.get(key) or f"^(?:{self.primitives[key]})$"}
        if key in {"date", "dateTime", "instant"}:
            schema["not"] = {"pattern": _NO_SUCH_DAY}
        return schema

    def _object(self, key: str) -> Schema:
        properties: dict[str, Schema] = {}
        groups: dict[str, list[str]] = {}
        if key in self.resource_types:
            properties["resourceType"] = {"const": key}
        for field in self.structures[key].values():
            value: Schema = {"$ref": _pointer(f"codes/{field.codes}" if field.codes else field.type)}
            names = [field.name]
            primitive = field.type in self.primitives
            if primitive:
                names.append(f"_{field.name}")
                companion: Schema = {"$ref": _pointer("Element")}
                if field.many:
                    companion = {"type": "array", "minItems": 1, "items": _or_null(companion)}
                    value = _or_null(value)
                properties[names[1]] = companion
            if field.many:
                value = {"type": "array", "minItems": 1, "items": value}
            properties[field.name] = value
            if field.required:
                groups.setdefault(field.choice or field.name, []).extend(names)
        schema: Schema = {
            "type": "object",
            "minProperties": 1,
            "properties": properties,
            "additionalProperties": False,
        }
        if groups:
            schema["allOf"] = [
                {"anyOf": [{"required": [name]} for name in names]} for names in groups.values()
            ]
        return schema


def _or_null(schema: Schema) -> Schema:
    """Items of a list of primitives may be null, where the companion list has something."""
    return {"anyOf": [schema, {"type": "null"}]}


def _name(key: str) -> str:
    return key.replace("/", "-")


def _pointer(key: str) -> str:
    return f"#/$defs/{_name(key)}"


TABLE = Table(files(__package__).joinpath("r4.txt").read_text(encoding="ascii"))
"""R4 4.0.1."""
