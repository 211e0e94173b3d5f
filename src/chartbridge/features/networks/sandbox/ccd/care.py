"""Sections of care given: procedures, encounters, notes."""

from __future__ import annotations

from chartbridge.features.networks.sandbox.ccd.concepts import (
    ENCOUNTER_CLASSES,
    snomed,
)
from chartbridge.features.networks.sandbox.ccd.people import (
    address,
    author,
    performer,
)
from chartbridge.features.networks.sandbox.ccd.problems import problem_observation
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
    template,
    templates,
    text,
    time,
)
from chartbridge.features.networks.sandbox.persona import Facts, Persona, display_name

DISPOSITIONS = {
    "home": Code("nubc", "01", "Discharged to home"),
    "home-health": Code("nubc", "06", "Discharged home under care of a home health service"),
}


def procedures(persona: Persona) -> Element:
    """Procedures Section (entries required); a date that nobody remembers is nullFlavor UNK."""
    entries = persona.each("procedure")
    return section(
        templates("2.16.840.1.113883.10.20.22.2.7.1", "2014-06-09"),
        "47519-4",
        "History of procedures",
        "Procedures",
        [
            table(
                ("Procedure", "Date", "By", "Comment"),
                [
                    Row(
                        f"procedure-{procedure['key']}",
                        (
                            Cell(
                                f"procedure-{procedure['key']}-name",
                                persona.look_up("procedure", procedure["code"])["display"],
                            ),
                            shown(procedure["date"]) if "date" in procedure else "Date unknown",
                            display_name(persona.clinician(procedure["clinician"]))
                            if "clinician" in procedure
                            else "",
                            procedure.get("comment", ""),
                        ),
                    )
                    for procedure in entries
                ],
            )
        ],
        [_procedure(persona, procedure) for procedure in entries],
    )


def _procedure(persona: Persona, procedure: Facts) -> Element:
    """Procedure Activity Procedure (templateId …22.4.14)."""
    anchor = f"procedure-{procedure['key']}"
    recorded = procedure.get("date", persona.facts["covers_from"])
    return el(
        "procedure",
        {"classCode": "PROC", "moodCode": "EVN"},
        templates("2.16.840.1.113883.10.20.22.4.14", "2014-06-09"),
        el("id", {"root": persona.id("procedure", procedure["key"])}),
        coded("code", snomed(persona.look_up("procedure", procedure["code"])), anchor=f"{anchor}-name"),
        text(anchor),
        status("completed"),
        time(procedure.get("date")),
        performer(persona, persona.clinician(procedure["clinician"])) if "clinician" in procedure else None,
        author(persona, recorded),
    )


# Encounters and notes ------------------------------------------------------------------------


def encounters(persona: Persona) -> Element:
    """Encounters Section (entries required) with the diagnoses made."""
    entries = persona.each("encounter")
    return section(
        templates("2.16.840.1.113883.10.20.22.2.22.1", "2015-08-01"),
        "46240-8",
        "History of encounters",
        "Encounters",
        [
            table(
                ("Visit", "Date", "Reason", "Clinician", "Place", "Diagnoses"),
                [_encounter_row(persona, visit) for visit in entries],
            )
        ],
        [_encounter(persona, visit) for visit in entries],
    )


def _encounter_row(persona: Persona, visit: Facts) -> Row:
    anchor = f"encounter-{visit['key']}"
    return Row(
        anchor,
        (
            Cell(f"{anchor}-name", persona.look_up("encounter", visit["kind"])["display"]),
            shown(visit["start"]),
            visit["reason"],
            display_name(persona.clinician(visit["clinician"])),
            persona.place(visit),
            Cell(
                f"{anchor}-diagnoses",
                "; ".join(persona.look_up("problem", key)["display"] for key in visit["diagnoses"]),
            ),
        ),
    )


