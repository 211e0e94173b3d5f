"""The main job, as an application on the official JavaScript SDK does it, from facility to chart."""

from __future__ import annotations

import gzip
from collections import Counter
from typing import Any

import httpx
import pytest

from tests.sdk.drivers import Sdk
from tests.support import people
from tests.support.receiver import Received, Receiver

pytestmark = pytest.mark.sdk

SOURCE_ENDS = ("network-query.hie", "network-query.pharmacy", "network-query.lab")


def _read(js: Sdk, key: str, message: Received) -> dict[str, Any]:
    """The message as the SDK gives it to an application that checks signatures."""
    assert js.call("verifySignature", key, message.body.decode(), message.signature)
    parsed: dict[str, Any] = js.call("parseWebhook", message.json)
    return parsed


def _download_bundle(url: str) -> dict[str, Any]:
    answer = httpx.get(url).raise_for_status()
    bundle: dict[str, Any] = answer.json()
    assert bundle["resourceType"] == "Bundle"
    assert bundle["total"] == len(bundle["entry"])
    return bundle


def _types(bundle: dict[str, Any]) -> Counter[str]:
    return Counter(entry["resource"]["resourceType"] for entry in bundle["entry"])


def test_from_facility_to_chart(js: Sdk, receiver: Receiver) -> None:
    key = receiver.key = js.call("updateSettings", receiver.url)["webhookKey"]
    clinic = js.call("createFacility", people.facility())
    jane = js.call("createPatient", people.jane(externalId="mrn-jane"), clinic["id"])
    query = js.call(
        "startNetworkQuery",
        {"patientId": jane["id"], "sources": people.ALL_SOURCES, "metadata": {"visit": "42"}},
    )
    assert {source["type"] for source in query["sources"]} == {"hie", "pharmacy", "lab"}

    for kind in SOURCE_ENDS:
        [message] = receiver.wait_for(kind, timeout_s=60)
        parsed = _read(js, key, message)
        assert parsed["meta"]["requestId"] == query["requestId"]
        assert parsed["meta"]["data"] == {"visit": "42"}
        payload = parsed["payload"]
        assert (payload["patientId"], payload["externalId"]) == (jane["id"], "mrn-jane")
        assert payload["source"]["status"] == "completed"
        assert _types(_download_bundle(payload["consolidatedDataUrl"]))["Patient"] == 1
    [early] = receiver.wait_for("network-query.hie.first-data-ready")
    assert _read(js, key, early)["payload"]["source"]["status"] == "processing"
    done = js.call("getNetworkQueryStatus", {"requestId": query["requestId"]})
    assert done["status"] == "completed"
    assert {s["status"] for s in done["sources"]} == {"completed"}
    assert "errors" not in done

    documents = js.call("listDocumentsAsDTO", jane["id"])
    assert sorted(d["mimeType"] for d in documents) == people.PERSONA_DOCUMENT_TYPES
    [ccd] = [d for d in documents if d["mimeType"] == "application/xml"]
    xml = httpx.get(js.call("getDocumentUrl", ccd["fileName"])["url"]).raise_for_status().content
    assert b"urn:hl7-org:v3" in xml

    started = js.call("startConsolidatedQuery", jane["id"])
    [message] = receiver.wait_for("medical.consolidated-data")
    parsed = _read(js, key, message)
    assert parsed["meta"]["requestId"] == started["requestId"]
    [sent] = parsed["patients"]
    assert sent["status"] == "completed"
    plain, packed = (c["attachment"] for c in sent["bundle"]["entry"][0]["resource"]["content"])
    assert (plain["contentType"], packed["contentType"]) == ("application/json", "application/gzip")
    raw = httpx.get(plain["url"]).raise_for_status().content
    with httpx.stream("GET", packed["url"]) as answer:
        zipped = b"".join(answer.iter_raw())
    assert gzip.decompress(zipped) == raw
    chart = _download_bundle(plain["url"])
    assert chart["type"] == "searchset"
    found = _types(chart)
    assert found["Patient"] == 1
    assert {"Condition", "Observation", "MedicationDispense", "DocumentReference", "Immunization"} <= set(
        found
    )
    [patient] = [e["resource"] for e in chart["entry"] if e["resource"]["resourceType"] == "Patient"]
    assert (patient["id"], patient["birthDate"]) == (jane["id"], "1996-02-10")


def test_a_signature_does_not_fit_a_changed_body(js: Sdk, receiver: Receiver) -> None:
    key = js.call("updateSettings", receiver.url)["webhookKey"]
    [ping] = receiver.wait_for("ping")
    body = ping.body.decode()
    assert js.call("verifySignature", key, body, ping.signature)
    assert not js.call("verifySignature", key, body + " ", ping.signature)
    assert not js.call("verifySignature", key + "x", body, ping.signature)


def test_a_receiver_that_fails_gets_the_same_message_again(js: Sdk, receiver: Receiver) -> None:
    key = receiver.key = js.call("updateSettings", receiver.url)["webhookKey"]
    receiver.wait_for("ping")
    receiver.fail_next(2, status=503, type="medical.consolidated-data")
    clinic = js.call("createFacility", people.facility())
    patient = js.call("createPatient", people.stranger(), clinic["id"])
    js.call("startConsolidatedQuery", patient["id"])
    [delivered] = receiver.wait_for("medical.consolidated-data")
    _read(js, key, delivered)
    attempts = [r.json for r in receiver.received if r.type == "medical.consolidated-data"]
    assert len(attempts) == 3
    for name in ("messageId", "when", "requestId"):
        assert len({attempt["meta"][name] for attempt in attempts}) == 1, name
