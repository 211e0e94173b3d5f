"""Care Teams, Payers and Advance Directives Sections."""

from __future__ import annotations

from chartbridge.features.networks.sandbox.ccd.people import NPI as NPI_OID
from chartbridge.features.networks.sandbox.ccd.people import (
    address,
    author,
    clinician_name,
    name,
    phone,
    specialty,
)
from chartbridge.features.networks.sandbox.ccd.xml import (
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
    value,
)
from chartbridge.features.networks.sandbox.persona import Facts, Persona, display_name


def care_team(persona: Persona) -> Element:
    """Care Teams Section with its organizer and one member act a clinician."""
    members = [clinician for clinician in persona.each("clinician") if clinician.get("care_team")]
    since = persona.facts["covers_from"]
    return section(
        [template("2.16.840.1.113883.10.20.22.2.500", "2019-07-01")],
        "85847-2",
        "Patient care team information",
        "Care Team",
        [
            el("paragraph", {"ID": "care-team"}, f"Care team of {persona.full_name}"),
            table(
                ("Name", "Role", "Organization", "Since"),
                [
                    Row(
                        f"member-{member['key']}",
                        (
                            display_name(member),
                            member["care_team"],
                            persona.organization["name"],
                            shown(since),
                        ),
                    )
                    for member in members
                ],
            ),
        ],
        [
            el(
                "organizer",
                {"classCode": "CLUSTER", "moodCode": "EVN"},
                template("2.16.840.1.113883.10.20.22.4.500", "2019-07-01"),
                el("id", {"root": persona.id("care-team")}),
                coded("code", Code("loinc", "86744-0", "Care team"), anchor="care-team"),
                status("active"),
                interval(since),
                [el("component", None, _member(persona, member)) for member in members],
            )
        ],
    )


def _member(persona: Persona, member: Facts) -> Element:
    since = persona.facts["covers_from"]
    primary = member is persona.clinician()
    return el(
        "act",
        {"classCode": "PCPR", "moodCode": "EVN"},
        template("2.16.840.1.113883.10.20.22.4.500.1", "2019-07-01"),
        el("id", {"root": persona.id("care-team-member", member["key"])}),
        coded("code", Code("loinc", "85847-2", "Care team member")),
        text(f"member-{member['key']}"),
        status("active"),
        interval(since, xsi=True),
        el(
            "performer",
            {"typeCode": "PRF"},
            coded(
                "sdtc:functionCode",
                Code("function", "PCP", "primary care physician") if primary else specialty(persona, member),
            ),
            el(
                "assignedEntity",
                None,
                el("id", {"root": NPI_OID, "extension": member["npi"]}),
                coded("code", specialty(persona, member)),
                address(persona.organization, "WP"),
                phone(persona.organization["phone"], "WP"),
                el("assignedPerson", None, clinician_name(member)),
            ),
        ),
    )


# Payers and directives -----------------------------------------------------------------------


def payers(persona: Persona) -> Element:
    """Payers Section: coverage with its policy."""
    policies = persona.each("policy")
    return section(
        templates("2.16.840.1.113883.10.20.22.2.18", "2015-08-01"),
        "48768-6",
        "Payers",
        "Insurance",
        [
            table(
                ("Payer", "Plan", "Member id", "Relationship", "Since"),
                [
                    Row(
                        f"policy-{policy['key']}",
                        (policy["payer"], policy["plan"], policy["member"], "Self", shown(policy["since"])),
                    )
                    for policy in policies
                ],
            )
        ],
        [_coverage(persona)],
    )


def _coverage(persona: Persona) -> Element:
    return el(
        "act",
        {"classCode": "ACT", "moodCode": "EVN"},
        templates("2.16.840.1.113883.10.20.22.4.60", "2015-08-01"),
        el("id", {"root": persona.id("coverage")}),
        coded("code", Code("loinc", "48768-6", "Payment sources")),
        status("completed"),
        [
            el(
                "entryRelationship",
                {"typeCode": "COMP"},
                el("sequenceNumber", {"value": str(rank)}),
                _policy(persona, policy),
            )
            for rank, policy in enumerate(persona.each("policy"), start=1)
        ],
    )


