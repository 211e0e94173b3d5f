"""The second opinion finds nothing over the corpus; and it does find what is put wrong on purpose."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from chartbridge.ccda import convert
from tests.ccda import builders as b
from tests.ccda.checker import Result, examine, over_corpus, table, whole_documents
from tests.ccda.reading import moment

Json = dict[str, Any]
ENOUGH = 0.995


@pytest.fixture(scope="module")
def corpus() -> Result:
    if not whole_documents():
        pytest.skip("the corpus of real documents is not beside this checkout")
    return over_corpus()


def report(result: Result, faults: list[str]) -> str:
    """What to show of a failure: the table and the faults themselves."""
    return "\n".join([table(result), *faults])


@pytest.mark.slow
@pytest.mark.parametrize("column", ["code", "all translations", "date", "value"])
def test_what_the_documents_say_is_in_the_bundle(corpus: Result, column: str) -> None:
    short = {}
    for kind, tally in corpus.tallies.items():
        total, found = {
            "code": (tally.total, tally.coded),
            "all translations": (tally.total, tally.translated),
            "date": (tally.dated, tally.with_date),
            "value": (tally.valued, tally.with_value),
        }[column]
        if found < ENOUGH * total:
            short[kind] = (found, total)
    assert not short, report(corpus, corpus.misses)


@pytest.mark.slow
def test_nothing_is_denied_or_affirmed_by_mistake(corpus: Result) -> None:
    assert not corpus.negations, report(corpus, corpus.negations)


@pytest.mark.slow
def test_nothing_is_there_that_nobody_said(corpus: Result) -> None:
    assert not corpus.inventions, report(corpus, corpus.inventions)


@pytest.mark.slow
def test_enough_is_looked_at_to_mean_something(corpus: Result) -> None:
    assert sum(tally.total for tally in corpus.tallies.values()) > 5000
    assert sum(tally.dated for tally in corpus.tallies.values()) > 3000
    assert sum(tally.valued for tally in corpus.tallies.values()) > 2000


# the checker itself

GLUCOSE = b.section(
    "30954-2",
    b.observation(
        b.template(".4.2"),
        b.code("code", "2345-7", b.LOINC, "Glucose"),
        '<value xsi:type="PQ" value="98" unit="mg/dL"/>',
        when="202401050830-0500",
    ),
)
PROBLEM = b.section("11450-4", b.problem('<effectiveTime><low value="201803"/></effectiveTime>'))
DENIED_PROBLEM = b.section("11450-4", b.problem(negated=True))
DENIED_ALLERGY = b.section("48765-2", b.allergy(negated=True))
NONE_KNOWN = b.section("48765-2", b.allergy(negated=True, substance=""))
VACCINE = b.section("11369-6", b.immunization())
REFUSED_VACCINE = b.section("11369-6", b.immunization(attributes='negationInd="true"'))
TABLETS = b.section(
    "10160-0",
    b.medication(
        '<doseQuantity value="2" unit="mg"/>',
        times='<effectiveTime xsi:type="IVL_TS"><low value="20230401"/></effectiveTime>'
        '<effectiveTime xsi:type="PIVL_TS" operator="A"><period value="12" unit="h"/></effectiveTime>',
    ),
)
RELATIVE = (
    f'<organizer classCode="CLUSTER" moodCode="EVN">{b.template(".4.45")}<statusCode code="completed"/>'
    f'<subject><relatedSubject classCode="PRS">{b.code("code", "MTH", "2.16.840.1.113883.5.111")}'
    '</relatedSubject></subject><component><observation classCode="OBS" moodCode="EVN" NEGATED>'
    f'{b.template(".4.46")}<statusCode code="completed"/><effectiveTime value="1998"/>'
    f"{b.value('73211009', b.SNOMED, 'Diabetes mellitus')}</observation></component></organizer>"
)
RELATIVES = b.section("10157-6", RELATIVE.replace("NEGATED", ""))
DENIED_RELATIVES = b.section("10157-6", RELATIVE.replace("NEGATED", 'negationInd="true"'))
SOUND = {
    "result": GLUCOSE,
    "problem": PROBLEM,
    "denied problem": DENIED_PROBLEM,
    "denied allergy": DENIED_ALLERGY,
    "none known": NONE_KNOWN,
    "vaccine": VACCINE,
    "refused vaccine": REFUSED_VACCINE,
    "tablets": TABLETS,
    "relative": RELATIVES,
    "denied of a relative": DENIED_RELATIVES,
}


def checked(section: str, spoil: Callable[[list[Json]], None] | None = None) -> Result:
    """The check of a document of one section, its bundle put wrong by ``spoil``."""
    content = b.document(section)
    bundle = deepcopy(convert(content, b.PATIENT_ID).bundle)
    if spoil is not None:
        spoil([entry["resource"] for entry in bundle["entry"]])
    result = Result()
    examine(content, bundle, "it", result)
    return result


def the(resources: list[Json], kind: str) -> Json:
    return next(one for one in resources if one["resourceType"] == kind)


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_conversion_passes(name: str) -> None:
    result = checked(SOUND[name])
    assert result.tallies
    assert (result.misses, result.negations, result.inventions) == ([], [], [])


def lost(resources: list[Json]) -> None:
    the(resources, "Observation")["resourceType"] = "Basic"


def other_code(resources: list[Json]) -> None:
    the(resources, "Observation")["code"]["coding"][0]["code"] = "2339-0"


def other_system(resources: list[Json]) -> None:
    the(resources, "Observation")["code"]["coding"][0]["system"] = f"urn:oid:{b.LOINC}"


def less_precise(resources: list[Json]) -> None:
    the(resources, "Observation")["effectiveDateTime"] = "2024-01-05"


def other_offset(resources: list[Json]) -> None:
    the(resources, "Observation")["effectiveDateTime"] = "2024-01-05T08:30:00-06:00"


def other_value(resources: list[Json]) -> None:
    the(resources, "Observation")["valueQuantity"]["value"] = 89


def other_unit(resources: list[Json]) -> None:
    the(resources, "Observation")["valueQuantity"].update(unit="mmol/L", code="mmol/L")


@pytest.mark.parametrize(
    "spoil", [lost, other_code, other_system, less_precise, other_offset, other_value, other_unit]
)
def test_a_result_that_is_not_as_stated_is_missed(spoil: Callable[[list[Json]], None]) -> None:
    assert checked(GLUCOSE, spoil).misses


def other_period(resources: list[Json]) -> None:
    the(resources, "MedicationStatement")["dosage"][0]["timing"]["repeat"]["period"] = 24


def other_dose(resources: list[Json]) -> None:
    dose = the(resources, "MedicationStatement")["dosage"][0]["doseAndRate"][0]
    dose["doseQuantity"]["value"] = 12


@pytest.mark.parametrize("spoil", [other_period, other_dose])
def test_a_dose_that_is_not_as_stated_is_missed(spoil: Callable[[list[Json]], None]) -> None:
    assert checked(TABLETS, spoil).misses


def a_day_filled_in(resources: list[Json]) -> None:
    the(resources, "Condition")["onsetDateTime"] = "2018-03-01"


def test_a_date_that_was_filled_in_is_missed_and_invented() -> None:
    result = checked(PROBLEM, a_day_filled_in)
    assert result.misses
    assert result.inventions


def affirmed(resources: list[Json]) -> None:
    for one in resources:
        if "verificationStatus" in one:
            one["verificationStatus"]["coding"][0]["code"] = "confirmed"
        elif one["resourceType"] == "Immunization":
            one["status"] = "completed"


def refuted(resources: list[Json]) -> None:
    for one in resources:
        if "verificationStatus" in one:
            one["verificationStatus"]["coding"][0]["code"] = "refuted"
        elif one["resourceType"] == "Immunization":
            one["status"] = "not-done"


@pytest.mark.parametrize("section", ["denied problem", "denied allergy", "refused vaccine"])
def test_what_was_denied_and_is_affirmed_is_a_fault(section: str) -> None:
    assert checked(SOUND[section], affirmed).negations


@pytest.mark.parametrize("section", ["problem", "none known", "vaccine"])
def test_what_was_affirmed_and_is_denied_is_a_fault(section: str) -> None:
    assert checked(SOUND[section], refuted).negations


def made_the_patients(resources: list[Json]) -> None:
    said = the(resources, "FamilyMemberHistory")["condition"][0]["code"]
    resources[0].clear()
    resources[0].update(resourceType="Condition", id="c-1", code=said)


def affirmed_of_a_relative(resources: list[Json]) -> None:
    condition = the(resources, "FamilyMemberHistory")["condition"][0]
    condition["code"] = {"coding": [{"system": "http://snomed.info/sct", "code": "73211009"}]}


def test_what_is_a_relatives_and_shown_as_the_patients_is_a_fault() -> None:
    assert checked(RELATIVES, made_the_patients).negations


def test_what_a_relative_has_not_and_is_shown_is_a_fault() -> None:
    assert checked(DENIED_RELATIVES, affirmed_of_a_relative).negations


def a_code_more(resources: list[Json]) -> None:
    coding = the(resources, "Condition")["code"]["coding"]
    coding.append({"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "I10"})


def a_date_more(resources: list[Json]) -> None:
    the(resources, "Condition")["abatementDateTime"] = "2019-07"


def a_number_more(resources: list[Json]) -> None:
    the(resources, "Condition")["onsetAge"] = {"value": 61}


@pytest.mark.parametrize("spoil", [a_code_more, a_date_more, a_number_more])
def test_what_nobody_said_is_an_invention(spoil: Callable[[list[Json]], None]) -> None:
    assert checked(PROBLEM, spoil).inventions


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1999", "1999"),
        ("199911", "1999-11"),
        ("19991105", "1999-11-05"),
        ("1999110509", "1999-11-05"),
        ("199911050930", "1999-11-05"),
        ("199911050930-0500", "1999-11-05T09:30:00-05:00"),
        ("19991105093015.250Z", "1999-11-05T09:30:15.250Z"),
        ("19991305", None),
        ("19990230", None),
        ("200130311", None),
        ("soon", None),
    ],
)
def test_a_time_stamp_is_as_precise_as_it_was(text: str, wanted: str | None) -> None:
    assert moment(text) == wanted
