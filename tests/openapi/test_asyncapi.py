"""The AsyncAPI document names every message that is sent, as it is sent."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest

from chartbridge.features.webhooks import asyncapi
from chartbridge.features.webhooks.events import EVENTS
from chartbridge.http.schema_reader import Reader
from tests.running import World

Json = dict[str, Any]


@pytest.fixture(scope="module")
def document() -> Json:
    return asyncapi.document()


def test_it_is_served_without_a_key(world: World, document: Json) -> None:
    answer = world.caller().http.get("/asyncapi.json", headers={"x-api-key": ""})
    assert (answer.status_code, answer.json()) == (200, document)


def test_each_type_of_message_has_a_message_and_an_operation_that_sends_it(document: Json) -> None:
    channel = document["channels"]["webhook"]
    assert set(channel["messages"]) == set(EVENTS)
    assert set(document["components"]["messages"]) == {*EVENTS, "pong"}
    sent = [operation["messages"] for operation in document["operations"].values()]
    assert sent == [[{"$ref": f"#/channels/webhook/messages/{kind}"}] for kind in EVENTS]
    for operation in document["operations"].values():
        assert (operation["action"], operation["channel"]) == ("send", {"$ref": "#/channels/webhook"})
        assert operation["summary"].startswith("Sent when ")
    assert document["operations"]["sendPing"]["reply"]["channel"] == {"$ref": "#/channels/answer"}


def test_it_has_the_form_of_asyncapi_3(document: Json) -> None:
    assert document["asyncapi"] == "3.0.0"
    assert document["info"].keys() >= {"title", "version", "description"}
    assert document.keys() <= {
        "asyncapi",
        "info",
        "defaultContentType",
        "channels",
        "operations",
        "components",
    }
    for message in document["components"]["messages"].values():
        assert message.keys() <= {
            *("name", "title", "summary", "contentType", "headers", "payload", "examples")
        }
        jsonschema_rs.meta.validate(
            {"$schema": "http://json-schema.org/draft-07/schema#", **message["payload"]}
        )
    for schema in document["components"]["schemas"].values():
        jsonschema_rs.meta.validate({"$schema": "http://json-schema.org/draft-07/schema#", **schema})


def test_every_reference_leads_somewhere(document: Json) -> None:
    reader = Reader(document)

    def walk(value: Any) -> int:
        if isinstance(value, dict):
            if "$ref" in value:
                assert reader.resolve(value)
                return 1
            return sum(walk(item) for item in value.values())
        return sum(walk(item) for item in value) if isinstance(value, list) else 0

    assert walk(document) > 3 * len(EVENTS)


@pytest.mark.parametrize("kind", EVENTS)
def test_the_example_of_each_type_is_valid_and_nothing_less_is(kind: str) -> None:
    validator = jsonschema_rs.Draft202012Validator(asyncapi.message_schema(kind), validate_formats=True)
    example = asyncapi.example(kind)
    validator.validate(example)
    for name in example:
        assert not validator.is_valid({k: v for k, v in example.items() if k != name})
    assert not validator.is_valid({**example, "surplus": 1})
    assert not validator.is_valid({**example, "meta": {**example["meta"], "type": "other"}})
    assert not validator.is_valid({**example, "meta": {**example["meta"], "requestId": None}})


def test_no_field_may_be_null(document: Json) -> None:
    assert "'null'" not in str(document)


def test_each_field_of_each_message_is_described(document: Json) -> None:
    reader = Reader(document)
    silent = [
        f"{kind}: {row.name}"
        for kind, message in document["components"]["messages"].items()
        for row in reader.rows(message["payload"])
        if not row.description
    ]
    assert silent == []
