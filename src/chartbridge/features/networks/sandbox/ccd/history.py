"""Social and Family History Sections."""

from __future__ import annotations

from chartbridge.features.networks.sandbox.ccd.concepts import (
    OBSERVATION,
    PROBLEM,
    PROBLEM_LOINC,
    component,
    problem_codes,
    snomed,
)
from chartbridge.features.networks.sandbox.ccd.people import (
    GENDERS,
    author,
)
from chartbridge.features.networks.sandbox.ccd.xml import (
    Code,
    Element,
    Row,
    coded,
    el,
    interval,
    quantity,
    section,
    shown,
    stamp,
    status,
    table,
    template,
    templates,
    text,
    time,
    value,
)
from chartbridge.features.networks.sandbox.persona import Facts, Persona

# Social history ------------------------------------------------------------------------------


def social_history(persona: Persona) -> Element:
    """Social History Section: smoking status, birth sex, occupation, alcohol, food security."""
    social = persona.facts["social"]
    rows = [
        Row("social-smoking", ("Smoking status", _smoking_words(persona), shown(social["asked"]))),
        Row(
            "social-sex",
            ("Sex recorded at birth", GENDERS[persona.patient["sex"]].display, ""),
        ),
        Row("social-occupation", ("Occupation", social["occupation"], shown(social["occupation_since"]))),
        Row("social-alcohol", ("Alcohol use", social.get("alcohol", "Unknown"), shown(social["asked"]))),
        Row(
            "social-exercise",
            ("Days of exercise a week", str(social["exercise_days"]), shown(social["asked"])),
        ),
        Row(
            "social-food",
            (
                "Food insecurity risk",
                "At risk" if social["food_insecure"] else "No risk",
                shown(social["asked"]),
            ),
        ),
    ]
    entries = [
        _smoking_status(persona),
        _birth_sex(persona),
        _social(
            persona,
            "occupation",
            Code("loinc", "11341-5", "History of occupation"),
            interval(social["occupation_since"]),
            el("value", {"xsi:type": "ST"}, social["occupation"]),
        ),
        _social(
            persona,
            "alcohol",
            Code("loinc", "11331-6", "History of alcohol use"),
            time(social["asked"]),
            el("value", {"xsi:type": "ST"}, social["alcohol"])
            if "alcohol" in social
            else el("value", {"xsi:type": "ST", "nullFlavor": "UNK"}),
        ),
        _social(
            persona,
            "exercise",
            Code("loinc", "89555-7", "Days a week of moderate to strenuous exercise"),
            time(social["asked"]),
            quantity(social["exercise_days"], "d/wk"),
        ),
        _food_security(persona),
    ]
    if "smoked" in social:
        smoked = social["smoked"]
        rows.append(
            Row(
                "social-tobacco",
                ("Tobacco use", smoked["words"], f"{shown(smoked['from'])} to {shown(smoked['until'])}"),
            )
        )
        entries.append(_tobacco_use(persona))
    return section(
        templates("2.16.840.1.113883.10.20.22.2.17", "2015-08-01"),
        "29762-2",
        "Social history",
        "Social History",
        [table(("Topic", "Finding", "Date"), rows)],
        entries,
    )


def _smoking_words(persona: Persona) -> str:
    return str(persona.look_up("smoking", persona.facts["social"]["smoking"])["display"])


def _smoking_status(persona: Persona) -> Element:
    social = persona.facts["social"]
    return el(
        "observation",
        OBSERVATION,
        templates("2.16.840.1.113883.10.20.22.4.78", "2014-06-09"),
        el("id", {"root": persona.id("social", "smoking")}),
        coded("code", Code("loinc", "72166-2", "Tobacco smoking status")),
        text("social-smoking"),
        status("completed"),
        time(social["asked"]),
        value(snomed(persona.look_up("smoking", social["smoking"]))),
        author(persona, social["asked"]),
    )


def _tobacco_use(persona: Persona) -> Element:
    smoked = persona.facts["social"]["smoked"]
    return el(
        "observation",
        OBSERVATION,
        templates("2.16.840.1.113883.10.20.22.4.85", "2014-06-09"),
        el("id", {"root": persona.id("social", "tobacco")}),
        coded("code", Code("loinc", "11367-0", "History of tobacco use")),
        text("social-tobacco"),
        status("completed"),
        interval(smoked["from"], smoked["until"]),
        value(Code("snomed", "230056004", "Cigarette consumption")),
        author(persona, persona.facts["social"]["asked"]),
    )


def _birth_sex(persona: Persona) -> Element:
    return el(
        "observation",
        OBSERVATION,
        template("2.16.840.1.113883.10.20.22.4.200", "2016-06-01"),
        coded("code", Code("loinc", "76689-9", "Sex assigned at birth")),
        text("social-sex"),
        status("completed"),
        value(GENDERS[persona.patient["sex"]]),
    )


