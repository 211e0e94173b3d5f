"""What a consolidated query delivers."""

from __future__ import annotations

import gzip
from typing import Any

import pytest

from chartbridge.features.records import service
from tests.records.conftest import Charted
from tests.running import Json, World, wait_until
from tests.support import people
from tests.support.client import M

EVENT = "medical.consolidated-data"
pytestmark = pytest.mark.parametrize("world", ["sqlite", "postgres"], indirect=True, scope="module")


def ask(jane: Charted, patient: str | None = None, body: Any = None, **query: Any) -> Json:
    """Start a query and wait for its message: the only entry of ``patients``, and ``meta``."""
    path = f"{M}/patient/{patient or jane.patient}/consolidated/query"
    begun = jane.api.post(path, body, **{"conversionType": "json", **query})
    jane.api.poll(f"{path}/{begun['requestId']}")

    def mine() -> list[Json]:
        return [
            m.json for m in jane.receiver.of_type(EVENT) if m.json["meta"]["requestId"] == begun["requestId"]
        ]

    wait_until(lambda: len(mine()) == 1, "the message")
    (message,) = mine()
    (content,) = message["patients"]
    return {**content, "meta": message["meta"]}


def result(jane: Charted, answer: Json) -> list[Json]:
    """The resources behind the message's links, which hold the same in both forms."""
    (entry,) = answer["bundle"]["entry"]
    plain, packed = (content["attachment"] for content in entry["resource"]["content"])
    assert (plain["contentType"], packed["contentType"]) == ("application/json", "application/gzip")
    content = jane.api.fetch(plain["url"]).content
    assert gzip.decompress(jane.api.fetch(packed["url"]).content) == content
    bundle = jane.api.fetch(plain["url"]).json()
    assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "searchset")
    assert bundle["total"] == len(bundle["entry"])
    assert all(e["fullUrl"] == f"urn:uuid:{e['resource']['id']}" for e in bundle["entry"])
    return [e["resource"] for e in bundle["entry"]]


def test_the_message_links_to_the_chart(jane: Charted) -> None:
    answer = ask(jane, body={"metadata": {"k": "v"}})
    assert answer["meta"]["data"] == {"k": "v"}
    assert (answer["patientId"], answer["status"]) == (jane.patient, "completed")
    assert answer["filters"] == {"conversionType": "json"}
    bundle = answer["bundle"]
    assert (bundle["type"], bundle["total"], len(bundle["entry"])) == ("collection", 1, 1)
    reference = bundle["entry"][0]["resource"]
    assert reference["resourceType"] == "DocumentReference"
    assert reference["subject"] == {"reference": f"Patient/{jane.patient}"}
    kinds = {r["resourceType"] for r in result(jane, answer)}
    assert kinds >= {"Patient", "Condition", "Observation", "MedicationDispense", "DiagnosticReport"}


def test_a_filter_by_type_gives_those_and_what_they_refer_to(jane: Charted) -> None:
    answer = ask(jane, resources="Immunization, Condition")
    assert answer["filters"]["resources"] == "Condition,Immunization"
    chart = {f"{r['resourceType']}/{r['id']}": r for r in result(jane, answer)}
    asked = {name for name in chart if name.startswith(("Immunization/", "Condition/"))}
    assert asked
    assert not {name for name in chart if name.startswith(("MedicationDispense/", "AllergyIntolerance/"))}
    assert dangling(list(chart.values())) == set()


def test_a_filter_by_date(jane: Charted) -> None:
    whole = [r for r in result(jane, ask(jane)) if r["resourceType"] == "Observation"]
    answer = ask(jane, resources="Observation", dateFrom="2025-01-01", dateTo="2025-12-31")
    assert answer["filters"] == {
        "resources": "Observation",
        "dateFrom": "2025-01-01",
        "dateTo": "2025-12-31",
        "conversionType": "json",
    }
    some = [r for r in result(jane, answer) if r["resourceType"] == "Observation"]
    assert 0 < len(some) < len(whole)
    of_2025 = {r["id"] for r in whole if str(r.get("effectiveDateTime", "")).startswith("2025-06")}
    assert of_2025 <= {r["id"] for r in some}


