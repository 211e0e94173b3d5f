"""Directory files as networks publish them, made small."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from chartbridge.features.directory import nppes

Json = dict[str, Any]
SEQUOIA = "https://sequoiaproject.org/fhir/sphd"
ROOT, CLINIC, LAB = (
    "2.16.840.1.113883.3.9999.1",
    "2.16.840.1.113883.3.9999.1.2",
    "2.16.840.1.113883.3.9999.1.3",
)
NPI = "1234567893"


def endpoint(kind: str = "ihe-xdr", transaction: str | None = None, **more: Any) -> Json:
    found: Json = {"resourceType": "Endpoint", "status": "active", "connectionType": {"code": kind}, **more}
    if transaction:
        coding = {"system": f"{SEQUOIA}/CodeSystem/TransactionCodes", "code": transaction}
        url = f"{SEQUOIA}/StructureDefinition/Transaction"
        found["extension"] = [{"url": url, "valueCodeableConcept": {"coding": [coding]}}]
    return found


def organization(oid: str, name: str, **more: Any) -> Json:
    """An Organization as Carequality has them: the OID is the HCID, with ``urn:oid:``."""
    kind = {"coding": [{"system": f"{SEQUOIA}/CodeSystem/SequoiaIdentifierCodes", "code": "HCID"}]}
    return {
        "resourceType": "Organization",
        "id": oid,
        "identifier": [{"use": "official", "type": kind, "value": f"urn:oid:{oid}"}],
        "active": True,
        "name": name,
        **more,
    }


def address(line: str, city: str, state: str, zip_code: str) -> list[Json]:
    return [{"line": [line], "city": city, "state": state, "postalCode": zip_code, "country": "US"}]


def part_of(oid: str) -> Json:
    return {"reference": f"Organization/{oid}"}


def npi_identifier(npi: str) -> Json:
    return {"system": "http://hl7.org/fhir/sid/us-npi", "value": npi}


def bundle(resources: Sequence[Json]) -> Json:
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": len(resources),
        "link": [{"relation": "self", "url": "https://directory.example/Organization"}],
        "entry": [{"fullUrl": f"urn:x:{n}", "resource": given} for n, given in enumerate(resources)],
    }


def write_bundle(path: Path, *resources: Json, indent: int | None = None) -> Path:
    path.write_text(json.dumps(bundle(resources), indent=indent), encoding="utf-8")
    return path


def write_ndjson(path: Path, *lines: Json | str) -> Path:
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("\n".join(texts) + "\n", encoding="utf-8")
    return path


def nppes_row(npi: str, name: str, **more: str) -> dict[str, str]:
    row = {
        nppes.NPI: npi,
        nppes.KIND: "2",
        nppes.NAME: name,
        nppes.LINES[0]: "1 Main St",
        nppes.LINES[1]: "",
        nppes.CITY: "Omaha",
        nppes.STATE: "NE",
        nppes.ZIP: "681021234",
        nppes.PARENT: "<UNAVAIL>",
        nppes.DEACTIVATED: "",
        nppes.REACTIVATED: "",
    }
    return {**row, **more}


def write_csv(path: Path, *rows: dict[str, str], packed: bool = False) -> Path:
    with gzip.open(path, "wt", newline="") if packed else path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), quoting=csv.QUOTE_ALL)
        writer.writeheader()
        writer.writerows(rows)
    return path
