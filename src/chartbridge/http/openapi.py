"""The OpenAPI 3.1 document: what FastAPI derives from the operations, and what holds for all of them.

An operation's own file says what is particular to it. Here stands what the gateway and the error handlers
do to every request: the key, the headers, the answers that no operation declares itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from http import HTTPStatus

from fastapi import FastAPI
from fastapi.routing import APIRoute

from chartbridge.http import idempotency
from chartbridge.http.errors import APOLOGY, UNAVAILABLE
from chartbridge.http.gateway import PROTECTED
from chartbridge.http.glossary import MEANINGS
from chartbridge.http.ratelimit import GENERAL
from chartbridge.http.schema_reader import Json, Reader

METHODS = ("get", "put", "post", "patch", "delete", "head", "options")

DESCRIPTION = """\
Gathers a patient's records from health networks, makes one FHIR R4 chart of them, and hands it to your
application by webhook and API.

**Keys.** Every operation but health needs `x-api-key` (or `Authorization: Bearer`). A key belongs to one
account and one environment, sandbox or production; objects of another are not found. A missing, unknown or
revoked key is answered `403 {"message":"Forbidden"}` before anything else of the request is looked at.

**Paths** work with and without a slash at their end. `/settings` is served below `/medical/v1` too. A path
that does not exist is answered `404 {"message":"Not Found"}`.

**Bodies** are JSON in UTF-8, 20 MB at most unless the operation says otherwise. Unknown keys are ignored
unless the body is called strict. Query booleans are true for `true` alone.

**Errors** have one form, `{status, name, title, detail, additionalInfo?}`, as `application/json`; answers
that have another say so.

**Time** is ISO 8601 in UTC with milliseconds, days are `YYYY-MM-DD`.

**Versions.** Stored objects carry an `eTag`; send it back in `If-Match`, or as `eTag` in the body, to have a
change refused with 412 when somebody else was faster.

**Limits.** Each account has a budget of calls a minute, and some operations have one of their own. Answers
carry `RateLimit-*` headers; beyond the budget the answer is 429 in plain text, with `Retry-After`.

**Again, but once.** A POST with an `Idempotency-Key` can be sent again safely: it gives the answer it had.

**Messages** that the application receives by webhook are described in
[the AsyncAPI document](/asyncapi.json).
"""

TAGS = {
    "Organizations": "The account's own organization: who asks.",
    "Facilities": "Places of care. A patient is associated with one or more.",
    "Patients": "Persons whose records are gathered, and whether they may be.",
    "Bulk import": "Many patients from one CSV file.",
    "Cohorts": "Groups of patients, and what is done for all of them.",
    "Network queries": "Asking the health networks for a patient's records.",
    "Documents": "Clinical documents: those that networks gave, and those that the account added.",
    "FHIR": "A patient's chart as FHIR R4: consolidated queries, contributions, counts.",
    "Medical record": "A patient's chart to read: HTML and PDF.",
    "Directory": "Organizations that take part in the networks.",
    "Converter": "C-CDA to FHIR R4, without storing anything.",
    "Settings": "The webhook: where messages go, and whether they arrive.",
    "Health": "Whether the server answers.",
}

HEALTH: dict[int | str, Json] = {
    200: {
        "description": "the server answers: JSON where the request accepts it, else text",
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {"status": {"const": "OK", "description": "all is well"}},
                    "required": ["status"],
                },
                "example": {"status": "OK"},
            },
            "text/plain": {"schema": {"type": "string"}, "example": "OK"},
        },
    }
}

_M = "/medical/v1"
_CHART = f"{_M}/patient/{{patient_id}}"
OPERATION_IDS = {
    ("post", f"{_M}/network/query"): "startNetworkQuery",
    ("get", f"{_M}/network/query/{{request_id}}"): "getNetworkQuery",
    ("post", f"{_CHART}/consolidated/query"): "startConsolidatedQuery",
    ("get", f"{_CHART}/consolidated/query"): "listConsolidatedQueries",
    ("get", f"{_CHART}/consolidated/query/{{request_id}}"): "getConsolidatedQuery",
    ("get", f"{_CHART}/consolidated/webhook"): "getConsolidatedMessage",
    ("get", f"{_CHART}/consolidated/count"): "countConsolidated",
    ("get", f"{_CHART}/consolidated"): "getConsolidated",
    ("put", f"{_CHART}/consolidated"): "putConsolidated",
    ("post", f"{_CHART}/consolidated"): "postConsolidated",
    ("get", f"{_CHART}/medical-record"): "getMedicalRecord",
    ("get", f"{_CHART}/medical-record-status"): "getMedicalRecordStatus",
    ("get", f"{_M}/document/query"): "getDocumentQueryStatus",
    ("get", f"{_M}/document/download-url"): "getDocumentUrl",
    ("post", f"{_M}/document/upload-url"): "getDocumentUploadUrl",
    ("post", f"{_M}/document/download-url/bulk"): "startBulkDocumentUrls",
    ("post", "/convert/v1/ccda/to/fhir"): "convertCcdaToFhir",
}
"""Names where a function's own would be said twice or say too little."""

