"""The documents of each person of the corpus as one chart: what must hold of any."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

from chartbridge.ccda import convert
from chartbridge.consolidate.merge import SourceBundle, consolidate
from chartbridge.consolidate.references import key_of, references, relative_key
from chartbridge.consolidate.words import plain
from chartbridge.fhir.references import Resource
from chartbridge.fhir.schema import violations

CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "ccda"
ME: Resource = {"resourceType": "Patient", "id": "p-now"}
PEOPLE = ("newman", "bates", "larson", "cummings", "turner", "wright", "everyman")


@cache
def people() -> dict[str, list[SourceBundle]]:
    found: defaultdict[str, list[SourceBundle]] = defaultdict(list)
    for path in sorted([*CORPUS.glob("vendors/*.xml"), *CORPUS.glob("hl7-examples/*.xml")]):
        resources = [entry["resource"] for entry in convert(path.read_bytes(), "p-then").bundle["entry"]]
        name = next(one for one in resources if one["resourceType"] == "Patient").get("name", [{}])[0]
        date = next((one.get("date", "") for one in resources if one["resourceType"] == "Composition"), "")
        found[plain(name.get("family", ""))].append(
            SourceBundle(resources, path.name, "CORPUS", path.stem, date)
        )
    return found


@pytest.fixture(params=PEOPLE)
def sources(request: pytest.FixtureRequest) -> list[SourceBundle]:
    if not CORPUS.is_dir():
        pytest.skip("the corpus of real documents is not beside this checkout")
    return people()[request.param]


def test_one_chart_whatever_the_order_that_stays_as_it_is_and_loses_nothing(
    sources: list[SourceBundle],
) -> None:
    made = consolidate(sources, patient=ME)
    turned = [
        SourceBundle(list(one.resources)[::-1], one.source, one.data_source, one.document_id, one.date)
        for one in reversed(sources)
    ]
    assert consolidate(turned, patient=ME) == made
    assert consolidate([made.as_source()], patient=ME).resources == made.resources
    present = {key_of(one): one for one in made.resources}
    known = {key_of(one) for source in sources for one in source.resources}
    for one in made.resources:
        assert not list(violations(one)), key_of(one)
        for reference in references(one):
            assert relative_key(reference) in present or relative_key(reference) not in known
    for source in sources:
        for given in source.resources:
            if given["resourceType"] != "Patient":
                _held(given, present[made.aliases.get(key_of(given), key_of(given))])


def _held(given: Resource, stands: Resource) -> None:
    """That all identifiers, codes and notes of a resource are in the one that stands for it."""
    said = str(stands)
    if isinstance(given.get("identifier"), list) and stands["resourceType"] == given["resourceType"]:
        assert all(one in stands["identifier"] for one in given["identifier"])
    for name in ("code", "vaccineCode"):
        codings = given.get(name, {}).get("coding", []) if isinstance(given.get(name), dict) else []
        assert all(repr(one["code"]) in said for one in codings if "code" in one)
    words = plain(said)
    assert all(plain(note["text"]) in words for note in given.get("note", []))
