"""PUT consolidated: each row of the contract's table (consolidated 6.7)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from chartbridge.auth import create_key
from chartbridge.features.patients.models import Patient
from tests.records.bundles import chart, collection, new_id, of_type, path, pulse, put, refused
from tests.running import Caller, Json, World, running
from tests.support import people

SECTION = "6.7"
NOBODY = "0196f0e0-0000-7000-8000-000000000000"


def somebody(name: str) -> Json:
    """A patient whom nobody else of the account can be taken for."""
    day = 1 + sum(map(ord, name)) % 28
    return people.stranger(
        firstName=name, lastName=f"Of{name}", dob=f"1970-01-{day:02}", personalIdentifiers=[], contact=[]
    )


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    limits = {"patient-write": 100_000, "contribution": 100_000}
    with running(request.param, tmp_path_factory, request, worker=False, rate_limits=limits) as started:
        yield started


@pytest.fixture(scope="module")
def api(world: World) -> Caller:
    return world.caller()


@pytest.fixture(scope="module")
def patient(api: Caller) -> Iterator[str]:
    """A patient about whom nothing is ever accepted in this module, unless a test makes its own."""
    yield (made := api.patient_id(people.stranger()))
    assert of_type(chart(api, made), "Observation") == [], "nothing is stored if any check fails"


@pytest.mark.contract(SECTION, "Content-Length >= 50 000 000")
def test_a_bundle_of_fifty_million_bytes_is_refused_unread(api: Caller, patient: str) -> None:
    for method, length in (("PUT", "50000000"), ("POST", "99999999999")):
        answer = api.http.request(method, path(patient), content=b"{}", headers={"content-length": length})
        assert answer.status_code == 400
        assert answer.json() == {
            "status": 400,
            "name": "BAD_REQUEST",
            "title": "BadRequestError",
            "detail": "Cannot create bundle with size greater than 50000000 bytes.",
        }


@pytest.mark.contract(SECTION, "Content-Length >= 50 000 000")
def test_the_limit_holds_for_a_body_that_does_not_tell_its_length(api: Caller, patient: str) -> None:
    def body() -> Iterator[bytes]:
        for _ in range(51):
            yield b" " * 1_000_000

    answer = api.http.put(path(patient), content=body(), headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["detail"] == "Cannot create bundle with size greater than 50000000 bytes."


@pytest.mark.contract(SECTION, "Content-Length >= 50 000 000")
def test_a_bundle_may_be_larger_than_other_json_bodies(world: World, api: Caller) -> None:
    small = world.with_settings(max_json_body_bytes=500)
    caller = Caller(small.app, api.key)
    patient = api.patient_id(people.jane())
    text = "Measured at rest. " * 100
    put(caller, patient, pulse(patient, note=[{"text": text.strip()}]))


@pytest.mark.contract(SECTION, "shape")
@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({}, "Required, on [resourceType], Required, on [type], Required, on [entry]"),
        (
            {"resourceType": "Patient", "type": "collection", "entry": []},
            "Invalid enum value. Expected 'Bundle', received 'Patient', on [resourceType]",
        ),
        (
            {"resourceType": "Bundle", "type": "batch", "entry": []},
            "Invalid enum value. Expected 'collection' | 'searchset', received 'batch', on [type]",
        ),
        (
            {"resourceType": "Bundle", "type": "collection", "entry": {}},
            "Expected array, received object, on [entry]",
        ),
        (collection() | {"entry": [{}]}, "Resource is required, on [entry,0,resource]"),
        (collection() | {"entry": [{"resource": None}]}, "Resource is required, on [entry,0,resource]"),
        (
            collection({"id": NOBODY}),
            "resourceType is required, on [entry,0,resource]",
        ),
        (
            collection({"resourceType": 5}),
            "Expected string, received number, on [entry,0,resource]",
        ),
        (
            collection() | {"entry": [{"resource": "x"}]},
            "Expected object, received string, on [entry,0,resource]",
        ),
    ],
)
def test_a_body_of_another_shape(api: Caller, patient: str, body: Any, detail: str) -> None:
    error = api.put(path(patient), body, status=400)
    assert (error["title"], error["detail"]) == ("Missing or invalid parameters", detail)


@pytest.mark.contract(SECTION, "type is not collection")
def test_a_searchset_is_no_collection(api: Caller, patient: str) -> None:
    body = collection(pulse(patient), type="searchset")
    assert api.put(path(patient), body, status=400)["detail"] == "Bundle must be a collection"


@pytest.mark.contract("6", "unknown patient")
def test_an_unknown_patient(api: Caller, world: World) -> None:
    assert refused(api, NOBODY, pulse(NOBODY), status=404) == "Could not find patient"
    others = world.caller().patient_id()
    assert refused(api, others, pulse(others), status=404) == "Could not find patient"


@pytest.mark.contract(SECTION, "caller has no organization/facility yet")
def test_an_account_without_organization(world: World) -> None:
    key = create_key(world.platform.db, "production", "nobody-yet")
    bare = Caller(world.app, key)
    with world.platform.db.write(world.tenant(bare)) as session:
        known = Patient(
            first_name="Ann",
            last_name="Lee",
            dob="1990-01-01",
            gender_at_birth="F",
            address=[],
            contact=[],
            personal_identifiers=[],
            additional_ids={},
            search_text="",
            search_ids="",
        )
        session.add(known)
        session.flush()
        patient = known.id
    error = bare.put(path(patient), collection(pulse(patient, "no-uuid")), status=404)
    assert error["detail"] == "Could not find organization", "before anything of the resources is looked at"


@pytest.mark.contract(SECTION, "sandbox: more than 50 entries")
def test_more_than_fifty_entries_in_the_sandbox(api: Caller, patient: str) -> None:
    many = [pulse(patient, "no-uuid") for _ in range(51)]
    assert refused(api, patient, *many) == "Cannot create this many resources at a time."


@pytest.mark.contract(SECTION, "sandbox: more than 50 entries")
@pytest.mark.contract(SECTION, "sandbox: stored would exceed 1000")
def test_a_thousand_resources_in_the_sandbox_and_not_one_more(world: World) -> None:
    api = world.caller()
    patient = api.patient_id(people.stranger())
    ids = [new_id() for _ in range(1000)]
    for start in range(0, 1000, 50):
        put(api, patient, *(pulse(patient, id_) for id_ in ids[start : start + 50]))
    message = "Reached maximum number of resources per patient in Sandbox mode."
    assert refused(api, patient, pulse(patient)) == message
    assert refused(api, patient, pulse(patient, ids[0]), pulse(patient)) == message
    put(api, patient, pulse(patient, ids[0]), pulse(patient, ids[999]))


@pytest.mark.contract(SECTION, "sandbox limits are of the sandbox")
def test_production_takes_more(world: World) -> None:
    api = world.caller("production")
    patient = api.patient_id(people.stranger())
    answer = put(api, patient, *(pulse(patient) for _ in range(51)))
    assert len(answer["entry"]) == 51


@pytest.mark.contract(SECTION, "a Patient entry whose id differs")
@pytest.mark.parametrize("id_", [NOBODY, None])
def test_a_patient_entry_of_somebody_else(api: Caller, patient: str, id_: str | None) -> None:
    other = {"resourceType": "Patient", "id": id_}
    message = "Patient ID does not match the Patient resource ID"
    assert refused(api, patient, pulse(patient), other) == message


@pytest.mark.contract(SECTION, "matching Patient entries are dropped")
def test_the_patients_own_entry_is_dropped(api: Caller) -> None:
    patient = api.patient_id(somebody("Rosa"))
    own = {"resourceType": "Patient", "id": patient, "name": [{"family": "Changed"}]}
    given = pulse(patient)
    answer = put(api, patient, own, given)
    assert [e["response"]["location"] for e in answer["entry"]] == [f"Observation/{given['id']}/_history/1"]
    (kept,) = of_type(chart(api, patient), "Patient")
    assert kept["name"][0]["family"] == "OfRosa"


REFERENCES: tuple[tuple[str, Json, str], ...] = (
    ("subject without reference", {"subject": {"display": "Ann"}}, "Missing ID in the Patient reference!"),
    (
        "subject of a type alone",
        {"subject": {"reference": "Patient/"}},
        "Missing ID in the Patient reference!",
    ),
    ("a search", {"subject": {"reference": "Patient?a=b"}}, "Missing ID in the Patient reference!"),
    ("no object", {"subject": "Patient/1"}, "Missing ID in the Patient reference!"),
    ("patient element", {"patient": {}}, "Missing ID in the Patient reference!"),
    (
        "another's relative",
        {"subject": {"reference": f"Patient/{NOBODY}"}},
        "Patient reference is pointing to another patient!",
    ),
    (
        "another's absolute",
        {"subject": {"reference": f"https://x.example/fhir/Patient/{NOBODY}"}},
        "Patient reference is pointing to another patient!",
    ),
    (
        "another's urn",
        {"subject": {"reference": f"urn:uuid:{NOBODY}"}},
        "Patient reference is pointing to another patient!",
    ),
    (
        "a contained patient",
        {
            "contained": [{"resourceType": "Patient", "id": "p"}],
            "subject": {"reference": "#p"},
        },
        "Patient reference is pointing to another patient!",
    ),
    (
        "a beneficiary",
        {"beneficiary": {"reference": f"Patient/{NOBODY}"}},
        "Patient reference is pointing to another patient!",
    ),
    (
        "a performer",
        {"performer": [{"reference": f"Patient/{NOBODY}"}]},
        "Patient reference is pointing to another patient!",
    ),
    (
        "within a contained resource",
        {"contained": [{"resourceType": "Device", "id": "d", "patient": {"reference": f"Patient/{NOBODY}"}}]},
        "Patient reference is pointing to another patient!",
    ),
)


@pytest.mark.contract(SECTION, "subject/patient reference without id; reference to another patient")
@pytest.mark.parametrize(
    ("changes", "message"), [row[1:] for row in REFERENCES], ids=[r[0] for r in REFERENCES]
)
def test_references_to_patients(api: Caller, patient: str, changes: Json, message: str) -> None:
    assert refused(api, patient, pulse(patient) | changes) == message


@pytest.mark.contract(SECTION, "reference to another patient")
def test_references_that_are_fine(api: Caller) -> None:
    patient = api.patient_id(somebody("Ida"))
    group, encounter = new_id(), new_id()
    given: list[Json] = [
        pulse(patient, subject={"reference": f"urn:uuid:{patient}"}),
        pulse(patient, subject={"reference": f"https://x.example/fhir/Patient/{patient}"}),
        pulse(patient, performer=[{"reference": f"Patient/{patient}"}]),
        pulse(patient, subject={"reference": f"Group/{group}"}),
        pulse(
            patient,
            contained=[{"resourceType": "Device", "id": "d"}],
            subject={"reference": "#d"},
        ),
        {
            "resourceType": "Encounter",
            "id": encounter,
            "status": "finished",
            "class": {"code": "AMB"},
            "subject": {"reference": f"Patient/{patient}"},
        },
        pulse(patient, encounter={"reference": f"urn:uuid:{encounter}"}),
    ]
    assert len(put(api, patient, *given)["entry"]) == len(given)
    subjects = {r["id"]: r["subject"]["reference"] for r in of_type(chart(api, patient), "Observation")}
    expected = dict.fromkeys((g["id"] for g in given if g["id"] != encounter), f"Patient/{patient}")
    assert subjects == {**expected, given[3]["id"]: f"Group/{group}", given[4]["id"]: "#d"}


@pytest.mark.contract(SECTION, "resource without id")
@pytest.mark.contract(SECTION, "id not a UUID")
@pytest.mark.contract(SECTION, "repeated id")
def test_ids(api: Caller, patient: str) -> None:
    nameless = pulse(patient)
    del nameless["id"]
    assert refused(api, patient, nameless) == "Observation resource is missing the ID!"
    assert refused(api, patient, pulse(patient, "12345")) == "Invalid UUID: 12345"
    assert refused(api, patient, pulse(patient) | {"id": 5}) == "Invalid UUID: 5"
    twice = new_id()
    assert (
        refused(api, patient, pulse(patient, twice), pulse(patient, twice, 80))
        == f"Multiple resources with the same ID: {twice}"
    )
    shouted = twice.upper()
    assert (
        refused(api, patient, pulse(patient, twice), pulse(patient, shouted))
        == f"Multiple resources with the same ID: {shouted}"
    )


@pytest.mark.contract(SECTION, "FHIR R4 schema violation")
def test_resources_that_are_no_fhir(api: Caller, patient: str) -> None:
    wrong = pulse(patient, valueQuantity="fast")
    unknown = pulse(patient) | {"resourceType": "Heartbeat"}
    error = api.put(path(patient), collection(pulse(patient), wrong, unknown), status=400)
    assert error["detail"] == (
        f"Invalid FHIR resource(s): Observation {wrong['id']}, Heartbeat {unknown['id']}"
    )
    details = error["additionalInfo"]["violations"]
    assert set(details) == {f"Observation {wrong['id']}", f"Heartbeat {unknown['id']}"}
    assert "valueQuantity" in " ".join(details[f"Observation {wrong['id']}"])


@pytest.mark.contract(SECTION, "in order")
def test_the_checks_come_in_the_contracts_order(api: Caller, patient: str) -> None:
    """A bundle with every fault; each message is met once the fault before it is mended."""
    other = {"resourceType": "Patient", "id": NOBODY}
    twice = new_id()
    faults: list[tuple[str, list[Json]]] = [
        ("Patient ID does not match the Patient resource ID", [other]),
        ("Observation resource is missing the ID!", [pulse(patient) | {"id": None}]),
        ("Invalid UUID: 1", [pulse(patient, "1")]),
        (f"Multiple resources with the same ID: {twice}", [pulse(patient, twice)]),
        ("Missing ID in the Patient reference!", [pulse(patient, subject={})]),
        (
            "Patient reference is pointing to another patient!",
            [pulse(patient, subject={"reference": f"Patient/{NOBODY}"})],
        ),
    ]
    invalid = pulse(patient, twice, status="odd")
    while faults:
        resources = [r for _, part in reversed(faults) for r in part]
        assert refused(api, patient, invalid, *resources) == faults[0][0]
        del faults[0]
    assert refused(api, patient, invalid) == f"Invalid FHIR resource(s): Observation {twice}"


@pytest.mark.contract(SECTION, "non-breaking spaces become blanks")
def test_non_breaking_spaces(api: Caller) -> None:
    patient = api.patient_id(somebody("Uma"))
    given = pulse(patient, code={"text": "Heart\u00a0rate"}, status="final")
    put(api, patient, given)
    (kept,) = of_type(chart(api, patient), "Observation")
    assert kept["code"]["text"] == "Heart rate"


@pytest.mark.contract(SECTION, "deep nesting is bounded")
def test_deep_nesting_is_refused(api: Caller, patient: str) -> None:
    deep: Json = {"url": "http://x.example"}
    for _ in range(40):
        deep = {"url": "http://x.example", "extension": [deep]}
    error = api.put(path(patient), collection(pulse(patient, extension=[deep])), status=400)
    assert error["detail"] == "Resource is nested deeper than 64 levels, on [entry,0,resource]"
    hopeless = '{"resourceType":"Bundle","type":"collection","entry":[{"resource":' + "[" * 100_000
    answer = api.http.put(path(patient), content=hopeless.encode())
    assert answer.status_code == 400


@pytest.mark.contract(SECTION, "response")
def test_what_is_answered(api: Caller) -> None:
    patient = api.patient_id(somebody("Olga"))
    first, second = pulse(patient), pulse(patient)
    answer = api.http.put(path(patient), json=collection(first, second))
    assert answer.status_code == 200
    body = answer.json()
    moment = body["entry"][0]["response"]["lastModified"]

    def entry(resource: Json, version: int, modified: str) -> Json:
        return {
            "response": {
                "status": "201 Created",
                "location": f"Observation/{resource['id']}/_history/{version}",
                "etag": f'W/"{version}"',
                "lastModified": modified,
                "outcome": {"resourceType": "OperationOutcome"},
            }
        }

    assert body == {
        "resourceType": "Bundle",
        "type": "transaction-response",
        "entry": [entry(first, 1, moment), entry(second, 1, moment)],
    }
    request_id = answer.headers["x-metriport-request-id"]
    kept = of_type(chart(api, patient), "Observation")
    assert len(kept) == 2
    for resource in kept:
        sources = {e["url"].rsplit("/", 1)[-1]: e for e in resource["extension"]}
        assert sources["data-source.json"]["valueCoding"]["code"] == "METRIPORT"
        assert sources["doc-id-extension.json"]["valueString"] == request_id
        assert resource["meta"]["source"] == f"contribution/{request_id}"
    again = put(api, patient, pulse(patient, first["id"], 95))
    assert again["entry"] == [entry(first, 2, again["entry"][0]["response"]["lastModified"])]
    values = {r["id"]: r["valueQuantity"]["value"] for r in of_type(chart(api, patient), "Observation")}
    assert values == {first["id"]: 95, second["id"]: 72}, "the same id again replaces the earlier resource"


@pytest.mark.contract("6.1", "POST is a deprecated alias")
def test_post_is_an_alias(world: World, api: Caller) -> None:
    patient = api.patient_id(somebody("Nina"))
    given = pulse(patient)
    answer = api.post(path(patient), collection(given))
    assert answer["entry"][0]["response"]["location"] == f"Observation/{given['id']}/_history/1"
    operations = world.app.openapi()["paths"][path("{patient_id}")]
    assert operations["post"]["deprecated"]
    assert "deprecated" not in operations["put"]


@pytest.mark.contract(SECTION, "rate limit")
def test_a_hundred_and_twenty_a_minute(world: World) -> None:
    limited = world.with_settings(rate_limits={})
    api = limited.caller()
    patient = api.patient_id(people.stranger())
    answer = api.http.put(path(patient), json=collection())
    assert (answer.status_code, answer.headers["RateLimit-Limit"]) == (200, "120")
    limited = world.with_settings(rate_limits={"contribution": 0})
    answer = Caller(limited.app, api.key).http.put(path(patient), json=collection())
    assert answer.status_code == 429
    assert answer.text == "Too many patient data contributions, please try again later."


@pytest.mark.contract("1.3", "JSON")
@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', json.dumps(None).encode()])
def test_what_is_no_bundle_at_all(api: Caller, patient: str, body: bytes) -> None:
    assert api.http.put(path(patient), content=body).status_code == 400
