"""Runs the pages' Python examples in the official SDK's own environment, one JSON object a line:
``{"code": …, "ORIGIN": …, "KEY": …, "FACILITY": …, "PATIENT": …, "HOOK": …}``; answers each with a JSON text,
empty when it ran. Importing the SDK takes many seconds, so one process runs them all."""

from __future__ import annotations

import contextlib
import importlib
import json
import sys
import traceback
from typing import Any


def run(request: dict[str, str]) -> str:
    client = importlib.import_module("metriport").Metriport(
        api_key=request["KEY"], base_url=request["ORIGIN"]
    )
    names: dict[str, Any] = {
        "client": client,
        "origin": request["ORIGIN"],
        "key": request["KEY"],
        "hook": request["HOOK"],
        "facility_id": request["FACILITY"],
        "patient_id": request["PATIENT"],
    }
    try:
        with contextlib.redirect_stdout(sys.stderr):
            exec(request["code"], names)
    except Exception:  # noqa: BLE001 - whatever an example raises is told
        return traceback.format_exc()
    return ""


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line))), flush=True)