REQUEST_HEADERS = ("x-metriport-request-id", "x-metriport-version")
LIMIT_HEADERS = ("RateLimit-Policy", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
HEADERS: dict[str, Json] = {
    "x-metriport-request-id": {
        "description": "id of this request, as the log names it",
        "schema": {"type": "string", "format": "uuid"},
    },
    "x-metriport-version": {"description": "version of the server", "schema": {"type": "string"}},
    "RateLimit-Policy": {
        "description": "calls allowed and the window in seconds, such as `15;w=60`",
        "schema": {"type": "string"},
    },
    "RateLimit-Limit": {"description": "calls allowed in a window", "schema": {"type": "integer"}},
    "RateLimit-Remaining": {"description": "calls left in this window", "schema": {"type": "integer"}},
    "RateLimit-Reset": {"description": "seconds until the window ends", "schema": {"type": "integer"}},
    "Idempotency-Replayed": {
        "description": "`true`: the answer that the request with this `Idempotency-Key` had before",
        "schema": {"type": "string"},
    },
    "Retry-After": {"description": "seconds to wait", "schema": {"type": "integer"}},
}

_ENVELOPE = {"$ref": "#/components/schemas/ErrorEnvelope"}
_MESSAGE = {"$ref": "#/components/schemas/GatewayMessage"}
_GATEWAY_MESSAGE: Json = {
    "type": "object",
    "title": "GatewayMessage",
    "description": "What the gateway answers by itself; not in the form of other errors.",
    "properties": {"message": {"type": "string", "description": "what is the matter"}},
    "required": ["message"],
    "examples": [{"message": "Forbidden"}],
}
_FORBIDDEN: Json = {
    "description": "missing, unknown, revoked or expired key; as an error of the usual form: the key may "
    "only read; in plain text: the account may not use the Medical API",
    "content": {
        "application/json": {
            "schema": {"anyOf": [_MESSAGE, _ENVELOPE]},
            "example": {"message": "Forbidden"},
        },
        "text/plain": {"schema": {"type": "string"}, "example": "Forbidden"},
    },
}
_LIMITED: Json = {
    "description": "too many calls in this minute; plain text",
    "content": {"text/plain": {"schema": {"type": "string"}, "example": GENERAL.message}},
}
_IDEMPOTENCY_KEY: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "a text of your own, such as a UUID. The same call again with the same key gives the "
    "answer that it had, and is not done again",
    "schema": {
        "type": "string",
        "minLength": 1,
        "maxLength": idempotency.MAX_KEY_LENGTH,
        "pattern": "^[ -~]+$",
        "examples": ["8e03978e-40d5-43dd-bc93-6894a57f9324"],
    },
}
_DONE = {"201": "created", "204": "deleted; no body"}
_EXAMPLES: dict[int, tuple[str, str]] = {
    400: ("Missing or invalid parameters", "Required, on [name]"),
    404: ("NotFoundError", "Could not find patient"),
    409: ("MetriportError", "The request with this Idempotency-Key is still being processed"),
    412: ("VersionMismatchError", "eTag mismatch - reload the data and try again"),
    413: ("MetriportError", "request entity too large"),
    414: ("MetriportError", "query too long"),
    415: ("MetriportError", "This type of content is not taken"),
    422: ("MetriportError", "This Idempotency-Key was used for another request"),
    500: ("InternalServerError", APOLOGY),
    503: ("MetriportError", UNAVAILABLE),
}
_NAMES = {413: "PAYLOAD_TOO_LARGE", 414: "URI_TOO_LONG", 422: "UNPROCESSABLE_ENTITY"}


