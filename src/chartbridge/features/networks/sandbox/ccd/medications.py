"""Medications Section: activities with directions, indication and supply order."""

from __future__ import annotations

from chartbridge.features.networks.sandbox.ccd.concepts import (
    ASSERTION,
    ORAL,
    PROBLEM,
    PROBLEM_LOINC,
    SUBCUTANEOUS,
    problem_codes,
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
    number,
    quantity,
    reference,
    section,
    shown,
    status,
    table,
    templates,
    text,
    value,
)
from chartbridge.features.networks.sandbox.persona import Facts, Persona, display_name


def medications(persona: Persona) -> Element:
    """Medications Section (entries required)."""
    entries = persona.each("medication")
    return section(
        templates("2.16.840.1.113883.10.20.22.2.1.1", "2014-06-09"),
        "10160-0",
        "History of medication use",
        "Medications",
        [
            table(
                ("Medication", "Directions", "Started", "Ended", "Status", "For", "Prescriber"),
                [_medication_row(persona, medication) for medication in entries],
            )
        ],
        [_medication(persona, medication) for medication in entries],
    )


def _medication_row(persona: Persona, medication: Facts) -> Row:
    anchor = f"medication-{medication['key']}"
    return Row(
        anchor,
        (
            Cell(f"{anchor}-name", persona.look_up("drug", medication["drug"])["display"]),
            Cell(f"{anchor}-sig", medication["sig"]),
            shown(medication["start"]),
            shown(medication.get("end")),
            "Completed" if "end" in medication else "Active",
            Cell(f"{anchor}-reason", persona.look_up("problem", medication["reason"])["display"]),
            display_name(persona.clinician(medication.get("clinician"))),
        ),
    )


def _medication(persona: Persona, medication: Facts) -> Element:
    """Medication Activity (templateId …22.4.16) with indication, directions and supply order."""
    anchor = f"medication-{medication['key']}"
    drug = persona.look_up("drug", medication["drug"])
    clinician = persona.clinician(medication.get("clinician"))
    ended = "end" in medication
    as_needed = medication.get("as_needed")
    return el(
        "substanceAdministration",
        {"classCode": "SBADM", "moodCode": "EVN"},
        templates("2.16.840.1.113883.10.20.22.4.16", "2014-06-09"),
        el("id", {"root": persona.id("medication", medication["key"])}),
        text(anchor),
        status("completed" if ended else "active"),
        interval(medication["start"], medication.get("end"), xsi=True),
        _timing(medication),
        coded("routeCode", SUBCUTANEOUS if drug.get("subcutaneous") else ORAL),
        _dose(medication, drug),
        _product(persona, medication["drug"], f"{anchor}-name"),
        author(persona, medication["start"], clinician),
        _indication(persona, medication, anchor),
        _free_text_sig(anchor),
        _supply_order(persona, medication, drug, clinician) if "quantity" in medication else None,
        el(
            "precondition",
            {"typeCode": "PRCN"},
            el(
                "criterion",
                None,
                templates("2.16.840.1.113883.10.20.22.4.25", "2014-06-09"),
                coded("code", ASSERTION),
                value(problem_codes(persona.look_up("problem", as_needed))[0]),
            ),
        )
        if as_needed
        else None,
    )


def _dose(medication: Facts, drug: Facts) -> Element:
    """The amount taken at a time; no information where it changes, which only the directions tell."""
    if "dose" not in medication:
        return el("doseQuantity", {"nullFlavor": "NI"})
    return el(
        "doseQuantity",
        {"value": number(medication["dose"])} | ({"unit": "[iU]"} if drug["unit"] == "[iU]" else {}),
    )


def _timing(medication: Facts) -> Element | None:
    """How often: a period in hours, or an event such as bedtime (HS)."""
    if "event" in medication:
        return el(
            "effectiveTime",
            {"xsi:type": "EIVL_TS", "operator": "A"},
            el("event", {"code": medication["event"]}),
        )
    if "every_h" not in medication:
        return None
    return el(
        "effectiveTime",
        {"xsi:type": "PIVL_TS", "institutionSpecified": "true", "operator": "A"},
        el("period", {"value": number(medication["every_h"]), "unit": "h"}),
    )


def _product(persona: Persona, drug_key: str, anchor: str) -> Element:
    drug = persona.look_up("drug", drug_key)
    return el(
        "consumable",
        None,
        el(
            "manufacturedProduct",
            {"classCode": "MANU"},
            templates("2.16.840.1.113883.10.20.22.4.23", "2014-06-09"),
            el("id", {"root": persona.id("product", drug_key)}),
            el(
                "manufacturedMaterial",
                None,
                coded("code", Code("rxnorm", drug["rxnorm"], drug["display"]), anchor=anchor),
            ),
        ),
    )


def _indication(persona: Persona, medication: Facts, anchor: str) -> Element:
    code, translations = problem_codes(persona.look_up("problem", medication["reason"]))
    return el(
        "entryRelationship",
        {"typeCode": "RSON"},
        el(
            "observation",
            {"classCode": "OBS", "moodCode": "EVN"},
            templates("2.16.840.1.113883.10.20.22.4.19", "2014-06-09"),
            el("id", {"root": persona.id("indication", medication["key"])}),
            coded("code", PROBLEM, also=(PROBLEM_LOINC,)),
            status("completed"),
            interval(medication["start"]),
            value(code, anchor=f"{anchor}-reason", also=translations),
        ),
    )


def _free_text_sig(anchor: str) -> Element:
    """Medication Free Text Sig: the directions as written."""
    return el(
        "entryRelationship",
        {"typeCode": "COMP"},
        el(
            "substanceAdministration",
            {"classCode": "SBADM", "moodCode": "EVN"},
            templates("2.16.840.1.113883.10.20.22.4.147"),
            coded("code", Code("loinc", "76662-6", "Instructions Medication")),
            el("text", None, reference(f"{anchor}-sig")),
            el(
                "consumable",
                None,
                el(
                    "manufacturedProduct",
                    None,
                    el("manufacturedLabeledDrug", {"nullFlavor": "NA"}),
                ),
            ),
        ),
    )


def _supply_order(persona: Persona, medication: Facts, drug: Facts, clinician: Facts) -> Element:
    return el(
        "entryRelationship",
        {"typeCode": "REFR"},
        el(
            "supply",
            {"classCode": "SPLY", "moodCode": "INT"},
            templates("2.16.840.1.113883.10.20.22.4.17", "2014-06-09"),
            el("id", {"root": persona.id("supply-order", medication["key"])}),
            status("completed" if "end" in medication else "active"),
            interval(medication["start"], medication.get("end"), xsi=True),
            el("repeatNumber", {"value": str(medication.get("refills", 0) + 1)}),
            quantity(medication["quantity"], drug.get("pack", drug["unit"]), "quantity", xsi=False),
            el(
                "product",
                None,
                list(_product(persona, medication["drug"], f"medication-{medication['key']}-name")),
            ),
            author(persona, medication["start"], clinician),
        ),
    )
