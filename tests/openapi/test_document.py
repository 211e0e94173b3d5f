"""The OpenAPI document says everything about every operation: a client can be written from it alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from fastapi.routing import APIRoute, iter_route_contexts

from chartbridge.http.gateway import PROTECTED
from chartbridge.http.openapi import operations
from chartbridge.http.schema_reader import Reader
from tests.running import World

Json = dict[str, Any]
REFUSALS = {"400", "403", "414", "429", "500", "503"}
"""What the gateway and the error handlers may answer to any call with a key."""


@pytest.fixture(scope="module")
def document(world: World) -> Json:
    return dict(world.app.openapi())


def called(document: Json) -> Iterator[tuple[str, Json]]:
    for path, method, operation in operations(document):
        yield f"{method.upper()} {path}", operation


def protected(document: Json) -> Iterator[tuple[str, Json]]:
    for path, method, operation in operations(document):
        if path.startswith(PROTECTED):
            yield f"{method.upper()} {path}", operation


def test_it_is_openapi_3_1_and_names_the_server(world: World, document: Json) -> None:
    assert document["openapi"].startswith("3.1.")
    assert document["servers"][0]["url"] == world.platform.settings.origin
    assert document["info"]["description"]
    assert world.caller().get("/openapi.json") == document


def test_it_has_every_operation_but_those_kept_for_old_spellings(world: World, document: Json) -> None:
    found = {
        (method.lower(), str(context.path))
        for context in iter_route_contexts(world.app.routes)
        if isinstance(context.route, APIRoute) and context.route.include_in_schema
        for method in context.methods or ()
    }
    described = {(method, path) for path, method, _ in operations(document)}
    hidden = {path for _, path in found - described}
    assert described <= found
    assert all("/medical/v1/settings" in path for path in hidden), hidden


def test_each_operation_is_named_and_described(document: Json) -> None:
    ids = [operation["operationId"] for _, operation in called(document)]
    assert len(set(ids)) == len(ids)
    known = {tag["name"] for tag in document["tags"]}
    assert all(tag["description"] for tag in document["tags"])
    for name, operation in called(document):
        assert re.fullmatch(r"[a-z]+([A-Z][a-z0-9]*)*", operation["operationId"]), name
        assert operation["summary"], name
        assert operation.get("description"), f"{name} has no description"
        assert len(operation["tags"]) == 1, name
        assert operation["tags"][0] in known, f"{name}: put its tag into TAGS"


def test_each_operation_says_what_key_it_needs(document: Json) -> None:
    schemes = document["components"]["securitySchemes"]
    assert schemes["apiKey"]["name"] == "x-api-key"
    for name, operation in called(document):
        is_open = operation["security"] == []
        assert is_open is (name in {"GET /", "GET /health", "GET /ready"}), name
        assert all(set(need) <= set(schemes) for need in operation["security"])


def test_each_parameter_is_described_and_has_a_type(document: Json) -> None:
    silent = [
        f"{name}: {parameter['name']}"
        for name, operation in called(document)
        for parameter in operation.get("parameters", [])
        if len(parameter.get("description", "")) < 5 or not parameter["schema"]
    ]
    assert silent == []


def test_each_post_takes_an_idempotency_key(document: Json) -> None:
    for name, operation in protected(document):
        names = [p["name"] for p in operation.get("parameters", [])]
        assert ("Idempotency-Key" in names) is name.startswith("POST "), name


def test_each_schema_and_field_is_described(document: Json) -> None:
    reader = Reader(document)
    silent = []
    for title, schema in document["components"]["schemas"].items():
        if not reader.resolve(schema).get("description"):
            silent.append(title)
        for name, field in schema.get("properties", {}).items():
            if not _speaks(reader, field):
                silent.append(f"{title}.{name}")
    assert silent == []


def _speaks(reader: Reader, field: Json) -> bool:
    """Whether a field says what it holds: in words, or by the few values it may have."""
    whole = reader.resolve(field)
    return bool(whole.get("description") or "enum" in whole or "const" in whole)


def test_no_answer_or_body_is_anything_at_all(document: Json) -> None:
    shapeless = []
    for name, operation in called(document):
        contents = {"body": operation.get("requestBody", {}).get("content", {})}
        contents |= {s: answer.get("content", {}) for s, answer in operation["responses"].items()}
        for where, content in contents.items():
            shapeless += [f"{name} {where}" for media in content.values() if not media.get("schema")]
    assert shapeless == []


def test_each_operation_lists_what_may_be_answered_before_it_is_reached(document: Json) -> None:
    for name, operation in protected(document):
        statuses = set(operation["responses"])
        assert statuses >= REFUSALS, name
        assert any(status.startswith("2") for status in statuses), name
        assert ("404" in statuses) or "{" not in name, name
        assert (statuses >= {"409", "422"}) or not name.startswith("POST "), name
        assert all(answer["description"] for answer in operation["responses"].values())


def test_answers_outside_the_envelope_are_told_as_they_are(document: Json) -> None:
    for name, operation in protected(document):
        responses = operation["responses"]
        assert list(responses["429"]["content"]) == ["text/plain"], name
        assert responses["403"]["content"]["application/json"]["example"] == {"message": "Forbidden"}
    locked = document["paths"]["/medical/v1/patient/{id}"]["put"]["responses"]["423"]
    assert locked["content"]["application/json"]["schema"]["type"] == "string"


def test_answers_name_their_headers(document: Json) -> None:
    defined = document["components"]["headers"]
    for name, operation in protected(document):
        for status, answer in operation["responses"].items():
            headers = answer["headers"]
            assert headers.keys() >= {"x-metriport-request-id", "x-metriport-version"}, name
            assert ("Retry-After" in headers) is (status == "429")
            assert ("RateLimit-Remaining" in headers) or not status.startswith(("2", "429"))
            refs = [h["$ref"].rpartition("/")[2] for h in headers.values() if "$ref" in h]
            assert set(refs) <= set(defined)


def test_the_headers_that_it_names_are_sent(world: World, document: Json) -> None:
    answer = world.caller().http.get("/settings")
    headers = document["paths"]["/settings"]["get"]["responses"]["200"]["headers"]
    assert [name for name in headers if name not in answer.headers] == []


def media_types(document: Json) -> Iterator[tuple[str, str, Json]]:
    """Each body and answer: where it stands, its type, and what is said of it."""
    for name, operation in called(document):
        for media_type, media in operation.get("requestBody", {}).get("content", {}).items():
            yield f"{name} body", media_type, media
        for status, answer in operation["responses"].items():
            for media_type, media in answer.get("content", {}).items():
                yield f"{name} {status}", media_type, media


def test_each_body_and_each_answer_has_an_example(document: Json) -> None:
    reader = Reader(document)
    without = [where for where, _, media in media_types(document) if reader.example(media) is None]
    assert without == []


def test_each_example_is_valid(document: Json) -> None:
    reader = Reader(document)
    wrong = []
    for where, media_type, media in media_types(document):
        example = reader.example(media)
        if example is None or not media_type.endswith("json"):
            continue
        schema = {**media["schema"], "components": document["components"]}
        validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
        wrong += [f"{where}: {e.message[:200]} at {e.instance_path}" for e in validator.iter_errors(example)]
    assert wrong == []


def test_every_example_of_a_schema_is_valid(document: Json) -> None:
    wrong = []
    for title, schema in document["components"]["schemas"].items():
        validator = jsonschema_rs.Draft202012Validator({**schema, "components": document["components"]})
        for example in schema.get("examples", []):
            wrong += [f"{title}: {e.message[:200]}" for e in validator.iter_errors(example)]
    assert wrong == []


def test_no_sentence_is_lost_in_a_reference(document: Json) -> None:
    """Every reference leads somewhere."""
    reader = Reader(document)

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            if isinstance(value.get("$ref"), str):
                assert reader.resolve({"$ref": value["$ref"]})
            for item in value.values():
                walk(item)
        elif isinstance(value, list):
            for item in value:
                walk(item)

    walk(document)
