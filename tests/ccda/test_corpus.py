"""Real documents that nobody here wrote: all convert, each is sound, none denies what was stated."""

from __future__ import annotations

import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import orjson
import pytest
from lxml import etree

from chartbridge.ccda import convert
from chartbridge.fhir import dangling_references
from tests.ccda.builders import PATIENT_ID
from tests.ccda.snippets import wrapped

ROOT = Path(__file__).parents[2]
CORPUS = ROOT / ".." / "shared" / "corpus" / "ccda"
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


def snippets() -> list[Path]:
    """HL7's examples of parts of documents."""
    return sorted((CORPUS / "hl7-snippets").glob("*.xml"))


PRESENT: list[Path | None] = [*documents()] or [None]
SNIPPETS: list[Path | None] = [*snippets()] or [None]
NOT_WELL_FORMED = frozenset(
    (
        "Guide_Examples_Basic_Occupation_Observation_2.16.840.1.113883.10.20.22.4.503"
        "_Basic_Occupation_Observation_Example.xml",
    )
)
"""Snippets that are no XML as HL7 publishes them: an end tag is missing."""


@pytest.fixture(params=PRESENT, ids=lambda path: path.stem if path else "none")
def source(request: pytest.FixtureRequest) -> bytes:
    if request.param is None:
        pytest.skip("the corpus of real documents is not beside this checkout")
    content: bytes = request.param.read_bytes()
    return content


def test_it_converts_soundly(source: bytes) -> None:
    converts_soundly(source)


@pytest.mark.parametrize("path", SNIPPETS, ids=lambda path: path.stem if path else "none")
def test_each_part_converts_in_a_document_of_its_own(path: Path | None) -> None:
    if path is None:
        pytest.skip("the corpus of real documents is not beside this checkout")
    if path.name in NOT_WELL_FORMED:
        with pytest.raises(etree.XMLSyntaxError):
            wrapped(path.read_bytes())
    else:
        converts_soundly(wrapped(path.read_bytes()), about_others=True)


def converts_soundly(source: bytes, about_others: bool = False) -> None:
    """The bundle is sound and the report has each statement.

    Only what is about another person, which an example may be as a whole, is left as narrative.
    """
    done = convert(source, PATIENT_ID)
    bundle = orjson.loads(orjson.dumps(done.bundle))
    assert dangling_references(bundle) == []
    urls = [entry["request"]["url"] for entry in bundle["entry"]]
    assert len(urls) == len(set(urls))
    assert not [path for path in empties(bundle, "") if path]
    body = etree.fromstring(source).iterfind(f"{V3}component/{V3}structuredBody")
    present = sum(1 for part in body for el in part.iter(*STATEMENTS))
    assert done.report.totals["statements"] == present
    left = {account.reason for account in done.report.not_converted}
    assert left <= ({"about another person"} if about_others else set())
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


def test_almost_nothing_is_left_unconverted() -> None:
    if not documents():
        pytest.skip("the corpus of real documents is not beside this checkout")
    whole = [path.read_bytes() for path in documents()]
    parts = [wrapped(path.read_bytes()) for path in snippets() if path.name not in NOT_WELL_FORMED]
    totals = [convert(content, PATIENT_ID).report.totals for content in (*whole, *parts)]
    statements = sum(one["statements"] for one in totals)
    assert statements > 5000
    assert sum(one["not-converted"] for one in totals) < 0.005 * statements


def digests() -> list[str]:
    """The SHA-256 of each document's conversion, bundle and report, as it is serialised."""
    found = []
    for path in documents():
        done = convert(path.read_bytes(), PATIENT_ID)
        made = orjson.dumps(done.bundle) + orjson.dumps(done.report.to_json())
        found.append(f"{sha256(made).hexdigest()} {path.name}")
    return found


def test_another_process_converts_to_the_same_bytes() -> None:
    if not documents():
        pytest.skip("the corpus of real documents is not beside this checkout")
    told = "from tests.ccda.test_corpus import digests; print(*digests(), sep=chr(10))"
    seen = [
        subprocess.run(
            [sys.executable, "-c", told],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout.splitlines()
        for seed in ("1", "4242")
    ]
    assert len(seen[0]) == len(documents())
    assert seen[0] == seen[1]


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
