"""Drives the official Python SDK for tests: the same lines in and out as ``driver.mjs``.

Run by the interpreter of the SDK's own environment. Importing the SDK takes some ten seconds, so one
process serves all tests.

``method`` is a path below ``client.medical`` (``patient.create``); ``args`` is one object of keyword
arguments. An object ``{"$type": "commons.Address", …}`` in it becomes that model of the SDK.
"""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any

sdk: Any = importlib.import_module("metriport")
ApiError: type[Exception] = importlib.import_module("metriport.core.api_error").ApiError
encode: Any = importlib.import_module("metriport.core.jsonable_encoder").jsonable_encoder


def build(value: Any) -> Any:
    if isinstance(value, list):
        return [build(item) for item in value]
    if not isinstance(value, dict):
        return value
    fields = {name: build(item) for name, item in value.items() if name != "$type"}
    if "$type" not in value:
        return fields
    module, _, name = value["$type"].rpartition(".")
    return getattr(importlib.import_module(f"metriport.{module}"), name)(**fields)


def call(client: Any, method: str, arguments: dict[str, Any]) -> dict[str, Any]:
    target = client.medical
    for name in method.split("."):
        target = getattr(target, name)
    try:
        return {"ok": True, "value": encode(target(**build(arguments)))}
    except ApiError as error:
        status, body = getattr(error, "status_code", None), getattr(error, "body", None)
        return {"ok": False, "status": status, "body": body, "error": "ApiError"}
    except Exception as error:  # noqa: BLE001 - whatever the SDK raises is the answer
        return {"ok": False, "error": f"{type(error).__name__}: {error}"}


def main() -> None:
    for line in sys.stdin:
        request = json.loads(line)
        client = sdk.Metriport(base_url=request["origin"], api_key=request["key"])
        (arguments,) = request["args"] or [{}]
        print(json.dumps(call(client, request["method"], arguments)), flush=True)


if __name__ == "__main__":
    main()