def provisional_id(route: APIRoute) -> str:
    """An id that no other operation has, until :func:`install` gives the readable one."""
    return f"{route.name}:{'-'.join(sorted(route.methods or ()))}:{route.path_format}"


def _operation_id(provisional: str, method: str, path: str) -> str:
    """The name of the operation's function in camelCase, or what :data:`OPERATION_IDS` says: stable, for
    generated clients call it so."""
    if ":" not in provisional:  # its own file says what it is called
        return provisional
    first, *others = provisional.partition(":")[0].split("_")
    return OPERATION_IDS.get((method, path)) or first + "".join(word.capitalize() for word in others)


def install(app: FastAPI, *, origin: str) -> None:
    """Have ``app.openapi()`` and ``/openapi.json`` give the whole document. ``origin`` is the server's."""
    derive = app.openapi
    app.openapi = lambda: app.openapi_schema or _complete(app, derive(), origin)  # type: ignore[method-assign]


def operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    """Path, method and description of each operation."""
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


def _complete(app: FastAPI, document: Json, origin: str) -> Json:
    document["info"] |= {
        "summary": "One chart from all health networks",
        "description": DESCRIPTION,
        "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
    }
    document["servers"] = [{"url": origin, "description": "this server"}]
    components = document.setdefault("components", {})
    components["securitySchemes"] = {
        "apiKey": {
            "type": "apiKey",
            "in": "header",
            "name": "x-api-key",
            "description": "a key of the account, of the environment that is meant",
        },
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "description": "the same key as `Authorization: Bearer <key>`, for clients that can do no other",
        },
    }
    components["headers"] = {name: dict(header) for name, header in HEADERS.items()}
    schemas = components.setdefault("schemas", {})
    schemas["GatewayMessage"] = _GATEWAY_MESSAGE
    used: list[str] = []
    for path, method, operation in operations(document):
        used += operation.get("tags", [])
        protected = path.startswith(PROTECTED)
        operation["operationId"] = _operation_id(operation["operationId"], method, path)
        operation["security"] = [{"apiKey": []}, {"bearer": []}] if protected else []
        if protected and method == "post":
            operation.setdefault("parameters", []).append(_IDEMPOTENCY_KEY)
        _describe_parameters(path, operation)
        if protected:
            _add_answers(path, method, operation)
        _finish_answers(operation, method)
        reader = Reader(document)
        _tell_optional_body(reader, operation)
        _add_examples(reader, operation)
    _describe_fields(schemas)
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    document["tags"] = [{"name": n, "description": text} for n, text in TAGS.items() if n in used]
    app.openapi_schema = document
    return document


def _describe_parameters(path: str, operation: Json) -> None:
    for parameter in operation.get("parameters", []):
        schema = parameter["schema"]
        schema.pop("title", None)
        options = [o for o in schema.get("anyOf", []) if o != {"type": "null"}]
        if len(options) == 1:  # nobody can send null in a URL or header: absent is what is meant
            schema.pop("anyOf")
            schema.pop("default", None)
            parameter["schema"] = {**options[0], **schema}
        text = parameter.get("description", "")
        if parameter["in"] == "query" and text.startswith("required"):  # checked by hand, for its message
            parameter["required"] = True
            text = text.removeprefix("required").lstrip(":;, ")
        parameter["description"] = text or _described_by_place(path, parameter["name"])


def _described_by_place(path: str, name: str) -> str:
    """An id is described by its name, or by what stands before it in the path."""
    if noun := re.fullmatch(r"([a-z]+)(?:Id|_id)", name):
        return f"id of the {noun[1]}"
    before = re.search(r"/([^/{}]+)(?:/\{[^}]+\})*/\{" + re.escape(name) + r"\}", path)
    return f"id of the {before[1].replace('-', ' ')}" if before else ""


