"""Allergies and Intolerances Section: what a person reacts to, or that nothing is known."""

from __future__ import annotations

from chartbridge.features.networks.sandbox.ccd.concepts import (
    ASSERTION,
    CONCERN,
    snomed,
)
from chartbridge.features.networks.sandbox.ccd.people import author
from chartbridge.features.networks.sandbox.ccd.xml import (
    Cell,
    Code,
    Element,
    Row,
    coded,
    el,
    interval,
    section,
    shown,
    status,
    table,
    templates,
    text,
    value,
)
from chartbridge.features.networks.sandbox.persona import Facts, Persona


def allergies(persona: Persona) -> Element:
    """Allergies and Intolerances Section (entries required)."""
    entries = persona.each("allergy")
    if entries:
        narrative = table(
            ("Substance", "Reaction", "Severity", "Since", "Status"),
            [_allergy_row(persona, allergy) for allergy in entries],
        )
        acts = [_allergy(persona, allergy) for allergy in entries]
    else:
        narrative = el("paragraph", {"ID": "allergy-none"}, "No known allergies.")
        acts = [_no_known_allergies(persona)]
    return section(
        templates("2.16.840.1.113883.10.20.22.2.6.1", "2015-08-01"),
        "48765-2",
        "Allergies and adverse reactions",
        "Allergies and Adverse Reactions",
        [narrative],
        acts,
    )


def _allergy_row(persona: Persona, allergy: Facts) -> Row:
    anchor = f"allergy-{allergy['key']}"
    reactions = ", ".join(persona.look_up("reaction", key)["display"] for key in allergy["reactions"])
    return Row(
        anchor,
        (
            Cell(f"{anchor}-substance", persona.look_up("allergen", allergy["substance"])["display"]),
            Cell(f"{anchor}-reaction", reactions),
            Cell(f"{anchor}-severity", persona.look_up("severity", allergy["severity"])["display"]),
            shown(allergy["onset"]),
            "Active",
        ),
    )


def _allergy(persona: Persona, allergy: Facts) -> Element:
    anchor = f"allergy-{allergy['key']}"
    substance = persona.look_up("allergen", allergy["substance"])
    observation = el(
        "observation",
        {"classCode": "OBS", "moodCode": "EVN"},
        templates("2.16.840.1.113883.10.20.22.4.7", "2014-06-09"),
        el("id", {"root": persona.id("allergy", allergy["key"])}),
        coded("code", ASSERTION),
        text(anchor),
        status("completed"),
        interval(allergy["onset"]),
        value(snomed(persona.look_up("allergytype", allergy["type"]))),
        author(persona, allergy["recorded"]),
        _agent(
            coded(
                "code",
                Code(substance["system"], substance["code"], substance["display"]),
                anchor=f"{anchor}-substance",
            )
        ),
        [_reaction(persona, allergy, key) for key in allergy["reactions"]],
        _criticality(allergy),
    )
    return _allergy_concern(persona, allergy["key"], allergy["recorded"], anchor, observation)


def _agent(code: Element) -> Element:
    return el(
        "participant",
        {"typeCode": "CSM"},
        el(
            "participantRole",
            {"classCode": "MANU"},
            el("playingEntity", {"classCode": "MMAT"}, code),
        ),
    )


def _reaction(persona: Persona, allergy: Facts, key: str) -> Element:
    anchor = f"allergy-{allergy['key']}"
    return el(
        "entryRelationship",
        {"typeCode": "MFST", "inversionInd": "true"},
        el(
            "observation",
            {"classCode": "OBS", "moodCode": "EVN"},
            templates("2.16.840.1.113883.10.20.22.4.9", "2014-06-09"),
            el("id", {"root": persona.id("reaction", allergy["key"], key)}),
            coded("code", ASSERTION),
            text(f"{anchor}-reaction"),
            status("completed"),
            interval(allergy["onset"]),
            value(snomed(persona.look_up("reaction", key))),
            el(
                "entryRelationship",
                {"typeCode": "SUBJ", "inversionInd": "true"},
                el(
                    "observation",
                    {"classCode": "OBS", "moodCode": "EVN"},
                    templates("2.16.840.1.113883.10.20.22.4.8", "2014-06-09"),
                    coded("code", Code("actcode", "SEV", "Severity")),
                    text(f"{anchor}-severity"),
                    status("completed"),
                    value(snomed(persona.look_up("severity", allergy["severity"]))),
                ),
            ),
        ),
    )


def _criticality(allergy: Facts) -> Element | None:
    """Criticality Observation, where a clinician judged it."""
    if "criticality" not in allergy:
        return None
    code, display = {
        "high": ("CRITH", "high criticality"),
        "low": ("CRITL", "low criticality"),
    }[allergy["criticality"]]
    return el(
        "entryRelationship",
        {"typeCode": "SUBJ", "inversionInd": "true"},
        el(
            "observation",
            {"classCode": "OBS", "moodCode": "EVN"},
            templates("2.16.840.1.113883.10.20.22.4.145"),
            coded("code", Code("loinc", "82606-5", "Criticality")),
            text(f"allergy-{allergy['key']}"),
            status("completed"),
            el(
                "value",
                {
                    "xsi:type": "CD",
                    "code": code,
                    "codeSystem": "2.16.840.1.113883.5.1063",
                    "codeSystemName": "HL7 ObservationValue",
                    "displayName": display,
                },
            ),
        ),
    )


def _no_known_allergies(persona: Persona) -> Element:
    """The statement that no allergy is known: negated, never an absent section."""
    recorded = persona.facts["covers_from"]
    observation = el(
        "observation",
        {"classCode": "OBS", "moodCode": "EVN", "negationInd": "true"},
        templates("2.16.840.1.113883.10.20.22.4.7", "2014-06-09"),
        el("id", {"root": persona.id("allergy", "none")}),
        coded("code", ASSERTION),
        text("allergy-none"),
        status("completed"),
        el("effectiveTime", None, el("low", {"nullFlavor": "NA"})),
        value(Code("snomed", "419199007", "Allergy to substance")),
        author(persona, recorded),
        _agent(el("code", {"nullFlavor": "NA"})),
    )
    return _allergy_concern(persona, "none", recorded, "allergy-none", observation)


def _allergy_concern(
    persona: Persona, key: str, recorded: object, anchor: str, observation: Element
) -> Element:
    return el(
        "act",
        {"classCode": "ACT", "moodCode": "EVN"},
        templates("2.16.840.1.113883.10.20.22.4.30", "2015-08-01"),
        el("id", {"root": persona.id("allergy-concern", key)}),
        coded("code", CONCERN),
        text(anchor),
        status("active"),
        interval(recorded),
        author(persona, recorded),
        el("entryRelationship", {"typeCode": "SUBJ"}, observation),
    )
