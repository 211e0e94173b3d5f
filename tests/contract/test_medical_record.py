"""Medical record summaries: each row of the contract (consolidated 6.2 and 6.8)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pypdfium2  # type: ignore[import-untyped]  # it has no stubs
import pytest

from tests.records.bundles import path, pulse, put
from tests.running import Caller, Json, World, running, wait_until
from tests.support import people
from tests.support.client import M
from tests.support.receiver import Receiver

EVENT = "medical.consolidated-data"
NOBODY = "0196f0e0-0000-7000-8000-000000000000"
TYPES = {"html": "text/html", "pdf": "application/pdf"}
SECTIONS = [
    "reports",
    "conditions",
    "medications",
    "allergies",
    "procedures",
    "social-history",
    "vitals",
    "labs",
    "observations",
    "immunizations",
    "family-member-history",
    "related-persons",
    "tasks",
    "coverages",
    "encounters",
    "documents",
]


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running(request.param, tmp_path_factory, request) as started:
        yield started


@dataclass(frozen=True)
class Listening:
    api: Caller
    receiver: Receiver

    def ask(self, patient: str, kind: str, **query: Any) -> Json:
        """Start a query and wait for its message: the only entry of ``patients``, and the request's id."""
        begun = self.api.post(f"{path(patient)}/query", conversionType=kind, **query)
        assert begun["conversionType"] == kind
        self.api.poll(f"{path(patient)}/query/{begun['requestId']}")
        found: list[Json] = []

        def arrived() -> bool:
            sent = [m.json for m in self.receiver.of_type(EVENT)]
            found[:] = [m for m in sent if m["meta"]["requestId"] == begun["requestId"]]
            return bool(found)

        wait_until(arrived, "the message")
        (content,) = found[0]["patients"]
        return {**content, "requestId": begun["requestId"]}


@pytest.fixture(scope="module")
def at(world: World) -> Iterator[Listening]:
    with Receiver() as receiver:
        api = world.caller()
        receiver.key = api.post("/settings", {"webhookUrl": receiver.url})["webhookKey"]
        yield Listening(api, receiver)


@pytest.fixture
def patient(at: Listening) -> Iterator[str]:
    made = at.api.patient_id(people.stranger())
    put(at.api, made, pulse(made, value=62, effectiveDateTime="2024-06-01"))
    yield made
    at.api.delete(f"{M}/patient/{made}")


def attachment(answer: Json) -> Json:
    (entry,) = answer["bundle"]["entry"]
    (content,) = entry["resource"]["content"]
    found: Json = content["attachment"]
    return found


def text_of(content: bytes, kind: str) -> str:
    if kind == "html":
        return content.decode()
    document = pypdfium2.PdfDocument(content)
    return "\n".join(document[n].get_textpage().get_text_bounded() for n in range(len(document)))


@pytest.mark.contract("6.2", "webhook attachments of html and pdf")
@pytest.mark.contract("6.8", "GET /medical-record")
@pytest.mark.parametrize("kind", TYPES)
def test_a_query_makes_the_summary_that_can_be_had_afterwards(at: Listening, patient: str, kind: str) -> None:
    answer = at.ask(patient, kind)
    assert (answer["status"], answer["filters"]) == ("completed", {"conversionType": kind})
    assert (answer["bundle"]["type"], answer["bundle"]["total"]) == ("collection", 1)
    sent = attachment(answer)
    assert sent["contentType"] == TYPES[kind]
    fetched = at.api.fetch(sent["url"])
    assert fetched.headers["content-type"].startswith(TYPES[kind])
    assert "Vance" in text_of(fetched.content, kind)
    assert "Heart rate" in text_of(fetched.content, kind)
    url = at.api.get(f"{M}/patient/{patient}/medical-record", conversionType=kind)
    assert set(url) == {"url"}
    assert at.api.fetch(url["url"]).content == fetched.content


@pytest.mark.contract("6.8", "built from the filtered data")
def test_a_summary_is_of_what_fits_the_filters(at: Listening, patient: str) -> None:
    inside = at.ask(patient, "html", dateFrom="2024-01-01", dateTo="2024-12-31")
    assert inside["filters"] == {"dateFrom": "2024-01-01", "dateTo": "2024-12-31", "conversionType": "html"}
    assert "Heart rate" in at.api.fetch(attachment(inside)["url"]).text
    outside = at.ask(patient, "html", dateFrom="2025-01-01")
    assert "Heart rate" not in at.api.fetch(attachment(outside)["url"]).text
    newest = at.api.get(f"{M}/patient/{patient}/medical-record", conversionType="html")["url"]
    assert at.api.fetch(newest).content == at.api.fetch(attachment(outside)["url"]).content, "the latest"


@pytest.mark.contract("10b", "pdf/html for anyone else: a summary that says there are no data, never Jane's")
@pytest.mark.parametrize("kind", TYPES)
def test_a_patient_without_data_gets_a_summary_of_their_own(at: Listening, kind: str) -> None:
    bare = at.api.patient_id(people.stranger(firstName="Rhea", dob="1950-05-05", personalIdentifiers=[]))
    answer = at.ask(bare, kind)
    assert (answer["status"], answer["bundle"]["total"]) == ("completed", 1)
    text = text_of(at.api.fetch(attachment(answer)["url"]).content, kind)
    assert "Rhea" in text
    assert "Jane" not in text
    assert at.ask(bare, "json")["bundle"]["total"] == 0


