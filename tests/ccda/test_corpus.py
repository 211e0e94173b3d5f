"""Real documents that nobody here wrote: all convert, each is sound, none denies what was stated."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from lxml import etree

from chartbridge.ccda import convert
from chartbridge.fhir import dangling_references
from tests.ccda.builders import PATIENT_ID

CORPUS = Path(__file__).parents[2] / ".." / "shared" / "corpus" / "ccda"
V3 = "{urn:hl7-org:v3}"
STATEMENTS = {
    V3 + name
    for name in (
        "act", "encounter", "observation", "observationMedia", "organizer", "procedure",
        "regionOfInterest", "substanceAdministration", "supply",
    )
}  # fmt: skip


def documents() -> list[Path]:
    """The whole documents of the corpus."""
    folders = ("hl7-examples", "vendors", "emerge")
    return [
        *CORPUS.glob("*.xml"),
        *(path for folder in folders for path in sorted((CORPUS / folder).glob("*.xml"))),
    ]


PRESENT: list[Path | None] = [*documents()] or [None]


@pytest.fixture(params=PRESENT, ids=lambda path: path.stem if path else "none")
def source(request: pytest.FixtureRequest) -> bytes:
    if request.param is None:
        pytest.skip("the corpus of real documents is not beside this checkout")
    content: bytes = request.param.read_bytes()
    return content


def test_it_converts_soundly(source: bytes) -> None:
    done = convert(source, PATIENT_ID)
    bundle = orjson.loads(orjson.dumps(done.bundle))
    assert dangling_references(bundle) == []
    urls = [entry["request"]["url"] for entry in bundle["entry"]]
    assert len(urls) == len(set(urls))
    assert not [path for path in empties(bundle, "") if path]
    body = etree.fromstring(source).iterfind(f"{V3}component/{V3}structuredBody")
    present = sum(1 for part in body for el in part.iter(*STATEMENTS))
    assert done.report.totals["statements"] == present
    assert done.report.totals["not-converted"] == 0
    for entry in bundle["entry"]:
        if entry["resource"]["resourceType"] == "Composition":
            for part in entry["resource"].get("section", []):
                if "text" in part:
                    etree.fromstring(part["text"]["div"])


def test_what_is_negated_and_only_that_is_shown_as_such(source: bytes) -> None:
    done = convert(source, PATIENT_ID)
    made = {entry["request"]["url"]: entry["resource"] for entry in done.bundle["entry"]}
    root = etree.fromstring(source)
    for account in done.report.statements:
        if account.outcome != "converted":
            continue
        steps = account.path.replace("/ClinicalDocument/", "", 1).split("/")
        el = root.find("/".join(V3 + step for step in steps))
        assert el is not None, account.path
        negated = el.get("negationInd") == "true"
        for resource in (made[key] for key in account.resources if key in made):
            kind = resource["resourceType"]
            if kind == "Immunization" and negated:
                assert resource["status"] in ("not-done", "entered-in-error")
            if kind == "Immunization" and el.get("negationInd") == "false" and status(el) == "completed":
                assert resource["status"] == "completed"
            if kind == "MedicationStatement":
                assert (resource["status"] == "not-taken") == (negated or status(el) == "cancelled")
            if kind in ("Condition", "AllergyIntolerance") and not negated:
                relationship = el.getparent()
                outer = None if relationship is None else relationship.getparent()
                if outer is None or outer.get("negationInd") != "true":
                    assert resource["verificationStatus"]["coding"][0]["code"] == "confirmed"


def status(el: etree._Element) -> str | None:
    """The statusCode of a statement."""
    code = el.find(V3 + "statusCode")
    return None if code is None else code.get("code")


def empties(value: object, path: str) -> list[str]:
    """Where something is empty, which FHIR forbids."""
    if value in (None, "", {}, []):
        return [path]
    if isinstance(value, dict):
        return [found for key, one in value.items() for found in empties(one, f"{path}.{key}")]
    if isinstance(value, list):
        return [found for position, one in enumerate(value) for found in empties(one, f"{path}[{position}]")]
    return []
