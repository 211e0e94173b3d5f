"""Hurt documents: never an exception but the declared one, never an unsound bundle or account."""

from __future__ import annotations

import pytest

from chartbridge.ccda import Conversion, convert
from tests.ccda.builders import PATIENT_ID
from tests.ccda.mutation import BUILT, mutant, run, unsound_bundle, unsound_report

CHUNK = 250


@pytest.mark.parametrize("chunk", range(4))
def test_a_hurt_document_is_refused_or_converts_soundly(chunk: int) -> None:
    tally = run(7, range(chunk * 100, chunk * 100 + 100), built_only=True)
    assert tally.failures == []
    assert tally.converted > 50


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(10_000 // CHUNK))
def test_ten_thousand_hurt_documents(chunk: int) -> None:
    tally = run(1, range(chunk * CHUNK, (chunk + 1) * CHUNK))
    assert tally.failures == []
    assert tally.mutants == CHUNK
    assert tally.converted > CHUNK / 2


def test_a_mutant_is_known_by_its_name() -> None:
    assert mutant("7/1", built_only=True) == mutant("7/1", built_only=True)
    assert mutant("7/1", built_only=True) != mutant("7/2", built_only=True)


def whole() -> Conversion:
    return convert(BUILT, PATIENT_ID)


def test_an_unhurt_document_shows_no_defect() -> None:
    done = whole()
    assert [*unsound_bundle(done.bundle), *unsound_report(done, BUILT)] == []


def resource(done: Conversion, resource_type: str) -> dict[str, object]:
    found: dict[str, object] = next(
        entry["resource"]
        for entry in done.bundle["entry"]
        if entry["resource"]["resourceType"] == resource_type
    )
    return found


def test_a_defect_of_the_bundle_would_be_seen() -> None:
    done = whole()
    resource(done, "Condition")["subject"] = {"reference": "Patient/nobody"}
    resource(done, "Immunization")["note"] = []
    resource(done, "Composition")["text"] = {"status": "generated", "div": "<div>"}
    done.bundle["entry"].append(done.bundle["entry"][0])
    found = list(unsound_bundle(done.bundle))
    for fault in ("dangling Patient/nobody", "empty ", "narrative: ", "2 × "):
        assert any(one.startswith(fault) for one in found), fault


def test_a_defect_of_the_account_would_be_seen() -> None:
    done = whole()
    lost = BUILT.replace(b"</section>", b"<entry><act/></entry></section>", 1)
    assert any(one.startswith("not in the report: ") for one in unsound_report(done, lost))
    denied = BUILT.replace(b"<substanceAdministration ", b'<substanceAdministration negationInd="true" ')
    assert any(one.startswith("negation lost") for one in unsound_report(done, denied))
    resource(done, "Condition")["verificationStatus"] = {"coding": [{"code": "refuted"}]}
    assert any(one.startswith("negation invented") for one in unsound_report(done, BUILT))
