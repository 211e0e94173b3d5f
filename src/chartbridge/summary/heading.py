"""What the head of the summary says of the patient, and the foot of each page."""

from __future__ import annotations

from datetime import date, datetime

from chartbridge.summary import words
from chartbridge.summary.chart import Chart, Json

_FOOT_CHARACTERS = 60
"""Of a name and of an id at the foot of a page, so that each foot stays on one line."""
_SSN = "http://hl7.org/fhir/sid/us-ssn"
_SHOWN_OF_SECRET = 4


def foot(patient: Json) -> str:
    """Whose page it is: name, date of birth, record id; for a sheet that has come away from the others."""
    name = words.name(patient.get("name")) or "Name not stated"
    born = words.date(words.said(patient, "birthDate")) or "not stated"
    record = str(patient.get("id") or "")
    return words.joined(
        [_shortened(name), f"born {_shortened(born)}", words.labelled("record", _shortened(record))], " · "
    )


def _shortened(text: str) -> str:
    return text if len(text) <= _FOOT_CHARACTERS else f"{text[: _FOOT_CHARACTERS - 1]}…"


def name(patient: Json) -> str:
    """The patient's name, or that there is none."""
    return words.name(patient.get("name")) or "Name not stated"


def facts(patient: Json, chart: Chart, now: datetime) -> list[tuple[str, str]]:
    """The terms of the head and what they say; empty for what is not known and need not be said."""
    died = words.date(patient.get("deceasedDateTime")) or (patient.get("deceasedBoolean") and "date unknown")
    organization = chart.target(patient.get("managingOrganization"), patient)
    spoken = words.joined(words.concept(one.get("language")) for one in patient.get("communication") or [])
    return [
        ("Born", _born(patient, now)),
        ("Sex", words.plain(words.said(patient, "gender")) or "not stated"),
        ("Died", str(died or "")),
        ("Also known as", words.joined(map(words.name, (patient.get("name") or [])[1:]), "; ")),
        ("Address", words.joined(map(words.address, patient.get("address") or []), "; ")),
        ("Telephone, mail", words.telecom(patient.get("telecom"))),
        ("Language", spoken),
        (
            "Organization",
            words.joined(
                [
                    chart.who(patient.get("managingOrganization"), patient),
                    *map(words.address, organization.get("address") or []),
                    words.telecom(organization.get("telecom")),
                ]
            ),
        ),
        ("Primary care", _primary_care(patient, chart)),
        ("Identifiers", _identifiers(patient)),
    ]


def _born(patient: Json, now: datetime) -> str:
    said = words.said(patient, "birthDate")
    shown = words.date(said) or said or "not stated"
    try:
        born = date.fromisoformat(said)
    except ValueError:
        return shown
    if patient.get("deceasedDateTime") or patient.get("deceasedBoolean"):
        return shown
    years = now.year - born.year - ((now.month, now.day) < (born.month, born.day))
    return f"{shown} ({years} years)" if years >= 0 else shown


def _primary_care(patient: Json, chart: Chart) -> str:
    """The general practitioner of the Patient, and the primary care physicians of care teams not over."""
    members = [
        chart.who(one.get("member"), team)
        for team in chart.of("CareTeam")
        if team.get("status") not in {"inactive", "proposed", "suspended"}
        for one in team.get("participant") or []
        if any("PCP" in words.codes(role) for role in one.get("role") or [])
        and not str((one.get("period") or team.get("period") or {}).get("end") or "9999") < chart.today
    ]
    return words.joined([chart.everyone(patient.get("generalPractitioner"), patient), *members])


def _identifiers(patient: Json) -> str:
    """Other numbers of the patient; of a social security number no more than its end."""
    shown = []
    for one in patient.get("identifier") or []:
        value = str(one.get("value") or "")
        if not value or value.removeprefix("urn:uuid:") == patient.get("id"):
            continue
        kind = words.concept(one.get("type"))
        if one.get("system") == _SSN or "SS" in words.codes(one.get("type")):
            kind, value = kind or "Social Security number", f"ending in {value[-_SHOWN_OF_SECRET:]}"
        by = str((one.get("assigner") or {}).get("display") or "")
        shown.append(words.joined([words.joined([kind, value], " "), by and f"({by})"], " "))
    return words.joined(shown, "; ")
