"""The summary as a page of HTML, and as PDF."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import datetime
from functools import cache

import jinja2
from markupsafe import Markup

from chartbridge.summary import conflicts, heading, sources, words
from chartbridge.summary.chart import Chart, Json
from chartbridge.summary.outline import Bookmark, with_outline
from chartbridge.summary.sections import sections
from chartbridge.typeface import font_face_css

BRIEF_SOURCE = "metriport:ai-generated-brief"
"""The ``meta.source`` of the Binary that holds the brief."""

_DIRECTION = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""The characters that set the direction of text: one in a source's text could turn what stands around it."""


def _without_direction(text: str) -> str:
    return _DIRECTION.sub("", text)


@cache
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(__name__.rpartition(".")[0]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["stylesheet"] = Markup(  # noqa: S704 - our own file
        environment.get_template("summary.css").render()
    )
    environment.filters["drawing"] = Markup  # SVG of our own making, its words escaped
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
    html, _ = _html(resources, patient, generated_at, filters, fonts="")
    return html


def render_pdf(
    resources: list[Json], *, patient: Json, generated_at: datetime, filters: list[Json] | None = None
) -> bytes:
    """The same as :func:`render_html`, as PDF on letter paper with bookmarks; the same arguments give the
    same bytes."""
    from chartbridge.printing import to_pdf  # loads the typesetter, which only printing needs

    html, bookmarks = _html(resources, patient, generated_at, filters, fonts=font_face_css())
    pdf = to_pdf(
        html,
        title=_without_direction(
            f"Medical record summary: {words.name(patient.get('name')) or 'name not stated'}"
        ),
        author="Chartbridge",
        subject="Medical record summary",
        created=generated_at,
    )
    return with_outline(pdf, bookmarks, language="en-US")


def _html(
    resources: list[Json], patient: Json, generated_at: datetime, filters: list[Json] | None, *, fonts: str
) -> tuple[str, list[Bookmark]]:
    """The page, and what its bookmarks are."""
    chart = Chart(resources, generated_at.date().isoformat())
    built = sections(chart, filters)
    conflicts.resolve(built, chart)
    listed = sources.listed(built, chart)
    empty = [one for one in built if not (one.rows or one.hidden or one.in_error)]
    shown = [one for one in built if one not in empty]
    nothing = not any(section.rows or section.hidden for section in built)
    brief = _brief(chart)
    contents = [
        *([Bookmark("brief-title", "Brief")] if brief else []),
        *(Bookmark(f"{one.key}-title", one.title) for one in shown),
        *([Bookmark("no-data", "No data")] if empty and not nothing else []),
        *([Bookmark("sources", "Sources")] if listed else []),
    ]
    html = (
        _templates()
        .get_template("summary.html.j2")
        .render(
            fonts=Markup(fonts),  # noqa: S704 - made by us
            foot=Markup(css_string(heading.foot(patient))),  # noqa: S704 - escaped for CSS and HTML
            sources=listed,
            cite=sources.Citations(listed),
            name=heading.name(patient),
            id=str(patient.get("id") or ""),
            facts=heading.facts(patient, chart, generated_at),
            generated_at=words.date(generated_at.isoformat(timespec="seconds")),
            brief=brief,
            contents=contents if not nothing else [],
            sections=shown,
            empty=[one.title for one in empty],
            no_allergies=not nothing and any(one.key == "allergies" for one in empty),
            nothing=nothing,
        )
    )
    return _without_direction(html), contents if not nothing else []


def css_string(text: str) -> str:
    """A text as a string of CSS in which nothing but letters, digits and spaces stands unescaped.

    Each escape ends in a space, which belongs to it.
    """
    shown = "".join(
        one if one.isascii() and (one.isalnum() or one == " ") else f"\\{ord(one):06x} "
        for one in _without_direction(text)
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