@pytest.mark.contract("6.8", "status: the union of both SDKs' shapes")
def test_the_status(at: Listening, patient: str) -> None:
    status = f"{M}/patient/{patient}/medical-record-status"
    assert at.api.get(status) == {"html": {"exists": False}, "pdf": {"exists": False}}
    at.ask(patient, "html")
    first = at.api.get(status)
    made = first["htmlCreatedAt"]
    assert first == {
        "htmlCreatedAt": made,
        "html": {"exists": True, "createdAt": made},
        "pdf": {"exists": False},
    }
    at.ask(patient, "pdf")
    at.ask(patient, "html")
    second = at.api.get(status)
    assert set(second) == {"htmlCreatedAt", "pdfCreatedAt", "html", "pdf"}
    assert second["htmlCreatedAt"] > second["pdfCreatedAt"] > made


@pytest.mark.contract("6.8", "a bare JSON string for X-Fern-Language: Python only")
def test_the_python_sdk_gets_a_string(at: Listening, patient: str) -> None:
    at.ask(patient, "html")
    asked = f"{M}/patient/{patient}/medical-record?conversionType=html"
    bare = at.api.http.get(asked, headers={"X-Fern-Language": "Python"})
    assert bare.headers["content-type"] == "application/json"
    assert at.api.fetch(bare.json()).status_code == 200
    other = at.api.http.get(asked, headers={"X-Fern-Language": "TypeScript"}).json()
    assert set(other) == {"url"}


@pytest.mark.contract("6.8", "no summary yet")
@pytest.mark.contract("6.1", "conversionType=html|pdf required")
def test_what_cannot_be_had(at: Listening, patient: str, world: World) -> None:
    asked = f"{M}/patient/{patient}/medical-record"
    at.ask(patient, "json")
    for kind in TYPES:
        error = at.api.get(asked, status=404, conversionType=kind)
        assert error["detail"] == "Medical record summary not found"
    assert at.api.get(asked, status=400)["detail"] == "Missing conversionType query param"
    error = at.api.get(asked, status=400, conversionType="json")
    assert error["title"] == "Missing or invalid parameters"
    assert (
        error["detail"] == "Invalid enum value. Expected 'html' | 'pdf', received 'json', on [conversionType]"
    )
    for caller, whom in ((at.api, NOBODY), (world.caller(), patient)):
        for operation in ("medical-record", "medical-record-status"):
            error = caller.get(f"{M}/patient/{whom}/{operation}", status=404, conversionType="pdf")
            assert error["detail"] == "Could not find patient"


@pytest.mark.contract("6.2", "fromDashboard=true: run and store, send no webhook")
def test_the_dashboard_gets_its_file(at: Listening, patient: str) -> None:
    begun = at.api.post(f"{path(patient)}/query", conversionType="pdf", fromDashboard="true")
    at.api.poll(f"{path(patient)}/query/{begun['requestId']}")
    found = at.api.get(f"{path(patient)}/webhook", requestId=begun["requestId"])
    assert set(found) == {"requestId", "status", "fileUrl", "conversionType"}
    assert at.api.fetch(found["fileUrl"]).content.startswith(b"%PDF")
    at.ask(patient, "html")
    sent = [m.json["meta"]["requestId"] for m in at.receiver.of_type(EVENT)]
    assert begun["requestId"] not in sent


@pytest.mark.contract("8.3", "mrFilters: order, dates and text of the sections")
def test_the_accounts_filters_shape_the_summary(world: World) -> None:
    api = world.caller()
    patient = api.patient_id(people.stranger())
    put(
        api,
        patient,
        pulse(patient, effectiveDateTime="2024-06-01", code={"text": "Grip strength"}),
        pulse(patient, effectiveDateTime="2020-06-01", code={"text": "Reach length"}),
    )

    def summary() -> str:
        begun = api.post(f"{path(patient)}/query", conversionType="html", fromDashboard="true")
        api.poll(f"{path(patient)}/query/{begun['requestId']}")
        return str(
            api.fetch(api.get(f"{M}/patient/{patient}/medical-record", conversionType="html")["url"]).text
        )

    whole = summary()
    assert "Grip strength" in whole
    assert "Reach length" in whole
    filters: list[Json] = [{"key": key} for key in SECTIONS]
    filters[SECTIONS.index("observations")]["dateFilter"] = {"from": "2024-01-01"}
    api.post("/settings", {"mrFilters": filters})
    dated = summary()
    assert "Grip strength" in dated
    assert "Reach length" not in dated
    filters[SECTIONS.index("observations")] = {"key": "observations", "stringFilter": "reach"}
    api.post("/settings", {"mrFilters": filters})
    named = summary()
    assert "Grip strength" not in named
    assert "Reach length" in named
