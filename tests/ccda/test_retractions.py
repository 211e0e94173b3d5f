"""What is denied, retracted or contradicts itself does not pass into what holds, nor the other way round."""

# ruff: noqa: E501 - XML reads better unbroken
from __future__ import annotations

from typing import Any

import pytest

from chartbridge.ccda.sections import encounters
from tests.ccda.builders import (
    LOINC,
    RXNORM,
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

CPT = "2.16.840.1.113883.6.12"
NO_PROBLEMS = [("http://snomed.info/sct", "160245001")]
ASSERTION = code("code", "ASSERTION", "2.16.840.1.113883.5.4")


def original(words: str) -> str:
    return f"<originalText>{words}</originalText>"


# problems


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (value("64572001", SNOMED, "Disease (disorder)", original("Asthma")), "Asthma"),
        (value("64572001", SNOMED, "Disease (disorder)", original("No known heart disease")), "No known heart disease"),
        ("<text>Asthma</text>" + value("64572001", SNOMED), "Asthma"),
    ],
)  # fmt: skip
def test_a_denied_problem_that_words_name_is_refuted(said: str, words: str) -> None:
    made = the(converted(section("11450-4", problem(negated=True, coded=said))), "Condition")
    assert status_of(made["verificationStatus"]) == "refuted"
    assert made["code"]["text"] == words


def test_a_denied_problem_that_a_translation_names_is_refuted() -> None:
    translation = code("translation", "I10", "2.16.840.1.113883.6.90", "Hypertension")
    entry = problem(negated=True, coded=value("55607006", SNOMED, "Problem", translation))
    made = the(converted(section("11450-4", entry)), "Condition")
    assert status_of(made["verificationStatus"]) == "refuted"
    assert ("http://hl7.org/fhir/sid/icd-10-cm", "I10") in codes(made["code"])


@pytest.mark.parametrize(
    "said",
    [
        value("55607006", SNOMED, "Problem", original("No Known Problems.")),
        value("64572001", SNOMED, "Disease (disorder)"),
        value("55607006", SNOMED, "Problem", original("problems.")),
        f'<value xsi:type="CD" nullFlavor="NI">{original("None known")}</value>',
    ],
)
def test_a_denied_problem_that_nothing_names_is_no_known_problems(said: str) -> None:
    made = the(converted(section("11450-4", problem(negated=True, coded=said))), "Condition")
    assert status_of(made["verificationStatus"]) == "confirmed"
    assert codes(made["code"]) == NO_PROBLEMS


# allergies


def test_an_allergen_beside_no_known_allergy_is_kept_and_not_confirmed() -> None:
    entry = allergy(kind="409137002")
    done = converted(section("48765-2", entry))
    made = the(done, "AllergyIntolerance")
    assert codes(made["code"]) == [("http://www.nlm.nih.gov/research/umls/rxnorm", "70618")]
    assert status_of(made["verificationStatus"]) == "unconfirmed"
    assert made["note"] == [{"text": "The source also says: 409137002"}]
    assert [one for st in done.report.statements for one in st.issues]


def test_an_allergen_in_words_beside_no_known_allergy_is_kept() -> None:
    substance = f'<code nullFlavor="OTH" codeSystem="{RXNORM}">{original("Penicillin")}</code>'
    made = the(converted(section("48765-2", allergy(kind="716186003", substance=substance))), "AllergyIntolerance")  # fmt: skip
    assert made["code"] == {"text": "Penicillin"}
    assert status_of(made["verificationStatus"]) == "unconfirmed"


def test_a_denied_allergen_beside_no_known_allergy_is_refuted() -> None:
    made = the(converted(section("48765-2", allergy(negated=True, kind="409137002"))), "AllergyIntolerance")
    assert codes(made["code"]) == [("http://www.nlm.nih.gov/research/umls/rxnorm", "70618")]
    assert status_of(made["verificationStatus"]) == "refuted"


