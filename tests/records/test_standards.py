"""A chart is made with standard codes, and with which edition is part of what it was made from."""

from __future__ import annotations

import multiprocessing
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chartbridge.background import create_worker
from chartbridge.config import ConfigurationError, Settings
from chartbridge.errors import ServiceUnavailableError
from chartbridge.features.records import chart, standards
from chartbridge.platform import Platform
from chartbridge.terminology import editions
from chartbridge.terminology.edition import Edition
from chartbridge.terminology.standardise import is_ours
from tests.records.bundles import collection, of_type, path, pulse
from tests.running import Caller, World
from tests.support import people
from tests.terminology.standardising import edition_of

ICD10_OID = "urn:oid:2.16.840.1.113883.6.90"
CHRONICITY = "https://public.metriport.com/fhir/StructureDefinition/condition-chronicity.json"


@pytest.fixture
def api(world: World) -> Caller:
    return world.caller()


@pytest.fixture
def folder(world: World, tmp_path: Path) -> Iterator[Path]:
    """A terminology folder of the test's own, in use while it runs."""
    own = tmp_path / "terminology"
    shutil.copytree(world.platform.settings.resolved_terminology_dir, own)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(world.platform.settings.__dict__, "resolved_terminology_dir", own)
        yield own


def diabetes(patient: str) -> dict[str, Any]:
    return {
        "resourceType": "Condition",
        "id": "10000000-0000-4000-8000-000000000001",
        "code": {"coding": [{"system": ICD10_OID, "code": "E119"}], "text": "Sugar"},
        "subject": {"reference": f"Patient/{patient}"},
    }


def contributed(world: World, api: Caller) -> str:
    """A patient with a diabetes coded by OID, and a pulse without a category."""
    patient = api.patient_id(people.stranger())
    given = collection(diabetes(patient), pulse(patient, valueQuantity={"value": 72, "unit": "bpm"}))
    assert api.http.put(path(patient), json=given).status_code == 200
    assert chart.consolidate_patient(world.platform, world.tenant(api), patient)
    return patient


def resources(world: World, api: Caller, patient: str, kind: str) -> list[dict[str, Any]]:
    return of_type(chart.current_resources(world.platform, world.tenant(api), patient), kind)


def test_what_is_contributed_has_standard_codes_beside_its_own_words(world: World, api: Caller) -> None:
    patient = contributed(world, api)
    (condition,) = resources(world, api, patient, "Condition")
    (coding,) = condition["code"]["coding"]
    assert (coding["system"], coding["code"]) == ("http://hl7.org/fhir/sid/icd-10-cm", "E11.9")
    assert coding["display"] == "Type 2 diabetes mellitus without complications"
    assert coding["_code"]["extension"][0]["valueString"] == "E119"
    assert coding["_system"]["extension"][0]["valueString"] == ICD10_OID
    assert condition["code"]["text"] == "Sugar"
    assert {"system": CHRONICITY, "code": "C", "display": "Chronic"} in [
        extension.get("valueCoding") for extension in condition["extension"]
    ]
    (observation,) = resources(world, api, patient, "Observation")
    assert (observation["valueQuantity"]["unit"], observation["valueQuantity"]["code"]) == ("bpm", "/min")
    (category,) = observation["category"][0]["coding"]
    assert category["code"] == "vital-signs"
    assert is_ours(category)


def test_another_edition_makes_the_chart_anew(
    world: World, api: Caller, folder: Path, tmp_path: Path
) -> None:
    patient, tenant = contributed(world, api), world.tenant(api)
    first = chart.consolidate_patient(world.platform, tenant, patient)
    assert chart.consolidate_patient(world.platform, tenant, patient) == first
    with edition_of(tmp_path) as other:
        editions.install(folder, other.path)
    second = chart.consolidate_patient(world.platform, tenant, patient)
    assert second != first
    assert chart.consolidate_patient(world.platform, tenant, patient) == second


def test_without_a_readable_edition_no_chart_is_made_and_the_old_one_stays(
    world: World, api: Caller, folder: Path
) -> None:
    patient, tenant = contributed(world, api), world.tenant(api)
    before = chart.current_resources(world.platform, tenant, patient)
    (folder / "current").write_text("{")
    with pytest.raises(ServiceUnavailableError, match="terminology"):
        chart.consolidate_patient(world.platform, tenant, patient)
    assert api.http.get(path(patient)).status_code == 503
    assert chart.current_resources(world.platform, tenant, patient) == before


@pytest.mark.parametrize("damage", ["no folder may be made there", "a file that is cut off"])
def test_a_worker_without_an_edition_does_not_begin(tmp_path: Path, settings: Settings, damage: str) -> None:
    folder = tmp_path / "terminology"
    if damage == "a file that is cut off":
        used = editions.current(folder)
        whole = used.read_bytes()
        used.unlink()
        used.write_bytes(whole[: len(whole) // 2])
    else:
        folder.write_text("a file")
    platform = Platform.open(settings.model_copy(update={"terminology_dir": folder}))
    try:
        with pytest.raises(ConfigurationError, match="CHARTBRIDGE_TERMINOLOGY_DIR"):
            create_worker(platform, "worker-of-the-test")
    finally:
        platform.close()


def edition_id(settings: Settings) -> str:
    with Edition.open(standards.checked(settings)) as edition:
        edition.verify()
        return edition.id


def test_processes_that_begin_at_once_unpack_the_same_edition(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, terminology_dir=tmp_path / "terminology")
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        assert len(set(pool.map(edition_id, [settings] * 3, chunksize=1))) == 1
    left = [file.name for file in (tmp_path / "terminology").iterdir()]
    assert not [name for name in left if name.startswith((".default", ".edition", ".merged"))]