def test_nothing_but_the_patient_is_an_empty_result(jane: Charted) -> None:
    answer = ask(jane, jane.api.patient_id(people.stranger()))
    assert answer["status"] == "completed"
    assert answer["bundle"] == {"resourceType": "Bundle", "type": "collection", "total": 0, "entry": []}
    none_of_these = ask(jane, resources="MolecularSequence")
    assert none_of_these["bundle"]["total"] == 0
    assert ask(jane, resources="Patient")["bundle"]["total"] == 0


def test_a_query_of_the_dashboard_sends_no_message(jane: Charted) -> None:
    path = f"{M}/patient/{jane.patient}/consolidated/query"
    begun = jane.api.post(path, conversionType="json", fromDashboard="true", resources="Goal")
    jane.api.poll(f"{path}/{begun['requestId']}")
    ask(jane)
    sent = [m.json["meta"]["requestId"] for m in jane.receiver.of_type(EVENT)]
    assert begun["requestId"] not in sent


def test_a_failed_query_says_so_with_an_empty_bundle(jane: Charted, world: World) -> None:
    path = f"{M}/patient/{jane.patient}/consolidated/query"
    with world.platform.db.write(world.tenant(jane.api)) as session:
        begun = service.start_query(
            world.platform,
            session,
            jane.patient,
            service.Parameters(frozenset({"Flag"}), None, None, "json"),
            metadata={},
            from_dashboard=False,
        )
        request_id = begun.id
        service.fail(world.platform, session, request_id, "out of luck")
    assert jane.api.get(f"{path}/{request_id}")["status"] == "failed"
    found: list[Json] = []

    def arrived() -> bool:
        found[:] = [m.json for m in jane.receiver.of_type(EVENT) if m.json["meta"]["requestId"] == request_id]
        return bool(found)

    wait_until(arrived, "the message of the failure")
    (content,) = found[0]["patients"]
    assert (content["status"], content["bundle"]["total"]) == ("failed", 0)


def dangling(resources: list[Json]) -> set[str]:
    """References to resources that are not among these, without those within one resource."""
    present = {f"{r['resourceType']}/{r['id']}" for r in resources}

    def references(value: Any) -> set[str]:
        if isinstance(value, dict):
            own = value.get("reference")
            found = {own} if isinstance(own, str) and not own.startswith("#") else set()
            return found.union(*(references(v) for v in value.values()))
        if isinstance(value, list):
            return set().union(*(references(v) for v in value))
        return set()

    return references(resources) - present


def test_the_chart_is_whole(jane: Charted) -> None:
    resources = result(jane, ask(jane))
    assert dangling(resources) == set()
    names = [(r["resourceType"], r["id"]) for r in resources]
    assert len(names) == len(set(names))
    assert [name for name in names if name[0] == "Patient"] == [("Patient", jane.patient)]
    assert all(r.get("meta", {}).get("source") for r in resources if r["resourceType"] != "Patient")
    about = {
        r[key]["reference"]
        for r in resources
        for key in ("subject", "patient")
        if "reference" in r.get(key, {})
    }
    assert about == {f"Patient/{jane.patient}"}
    (patient,) = (r for r in resources if r["resourceType"] == "Patient")
    assert (patient["birthDate"], patient["name"][0]["family"]) == ("1996-02-10", "Smith")


def test_documents_can_be_downloaded_by_what_the_chart_says_of_its_source(jane: Charted) -> None:
    resources = result(jane, ask(jane, resources="Condition"))
    names = {r["meta"]["source"] for r in resources if r["resourceType"] == "Condition"}
    for name in names:
        url = jane.api.get(f"{M}/document/download-url", fileName=name)["url"]
        assert b"ClinicalDocument" in jane.api.fetch(url).content
