"""The summary as a page of HTML, and as PDF."""

from __future__ import annotations

import base64
import binascii
from datetime import date, datetime
from functools import cache
from typing import Any

import jinja2
from markupsafe import Markup

from chartbridge.printing import to_pdf
from chartbridge.summary import words
from chartbridge.summary.chart import UNKNOWN_SOURCE, Chart, Json
from chartbridge.summary.sections import Section, sections
from chartbridge.typeface import font_face_css

BRIEF_SOURCE = "metriport:ai-generated-brief"
"""The ``meta.source`` of the Binary that holds the brief."""


_DIRECTION = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])
"""The characters that set the direction of text: one in a source's text could turn what stands around it."""
_FOOT_CHARACTERS = 60
"""Of a name and of an id at the foot of a page, so that each foot stays on one line."""


def _without_direction(value: Any) -> Any:
    return value.translate(_DIRECTION) if isinstance(value, str) else value


@cache
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        finalize=_without_direction,
        loader=jinja2.PackageLoader(__name__.rpartition(".")[0]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["stylesheet"] = Markup(  # noqa: S704 - our own file
        environment.get_template("summary.css").render()
    )
    return environment


def render_html(
    resources: list[Json], *, patient: Json, generated_at: datetime, filters: list[Json] | None = None
) -> str:
    """The summary of a chart as one HTML page that needs nothing else.

    ``patient`` is the current FHIR Patient; a Patient among the resources is not looked at.
    ``generated_at`` is printed, with its zone, and decides the patient's age. ``filters`` are
    ``{key, dateFilter?: {from?, to?}, stringFilter?}`` by section, whose order is that of the summary; an
    entry is kept when some day of it is within the dates (inclusive) and its text contains the string,
    whatever the case. Sections that are not named come after those that are, whole.
    """
    return _html(resources, patient, generated_at, filters, fonts="")


def render_pdf(
    resources: list[Json], *, patient: Json, generated_at: datetime, filters: list[Json] | None = None
) -> bytes:
    """The same as :func:`render_html`, as PDF on letter paper; the same arguments give the same bytes."""
    html = _html(resources, patient, generated_at, filters, fonts=font_face_css())
    return to_pdf(
        html,
        title=_without_direction(
            f"Medical record summary: {words.name(patient.get('name')) or 'name not stated'}"
        ),
        author="Chartbridge",
        subject="Medical record summary",
        created=generated_at,
    )


def _html(
    resources: list[Json], patient: Json, generated_at: datetime, filters: list[Json] | None, *, fonts: str
) -> str:
    chart = Chart(resources, generated_at.date().isoformat())
    built = sections(chart, filters)
    numbers = _numbers(built)
    empty = [one.title for one in built if not (one.rows or one.hidden or one.in_error)]
    return (
        _templates()
        .get_template("summary.html.j2")
        .render(
            fonts=Markup(fonts),  # noqa: S704 - made by us
            foot=Markup(css_string(_foot(patient))),  # noqa: S704 - escaped for CSS and HTML
            numbers=numbers,
            patient=_person(patient, chart, generated_at),
            generated_at=words.date(generated_at.isoformat(timespec="seconds")),
            brief=_brief(chart),
            sections=[one for one in built if one.title not in empty],
            empty=empty,
            nothing=not any(section.rows or section.hidden for section in built),
        )
    )


def _numbers(built: list[Section]) -> dict[str, str]:
    """The short name of each source, in the order in which the summary comes to them."""
    named = dict.fromkeys(
        source
        for section in built
        for _, rows in section.groups
        for row in rows
        for source in row.sources
        if source != UNKNOWN_SOURCE
    )
    return {source: f"S{number}" for number, source in enumerate(named, 1)}


def _foot(patient: Json) -> str:
    """Whose page it is: name, date of birth, record id; for a sheet that has come away from the others."""
    name = words.name(patient.get("name")) or "Name not stated"
    born = words.date(words.said(patient, "birthDate")) or "not stated"
    record = str(patient.get("id") or "")
    return words.joined(
        [
            _shortened(name),
            f"born {_shortened(born)}",
            words.labelled("record", _shortened(record)),
        ],
        " · ",
    )


def _shortened(text: str) -> str:
    return text if len(text) <= _FOOT_CHARACTERS else f"{text[: _FOOT_CHARACTERS - 1]}…"


def css_string(text: str) -> str:
    """A text as a string of CSS in which nothing but letters, digits and spaces stands unescaped.

    Each escape ends in a space, which belongs to it.
    """
    plain = str(_without_direction(text))
    shown = "".join(
        one if one.isascii() and (one.isalnum() or one == " ") else f"\\{ord(one):06x} " for one in plain
    )
    return f'"{shown}"'


def _brief(chart: Chart) -> list[str]:
    """The paragraphs of the brief that a machine wrote, where the chart has one."""
    for held in chart.of("Binary"):
        if (held.get("meta") or {}).get("source") == BRIEF_SOURCE and held.get("data"):
            try:
                text = base64.b64decode(held["data"], validate=True).decode()
            except (binascii.Error, ValueError):
                return ["The brief cannot be read."]
            return [part.strip() for part in text.split("\n") if part.strip()]
    return []


def _person(patient: Json, chart: Chart, now: datetime) -> dict[str, Any]:
    """What the head of the page says of the patient."""
    organization = chart.target(patient.get("managingOrganization"), patient)
    died = words.date(patient.get("deceasedDateTime")) or (patient.get("deceasedBoolean") and "date unknown")
    return {
        "name": words.name(patient.get("name")) or "Name not stated",
        "id": str(patient.get("id") or ""),
        "facts": [
            ("Born", _born(patient, now)),
            ("Sex", words.plain(words.said(patient, "gender")) or "not stated"),
            ("Died", str(died or "")),
            ("Address", words.joined(map(words.address, patient.get("address") or []), "; ")),
            ("Telephone, mail", words.telecom(patient.get("telecom"))),
            (
                "Language",
                words.joined(
                    words.concept(one.get("language")) for one in patient.get("communication") or []
                ),
            ),
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
        ],
    }


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