@pytest.mark.parametrize(
    "substance",
    [
        '<code nullFlavor="NA"/>',
        f'<code nullFlavor="NI">{original("No known drug allergies")}</code>',
        code("code", "410942007", SNOMED, "Drug or medicament"),
        code("code", "409137002", SNOMED, "No known drug allergy"),
    ],
)
def test_no_known_allergy_with_a_substance_that_is_none_stays_so(substance: str) -> None:
    done = converted(section("48765-2", allergy(kind="409137002", substance=substance)))
    made = the(done, "AllergyIntolerance")
    assert codes(made["code"]) == [("http://snomed.info/sct", "409137002")]
    assert status_of(made["verificationStatus"]) == "confirmed"
    assert not [one for st in done.report.statements for one in st.issues]


def test_a_denied_substance_that_is_coded_as_none_known_is_not_denied_twice() -> None:
    none = code("code", "716186003", SNOMED, "No known allergy")
    made = the(converted(section("48765-2", allergy(negated=True, substance=none))), "AllergyIntolerance")
    assert codes(made["code"]) == [("http://snomed.info/sct", "716186003")]
    assert status_of(made["verificationStatus"]) == "confirmed"


HIVES = observation(template(".4.9"), ASSERTION, value("247472004", SNOMED, "Hives"))


@pytest.mark.parametrize(
    ("there", "instead"),
    [
        ('moodCode="EVN"', 'moodCode="EVN" nullFlavor="UNK"'),
        ('moodCode="EVN"', 'moodCode="RSK"'),
        ('code="completed"', 'code="cancelled"'),
        ('code="completed"', 'code="nullified"'),
        ('moodCode="EVN"', 'moodCode="EVN" negationInd="true"'),
    ],
)
def test_a_reaction_that_did_not_happen_is_no_reaction(there: str, instead: str) -> None:
    entry = allergy(related(HIVES.replace(there, instead), "MFST"))
    assert "reaction" not in the(converted(section("48765-2", entry)), "AllergyIntolerance")


def test_a_reaction_that_happened_is_one() -> None:
    made = the(converted(section("48765-2", allergy(related(HIVES, "MFST")))), "AllergyIntolerance")
    assert codes(made["reaction"][0]["manifestation"][0]) == [("http://snomed.info/sct", "247472004")]


# encounters


def visit(
    status: str = "completed", when: str = "20240105", cpt: str = "99213", attributes: str = "", extension: str = "E1", inner: str = ""
) -> str:  # fmt: skip
    time = f'<effectiveTime value="{when}"/>' if when else ""
    return (
        f'<encounter classCode="ENC" moodCode="EVN" {attributes}>{template(".4.49")}'
        f'<id root="2.16.840.1.113883.3.9911.20" extension="{extension}"/>{code("code", cpt, CPT)}'
        f'<statusCode code="{status}"/>{time}{inner}</encounter>'
    )


def statuses(*entries: str) -> list[str]:
    return sorted(one["status"] for one in of_type(converted(section("46240-8", *entries)), "Encounter"))


@pytest.mark.parametrize(
    ("retracted", "status"),
    [
        (visit("nullified"), "entered-in-error"),
        (visit("cancelled"), "cancelled"),
        (visit(attributes='negationInd="true"'), "cancelled"),
    ],
)
def test_a_visit_that_did_not_happen_and_the_one_of_its_id_that_did_stay_apart(
    retracted: str, status: str
) -> None:
    assert statuses(retracted, visit()) == [status, "finished"]
    assert statuses(visit(), retracted) == [status, "finished"]


def test_a_diagnosis_of_a_retracted_visit_does_not_pass_to_the_one_that_happened() -> None:
    diagnosis = related(observation(template(".4.4"), code("code", "282291009", SNOMED), value("38341003", SNOMED)), "COMP")  # fmt: skip
    done = converted(section("46240-8", visit(), visit("nullified", inner=diagnosis)))
    [real] = [one for one in of_type(done, "Encounter") if one["status"] == "finished"]
    assert "diagnosis" not in real