def _describe_fields(schemas: Json) -> None:
    """What a model does not say of a field, the glossary does."""
    for schema in schemas.values():
        for name, field in schema.get("properties", {}).items():
            if name in MEANINGS and not {"description", "enum", "const"} & field.keys():
                field["description"] = MEANINGS[name]


def _tell_optional_body(reader: Reader, operation: Json) -> None:
    """A missing body reads as ``{}``: where nothing in it is needed, neither is the body."""
    body = operation.get("requestBody", {})
    schema = body.get("content", {}).get("application/json", {}).get("schema")
    if schema is not None and reader.takes_nothing(schema):
        body["required"] = False


def _add_examples(reader: Reader, operation: Json) -> None:
    """An example for each body that is taken, and each that is answered when all goes well."""
    answers = [a for status, a in operation["responses"].items() if status.startswith("2")]
    for described in (operation.get("requestBody", {}), *answers):
        for media_type, media in described.get("content", {}).items():
            example = reader.example(media) if media_type.endswith("json") else None
            if example is not None and not {"example", "examples"} & media.keys():
                media["example"] = example


def _add_answers(path: str, method: str, operation: Json) -> None:
    """What the gateway and the error handlers may answer in the operation's place."""
    responses: dict[str, Json] = operation["responses"]
    responses.pop("422", None)  # FastAPI's own: here what does not validate is a 400
    common: dict[str, Json] = {
        "400": _error("refused, with the reason"),
        "403": _FORBIDDEN,
        "414": _error("the query is longer than 16 KB"),
        "429": _LIMITED,
        "500": _error("unexpected error; nothing of the inside is told"),
        "503": _error("database or object store do not answer, or a chart cannot be made now; try again"),
    }
    if method == "post":
        common["409"] = _error("the request with this Idempotency-Key is still being processed")
        common["422"] = _error("this Idempotency-Key was used for another request")
    if "{" in path:
        common["404"] = _error("not found")
    if "requestBody" in operation or method in ("post", "put", "patch"):
        common["413"] = _error("the body is too large")
    if "403" in responses:  # the operation's own refusal is one of the usual form
        common["403"] = _FORBIDDEN | {
            "description": f"{responses.pop('403')['description']}; or {_FORBIDDEN['description']}"
        }
    for status, answer in common.items():
        responses.setdefault(status, answer)
    if "404" in responses and "{" in path:  # an id that holds a slash makes a path that is none
        media = responses["404"].get("content", {}).get("application/json")
        if media and media["schema"] == _ENVELOPE:
            media["schema"] = {"anyOf": [_ENVELOPE, _MESSAGE]}


def _error(description: str) -> Json:
    return {"description": description, "content": {"application/json": {"schema": _ENVELOPE}}}


def _finish_answers(operation: Json, method: str) -> None:
    limited = "429" in operation["responses"]
    for status, original in sorted(operation["responses"].items()):
        answer: Json = {**original}
        if answer["description"] == "Successful Response":
            answer["description"] = _DONE.get(status, "done")
        names = [*REQUEST_HEADERS]
        if limited and (status.startswith("2") or status == "429"):
            names += LIMIT_HEADERS
        if status == "429":
            names.append("Retry-After")
            answer["content"] = answer.get("content") or _LIMITED["content"]
        if limited and method == "post" and status.startswith("2"):
            names.append("Idempotency-Replayed")
        references = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
        answer["headers"] = references | answer.get("headers", {})
        if status.isdecimal() and int(status) in _EXAMPLES:
            _add_error_example(int(status), answer)
        operation["responses"][status] = answer
    operation["responses"] = dict(sorted(operation["responses"].items()))


def _add_error_example(status: int, answer: Json) -> None:
    media = answer.get("content", {}).get("application/json")
    if media is None or _ENVELOPE not in (media["schema"], *media["schema"].get("anyOf", [])):
        return
    if not {"example", "examples"} & set(media):
        title, detail = _EXAMPLES[status]
        name = _NAMES.get(status) or HTTPStatus(status).name
        content = {"status": status, "name": name, "title": title, "detail": detail}
        answer["content"] = {**answer["content"], "application/json": {**media, "example": content}}
