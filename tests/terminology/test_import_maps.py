"""SNOMED CT to ICD-10-CM for one patient: rules in order, what is not known is told, nothing is guessed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from chartbridge.terminology.edition import Edition
from chartbridge.terminology.maps import MapOutcome, icd10cm_for
from chartbridge.terminology.releases.loading import load
from chartbridge.terminology.releases.reading import Options
from chartbridge.terminology.releases.snomed_map import ICD_10_CM
from chartbridge.terminology.rows import Concept, Source, System
from chartbridge.terminology.writing import EditionWriter
from tests.terminology import made
from tests.terminology.made import DISEASE, FEMALE, ONSET, map_row

Rows = list[tuple[int, int, str, str]]
Mapped = Callable[..., Edition]
OTHERWISE = "OTHERWISE TRUE"
CHILD = f"{ONSET} >= 28.0 days AND {ONSET} < 12.0 years"


@pytest.fixture
def edition_of(tmp_path: Path) -> Mapped:
    def build(rows: Rows, icd_codes: tuple[str, ...] = ()) -> Edition:
        maps = [map_row(DISEASE, *row, advice=f"CONSIDER {row[3]}") for row in rows]
        folder = made.put(tmp_path / "release", made.snomed_ct(maps=maps))
        with load(folder, None, Options()) as loaded, EditionWriter(tmp_path / "edition") as writer:
            loaded.write(writer)
            if icd_codes:
                writer.add(Source("icd", "ICD-10-CM", "2026", "", "", "", "", ""))
                writer.add(System(ICD_10_CM, "ICD-10-CM", "2026", "icd", complete=True))
                for code in icd_codes:
                    writer.add(Concept(ICD_10_CM, code, f"Madeup {code}"))
            writer.finish()
        return Edition.open(tmp_path / "edition")

    return build


def codes(outcome: MapOutcome) -> list[str]:
    return [target.code for target in outcome.targets]


def reasons(outcome: MapOutcome) -> list[str]:
    return [unresolved.reason for unresolved in outcome.unresolved]


def test_each_group_gives_one_code_and_they_belong_together(edition_of: Mapped) -> None:
    edition = edition_of([(1, 1, FEMALE, "Z98.1"), (1, 2, OTHERWISE, "Z98.2"), (2, 1, "TRUE", "Z99.9")])
    female, male = (icd10cm_for(edition, DISEASE, gender=gender) for gender in ("female", "male"))
    assert (codes(female), codes(male)) == (["Z98.1", "Z99.9"], ["Z98.2", "Z99.9"])
    assert female.is_complete
    assert female.targets[0].advice == "CONSIDER Z98.1"
    assert female.targets[0].map_name == "SNOMED CT to ICD-10-CM of 2024-03-01"


@pytest.mark.parametrize("gender", [None, "unknown", "other", "F"])
def test_where_the_sex_is_not_known_the_group_stays_open(edition_of: Mapped, gender: str | None) -> None:
    edition = edition_of([(1, 1, FEMALE, "Z98.1"), (1, 2, OTHERWISE, "Z98.2"), (2, 1, "TRUE", "Z99.9")])
    outcome = icd10cm_for(edition, DISEASE, gender=gender)
    assert codes(outcome) == ["Z99.9"]
    assert reasons(outcome) == ["it depends on the sex"]
    assert outcome.unresolved[0].candidates == ("Z98.1", "Z98.2")
    assert not outcome.is_complete


def test_what_is_not_known_does_not_matter_where_all_rows_agree(edition_of: Mapped) -> None:
    edition = edition_of([(1, 1, FEMALE, "Z98.1"), (1, 2, OTHERWISE, "Z98.1")])
    assert codes(icd10cm_for(edition, DISEASE)) == ["Z98.1"]
    alone = edition_of([(1, 1, FEMALE, "Z98.1")])
    assert reasons(icd10cm_for(alone, DISEASE)) == ["it depends on the sex whether a code applies"]
    assert reasons(icd10cm_for(alone, DISEASE, gender="male")) == [
        "no rule of the group is true of this patient"
    ]


@pytest.mark.parametrize(
    ("age", "code"),
    [
        (0.01, "Z2"),
        (0, None),
        (1, "Z1"),
        (11, "Z1"),
        (11.99, "Z1"),
        (12, "Z2"),
        (12.0, "Z2"),
        (40, "Z2"),
        (None, None),
    ],
)
def test_age_at_onset(edition_of: Mapped, age: float | None, code: str | None) -> None:
    edition = edition_of([(1, 1, CHILD, "Z1"), (1, 2, OTHERWISE, "Z2")])
    outcome = icd10cm_for(edition, DISEASE, age_years=age)
    assert codes(outcome) == ([code] if code else [])
    assert reasons(outcome) == ([] if code else ["it depends on the age at onset"])


def test_the_age_of_today_is_not_that_at_onset(edition_of: Mapped) -> None:
    rule = "IFA 424144002 | Current chronological age (observable entity) | >= 65.0 years"
    edition = edition_of([(1, 1, rule, "Z1"), (1, 2, OTHERWISE, "Z2")])
    assert reasons(icd10cm_for(edition, DISEASE, age_years=70)) == ["it depends on the age"]
    assert codes(icd10cm_for(edition, DISEASE, current_age_years=65)) == ["Z1"]


def test_other_findings_are_asked_for(edition_of: Mapped) -> None:
    rule = f"IFA {made.OTHER} | Other finding (finding) | AND {FEMALE}"
    edition = edition_of([(1, 1, rule, "Z1"), (1, 2, OTHERWISE, "Z2")])
    found = icd10cm_for(edition, DISEASE, gender="female", holds=lambda code: code == made.OTHER)
    assert codes(found) == ["Z1"]
    assert codes(icd10cm_for(edition, DISEASE, gender="male", holds=lambda _: None)) == ["Z2"]
    assert reasons(icd10cm_for(edition, DISEASE, gender="female")) == [
        f"it depends on whether {made.OTHER} is true"
    ]


@pytest.mark.parametrize(
    "rule",
    [
        "IF FEMALE",
        f"{FEMALE} OR {FEMALE}",
        f"{ONSET} about 3 years",
        "IFA 445518008 | Age |",
        f"{FEMALE} > 3 days",
    ],
)
def test_a_rule_that_is_not_understood_settles_nothing(edition_of: Mapped, rule: str) -> None:
    edition = edition_of([(1, 1, rule, "Z1"), (1, 2, OTHERWISE, "Z2")])
    outcome = icd10cm_for(edition, DISEASE, gender="female", age_years=3)
    assert reasons(outcome) == ["it depends on a rule that is not understood"]


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([(1, 2, OTHERWISE, "Z2")], "a row of the group is missing, or stands twice"),
        ([(1, 1, "TRUE", "")], "CONSIDER "),
        ([(1, 1, "TRUE", "S52.501?")], "the code needs a further character, of the episode of care"),
        ([(1, 1, "TRUE", "Z00")], "the edition's ICD-10-CM (2026) has no such code"),
    ],
)
def test_what_has_no_code_that_can_be_used(edition_of: Mapped, rows: Rows, reason: str) -> None:
    outcome = icd10cm_for(edition_of(rows, icd_codes=("Z2",)), DISEASE)
    assert (codes(outcome), [found.strip() for found in reasons(outcome)]) == ([], [reason.strip()])


def test_a_concept_that_the_map_leaves_out(edition_of: Mapped) -> None:
    outcome = icd10cm_for(edition_of([(1, 1, "TRUE", "Z1")]), made.PART)
    assert reasons(outcome) == ["the map has no rows for this concept"]
    assert not outcome.is_complete
