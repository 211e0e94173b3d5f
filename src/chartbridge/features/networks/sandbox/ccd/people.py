"""People and organizations as CDA writes them: addresses, telecoms, names, the patient, clinicians."""

from __future__ import annotations

from collections.abc import Sequence

from chartbridge.features.networks.sandbox.ccd.xml import (
    Child,
    Code,
    Element,
    coded,
    el,
    template,
    time,
)
from chartbridge.features.networks.sandbox.persona import Facts, Persona

NPI = "2.16.840.1.113883.4.6"
GENDERS = {
    "F": Code("gender", "F", "Female"),
    "M": Code("gender", "M", "Male"),
}
MARITAL = {
    "S": Code("marital", "S", "Never Married"),
    "M": Code("marital", "M", "Married"),
    "W": Code("marital", "W", "Widowed"),
}
RACES = {
    "2106-3": Code("race", "2106-3", "White"),
    "2054-5": Code("race", "2054-5", "Black or African American"),
    "2028-9": Code("race", "2028-9", "Asian"),
}
ETHNICITIES = {
    "2186-5": Code("race", "2186-5", "Not Hispanic or Latino"),
    "2135-2": Code("race", "2135-2", "Hispanic or Latino"),
}


def address(place: Facts, use: str) -> Element:
    return el(
        "addr",
        {"use": use},
        el("streetAddressLine", None, place["street"]),
        el("city", None, place["city"]),
        el("state", None, place["state"]),
        el("postalCode", None, place["zip"]),
        el("country", None, "US"),
    )


def phone(number: str, use: str) -> Element:
    return el("telecom", {"value": f"tel:+1{number}", "use": use})


def name(first: str, last: str, *, suffix: str | None = None, use: str | None = None) -> Element:
    return el(
        "name",
        {"use": use} if use else None,
        el("given", None, first),
        el("family", None, last),
        el("suffix", None, suffix) if suffix else None,
    )


def clinician_name(clinician: Facts) -> Element:
    return name(clinician["first"], clinician["last"], suffix=clinician["suffix"])


def specialty(persona: Persona, clinician: Facts) -> Code:
    entry = persona.look_up("specialty", clinician["specialty"])
    return Code("nucc", entry["code"], entry["display"])


def organization(persona: Persona, tag: str) -> Element:
    """The persona's practice, which keeps the record."""
    practice = persona.organization
    return el(
        tag,
        None,
        el("id", {"root": persona.authority}),
        el("name", None, practice["name"]),
        phone(practice["phone"], "WP"),
        address(practice, "WP"),
    )


def assigned_entity(persona: Persona, clinician: Facts, *, with_practice: bool = False) -> Element:
    return el(
        "assignedEntity",
        None,
        _person_parts(persona, clinician),
        el("assignedPerson", None, clinician_name(clinician)),
        organization(persona, "representedOrganization") if with_practice else None,
    )


def _person_parts(persona: Persona, clinician: Facts) -> Sequence[Element]:
    return (
        el("id", {"root": NPI, "extension": clinician["npi"]}),
        coded("code", specialty(persona, clinician)),
        address(persona.organization, "WP"),
        phone(persona.organization["phone"], "WP"),
    )


def author(
    persona: Persona, when: object, clinician: Facts | None = None, *, with_practice: bool = False
) -> Element:
    """Author Participation (templateId …22.4.119)."""
    who = clinician or persona.clinician()
    return el(
        "author",
        None,
        template("2.16.840.1.113883.10.20.22.4.119"),
        time(when, "time"),
        el(
            "assignedAuthor",
            None,
            _person_parts(persona, who),
            el("assignedPerson", None, clinician_name(who)),
            organization(persona, "representedOrganization") if with_practice else None,
        ),
    )


def performer(persona: Persona, clinician: Facts, *children: Child) -> Element:
    return el("performer", {"typeCode": "PRF"}, children_of(children), assigned_entity(persona, clinician))


def children_of(children: Sequence[Child]) -> list[Element]:
    """The element children among optional ones, in order."""
    return [child for child in children if isinstance(child, Element)]


def patient_role(persona: Persona) -> Element:
    """recordTarget/patientRole of the US Realm header."""
    who = persona.patient
    return el(
        "patientRole",
        None,
        el("id", {"root": persona.authority, "extension": persona.mrn}),
        address(who, "HP"),
        phone(who["phone"], "MC"),
        el("telecom", {"value": f"mailto:{who['email']}", "use": "HP"}),
        el(
            "patient",
            None,
            name(who["first_name"], who["last_name"], use="L"),
            coded("administrativeGenderCode", GENDERS[who["sex"]]),
            time(who["dob"], "birthTime"),
            coded("maritalStatusCode", MARITAL[who["marital"]]),
            coded("raceCode", RACES[who["race"]]),
            coded("ethnicGroupCode", ETHNICITIES[who["ethnicity"]]),
            _guardian(persona),
            el(
                "languageCommunication",
                None,
                el("languageCode", {"code": "en-US"}),
                el("preferenceInd", {"value": "true"}),
            ),
        ),
        organization(persona, "providerOrganization"),
    )


def _guardian(persona: Persona) -> Element | None:
    """The person who decides for the patient where there is one."""
    guardian = persona.patient.get("guardian")
    if guardian is None:
        return None
    return el(
        "guardian",
        None,
        coded("code", Code("rolecode", guardian["relation"], guardian["relation_display"])),
        phone(guardian["phone"], "MC"),
        el("guardianPerson", None, name(guardian["first"], guardian["last"])),
    )
