"""The rows of the contract's tables about document queries (documents 4.1, sandbox, webhooks 8.6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.queries.documents import PATH, begin, phase, progress, run, wait_for_end
from tests.running import Caller, World, running
from tests.support import people
from tests.support.client import M
from tests.support.receiver import Receiver

UNKNOWN = "0196f0e0-0000-7000-8000-000000000000"
DTO_KEYS = {"id", "fileName", "description", "type", "status", "indexed", "mimeType", "size"}
DOWNLOAD, CONVERSION = "medical.document-download", "medical.document-conversion"


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running(request.param, tmp_path_factory, request) as started:
        yield started


@pytest.fixture
def api(world: World) -> Caller:
    return world.caller()


@pytest.fixture
def listening(api: Caller, receiver: Receiver) -> Caller:
    receiver.key = api.post("/settings", {"webhookUrl": receiver.url})["webhookKey"]
    return api


# --- the sandbox's table


@pytest.mark.contract("10b", "document query: persona")
@pytest.mark.contract("8.6", "medical.document-download / document-conversion")
def test_a_persona_has_six_documents_of_which_one_is_converted(listening: Caller, receiver: Receiver) -> None:
    patient = listening.patient_id(people.jane(externalId="mrn-7", additionalIds={"healthix": ["h-1"]}))
    ended = run(listening, patient, {"metadata": {"visit": "42"}})
    assert ended["download"] == phase("completed", 6, 6, 0)
    assert ended["convert"] == phase("completed", 1, 1, 0)

    (download,) = receiver.wait_for(DOWNLOAD)
    (conversion,) = receiver.wait_for(CONVERSION)
    for message in (download, conversion):
        assert message.is_signed_with(receiver.key or "")
        assert message.json["meta"]["requestId"] == ended["requestId"]
        assert message.json["meta"]["data"] == {"visit": "42"}
    (told,) = download.json["patients"]
    assert told.keys() == {"patientId", "externalId", "additionalIds", "type", "status", "documents"}
    assert (told["patientId"], told["externalId"], told["additionalIds"]) == (
        patient,
        "mrn-7",
        {"healthix": ["h-1"]},
    )
    assert (told["type"], told["status"]) == ("document-download", "completed")
    assert Counter(d["mimeType"] for d in told["documents"]) == Counter(people.PERSONA_DOCUMENT_TYPES)
    for document in told["documents"]:
        assert document.keys() <= DTO_KEYS
        assert isinstance(document["size"], int)
    assert {d["id"]: d for d in told["documents"]} == {
        d["id"]: d for d in listening.documents(patient, output="dto")
    }
    (told,) = conversion.json["patients"]
    assert told.keys() == {"patientId", "externalId", "additionalIds", "type", "status"}
    assert (told["type"], told["status"]) == ("document-conversion", "completed")


@pytest.mark.contract("10b", "document query: anyone else")
def test_anyone_else_has_none_and_no_conversion_is_told(listening: Caller, receiver: Receiver) -> None:
    patient = listening.patient_id(people.stranger())
    ended = run(listening, patient)
    assert ended["download"] == phase("completed", 0, 0, 0)
    assert ended["convert"] == {"status": "completed", "total": 0}
    (message,) = receiver.wait_for(DOWNLOAD)
    (told,) = message.json["patients"]
    assert (told["status"], told["documents"]) == ("completed", [])
    assert receiver.of_type(CONVERSION) == []


# --- POST: what is asked for


@pytest.mark.contract("4.1", "POST: patientId required; unknown patient")
def test_the_patient_must_be_named_and_known(api: Caller) -> None:
    assert api.post(PATH, status=400)["detail"] == "Missing patientId query param"
    missing = api.post(PATH, status=404, patientId=UNKNOWN)
    assert (missing["title"], missing["detail"]) == ("NotFoundError", "Could not find patient")
    assert api.get(PATH, status=400)["detail"] == "Missing patientId query param"
    assert api.get(PATH, status=404, patientId=UNKNOWN)["detail"] == "Could not find patient"


@pytest.mark.contract("4.1", "POST: facilityId optional, must be the patient's")
def test_the_facility_may_be_left_out_and_must_be_the_patients(api: Caller) -> None:
    patient = api.patient_id(people.stranger())
    other = api.post(f"{M}/facility", people.facility(npi="1467560003", name="Other"), status=201)["id"]
    for facility in (other, UNKNOWN):
        error = api.post(PATH, status=400, patientId=patient, facilityId=facility)
        assert error["detail"] == "Patient not associated with given facility"
    assert progress(api, patient) == {}, "nothing was started"
    run(api, patient, facilityId=api.get(f"{M}/patient/{patient}/facility")["facilities"][0]["id"])
    run(api, patient, facilityId="")


@pytest.mark.contract("4.1", "POST: override")
def test_override_fetches_again_what_is_held(api: Caller) -> None:
    patient = api.patient_id()
    run(api, patient)
    for value, total in ((None, 0), ("false", 0), ("yes", 0), (" TRUE ", 6)):
        assert run(api, patient, override=value)["download"]["total"] == total, value


@pytest.mark.contract("4.1", "POST: commonwell, carequality")
def test_networks_may_be_forced(api: Caller) -> None:
    patient = api.patient_id()
    ended = run(api, patient, commonwell="true", carequality="true")
    assert ended["download"]["total"] == 6


@pytest.mark.contract("4.1", "POST: body {metadata?, hie?}")
@pytest.mark.parametrize(
    ("body", "data"),
    [
        (None, None),
        ({}, None),
        ({"metadata": {"k": "v"}}, {"k": "v"}),
        ({"k": "v"}, {"k": "v"}),
        ({"hie": {"carequality": {"exclude": True}}}, None),
        ({"hie": {}, "metadata": {"k": "v"}}, {"k": "v"}),
    ],
    ids=["none", "empty", "metadata", "bare pairs", "hie", "both"],
)
def test_bodies_that_are_taken(listening: Caller, receiver: Receiver, body: Any, data: Any) -> None:
    run(listening, listening.patient_id(people.stranger()), body)
    (message,) = receiver.wait_for(DOWNLOAD)
    assert message.json["meta"].get("data") == data


@pytest.mark.contract("4.1", "POST: body {metadata?, hie?}")
@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (
            {"metadata": {f"k{n}": "v" for n in range(51)}},
            "Record has too many properties, on [metadata]",
        ),
        ({"metadata": {"k": 1}}, "Expected string, received number, on [metadata,k]"),
        (
            {"hie": {"commonwell": {"exclude": True}}},
            "hie.commonwell control is not yet implemented, on [hie,commonwell]",
        ),
        ({"hie": {"ehex": {}}}, "hie.ehex control is not yet implemented, on [hie,ehex]"),
        ({"hie": {"other": {}}}, "Unrecognized key(s) in object: 'other', on [hie]"),
        (
            {"hie": {"carequality": {"exclude": "true"}}},
            "Expected boolean, received string, on [hie,carequality,exclude]",
        ),
    ],
)
def test_bodies_that_are_refused(api: Caller, body: Any, detail: str) -> None:
    patient = api.patient_id(people.stranger())
    error = api.post(PATH, body, status=400, patientId=patient)
    assert (error["title"], error["detail"]) == ("Missing or invalid parameters", detail)
    assert progress(api, patient) == {}


@pytest.mark.contract("1.9", 'metadata: "disableWHFlag":"true"')
def test_messages_can_be_switched_off(listening: Caller, receiver: Receiver) -> None:
    run(listening, listening.patient_id(), {"metadata": {"disableWHFlag": "true"}})
    status = listening.get("/settings/webhook")
    assert (status["webhookRequestsProcessing"], status["webhookRequestsFailed"]) == (0, 0)
    assert [m.type for m in receiver.received if m.type != "ping"] == []


# --- POST: who may not be asked about


@pytest.mark.contract("4.6", "opted-out patient")
def test_an_opted_out_patient_is_refused(api: Caller) -> None:
    patient = api.patient_id(people.stranger())
    api.put(f"{M}/patient/{patient}/hie-opt-out", hieOptOut="true")
    error = api.post(PATH, status=400, patientId=patient)
    assert error["title"] == "PatientOptedOutError"
    assert error["detail"] == "Patient has opted out from the networks"
    assert progress(api, patient) == {}


@pytest.mark.contract("1.5", "no treatment consent")
def test_a_patient_who_is_not_treated_is_refused(api: Caller) -> None:
    patient = api.patient_id(people.stranger())
    api.put(f"{M}/patient/{patient}/treatment-relationship", treatmentRelationship="false")
    error = api.post(PATH, status=400, patientId=patient)
    assert error["title"] == "PatientWithoutTreatmentRelationshipError"
    assert error["detail"] == "Patient does not have a treatment relationship"


@pytest.mark.contract("1.10", "document query start")
def test_twenty_starts_a_minute(api: Caller) -> None:
    patient = api.patient_id(people.stranger())
    answers = [api.http.post(PATH, params={"patientId": patient}) for _ in range(21)]
    if answers[-1].status_code == 200:  # a new minute began on the way
        answers = [api.http.post(PATH, params={"patientId": patient}) for _ in range(21)]
    answer = answers[-1]
    assert answer.status_code == 429
    assert answer.text == "Too many patient document query starts, please try again later."
    assert answer.headers["RateLimit-Limit"] == "20"
    assert "Retry-After" in answer.headers
    api.get(PATH, patientId=patient)


# --- the course


@pytest.mark.contract("4.1", "right after the start only download.status is certain")
def test_the_answer_of_a_start(api: Caller) -> None:
    patient = api.patient_id(people.stranger())
    begun = begin(api, patient)
    assert begun == {"requestId": begun["requestId"], "download": {"status": "processing"}}
    assert begun["requestId"][14] == "7", "a UUID of version 7"
    wait_for_end(api, patient)


@pytest.mark.contract("4.1", "GET: {} when there never was a query")
def test_a_patient_who_was_never_asked_about(api: Caller) -> None:
    assert progress(api, api.patient_id(people.stranger())) == {}


@pytest.mark.contract("4.1", "GET: the progress object")
def test_the_last_query_is_answered(api: Caller) -> None:
    patient = api.patient_id()
    first, second = run(api, patient), run(api, patient)
    assert first["requestId"] < second["requestId"] == progress(api, patient)["requestId"]


@pytest.mark.contract("1.1", "with and without a trailing slash")
def test_a_trailing_slash_makes_no_difference(api: Caller) -> None:
    patient = api.patient_id(people.stranger())
    assert api.post(f"{PATH}/", patientId=patient)["download"]["status"] == "processing"
    assert "requestId" in api.get(f"{PATH}/", patientId=patient)
    wait_for_end(api, patient)


def test_where_no_network_is_configured_the_download_has_failed(world: World) -> None:
    api = world.caller("production")
    ended = run(api, api.patient_id())
    assert ended["download"] == {"status": "failed"}
    assert ended["convert"] == {"status": "completed", "total": 0}