def test_visits_of_one_id_without_a_time_are_one_only_where_their_codes_do_not_differ() -> None:
    def made(*entries: str) -> list[Any]:
        return of_type(converted(section("46240-8", *entries)), "Encounter")

    apart = made(visit(when="", cpt="99213"), visit(when="", cpt="99285"))
    assert sorted(one["class"]["code"] for one in apart) == ["AMB", "EMER"]
    assert len(made(visit(when=""), visit(when="20240105"))) == 1
    assert len(made(visit(when="20240105"), visit(when=""))) == 1
    assert len(made(visit(when="20240105"), visit(when="", cpt="99285"))) == 2


def test_a_visit_that_gains_its_time_from_a_further_mention_is_found_by_it() -> None:
    team = f'<participant typeCode="LOC"><participantRole classCode="SDLOC">{code("code", "1117-1", "2.16.840.1.113883.6.259")}<playingEntity classCode="PLC"><name>North Wing</name></playingEntity></participantRole></participant>'
    done = converted(section("46240-8", visit(when=""), visit(), visit(inner=team), visit(when="20240306")))
    first, second = sorted(of_type(done, "Encounter"), key=lambda one: str(one["period"]["start"]))
    assert [first["period"]["start"], second["period"]["start"]] == ["2024-01-05", "2024-03-06"]
    assert first["location"]
    assert "location" not in second


@pytest.mark.parametrize("when", ["{day}", ""])
def test_many_visits_of_one_id_do_not_each_look_at_all_others(
    when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = 0
    there = encounters._there

    def counting(*given: Any) -> Any:
        nonlocal looked
        for made in there(*given):
            looked += 1
            yield made

    monkeypatch.setattr(encounters, "_there", counting)
    visits = [visit(when=when.format(day=19000101 + n), cpt=str(99201 + n)) for n in range(28)]
    done = converted(section("46240-8", *visits))
    assert len(of_type(done, "Encounter")) == len(visits)
    assert looked <= 2 * len(visits)


# parts of observations


@pytest.mark.parametrize(
    ("there", "instead", "member"),
    [
        ('code="completed"', 'code="nullified"', "entered-in-error"),
        ('code="completed"', 'code="cancelled"', "cancelled"),
        ('moodCode="EVN"', 'moodCode="EVN" nullFlavor="UNK"', None),
        ('moodCode="EVN"', 'moodCode="EVN" negationInd="true"', "final"),
    ],
)
def test_a_date_of_delivery_and_an_item_that_do_not_hold_are_no_components(
    there: str, instead: str, member: str | None
) -> None:
    due = observation(
        template("2.16.840.1.113883.10.20.15.3.1"), code("code", "11778-8", LOINC), '<value xsi:type="TS" value="20240901"/>'
    )  # fmt: skip
    item = observation(template(".4.86"), code("code", "44250-9", LOINC), '<value xsi:type="INT" value="3"/>')

    def whole(part: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        if "20.15.3.1" in part:
            entry = observation(template("2.16.840.1.113883.10.20.15.3.8"), ASSERTION, value("77386006", SNOMED, "Pregnant"), related(part, "REFR"))  # fmt: skip
        else:
            entry = observation(template(".4.69"), code("code", "44261-6", LOINC), '<value xsi:type="INT" value="3"/>', related(part, "COMP"))  # fmt: skip
        found = of_type(converted(section("29762-2", entry)), "Observation")
        own = "ASSERTION" if "20.15.3.1" in part else "44261-6"
        [holder] = [one for one in found if codes(one["code"])[0][1] == own]
        return holder, [one for one in found if one is not holder]

    for part in (due, item):
        holder, _ = whole(part)
        assert len(holder["component"]) == 1
        holder, others = whole(part.replace(there, instead))
        assert "component" not in holder
        assert "note" not in holder
        if member is not None:
            assert [one["status"] for one in others] == [member]
