"""Finding resources in spite of typing errors."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chartbridge.errors import BadRequestError
from chartbridge.search.fuzzy import allowed_errors, rank

Json = dict[str, Any]


def condition(name: str, text: str, **more: Any) -> Json:
    return {"resourceType": "Condition", "id": name, "code": {"text": text}, **more}


CHART: list[Json] = [
    condition(
        "diabetes", "Type 2 diabetes mellitus", code={"coding": [{"code": "E11.9", "display": "Diabetes"}]}
    ),
    condition("asthma", "Mild asthma", onsetDateTime="2024-01-31T23:15:00-07:00"),
    condition("pain", "Chest pain", recordedDate="2024-02-01", note=[{"text": "radiating to the left arm"}]),
    {
        "resourceType": "MedicationRequest",
        "id": "11111111-2222-4333-8444-555555555555",
        "medicationCodeableConcept": {
            "coding": [
                {
                    "system": "http://www.nlm.nih.gov/research/umls/rxnorm",
                    "code": "860975",
                    "display": "metformin hydrochloride 500 MG",
                }
            ]
        },
        "subject": {"reference": "Patient/secretpatient"},
        "dosageInstruction": [{"text": "Take 1 tablet twice daily"}],
        "meta": {"source": "account/patient/hiddenfile.xml"},
    },
    {
        "resourceType": "Practitioner",
        "id": "doctor",
        "name": [{"family": "O'Brien-Müller", "given": ["Zoë"]}],
        "identifier": [{"system": "http://hl7.org/fhir/sid/us-npi", "value": "1234567893"}],
        "extension": [
            {
                "url": "https://public.metriport.com/fhir/StructureDefinition/doc-id-extension.json",
                "valueString": "hiddendocument",
            }
        ],
        "text": {"status": "generated", "div": "<div xmlns='x'>Cardiology &amp; rhythm<b>ologist</b></div>"},
    },
]
METFORMIN = "11111111-2222-4333-8444-555555555555"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("asthma", ["asthma"]),
        ("ASTHMA mild", ["asthma"]),
        ("asthma pain", []),
        ("astma", ["asthma"]),  # one letter missing
        ("asthmaa", ["asthma"]),  # one too many
        ("asthna", ["asthma"]),  # another one
        ("ashtma", ["asthma"]),  # two in the wrong order
        ("astna", []),  # two errors in a short word
        ("metfromin", [METFORMIN]),
        ("hydrochlorid", [METFORMIN]),
        ("hidrocloride", [METFORMIN]),  # two errors in a long word
        ("hidrocloryde", []),  # three
        ("metf", [METFORMIN]),  # four letters are a beginning
        ("met", []),  # three are not
        ("pian", ["pain"]),
        ("pai", []),
        ("arm", ["pain"]),
        ("amr", []),  # three letters allow for no error
        ("860975", [METFORMIN]),
        ("860976", []),  # digits are exact
        ("86097", []),
        ("500", [METFORMIN]),
        ("E11.9", ["diabetes"]),
        ("e11", ["diabetes"]),
        ("E11.8", []),
        ("2024-01-31", ["asthma"]),
        ("2024-01", ["asthma"]),
        ("2024", ["asthma", "pain"]),
        ("01-31", []),
        ("obrien", ["doctor"]),  # an apostrophe is one typing error
        ("o'brien", ["doctor"]),
        ("muller zoe", ["doctor"]),
        ("1234567893", ["doctor"]),
        ("cardiology rhythm", ["doctor"]),
        ("secretpatient", []),
        ("hiddenfile", []),
        ("hiddendocument", []),
        ("rxnorm", []),
        (METFORMIN, []),
        ("http", []),
        ("!!!", []),
        ("", []),
    ],
)
def test_a_query_finds(query: str, found: list[str]) -> None:
    assert [resource["id"] for resource in rank(CHART, query)] == found


def test_the_better_match_comes_first() -> None:
    chart = [
        condition("typing", "diabetas"),
        condition("longer", "diabetesrelated"),
        condition("same", "diabetes"),
    ]
    assert [resource["id"] for resource in rank(chart, "diabetes")] == ["same", "longer", "typing"]


def test_a_query_has_bounds() -> None:
    with pytest.raises(BadRequestError, match="at most 1000 characters"):
        rank(CHART, "x" * 1001)
    with pytest.raises(BadRequestError, match="at most 100 words"):
        rank(CHART, " ".join(f"w{number}" for number in range(101)))


letters = st.text("abcdefg", min_size=1, max_size=10)


def distance(a: str, b: str) -> int:
    """Typing errors between two words, letter by letter (optimal string alignment)."""
    rows = [[i + j if i * j == 0 else 0 for j in range(len(b) + 1)] for i in range(len(a) + 1)]
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            rows[i][j] = min(
                rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + (a[i - 1] != b[j - 1])
            )
            if i > 1 and j > 1 and a[i - 1] == b[j - 2] and a[i - 2] == b[j - 1]:
                rows[i][j] = min(rows[i][j], rows[i - 2][j - 2] + 1)
    return rows[-1][-1]


@given(st.lists(letters, min_size=1, max_size=3), st.lists(st.lists(letters, max_size=4), max_size=5))
def test_each_word_must_be_found_as_the_rules_say(asked: list[str], chart: list[list[str]]) -> None:
    def fits(word: str, other: str) -> bool:
        is_longer = len(word) >= 4 and other.startswith(word)
        return word == other or is_longer or distance(word, other) <= allowed_errors(word)

    expected = {
        str(number)
        for number, said in enumerate(chart)
        if all(any(fits(word, other) for other in said) for word in asked)
    }
    resources = [condition(str(number), " ".join(said)) for number, said in enumerate(chart)]
    assert {resource["id"] for resource in rank(resources, " ".join(asked))} == expected


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=20,
)


@given(st.dictionaries(st.text(max_size=8), json_values, max_size=4), st.text(max_size=50))
def test_whatever_a_chart_holds_can_be_searched(resource: Json, query: str) -> None:
    assert rank([resource], query) in ([], [resource])


def test_a_composition_is_found_by_its_title_not_by_what_its_sections_narrate() -> None:
    """Found by that, it would bring the whole document with it."""
    composition = {
        "resourceType": "Composition",
        "id": "summary",
        "title": "Discharge summary",
        "section": [{"title": "Problems", "text": {"div": "<div>Chest pain</div>"}}],
    }
    assert [found["id"] for found in rank([*CHART, composition], "chest pain")] == ["pain"]
    assert [found["id"] for found in rank([*CHART, composition], "discharge")] == ["summary"]
