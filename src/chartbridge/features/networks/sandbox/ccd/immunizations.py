"""Immunizations Section: vaccines given and refused."""

from __future__ import annotations

from chartbridge.features.networks.sandbox.ccd.concepts import (
    INTRAMUSCULAR,
)
from chartbridge.features.networks.sandbox.ccd.people import author
from chartbridge.features.networks.sandbox.ccd.xml import (
    Cell,
    Code,
    Element,
    Row,
    coded,
    el,
    quantity,
    section,
    shown,
    status,
    table,
    templates,
    text,
    time,
)
from chartbridge.features.networks.sandbox.persona import Facts, Persona


def immunizations(persona: Persona) -> Element:
    """Immunizations Section (entries required), refusals included."""
    entries = persona.each("immunization")
    return section(
        templates("2.16.840.1.113883.10.20.22.2.2.1", "2015-08-01"),
        "11369-6",
        "History of immunizations",
        "Immunizations",
        [
            table(
                ("Vaccine", "Date", "Lot", "Status"),
                [_immunization_row(persona, vaccine) for vaccine in entries],
            )
        ],
        [_immunization(persona, vaccine) for vaccine in entries],
    )


def _immunization_key(vaccine: Facts) -> str:
    return f"{vaccine['vaccine']}-{vaccine['date']}"


def _immunization_row(persona: Persona, vaccine: Facts) -> Row:
    anchor = f"immunization-{_immunization_key(vaccine)}"
    return Row(
        anchor,
        (
            Cell(f"{anchor}-name", persona.look_up("vaccine", vaccine["vaccine"])["display"]),
            shown(vaccine["date"]),
            vaccine.get("lot", ""),
            "Refused by the patient" if vaccine.get("refused") else "Given",
        ),
    )


def _immunization(persona: Persona, vaccine: Facts) -> Element:
    """Immunization Activity (templateId …22.4.52); a refusal carries negationInd and its reason."""
    key = _immunization_key(vaccine)
    anchor = f"immunization-{key}"
    entry = persona.look_up("vaccine", vaccine["vaccine"])
    refused = bool(vaccine.get("refused"))
    return el(
        "substanceAdministration",
        {"classCode": "SBADM", "moodCode": "EVN", "negationInd": "true" if refused else "false"},
        templates("2.16.840.1.113883.10.20.22.4.52", "2015-08-01"),
        el("id", {"root": persona.id("immunization", key)}),
        text(anchor),
        status("completed"),
        time(vaccine["date"]),
        None if refused else coded("routeCode", INTRAMUSCULAR),
        None if refused else quantity(entry["ml"], "mL", "doseQuantity", xsi=False),
        el(
            "consumable",
            None,
            el(
                "manufacturedProduct",
                {"classCode": "MANU"},
                templates("2.16.840.1.113883.10.20.22.4.54", "2014-06-09"),
                el(
                    "manufacturedMaterial",
                    None,
                    coded("code", Code("cvx", entry["cvx"], entry["display"]), anchor=f"{anchor}-name"),
                    el("lotNumberText", None, vaccine["lot"]) if "lot" in vaccine else None,
                ),
            ),
        ),
        author(persona, vaccine["date"]),
        el(
            "entryRelationship",
            {"typeCode": "RSON"},
            el(
                "observation",
                {"classCode": "OBS", "moodCode": "EVN"},
                templates("2.16.840.1.113883.10.20.22.4.53"),
                el("id", {"root": persona.id("refusal", key)}),
                coded("code", Code("actreason", "PATOBJ", "Patient objection")),
                status("completed"),
            ),
        )
        if refused
        else None,
    )
