"""Draw the pictures of docs/medical-records.md: the five personas' summaries, as HTML and as PDF.

    .venv/bin/python scripts/summary_pictures.py [--keep FOLDER]

Builds each persona's chart as a worker does, from all that the sandbox's networks give, on a fixed day, and
renders it. The pictures of the HTML are made by Chromium (`chromium` or `google-chrome` on the PATH; without
it only those of the PDF are made). The same code gives the same pictures on the same Chromium.
"""

from __future__ import annotations

import argparse
import gzip
import os
import shutil
import subprocess
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pypdfium2  # type: ignore[import-untyped]
from PIL import Image

from chartbridge.ccda import convert
from chartbridge.features.networks import sandbox
from chartbridge.features.networks.protocol import (
    DocumentConnector,
    PatientIdentity,
    ResourceConnector,
)
from chartbridge.features.networks.sandbox.persona import KEYS, Persona, load, stable_uuid
from chartbridge.features.records.brief_task import BriefInput
from chartbridge.features.records.chart_task import ChartInput, build_chart
from chartbridge.summary import render_html, render_pdf
from chartbridge.terminology.default import default_edition
from chartbridge.typeface import font_face_css

Json = dict[str, Any]
FOLDER = Path(__file__).resolve().parents[1] / "docs" / "images"
NOW = datetime(2026, 2, 1, 10, 5, tzinfo=UTC)
WIDTH, HEIGHT = 1_000, 1_400
COLOURS = 64
MOST_BYTES = 150_000
_SEXES = {"F": "female", "M": "male"}


def patient_of(persona: Persona) -> Json:
    """The persona as the current Patient."""
    who = persona.patient
    return {
        "resourceType": "Patient",
        "id": stable_uuid("picture", persona.key),
        "name": [{"family": who["last_name"], "given": [who["first_name"]]}],
        "birthDate": str(who["dob"]),
        "gender": _SEXES.get(who["sex"], "unknown"),
        "address": [
            {"line": [who["street"]], "city": who["city"], "state": who["state"], "postalCode": who["zip"]}
        ],
        "telecom": [{"system": "phone", "value": who["phone"]}, {"system": "email", "value": who["email"]}],
    }


def chart_of(persona: Persona, patient: Json, edition: Path) -> list[Json]:
    """The persona's chart: what the three networks give, converted, standardised and put together."""
    who = PatientIdentity(
        patient["id"],
        persona.patient["first_name"],
        persona.patient["last_name"],
        patient["birthDate"],
        persona.patient["sex"],
    )
    inputs = []
    for connector in sandbox.connectors():
        for known in connector.discover(who, timeout_s=5):
            if isinstance(connector, DocumentConnector):
                for offered in connector.list_documents(known, timeout_s=5):
                    if offered.mime_type == "application/xml":
                        content = connector.fetch(known, offered, timeout_s=5)
                        bundle = convert(content, patient["id"]).bundle
                        held = [entry["resource"] for entry in bundle["entry"]]
                        name = f"{stable_uuid('document', persona.key)}.xml"
                        inputs.append(
                            ChartInput(orjson.dumps(held), name, "SANDBOX", name, offered.created or "")
                        )
            elif isinstance(connector, ResourceConnector):
                held = list(connector.resources(known, subject_id=patient["id"], timeout_s=5))
                party = f"{connector.source}/SANDBOX"
                inputs.append(ChartInput(orjson.dumps(held), party, "SANDBOX", party, "", party))
    content = build_chart(inputs, patient, edition, BriefInput(today=NOW.date().isoformat()))[0]
    return [entry["resource"] for entry in orjson.loads(gzip.decompress(content))["entry"]]


def browser() -> str | None:
    """The Chromium to use."""
    return shutil.which("chromium") or shutil.which("google-chrome")


def page_as_browsers_show_it(html: str, chromium: str, folder: Path) -> Image.Image:
    """The upper part of the page in a window of a desktop."""
    file, shot = folder / "page.html", folder / "page.png"
    file.write_text(html.replace("<style>", f"<style>{font_face_css()}", 1))
    command = [
        chromium, "--headless=new", "--disable-gpu", "--hide-scrollbars", "--allow-file-access-from-files",
        f"--user-data-dir={folder / 'profile'}", f"--screenshot={shot}", f"--window-size={WIDTH},{HEIGHT}",
    ]  # fmt: skip
    if os.geteuid() == 0:
        command.append("--no-sandbox")
    subprocess.run([*command, file.as_uri()], check=True, capture_output=True, timeout=120)  # noqa: S603
    return Image.open(shot).convert("RGB")


def pages_as_printed(pdf: bytes) -> Image.Image:
    """The first page, and the first with laboratory results, side by side."""
    document = pypdfium2.PdfDocument(pdf)
    bookmarks = {one.get_title(): one.get_dest().get_index() for one in document.get_toc()}
    chosen = dict.fromkeys([0, bookmarks.get("Laboratory results", 1)])
    pages = [document[number].render(scale=1.15).to_pil().convert("RGB") for number in chosen]
    shown = Image.new(
        "RGB", (sum(one.width for one in pages) + 8 * (len(pages) - 1), pages[0].height), "#888"
    )
    left = 0
    for one in pages:
        shown.paste(one, (left, 0))
        left += one.width + 8
    return shown


def write(picture: Image.Image, name: str) -> None:
    """The picture with few colours, small enough to be kept with the code."""
    file = FOLDER / name
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(file, optimize=True)
    size = file.stat().st_size
    print(f"{name}: {picture.width} x {picture.height}, {size / 1000:.0f} kB")
    if size > MOST_BYTES:
        raise SystemExit(f"{name} has {size} bytes; {MOST_BYTES} are the most")


def main() -> None:
    """See the module's text."""
    parser = argparse.ArgumentParser(description="Draw the pictures of the summaries.")
    parser.add_argument("--keep", type=Path, help="a folder to write the HTML and the PDF to")
    given = parser.parse_args()
    chromium = browser()
    if chromium is None:
        print("no Chromium found: the pictures of the HTML stay as they are")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        edition = default_edition(folder)
        for key in KEYS:
            persona = load(key)
            patient = patient_of(persona)
            chart = chart_of(persona, patient, edition)
            html = render_html(chart, patient=patient, generated_at=NOW)
            pdf = render_pdf(chart, patient=patient, generated_at=NOW)
            if chromium is not None:
                write(page_as_browsers_show_it(html, chromium, folder), f"summary-{key}-html.png")
            write(pages_as_printed(pdf), f"summary-{key}-pdf.png")
            if given.keep:
                (given.keep / f"{key}.html").write_text(html)
                (given.keep / f"{key}.pdf").write_bytes(pdf)


if __name__ == "__main__":
    main()
