"""What a concern act says in its own words is a note of what it holds, where it says more than the codes."""

# ruff: noqa: E501 - XML reads better unbroken
from __future__ import annotations

from typing import Any

import pytest

from chartbridge.ccda import Conversion
from tests.ccda.builders import (
    LOINC,
    SNOMED,
    allergy,
    code,
    codes,
    converted,
    observation,
    of_type,
    problem,
    related,
    section,
    status_of,
    template,
    the,
    value,
)

FEAR = "Relapse when medicines are tapered"
ROW = f'<table><tbody><tr ID="c1"><td>{FEAR}</td><td>Jun 12, 2025</td></tr></tbody></table>'
REFERENCE = '<text><reference value="#c1"/></text>'


def depression(text: str = "", attributes: str = "", sct: str = "18818009", words: str = "Depression") -> str:
    """A problem as the content of a concern."""
    return related(
        observation(
            template(".4.4"),
            code("code", "55607006", SNOMED) + text,
            value(sct, SNOMED, words),
            "",
            attributes,
        ),
        "REFR",
    )


def concern(
    text: str,
    *inner: str,
    attributes: str = "",
    coded: str = "",
    status: str = "active",
    root: str = ".4.132",
) -> str:
    """A Health Concern Act with a text."""
    return (
        f'<act classCode="ACT" moodCode="EVN" {attributes}>{template(root)}'
        f"{coded or code('code', '75310-3', LOINC, 'Health concern')}{text}"
        f'<statusCode code="{status}"/><effectiveTime><low value="20250612"/></effectiveTime>{"".join(inner)}</act>'
    )


def said(resource: dict[str, Any]) -> list[str]:
    """The texts of the notes."""
    return [note["text"] for note in resource.get("note", [])]


def concerns(entry: str, narrative: str = "") -> Conversion:
    """A document with a Health Concerns Section of one entry."""
    return converted(section("75310-3", entry, text=narrative))


@pytest.mark.parametrize("root", [".4.132", ".4.136"])
def test_words_of_a_health_concern_are_a_note_of_its_problem(root: str) -> None:
    made = the(concerns(concern(f"<text>{FEAR}</text>", depression(), root=root)), "Condition")
    assert codes(made["code"]) == [("http://snomed.info/sct", "18818009")]
    assert said(made) == [FEAR]


def test_a_row_is_told_cell_by_cell_also_where_the_problem_refers_to_it_too() -> None:
    made = the(concerns(concern(REFERENCE, depression(REFERENCE)), ROW), "Condition")
    assert said(made) == [f"{FEAR}; Jun 12, 2025"]


def test_the_original_text_of_the_acts_code_is_its_words_where_it_has_no_others() -> None:
    coded = f'<code code="75310-3" codeSystem="{LOINC}"><originalText>{FEAR}</originalText></code>'
    assert said(the(concerns(concern("", depression(), coded=coded)), "Condition")) == [FEAR]
    assert the(concerns(concern("", coded=coded)), "Condition")["code"] == {"text": FEAR}


@pytest.mark.parametrize(
    "narrative",
    [
        '<content ID="c1">depression</content>',
        '<content ID="c1">No known health concerns.</content>',
        '<table><tbody><tr ID="c1"><td>DEPRESSION</td><td>Active</td><td>6/12/2025</td></tr></tbody></table>',
        f'<table ID="c1"><tbody><tr><td>{FEAR}</td></tr><tr><td>Other</td></tr></tbody></table>',
        f'<list ID="c1"><item>{FEAR}</item><item>Other</item></list>',
        f'<paragraph ID="other">{FEAR}</paragraph>',
    ],
    ids=[
        "the code's display",
        "nothing named",
        "code, status and date",
        "a whole table",
        "a whole list",
        "lost",
    ],
)
def test_words_that_say_no_more_or_are_not_the_concerns_alone_make_no_note(narrative: str) -> None:
    assert "note" not in the(concerns(concern(REFERENCE, depression()), narrative), "Condition")


def test_what_a_comment_says_is_not_said_twice() -> None:
    comment = related(
        f'<act classCode="ACT" moodCode="EVN">{template(".4.64")}{code("code", "48767-8", LOINC)}<text>{FEAR}</text></act>'
    )
    inner = depression().replace("</observation>", f"{comment}</observation>")
    assert said(the(concerns(concern(f"<text>{FEAR}</text>", inner)), "Condition")) == [FEAR]


def test_a_problem_concern_within_a_health_concern_has_the_words_of_both() -> None:
    inner = related(
        problem().replace(
            '<statusCode code="active"/>', '<text>Worse in winter</text><statusCode code="active"/>', 1
        ),
        "REFR",
    )
    made = the(concerns(concern(f"<text>{FEAR}</text>", inner)), "Condition")
    assert said(made) == ["Worse in winter", FEAR]


def test_an_allergy_within_a_health_concern_has_its_words() -> None:
    made = the(
        concerns(concern("<text>Reacted at the dentist's</text>", related(allergy(), "REFR"))),
        "AllergyIntolerance",
    )
    assert said(made) == ["Reacted at the dentist's"]


def test_an_allergy_of_its_section_that_a_concern_repeats_remains_one_and_has_the_words() -> None:
    again = section("75310-3", concern("<text>Reacted at the dentist's</text>", related(allergy(), "REFR")))
    for sections in ([section("48765-2", allergy()), again], [again, section("48765-2", allergy())]):
        assert said(the(converted(*sections), "AllergyIntolerance")) == ["Reacted at the dentist's"]


