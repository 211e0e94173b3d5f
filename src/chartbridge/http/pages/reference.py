"""What the reference page shows, made from the OpenAPI and AsyncAPI documents."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined

from chartbridge.http.openapi import operations
from chartbridge.http.pages import prose
from chartbridge.http.schema_reader import Json, Reader, Row


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value in the path, the query or a header."""

    name: str
    place: str
    type: str
    required: bool
    description: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Body:
    """What is sent or answered: its type, its properties, and an example as text."""

    media_type: str
    type: str
    description: str
    rows: list[Row]
    example: str


@dataclass(frozen=True, slots=True)
class Answer:
    status: str
    description: str
    bodies: list[Body]


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation. ``body`` is what it takes, None when nothing; ``curl`` a call that can be tried."""

    id: str
    method: str
    path: str
    summary: str
    description: str
    needs_key: bool
    parameters: list[Parameter]
    body: Body | None
    answers: list[Answer]
    curl: str


@dataclass(frozen=True, slots=True)
class Section:
    """Operations of one tag."""

    id: str
    name: str
    description: str
    operations: list[Operation]


@dataclass(frozen=True, slots=True)
class Message:
    """A message that the application receives."""

    id: str
    type: str
    cause: str
    body: Body


def render(document: Json, messages: Json) -> str:
    """The whole page as HTML, of an OpenAPI and an AsyncAPI document."""
    environment = Environment(
        loader=PackageLoader("chartbridge.http", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"inline": prose.inline, "paragraphs": prose.paragraphs}
    return environment.get_template("reference.html").render(
        info=document["info"],
        server=document["servers"][0]["url"],
        sections=sections(document),
        messages=list(_messages(messages)),
        messages_description=messages["info"]["description"],
    )


def sections(document: Json) -> list[Section]:
    """The operations by tag, in the order of the document's tags."""
    reader = Reader(document)
    found: dict[str, list[Operation]] = {tag["name"]: [] for tag in document["tags"]}
    for path, method, operation in operations(document):
        found[operation["tags"][0]].append(_operation(document, reader, path, method, operation))
    return [
        Section("tag-" + _slug(tag["name"]), tag["name"], tag["description"], found[tag["name"]])
        for tag in document["tags"]
    ]


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _operation(document: Json, reader: Reader, path: str, method: str, operation: Json) -> Operation:
    request = operation.get("requestBody", {})
    bodies = _bodies(reader, request.get("content", {}), request.get("description", ""))
    return Operation(
        operation["operationId"],
        method.upper(),
        path,
        operation["summary"],
        operation.get("description", ""),
        bool(operation["security"]),
        [_parameter(reader, reader.resolve(p)) for p in operation.get("parameters", [])],
        bodies[0] if bodies else None,
        [
            Answer(status, answer["description"], _bodies(reader, answer.get("content", {})))
            for status, answer in operation["responses"].items()
        ],
        curl(document["servers"][0]["url"], reader, path, method, operation),
    )


def _parameter(reader: Reader, parameter: Json) -> Parameter:
    row = reader.rows({"properties": {parameter["name"]: parameter["schema"]}})[0]
    return Parameter(
        parameter["name"],
        parameter["in"],
        row.type,
        parameter.get("required", False),
        parameter.get("description") or row.description,
        row.values,
    )


def _bodies(reader: Reader, content: Json, description: str = "") -> list[Body]:
    found = []
    for media_type, media in content.items():
        schema = media.get("schema", {})
        text = description or reader.resolve(schema).get("description", "")
        example = _text(reader.example(media), media_type)
        found.append(Body(media_type, reader.type_of(schema), text, reader.rows(schema), example))
    return found


def _text(example: Any, media_type: str) -> str:
    if example is None:
        return ""
    if isinstance(example, str) and not media_type.endswith("json"):
        return example
    return json.dumps(example, ensure_ascii=False, indent=2)


def curl(server: str, reader: Reader, path: str, method: str, operation: Json) -> str:
    """A call with curl: required values by their examples or in capitals, the key from ``$KEY``."""
    query = {}
    for parameter in (reader.resolve(p) for p in operation.get("parameters", [])):
        value = _sample(parameter)
        if parameter["in"] == "path":
            path = path.replace("{" + parameter["name"] + "}", quote(value, safe="$"))
        elif parameter["in"] == "query" and parameter.get("required"):
            query[parameter["name"]] = value
    url = server + path + ("?" + urlencode(query, safe="$,") if query else "")
    lines = ["curl" if method == "get" else f"curl -X {method.upper()}", f'"{url}"']
    if operation["security"]:
        lines.append('-H "x-api-key: $KEY"')
    for media_type, media in operation.get("requestBody", {}).get("content", {}).items():
        lines.append(f'-H "content-type: {media_type}"')
        example = reader.example(media)
        if media_type.endswith("json") and example is not None:
            lines.append("-d " + shlex.quote(json.dumps(example, ensure_ascii=False)))
        else:
            lines.append("--data-binary @document.xml")
        break
    return " \\\n  ".join([f"{lines[0]} {lines[1]}", *lines[2:]])


def _sample(parameter: Json) -> str:
    schema = parameter["schema"]
    examples = schema.get("examples") or schema.get("enum") or [parameter.get("example")]
    if examples[0] is not None:
        return str(examples[0])
    return "$" + re.sub(r"(?<=[a-z])(?=[A-Z])", "_", parameter["name"]).upper().replace("-", "_")


def _messages(document: Json) -> Iterator[Message]:
    reader = Reader(document)
    for operation in document["operations"].values():
        kind = operation["messages"][0]["$ref"].rpartition("/")[2]
        message = document["components"]["messages"][kind]
        example = _text(message["examples"][0]["payload"], "application/json")
        body = Body(
            "application/json", "object", message["summary"], reader.rows(message["payload"]), example
        )
        yield Message(f"message-{_slug(kind)}", kind, operation["summary"], body)
