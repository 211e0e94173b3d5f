"""Persona → PDF reports: physical examination, pathology, letters.

Laid out as HTML and printed with PlutoPrint. Dates in the file's metadata are the report's own, so
the bytes are the same each time; the text can be extracted and searched.
"""

from __future__ import annotations

import html
from collections.abc import Iterator

from chartbridge.features.networks.sandbox.ccd.xml import shown
from chartbridge.features.networks.sandbox.measures import vitals
from chartbridge.features.networks.sandbox.persona import Facts, Persona, display_name
from chartbridge.typeface import FAMILY, font_face_css

STYLE = (
    f"{font_face_css()}\nbody {{ font-family: '{FAMILY}'; }}"
    + """
@page { size: letter; margin: 15mm 18mm 15mm 18mm; }
body { font-size: 9.5pt; line-height: 1.35; color: #1c2733; margin: 0; }
.letterhead { border-bottom: 2pt solid #24557a; padding-bottom: 6pt; margin-bottom: 10pt; }
.letterhead .name { font-size: 14pt; font-weight: bold; color: #24557a; }
.letterhead .contact { font-size: 8pt; color: #56646f; }
h1 { font-size: 15pt; margin: 4pt 0 8pt 0; }
h2 { font-size: 10.5pt; color: #24557a; margin: 7pt 0 1pt 0; }
p { margin: 0 0 4pt 0; }
ul { margin: 2pt 0 4pt 0; padding-left: 14pt; }
table { border-collapse: collapse; width: 100%; }
.facts { background: #f1f5f8; border: 0.5pt solid #c6d2db; margin-bottom: 6pt; }
.facts td { padding: 2.5pt 6pt; font-size: 8.5pt; vertical-align: top; }
.facts .label { color: #56646f; width: 17%; }
.vitals th, .vitals td { border: 0.5pt solid #c6d2db; padding: 2.5pt 6pt; font-size: 8.5pt;
                         text-align: left; }
.vitals th { background: #e3ebf1; }
.emphasis { border-left: 3pt solid #24557a; background: #f1f5f8; padding: 4pt 8pt; font-weight: bold; }
.signature { margin-top: 11pt; border-top: 0.5pt solid #c6d2db; padding-top: 6pt; }
.foot { font-size: 7.5pt; color: #56646f; margin-top: 8pt; }
"""
)


def render(persona: Persona, report: Facts) -> bytes:
    """One report as PDF 1.7."""
    from chartbridge.printing import to_pdf  # loads the typesetter, which only printing needs

    return to_pdf(
        _page(persona, report),
        title=report["title"],
        author=display_name(persona.clinician(report["clinician"])),
        subject=f"{report['description']} of {persona.full_name}",
        created=report["created"],
    )


def _page(persona: Persona, report: Facts) -> str:
    parts = [
        _letterhead(persona, report),
        f"<h1>{html.escape(report['title'])}</h1>",
        _facts(persona, report),
        *_vitals(persona, report),
        *(part for section in report["section"] for part in _section(section)),
        _signature(persona, report),
    ]
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{html.escape(report['title'])}</title><style>{STYLE}</style></head>"
        f"<body>{''.join(parts)}</body></html>"
    )


def _letterhead(persona: Persona, report: Facts) -> str:
    practice = persona.organization
    place = persona.place(report)
    contact = (
        f"{practice['street']}, {practice['city']}, {practice['state']} {practice['zip']} "
        f"&#183; {_phone(practice['phone'])}"
        if place == practice["name"]
        else f"{practice['city']}, {practice['state']}"
    )
    return (
        f'<div class="letterhead"><div class="name">{html.escape(place)}</div>'
        f'<div class="contact">{contact}</div></div>'
    )


def _phone(digits: str) -> str:
    return f"({digits[:3]}) {digits[3:6]}-{digits[6:]}"


def _facts(persona: Persona, report: Facts) -> str:
    who = persona.patient
    created = report["created"]
    sex = {"F": "Female", "M": "Male"}[who["sex"]]
    pairs = [
        ("Patient", persona.full_name),
        ("Date of birth", f"{shown(who['dob'])} ({persona.age_on(created.date())} y, {sex})"),
        ("Record number", persona.mrn),
        ("Report date", shown(created)),
        ("Address", f"{who['street']}, {who['city']}, {who['state']} {who['zip']}"),
        ("Clinician", display_name(persona.clinician(report["clinician"]))),
    ]
    if "accession" in report:
        pairs.append(("Accession", report["accession"]))
        pairs.append(("Status", "Final"))
    rows = [pairs[index : index + 2] for index in range(0, len(pairs), 2)]
    cells = "".join(
        "<tr>"
        + "".join(f'<td class="label">{label}</td><td>{html.escape(words)}</td>' for label, words in row)
        + "</tr>"
        for row in rows
    )
    return f'<table class="facts">{cells}</table>'


def _vitals(persona: Persona, report: Facts) -> Iterator[str]:
    """The vital signs of the day the report names, if it names one."""
    if "vitals" not in report:
        return
    reading = next(entry for entry in persona.each("vitals") if entry["taken"].date() == report["vitals"])
    measured = list(vitals(reading))
    yield "<h2>Vital signs</h2>"
    yield '<table class="vitals"><tr>'
    yield "".join(f"<th>{_short(vital.display)}</th>" for vital, _ in measured)
    yield "</tr><tr>"
    yield "".join(f"<td>{value:g} {_unit(vital.unit)}</td>" for vital, value in measured)
    yield "</tr></table>"


def _short(display: str) -> str:
    names = {
        "Systolic blood pressure": "Systolic",
        "Diastolic blood pressure": "Diastolic",
        "Heart rate": "Pulse",
        "Respiratory rate": "Breaths",
        "Body temperature": "Temperature",
        "Oxygen saturation by pulse oximetry": "SpO2",
        "Body height": "Height",
        "Body weight": "Weight",
        "Body mass index": "BMI",
    }
    return names[display]


def _unit(ucum: str) -> str:
    return {"mm[Hg]": "mmHg", "Cel": "&#176;C", "kg/m2": "kg/m&#178;"}.get(ucum, ucum)


def _section(section: Facts) -> Iterator[str]:
    yield f"<h2>{html.escape(section['heading'])}</h2>"
    if "text" in section:
        style = ' class="emphasis"' if section.get("emphasis") else ""
        for words in section["text"].strip().split("\n\n"):
            yield f"<p{style}>{html.escape(words)}</p>"
    if "items" in section:
        yield "<ul>" + "".join(f"<li>{html.escape(item)}</li>" for item in section["items"]) + "</ul>"


def _signature(persona: Persona, report: Facts) -> str:
    clinician = persona.clinician(report["clinician"])
    specialty = persona.look_up("specialty", clinician["specialty"])["display"]
    return (
        f'<div class="signature">Electronically signed by <b>{html.escape(display_name(clinician))}</b>, '
        f"{html.escape(specialty)}, on {shown(report['created'])}</div>"
        f'<div class="foot">Invented patient. Made by the sandbox for testing; not for clinical use.</div>'
    )
