"""The Patient: what the header says of the person, and what observations of the body add."""

from __future__ import annotations

from typing import Any

import pytest

from chartbridge.ccda import Conversion
from tests.ccda.builders import (
    LOINC,
    PATIENT_ROLE,
    SNOMED,
    code,
    codes,
    converted,
    observation,
    of_type,
    related,
    section,
    template,
    the,
    value,
)

US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/"
CORE = "http://hl7.org/fhir/StructureDefinition/"
GENDER = "2.16.840.1.113883.5.1"
ROLE_CODE = "2.16.840.1.113883.5.111"
SOCIAL_HISTORY = "29762-2"


def person(inner: str, name: str = "<name><given>Ines</given><family>Halvorsen</family></name>") -> Any:
    """The Patient of a document whose patient element holds this."""
    role = f'<patientRole><id root="2.16.840.1.113883.3.9911.2" extension="M"/><patient>{name}{inner}'
    return the(converted(role=f"{role}</patient></patientRole>"), "Patient")


def extensions(patient: dict[str, Any], url: str) -> list[dict[str, Any]]:
    return [one for one in patient["extension"] if one["url"] == url]


def trait(loinc: str, said: str, attributes: str = "", when: str = "20240105", inner: str = "") -> str:
    """A social history observation with a LOINC code."""
    return observation(template(".4.38"), code("code", loinc, LOINC), said, inner, attributes, when)


def birth_sex(said: str, attributes: str = "", when: str = "20240105", inner: str = "") -> str:
    return observation(
        template(".4.200"), code("code", "76689-9", LOINC), value(said, GENDER), inner, attributes, when
    )


def with_traits(*entries: str) -> Conversion:
    return converted(section(SOCIAL_HISTORY, *entries))


def birth_sexes(done: Conversion) -> list[str]:
    return [one["valueCode"] for one in extensions(the(done, "Patient"), US_CORE + "us-core-birthsex")]


# names


def test_a_former_name_has_the_time_when_it_was_used() -> None:
    former = (
        '<name use="L"><given>Ines</given><family>Berg</family>'
        '<validTime><low value="20000505"/><high value="20100510"/></validTime></name>'
    )
    made = person("", name='<name use="L"><given>Ines</given><family>Halvorsen</family></name>' + former)
    assert "period" not in made["name"][0]
    assert made["name"][1]["family"] == "Berg"
    assert made["name"][1]["period"] == {"start": "2000-05-05", "end": "2010-05-10"}


def test_the_birth_name_beside_a_married_name_is_a_name_of_its_own() -> None:
    made = person(
        "",
        name='<name use="L"><given>Ines</given><family qualifier="BR">Berg</family>'
        '<family qualifier="SP">Halvorsen</family></name>',
    )
    assert made["name"] == [
        {"use": "usual", "family": "Halvorsen", "given": ["Ines"]},
        {"use": "maiden", "family": "Berg"},
    ]


def test_a_name_that_is_the_birth_name_is_so_as_a_whole() -> None:
    made = person(
        "",
        name="<name><given>Ines</given><family>Halvorsen</family></name>"
        '<name><given>Ines</given><family qualifier="BR">Berg</family></name>',
    )
    assert made["name"][1] == {"use": "maiden", "family": "Berg", "given": ["Ines"]}


# who the person is


@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        ('<sdtc:multipleBirthInd value="true"/>', {"multipleBirthBoolean": True}),
        ('<sdtc:multipleBirthInd value="false"/>', {"multipleBirthBoolean": False}),
        ('<sdtc:deceasedInd value="1"/>', {"deceasedBoolean": True}),
        ('<sdtc:deceasedInd value="maybe"/>', {}),
        (
            '<sdtc:multipleBirthInd value="true"/><sdtc:multipleBirthOrderNumber value="2"/>',
            {"multipleBirthInteger": 2},
        ),
        ('<sdtc:multipleBirthOrderNumber nullFlavor="UNK"/>', {}),
        ('<sdtc:deceasedInd value="true"/>', {"deceasedBoolean": True}),
        (
            '<sdtc:deceasedInd value="true"/><sdtc:deceasedTime value="20240102"/>',
            {"deceasedDateTime": "2024-01-02"},
        ),
    ],
)
def test_birth_and_death(inner: str, expected: dict[str, Any]) -> None:
    made = person(inner)
    assert {name: made[name] for name in made if name.startswith(("multiple", "deceased"))} == expected


def test_a_document_that_contradicts_itself_about_a_death_tells_none_and_says_so() -> None:
    said = '<sdtc:deceasedInd value="false"/><sdtc:deceasedTime value="20240102"/></patient>'
    done = converted(role=PATIENT_ROLE.replace("</patient>", said))
    assert not [name for name in the(done, "Patient") if name.startswith("deceased")]
    assert any("time of death" in issue for issue in done.report.to_json()["issues"])