@pytest.mark.parametrize(
    "attributes", ['moodCode="EVN" negationInd="true"', 'moodCode="INT"', 'moodCode="EVN" nullFlavor="UNK"']
)
def test_words_of_a_concern_that_is_denied_planned_or_unknown_are_not_said_of_its_problem(
    attributes: str,
) -> None:
    entry = concern(f"<text>{FEAR}</text>", depression()).replace('moodCode="EVN"', attributes, 1)
    made = the(concerns(entry), "Condition")
    assert (status_of(made["verificationStatus"]), said(made)) == ("confirmed", [])


def test_words_of_a_retracted_concern_are_not_said_of_its_problem() -> None:
    made = the(concerns(concern(f"<text>{FEAR}</text>", depression(), status="nullified")), "Condition")
    assert (status_of(made["verificationStatus"]), said(made)) == ("confirmed", [])


@pytest.mark.parametrize(
    ("attributes", "status", "verification"),
    [('negationInd="true"', "active", "refuted"), ("", "nullified", "entered-in-error")],
)
def test_a_problem_is_denied_or_retracted_with_the_concern_whose_content_it_is_and_keeps_the_words(
    attributes: str, status: str, verification: str
) -> None:
    inner = depression().replace('typeCode="REFR"', 'typeCode="SUBJ"')
    entry = concern(f"<text>{FEAR}</text>", inner, attributes=attributes, status=status)
    made = the(concerns(entry), "Condition")
    assert (status_of(made["verificationStatus"]), said(made)) == (verification, [FEAR])


def test_a_problem_that_alone_is_denied_has_no_part_in_the_words() -> None:
    denied = depression(attributes='negationInd="true"', sct="6471006", words="Suicidal thoughts")
    made = of_type(concerns(concern(f"<text>{FEAR}</text>", depression(), denied)), "Condition")
    assert {status_of(one["verificationStatus"]): said(one) for one in made} == {
        "confirmed": [FEAR],
        "refuted": [],
    }


def test_a_denied_problem_that_is_the_only_one_keeps_the_words() -> None:
    made = the(
        concerns(concern(f"<text>{FEAR}</text>", depression(attributes='negationInd="true"'))), "Condition"
    )
    assert (status_of(made["verificationStatus"]), said(made)) == ("refuted", [FEAR])


def test_words_beside_an_observation_only_are_a_condition_that_it_supports() -> None:
    weight = related(
        observation(
            template(".4.2"), code("code", "29463-7", LOINC), '<value xsi:type="PQ" value="120" unit="kg"/>'
        ),
        "SPRT",
    )
    done = concerns(concern("<text>Afraid of more weight</text>", weight))
    made, found = the(done, "Condition"), the(done, "Observation")
    assert made["code"] == {"text": "Afraid of more weight"}
    assert made["evidence"] == [{"detail": [{"reference": f"Observation/{found['id']}"}]}]
    assert codes(made["category"][0])[0][1] == "health-concern"
    assert not of_type(concerns(concern("", weight)), "Condition"), "no words, no concern"


def test_a_code_of_its_own_and_words_that_say_more_are_code_and_note() -> None:
    coded = code("code", "129839007", SNOMED, "At risk of falls")
    made = the(concerns(concern("<text>Lives alone on the third floor</text>", coded=coded)), "Condition")
    assert (codes(made["code"])[0][1], said(made)) == ("129839007", ["Lives alone on the third floor"])


def test_words_of_very_many_problems_are_not_repeated_on_each() -> None:
    many = [depression(sct=str(1000000 + n), words=f"Problem {n} x") for n in range(101)]
    made = of_type(concerns(concern(f"<text>{FEAR}</text>", *many)), "Condition")
    assert len(made) == 101
    assert not any("note" in one for one in made)


@pytest.mark.parametrize(
    ("text", "notes"),
    [
        ("<text>Worse in winter</text>", ["Worse in winter"]),
        ('<text><reference value="#p1"/></text>', ["Worse in winter"]),
        ('<text><reference value="#row"/></text>', []),
        ('<text><reference value="#p2"/></text>', []),
        ("<text>Hypertension</text>", []),
    ],
    ids=["its own", "a cell's", "a row's", "also the observation's", "the code's"],
)
def test_words_of_a_problem_concern_are_a_note_where_its_problem_does_not_have_them(
    text: str, notes: list[str]
) -> None:
    narrative = '<table><tbody><tr ID="row"><td ID="p2">High pressure</td><td ID="p1">Worse in winter</td></tr></tbody></table>'
    entry = problem('<text><reference value="#p2"/></text>').replace(
        '<statusCode code="active"/>', f'{text}<statusCode code="active"/>', 1
    )
    assert said(the(converted(section("11450-4", entry, text=narrative)), "Condition")) == notes


def test_no_known_problems_gets_no_note_of_these_words() -> None:
    entry = problem(negated=True, coded=value("55607006", SNOMED, "Problem")).replace(
        '<statusCode code="active"/>', '<text>No known problems</text><statusCode code="active"/>', 1
    )
    assert "note" not in the(converted(section("11450-4", entry)), "Condition")