def _encounter(persona: Persona, visit: Facts) -> Element:
    """Encounter Activity (templateId …22.4.49)."""
    anchor = f"encounter-{visit['key']}"
    kind = persona.look_up("encounter", visit["kind"])
    return el(
        "encounter",
        {"classCode": "ENC", "moodCode": "EVN"},
        templates("2.16.840.1.113883.10.20.22.4.49", "2015-08-01"),
        el("id", {"root": persona.id("encounter", visit["key"])}),
        coded("code", snomed(kind), anchor=f"{anchor}-name", also=(ENCOUNTER_CLASSES[kind["act"]],)),
        text(anchor),
        status("completed"),
        interval(visit["start"], visit["end"]),
        coded("sdtc:dischargeDispositionCode", DISPOSITIONS[visit["disposition"]])
        if "disposition" in visit
        else None,
        performer(persona, persona.clinician(visit["clinician"])),
        _place(persona, visit),
        [
            el(
                "entryRelationship",
                {"typeCode": "SUBJ"},
                el(
                    "act",
                    {"classCode": "ACT", "moodCode": "EVN"},
                    templates("2.16.840.1.113883.10.20.22.4.80", "2015-08-01"),
                    coded("code", Code("loinc", "29308-4", "Diagnosis")),
                    status("completed"),
                    el(
                        "entryRelationship",
                        {"typeCode": "SUBJ"},
                        problem_observation(
                            persona,
                            key,
                            identifier=persona.id("encounter-diagnosis", visit["key"], key),
                            anchor=f"{anchor}-diagnoses",
                            onset=visit["start"],
                        ),
                    ),
                ),
            )
            for key in visit["diagnoses"]
        ],
    )


def _place(persona: Persona, visit: Facts) -> Element:
    """Service Delivery Location (templateId …22.4.32), coded as HL7 role codes."""
    kinds = {
        "AMB": Code("rolecode", "OF", "Outpatient facility"),
        "EMER": Code("rolecode", "ER", "Emergency room"),
        "IMP": Code("rolecode", "HOSP", "Hospital"),
    }
    place = persona.place(visit)
    return el(
        "participant",
        {"typeCode": "LOC"},
        el(
            "participantRole",
            {"classCode": "SDLOC"},
            templates("2.16.840.1.113883.10.20.22.4.32"),
            el("id", {"root": persona.id("place", place)}),
            coded("code", kinds[persona.look_up("encounter", visit["kind"])["act"]]),
            address(persona.organization, "WP") if "place" not in visit else None,
            el("playingEntity", {"classCode": "PLC"}, el("name", None, place)),
        ),
    )


def notes(persona: Persona) -> Element:
    """Notes Section (templateId …22.2.65): what clinicians wrote, in full."""
    entries = persona.each("note")
    return section(
        [template("2.16.840.1.113883.10.20.22.2.65", "2016-11-01")],
        "11506-3",
        "Progress note",
        "Notes",
        [
            el(
                "list",
                None,
                [
                    el(
                        "item",
                        {"ID": f"note-{note['key']}"},
                        el("paragraph", None, f"{shown(note['date'])}, {_written_by(persona, note)}"),
                        [el("paragraph", None, words) for words in note["text"].strip().split("\n\n")],
                    )
                    for note in entries
                ],
            )
        ],
        [_note(persona, note) for note in entries],
    )


def _written_by(persona: Persona, note: Facts) -> str:
    kind = persona.look_up("note", note["kind"])["display"]
    return f"{kind} by {display_name(persona.clinician(note['clinician']))}"


def _note(persona: Persona, note: Facts) -> Element:
    kind = persona.look_up("note", note["kind"])
    return el(
        "act",
        {"classCode": "ACT", "moodCode": "EVN"},
        template("2.16.840.1.113883.10.20.22.4.202", "2016-11-01"),
        el("id", {"root": persona.id("note", note["key"])}),
        coded(
            "code",
            Code("loinc", "34109-9", "Note"),
            also=(Code("loinc", kind["code"], kind["display"]),),
        ),
        text(f"note-{note['key']}"),
        status("completed"),
        time(note["date"]),
        author(persona, note["date"], persona.clinician(note["clinician"])),
    )