def _social(persona: Persona, key: str, code: Code, when: Element, answer: Element) -> Element:
    """Social History Observation (templateId …22.4.38)."""
    return el(
        "observation",
        OBSERVATION,
        templates("2.16.840.1.113883.10.20.22.4.38", "2015-08-01"),
        el("id", {"root": persona.id("social", key)}),
        coded("code", code),
        text(f"social-{key}"),
        status("completed"),
        when,
        answer,
        author(persona, persona.facts["social"]["asked"]),
    )


def _food_security(persona: Persona) -> Element:
    """The Hunger Vital Sign risk as an Assessment Scale Observation."""
    social = persona.facts["social"]
    answer = (
        Code("loinc", "LA19952-3", "At risk")
        if social["food_insecure"]
        else Code("loinc", "LA19983-8", "No risk")
    )
    return el(
        "observation",
        OBSERVATION,
        templates("2.16.840.1.113883.10.20.22.4.69"),
        el("id", {"root": persona.id("social", "food")}),
        coded("code", Code("loinc", "88124-3", "Food insecurity risk")),
        text("social-food"),
        status("completed"),
        time(social["asked"]),
        value(answer),
        author(persona, social["asked"]),
    )


# Family history ------------------------------------------------------------------------------


def family_history(persona: Persona) -> Element:
    """Family History Section."""
    relatives = persona.each("relative")
    return section(
        templates("2.16.840.1.113883.10.20.22.2.15", "2015-08-01"),
        "10157-6",
        "Family history",
        "Family History",
        [
            table(
                ("Relative", "Born", "Condition", "Age at onset", "Cause of death"),
                [
                    Row(
                        f"family-{relative['key']}-{condition['code']}",
                        (
                            persona.look_up("relative", relative["relation"])["display"],
                            shown(relative["born"]),
                            persona.look_up("problem", condition["code"])["display"],
                            str(condition["age"]),
                            "Yes" if condition.get("died_of") else "No",
                        ),
                    )
                    for relative in relatives
                    for condition in relative["conditions"]
                ],
            )
        ],
        [_relative(persona, relative) for relative in relatives],
    )


def _relative(persona: Persona, relative: Facts) -> Element:
    relation = persona.look_up("relative", relative["relation"])
    deceased = "died" in relative
    return el(
        "organizer",
        {"classCode": "CLUSTER", "moodCode": "EVN"},
        templates("2.16.840.1.113883.10.20.22.4.45", "2015-08-01"),
        el("id", {"root": persona.id("relative", relative["key"])}),
        status("completed"),
        el(
            "subject",
            None,
            el(
                "relatedSubject",
                {"classCode": "PRS"},
                coded("code", Code("rolecode", relation["code"], relation["display"])),
                el(
                    "subject",
                    None,
                    coded("administrativeGenderCode", GENDERS[relation["gender"]]),
                    time(relative["born"], "birthTime"),
                    el("sdtc:deceasedInd", {"value": "true" if deceased else "false"}),
                    el("sdtc:deceasedTime", {"value": stamp(relative["died"])}) if deceased else None,
                ),
            ),
        ),
        [
            component(_family_observation(persona, relative, condition))
            for condition in relative["conditions"]
        ],
    )


def _family_observation(persona: Persona, relative: Facts, condition: Facts) -> Element:
    code, translations = problem_codes(persona.look_up("problem", condition["code"]))
    return el(
        "observation",
        OBSERVATION,
        templates("2.16.840.1.113883.10.20.22.4.46", "2015-08-01"),
        el("id", {"root": persona.id("family", relative["key"], condition["code"])}),
        coded("code", PROBLEM, also=(PROBLEM_LOINC,)),
        text(f"family-{relative['key']}-{condition['code']}"),
        status("completed"),
        time(str(int(str(relative["born"])[:4]) + condition["age"])),
        value(code, also=translations),
        el(
            "entryRelationship",
            {"typeCode": "SUBJ", "inversionInd": "true"},
            el(
                "observation",
                OBSERVATION,
                templates("2.16.840.1.113883.10.20.22.4.31"),
                coded("code", Code("snomed", "445518008", "Age at onset")),
                status("completed"),
                el("value", {"xsi:type": "PQ", "value": str(condition["age"]), "unit": "a"}),
            ),
        ),
        el(
            "entryRelationship",
            {"typeCode": "CAUS"},
            el(
                "observation",
                OBSERVATION,
                templates("2.16.840.1.113883.10.20.22.4.47"),
                el("id", {"root": persona.id("family-death", relative["key"], condition["code"])}),
                coded("code", Code("actcode", "ASSERTION", "Assertion")),
                status("completed"),
                value(Code("snomed", "419099009", "Dead")),
            ),
        )
        if condition.get("died_of")
        else None,
    )