def test_race_has_its_category_its_detail_and_all_words() -> None:
    made = person(
        '<raceCode code="2106-3" displayName="White" codeSystem="2.16.840.1.113883.6.238">'
        "<originalText>Caucasian</originalText></raceCode>"
        '<sdtc:raceCode code="2108-9" displayName="European" codeSystem="2.16.840.1.113883.6.238"/>'
    )
    (race,) = extensions(made, US_CORE + "us-core-race")
    said = [(one["url"], one.get("valueString") or one["valueCoding"]["code"]) for one in race["extension"]]
    assert said == [("ombCategory", "2106-3"), ("detailed", "2108-9"), ("text", "Caucasian, European")]


def test_a_language_is_named_once_with_all_abilities() -> None:
    mode, level = "2.16.840.1.113883.5.60", "2.16.840.1.113883.5.61"
    made = person(
        f'<languageCommunication><languageCode code="spa"/>{code("modeCode", "ESP", mode)}'
        f"{code('proficiencyLevelCode', 'G', level)}<preferenceInd value='false'/></languageCommunication>"
        f'<languageCommunication><languageCode code="es"/>{code("modeCode", "RWR", mode)}'
        '<preferenceInd value="true"/></languageCommunication>'
        '<languageCommunication><languageCode code="en-us"/></languageCommunication>'
    )
    spanish, english = made["communication"]
    assert codes(spanish["language"]) == [("urn:ietf:bcp:47", "es")]
    assert spanish["preferred"] is True
    abilities = [
        {part["url"]: part["valueCoding"]["code"] for part in one["extension"]}
        for one in spanish["extension"]
    ]
    assert abilities == [{"type": "ESP", "level": "G"}, {"type": "RWR"}]
    assert codes(english["language"]) == [("urn:ietf:bcp:47", "en-US")]
    assert "preferred" not in english


def test_a_guardian_is_a_contact_and_a_related_person() -> None:
    guardian = (
        f"<guardian>{code('code', 'FTH', ROLE_CODE, 'father')}<telecom value='tel:+1-218-555-0107'/>"
        "<guardianPerson><name><given>Odd</given><family>Halvorsen</family></name></guardianPerson></guardian>"
    )
    role = PATIENT_ROLE.replace("</patient>", guardian + "</patient>")
    done = converted(role=role)
    (contact,) = the(done, "Patient")["contact"]
    relative = the(done, "RelatedPerson")
    assert [codes(one)[0][1] for one in contact["relationship"]] == ["GUARD", "FTH"]
    assert relative["relationship"] == contact["relationship"]
    assert contact["name"] == relative["name"][0]
    assert relative["patient"] == {"reference": f"Patient/{the(done, 'Patient')['id']}"}


def test_an_organization_may_be_the_guardian() -> None:
    guardian = "<guardian><guardianOrganization><name>County Court</name></guardianOrganization></guardian>"
    done = converted(role=PATIENT_ROLE.replace("</patient>", guardian + "</patient>"))
    (contact,) = the(done, "Patient")["contact"]
    assert contact["organization"]["display"] == "County Court"
    assert of_type(done, "RelatedPerson") == []


def test_a_document_of_two_patients_says_that_only_the_first_was_taken() -> None:
    done = converted(header=f"<recordTarget>{PATIENT_ROLE}</recordTarget>")
    assert len(of_type(done, "Patient")) == 1
    assert any("more than one patient" in issue for issue in done.report.to_json()["issues"])


# what the body says


def test_the_birth_sex_is_an_extension_and_stays_an_observation() -> None:
    done = with_traits(birth_sex("F"))
    assert birth_sexes(done) == ["F"]
    assert codes(the(done, "Observation")["code"]) == [("http://loinc.org", "76689-9")]


@pytest.mark.parametrize(
    ("loinc", "said", "url", "expected"),
    [
        ("46098-0", value("248152002", SNOMED), "us-core-sex", {"valueCode": "248152002"}),
        ("46098-0", value("M", GENDER), "us-core-sex", {"valueCode": "248153007"}),
        ("46098-0", '<value xsi:type="CD" nullFlavor="UNK"/>', "us-core-sex", {"valueCode": "184115007"}),
        ("76689-9", '<value xsi:type="CD" nullFlavor="ASKU"/>', "us-core-birthsex", {"valueCode": "ASKU"}),
        (
            "54588-9",
            value("373066001", SNOMED, "Yes"),
            "us-core-interpreter-needed",
            {"valueCoding": {"system": "http://snomed.info/sct", "code": "373066001", "display": "Yes"}},
        ),
    ],
)
def test_what_is_said_of_the_person_is_an_extension(
    loinc: str, said: str, url: str, expected: dict[str, Any]
) -> None:
    patient = the(with_traits(trait(loinc, said)), "Patient")
    assert extensions(patient, US_CORE + url) == [{"url": US_CORE + url, **expected}]


