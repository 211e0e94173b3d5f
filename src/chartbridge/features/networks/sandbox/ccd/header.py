"""The US Realm header of the personas' Continuity of Care Documents (C-CDA R2.1)."""

from __future__ import annotations

from chartbridge.features.networks.sandbox.ccd.concepts import ENCOUNTER_CLASSES, snomed
from chartbridge.features.networks.sandbox.ccd.people import (
    address,
    assigned_entity,
    author,
    name,
    organization,
    patient_role,
    phone,
)
from chartbridge.features.networks.sandbox.ccd.xml import (
    Code,
    Element,
    coded,
    el,
    stamp,
    templates,
    time,
)
from chartbridge.features.networks.sandbox.persona import Persona

DOCUMENT_CODE = Code("loinc", "34133-9", "Summarization of Episode Note")


def header(persona: Persona) -> list[Element]:
    """Everything of ClinicalDocument before ``component``, in schema order."""
    title = f"Patient Record of {persona.full_name}"
    return [
        el("realmCode", {"code": "US"}),
        el("typeId", {"root": "2.16.840.1.113883.1.3", "extension": "POCD_HD000040"}),
        *templates("2.16.840.1.113883.10.20.22.1.1", "2015-08-01"),
        *templates("2.16.840.1.113883.10.20.22.1.2", "2015-08-01"),
        el("id", {"root": persona.id("document", "ccd")}),
        coded("code", DOCUMENT_CODE),
        el("title", None, title),
        time(persona.written),
        coded("confidentialityCode", Code("confidentiality", "N", "normal")),
        el("languageCode", {"code": "en-US"}),
        el("setId", {"root": persona.id("document-set", "ccd")}),
        el("versionNumber", {"value": "1"}),
        el("recordTarget", None, patient_role(persona)),
        _author(persona),
        el(
            "custodian",
            None,
            el("assignedCustodian", None, organization(persona, "representedCustodianOrganization")),
        ),
        _legal_authenticator(persona),
        *_contacts(persona),
        _documentation_of(persona),
        _component_of(persona),
    ]


def _author(persona: Persona) -> Element:
    """The document's author: as an entry's, without the entry template."""
    made = author(persona, persona.written, with_practice=True)
    made.remove(made[0])
    return made


def _legal_authenticator(persona: Persona) -> Element:
    return el(
        "legalAuthenticator",
        None,
        time(persona.written, "time"),
        el("signatureCode", {"code": "S"}),
        assigned_entity(persona, persona.clinician(), with_practice=True),
    )


def _contacts(persona: Persona) -> list[Element]:
    """Emergency contacts and next of kin as header participants."""
    return [
        el(
            "participant",
            {"typeCode": "IND"},
            el(
                "associatedEntity",
                {"classCode": "ECON"},
                coded("code", Code("rolecode", contact["relation"], contact["relation_display"])),
                address(contact, "HP"),
                phone(contact["phone"], "MC"),
                el("associatedPerson", None, name(contact["first"], contact["last"])),
            ),
        )
        for contact in persona.each("contact")
    ]


def _documentation_of(persona: Persona) -> Element:
    """What the document covers: care by the team from ``covers_from`` until it was written."""
    return el(
        "documentationOf",
        {"typeCode": "DOC"},
        el(
            "serviceEvent",
            {"classCode": "PCPR"},
            el(
                "effectiveTime",
                None,
                time(persona.facts["covers_from"], "low"),
                el("high", {"value": stamp(persona.written)}),
            ),
            [
                el(
                    "performer",
                    {"typeCode": "PRF"},
                    coded("functionCode", Code("function", "PCP", "primary care physician"))
                    if clinician is persona.clinician()
                    else None,
                    assigned_entity(persona, clinician, with_practice=True),
                )
                for clinician in persona.each("clinician")
                if clinician.get("care_team")
            ],
        ),
    )


def _component_of(persona: Persona) -> Element:
    """The visit at which the document was written: the persona's last."""
    visit = persona.each("encounter")[-1]
    kind = persona.look_up("encounter", visit["kind"])
    return el(
        "componentOf",
        None,
        el(
            "encompassingEncounter",
            None,
            el("id", {"root": persona.id("encounter", visit["key"])}),
            coded("code", snomed(kind), also=(ENCOUNTER_CLASSES[kind["act"]],)),
            el("effectiveTime", None, time(visit["start"], "low"), time(visit["end"], "high")),
            el(
                "responsibleParty",
                None,
                assigned_entity(persona, persona.clinician(visit["clinician"])),
            ),
            el(
                "location",
                None,
                el(
                    "healthCareFacility",
                    None,
                    el("id", {"root": persona.id("place", persona.place(visit))}),
                    el(
                        "location",
                        None,
                        el("name", None, persona.organization["name"]),
                        address(persona.organization, "WP"),
                    ),
                ),
            ),
        ),
    )
