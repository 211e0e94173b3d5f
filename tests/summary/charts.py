"""Small resources for charts, and a summary read back as text by section."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from lxml import html

from chartbridge.summary import render_html

Json = dict[str, Any]
NOW = datetime(2026, 2, 1, 10, 5, tzinfo=UTC)
PATIENT: Json = {
    "resourceType": "Patient",
    "id": "p",
    "name": [{"family": "Smith", "given": ["Jane"]}],
    "birthDate": "1996-02-10",
    "gender": "female",
}
VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"


def coded(code: str, text: str | None = None) -> Json:
    """A CodeableConcept."""
    return {"coding": [{"system": "urn:test", "code": code, **({"display": text} if text else {})}]}


def text(words: str) -> Json:
    return {"text": words}


def condition(name: str, **elements: Any) -> Json:
    return {"resourceType": "Condition", "code": text(name), **elements}


def allergy(name: str, **elements: Any) -> Json:
    return {"resourceType": "AllergyIntolerance", "code": text(name), **elements}


def lab(name: str, **elements: Any) -> Json:
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": [coded("laboratory")],
        "code": text(name),
        **elements,
    }


def medication(kind: str, name: str, **elements: Any) -> Json:
    status = {"status": "active"} | elements
    return {"resourceType": kind, "medicationCodeableConcept": text(name), **status}


def page(*resources: Json, patient: Json = PATIENT, filters: list[Json] | None = None) -> Any:
    """The summary as a tree of HTML."""
    return html.fromstring(render_html(list(resources), patient=patient, generated_at=NOW, filters=filters))


def words_of(element: Any) -> str:
    return " ".join(" ".join(element.itertext()).split())


def rows(key: str, *resources: Json, **more: Any) -> list[str]:
    """The rows of a section as text, in their order."""
    found = page(*resources, **more).xpath(f"//section[@id='{key}']//tbody/tr")
    return [words_of(row) for row in found]


def row(key: str, resource: Json) -> str:
    """The only row of a section."""
    (found,) = rows(key, resource)
    return found


def section_text(key: str, *resources: Json, **more: Any) -> str:
    """All the words of a section; empty where it is not there."""
    return " ".join(words_of(one) for one in page(*resources, **more).xpath(f"//section[@id='{key}']"))
