"""The AsyncAPI 3.0 document of all messages, made from the models that are sent."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

from chartbridge import __version__
from chartbridge.features.webhooks.delivery import USER_AGENT
from chartbridge.features.webhooks.events import EVENTS, PING
from chartbridge.features.webhooks.examples import EXAMPLES, REQUEST_ID

Json = dict[str, Any]
_SCHEMAS = "#/components/schemas/"
_DESCRIPTION = """\
What Chartbridge tells an application by HTTP POST to its webhook URL. Every message is stored first, in the
transaction of what it tells of, then delivered at least once and in no particular order: deduplicate on
`meta.messageId`. Answer 2xx within five seconds and work afterwards; anything else is tried again.

Verify `x-metriport-signature` over the body's bytes as they came, before parsing them. Values that there
are not are left out, never null. Ignore types that you do not know.
"""


class _WithoutNull(GenerateJsonSchema):
    """What is None is left out of a message, so the schema names no null."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        if schema.get("default") is None:
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)


@cache
def document() -> Json:
    """The document as JSON. Its one operation a type sends that type's message to one channel."""
    models = dict.fromkeys(event.model for event in EVENTS.values())
    references, defined = models_json_schema(
        [(model, "validation") for model in models],
        ref_template=_SCHEMAS + "{model}",
        schema_generator=_WithoutNull,
    )
    schemas: Json = defined["$defs"]
    contents = {model: schemas[ref["$ref"].removeprefix(_SCHEMAS)] for (model, _), ref in references.items()}
    messages = {kind: _message(kind, contents[event.model]) for kind, event in EVENTS.items()}
    for content in contents.values():  # a message's schema holds it whole
        schemas.pop(content["title"])
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Chartbridge messages",
            "version": __version__,
            "description": _DESCRIPTION,
            "license": {"name": "Apache 2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {
            "webhook": {
                "address": None,
                "title": "The application's webhook",
                "description": "The URL that `POST /settings` was given.",
                "messages": {kind: {"$ref": f"#/components/messages/{kind}"} for kind in messages},
            },
            "answer": {
                "address": None,
                "title": "The webhook's answer",
                "description": "The body of the application's answer; read for a ping only.",
                "messages": {"pong": {"$ref": "#/components/messages/pong"}},
            },
        },
        "operations": {_operation_id(kind): _operation(kind) for kind in EVENTS},
        "components": {
            "messages": {**messages, "pong": _PONG},
            "schemas": {**schemas, "Headers": _HEADERS},
        },
    }


def message_schema(kind: str) -> Json:
    """The schema of one type's whole message, to stand alone."""
    whole = document()
    payload: Json = whole["components"]["messages"][kind]["payload"]
    return {**payload, "components": {"schemas": whole["components"]["schemas"]}}


def example(kind: str) -> Json:
    """A whole message of that type."""
    meta = {
        "messageId": "5a0c1f6e-3f1b-4a53-9d3e-6f2b8c7d1e20",
        **({} if kind == PING else {"requestId": REQUEST_ID}),
        "when": "2026-02-01T10:05:00.000Z",
        "type": kind,
        **({} if kind == PING else {"data": {"visit": "42"}}),
    }
    return {"meta": meta, **EXAMPLES[kind]}


def _operation_id(kind: str) -> str:
    return "send" + "".join(word.capitalize() for word in re.split(r"[^a-z]+", kind))


def _operation(kind: str) -> Json:
    operation: Json = {
        "action": "send",
        "channel": {"$ref": "#/channels/webhook"},
        "summary": f"Sent when {EVENTS[kind].cause}.",
        "messages": [{"$ref": f"#/channels/webhook/messages/{kind}"}],
        "bindings": {"http": {"method": "POST", "bindingVersion": "0.3.0"}},
    }
    if kind == PING:
        operation["reply"] = {
            "channel": {"$ref": "#/channels/answer"},
            "messages": [{"$ref": "#/channels/answer/messages/pong"}],
        }
    return operation


def _message(kind: str, content: Json) -> Json:
    return {
        "name": kind,
        "title": kind,
        "summary": content["description"],
        "contentType": "application/json",
        "headers": {"$ref": _SCHEMAS + "Headers"},
        "payload": {
            "type": "object",
            "properties": {"meta": _meta(kind), **content["properties"]},
            "required": ["meta", *content.get("required", [])],
            "additionalProperties": False,
        },
        "examples": [
            {
                "name": kind,
                "headers": {"content-type": "application/json", "x-metriport-signature": "9f86d081…"},
                "payload": example(kind),
            }
        ],
    }


def _meta(kind: str) -> Json:
    return {
        "type": "object",
        "description": "the message's envelope",
        "properties": {
            "messageId": {
                "type": "string",
                "format": "uuid",
                "description": "the message's own id; the same at each attempt",
            },
            "requestId": {"type": "string", "description": "the id that the starting call answered"},
            "when": {"type": "string", "format": "date-time", "description": "when the message was made"},
            "type": {"const": kind, "description": "the message's type"},
            "data": {
                "type": "object",
                "additionalProperties": {"type": "string"},
                "description": "the metadata of the starting call",
            },
        },
        "required": ["messageId", "when", "type"],
        "additionalProperties": False,
    }


_HEADERS: Json = {
    "type": "object",
    "properties": {
        "x-metriport-signature": {
            "type": "string",
            "description": "lower-case hex HMAC-SHA-256 of the body's exact bytes, keyed with `webhookKey`",
        },
        "content-type": {"const": "application/json", "description": "JSON in UTF-8"},
        "user-agent": {"const": USER_AGENT.decode(), "description": "the sender"},
    },
    "required": ["x-metriport-signature", "content-type"],
}
_PONG: Json = {
    "name": "pong",
    "title": "pong",
    "summary": "The answer to a ping.",
    "contentType": "application/json",
    "payload": {
        "type": "object",
        "properties": {"pong": {"type": "string", "description": "the value of `ping`"}},
        "required": ["pong"],
    },
    "examples": [{"name": "pong", "payload": {"pong": EXAMPLES[PING]["ping"]}}],
}