def _policy(persona: Persona, policy: Facts) -> Element:
    who = persona.patient
    authority = {"root": persona.id("payer", policy["payer"])}
    return el(
        "act",
        {"classCode": "ACT", "moodCode": "EVN"},
        templates("2.16.840.1.113883.10.20.22.4.61", "2015-08-01"),
        el("id", {**authority, "extension": policy["member"]}),
        coded(
            "code",
            Code("x12", policy["x12"], policy["plan"]),
            also=(Code("sopt", policy["sopt"], policy["sopt_display"]),),
        ),
        text(f"policy-{policy['key']}"),
        status("completed"),
        el(
            "performer",
            {"typeCode": "PRF"},
            templates("2.16.840.1.113883.10.20.22.4.87"),
            el(
                "assignedEntity",
                None,
                el("id", authority),
                coded("code", Code("roleclass", "PAYOR", "invoice payor")),
                el("representedOrganization", None, el("name", None, policy["payer"])),
            ),
        ),
        el(
            "participant",
            {"typeCode": "COV"},
            templates("2.16.840.1.113883.10.20.22.4.89"),
            el("time", None, time(policy["since"], "low")),
            el(
                "participantRole",
                {"classCode": "PAT"},
                el("id", {**authority, "extension": policy["member"]}),
                coded("code", Code("rolecode", "SELF", "Self")),
                el(
                    "playingEntity",
                    None,
                    name(who["first_name"], who["last_name"]),
                    time(who["dob"], "sdtc:birthTime"),
                ),
            ),
        ),
        el(
            "participant",
            {"typeCode": "HLD"},
            templates("2.16.840.1.113883.10.20.22.4.90"),
            el(
                "participantRole",
                None,
                el("id", {**authority, "extension": policy["member"]}),
                address(who, "HP"),
            ),
        ),
        el(
            "entryRelationship",
            {"typeCode": "REFR"},
            el(
                "act",
                {"classCode": "ACT", "moodCode": "DEF"},
                el("id", {"root": persona.id("plan-description", policy["key"])}),
                el("code", {"nullFlavor": "UNK"}),
                text(f"policy-{policy['key']}"),
                status("active"),
            ),
        ),
    )


def advance_directives(persona: Persona) -> Element | None:
    """Advance Directives Section, where the patient made one."""
    entries = persona.each("directive")
    if not entries:
        return None
    return section(
        templates("2.16.840.1.113883.10.20.22.2.21.1", "2015-08-01"),
        "42348-3",
        "Advance directives",
        "Advance Directives",
        [
            table(
                ("Directive", "Since", "Details"),
                [
                    Row(
                        f"directive-{directive['key']}",
                        (directive["display"], shown(directive["since"]), directive["text"]),
                    )
                    for directive in entries
                ],
            )
        ],
        [_directive(persona, directive) for directive in entries],
    )


def _directive(persona: Persona, directive: Facts) -> Element:
    """Advance Directive Observation (templateId …22.4.48)."""
    return el(
        "observation",
        {"classCode": "OBS", "moodCode": "EVN"},
        templates("2.16.840.1.113883.10.20.22.4.48", "2015-08-01"),
        el("id", {"root": persona.id("directive", directive["key"])}),
        coded(
            "code",
            Code("snomed", "304251008", "Resuscitation status"),
            also=(Code("loinc", "75320-2", "Advance directive"),),
        ),
        text(f"directive-{directive['key']}"),
        status("completed"),
        el("effectiveTime", None, time(directive["since"], "low"), el("high", {"nullFlavor": "NA"})),
        value(Code("snomed", directive["code"], directive["display"])),
        author(persona, directive["since"]),
    )