def test_gender_identity_and_pronouns_keep_code_and_words() -> None:
    done = with_traits(
        trait("76691-5", value("446141000124107", SNOMED, "Identifies as female gender")),
        trait("90778-2", value("LA29519-8", LOINC, "she/her/her/hers/herself")),
    )
    patient = the(done, "Patient")
    (identity,) = extensions(patient, US_CORE + "us-core-genderIdentity")
    (pronouns,) = extensions(patient, CORE + "individual-pronouns")
    assert codes(identity["valueCodeableConcept"]) == [("http://snomed.info/sct", "446141000124107")]
    assert codes(pronouns["extension"][0]["valueCodeableConcept"]) == [("http://loinc.org", "LA29519-8")]


def test_all_tribal_affiliations_are_kept() -> None:
    tribes = "2.16.840.1.113883.5.140"
    done = with_traits(*(trait("95370-3", value(tribe, tribes)) for tribe in ("68", "91", "68")))
    made = extensions(the(done, "Patient"), US_CORE + "us-core-tribal-affiliation")
    said = [codes(one["extension"][0]["valueCodeableConcept"])[0][1] for one in made]
    assert said == ["68", "91"]


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param(birth_sex("F", 'negationInd="true"'), id="negated"),
        pytest.param(birth_sex("F").replace('"completed"', '"nullified"'), id="nullified"),
        pytest.param(birth_sex("F").replace('"completed"', '"cancelled"'), id="cancelled"),
        pytest.param(birth_sex("F").replace('moodCode="EVN"', 'moodCode="INT"'), id="planned"),
        pytest.param(birth_sex("F", 'nullFlavor="NI"'), id="null"),
        pytest.param(birth_sex("UN"), id="no code of US Core"),
        pytest.param(
            birth_sex(
                "F",
                inner='<subject><relatedSubject classCode="PRS"><code code="CHILD" '
                f'codeSystem="{ROLE_CODE}"/></relatedSubject></subject>',
            ),
            id="of another",
        ),
        pytest.param(
            '<act classCode="ACT" moodCode="EVN" negationInd="true"><code code="CONC"/>'
            f"{related(birth_sex('F'))}</act>",
            id="within what is negated",
        ),
    ],
)
def test_what_does_not_hold_of_the_patient_is_no_extension(entry: str) -> None:
    assert birth_sexes(with_traits(entry)) == []


@pytest.mark.parametrize("loinc", ["10157-6", "57075-4"], ids=["family history", "newborn delivery"])
def test_the_sex_of_relatives_and_newborn_children_is_not_the_patients(loinc: str) -> None:
    assert birth_sexes(converted(section(loinc, birth_sex("M")))) == []


@pytest.mark.parametrize("status", ["cancelled", "aborted", "nullified"])
def test_what_stands_in_something_broken_off_is_no_extension(status: str) -> None:
    battery = (
        f'<organizer classCode="BATTERY" moodCode="EVN">{code("code", "X", "2.999.12", "Admission")}'
        f'<statusCode code="{status}"/><component>{birth_sex("F")}</component></organizer>'
    )
    assert birth_sexes(with_traits(battery)) == []


def test_what_names_another_subject_as_participant_is_no_extension() -> None:
    child = (
        '<participant typeCode="SBJ"><participantRole classCode="PRS">'
        f"{code('code', 'CHILD', ROLE_CODE)}</participantRole></participant>"
    )
    assert birth_sexes(with_traits(birth_sex("M", inner=child))) == []


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ((birth_sex("F", when="20200101"), birth_sex("M", when="20230101")), "M"),
        ((birth_sex("M", when="20230101"), birth_sex("F", when="20200101")), "M"),
        ((birth_sex("F", when="20230101"), birth_sex("M", when="20230101")), "F"),
        (
            (
                birth_sex("F", when="20200101"),
                trait("76689-9", '<value xsi:type="CD" nullFlavor="UNK"/>', when="20230101"),
            ),
            "F",
        ),
    ],
    ids=["newer later", "newer earlier", "same time", "known before unknown"],
)
def test_the_newest_known_value_wins(entries: tuple[str, ...], expected: str) -> None:
    assert birth_sexes(with_traits(*entries)) == [expected]
