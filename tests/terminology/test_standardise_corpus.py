"""Real documents that nobody here wrote, standardised with the edition that comes with Chartbridge."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chartbridge.ccda import convert
from chartbridge.fhir.schema import violations
from chartbridge.terminology import editions
from chartbridge.terminology.edition import Edition
from chartbridge.terminology.standardise import Standardiser, is_ours
from tests.terminology.test_standardise_properties import as_given, holds

SHARED = Path(__file__).parents[3] / "shared"
DOCUMENTS = sorted((SHARED / "corpus" / "ccda" / "vendors").rglob("*.xml"))
VALIDATOR = SHARED / "tools" / "fhir-validate" / "validate.sh"
EVERY = 20
# R4's own extension of that URL refers to a Condition; the wire contract puts the chronicity there.
OF_THE_CONTRACT = "StructureDefinition/condition-related' definition allows"

pytestmark = pytest.mark.skipif(not DOCUMENTS, reason="the corpus of documents is not on this machine")


@pytest.fixture(scope="module")
def edition(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edition]:
    with Edition.open(editions.current(tmp_path_factory.mktemp("terminology"))) as opened:
        yield opened


@pytest.fixture(scope="module")
def bundles() -> dict[str, dict[str, Any]]:
    return {path.stem: convert(path.read_bytes(), "p1").bundle for path in DOCUMENTS[::EVERY]}


def test_nothing_is_lost_and_all_stays_valid(edition: Edition, bundles: dict[str, dict[str, Any]]) -> None:
    standardiser = Standardiser(edition)
    changed = 0
    for name, bundle in bundles.items():
        for entry in bundle["entry"]:
            given = entry["resource"]
            made = standardiser.resource(given)
            changed += made is not given
            assert standardiser.resource(made) is made, name
            assert holds(as_given(made), as_given(given)), name
            assert not any(is_ours(coding) for coding in given.get("code", {}).get("coding", ()))
            assert violations(made) == violations(given), name
    assert changed > 50


@pytest.mark.slow
@pytest.mark.skipif(not VALIDATOR.exists(), reason="HL7's validator is not on this machine")
def test_hl7s_validator_finds_nothing_new(
    edition: Edition, bundles: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    standardiser = Standardiser(edition)
    for name, bundle in bundles.items():
        entries = [{**e, "resource": standardiser.resource(e["resource"])} for e in bundle["entry"]]
        (tmp_path / f"{name}.json").write_text(json.dumps({**bundle, "entry": entries}))
    report = tmp_path / "report" / "found.json"
    report.parent.mkdir()
    subprocess.run(
        [VALIDATOR, "--engines", "hl7", "--json", report, *sorted(tmp_path.glob("*.json"))],
        check=False,
        timeout=280,
    )
    issues = json.loads(report.read_text())
    errors = [issue for issue in issues if issue["severity"] in ("error", "fatal")]
    assert [issue for issue in errors if OF_THE_CONTRACT not in issue["message"]] == []
