"""The documents of a truth table as one chart, made the way the product makes it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from chartbridge.ccda import convert
from chartbridge.consolidate.merge import Chart, SourceBundle, consolidate
from chartbridge.fhir.references import Resource
from chartbridge.terminology.default import default_edition
from chartbridge.terminology.edition import Edition
from chartbridge.terminology.standardise import PatientFacts, Standardiser
from tests.consolidate.truth.table import Table

CORPUS = Path(__file__).parents[4] / "shared" / "corpus" / "ccda" / "vendors"
PATIENT_ID = "truth-patient"


def present(table: Table) -> bool:
    return all((CORPUS / name).is_file() for name in table.documents)


def chart(table: Table) -> Chart:
    """Convert, standardise with the default edition, consolidate."""
    patient = {"resourceType": "Patient", "id": PATIENT_ID, "gender": table.gender, "birthDate": table.born}
    with _standardiser() as standardiser:
        facts = PatientFacts(table.gender, table.born)
        sources = [
            source(CORPUS / name, lambda resource: standardiser.resource(resource, facts))
            for name in table.documents
        ]
    return consolidate(sources, patient=patient)


def source(path: Path, standard: Callable[[Resource], Resource] = lambda resource: resource) -> SourceBundle:
    done = convert(path.read_bytes(), PATIENT_ID)
    resources = [standard(entry["resource"]) for entry in done.bundle["entry"]]
    made = next((one.get("date", "") for one in resources if one["resourceType"] == "Composition"), "")
    return SourceBundle(
        resources, source=path.name, data_source="TRUTH", document_id=path.stem, date=_in_utc(made)
    )


def _in_utc(date: str) -> str:
    return datetime.fromisoformat(date).astimezone(UTC).isoformat() if "T" in date else date


@contextmanager
def _standardiser() -> Iterator[Standardiser]:
    with tempfile.TemporaryDirectory() as folder:
        edition = Edition.open(default_edition(Path(folder)))
        try:
            yield Standardiser(edition)
        finally:
            edition.close()
