"""Logs hold ids, routes and counts; never a patient's data, a query string, a key or a signature."""

from __future__ import annotations

import re
from collections.abc import Callable

import httpx
import pytest

from tests.support import people
from tests.support.client import M
from tests.support.receiver import Receiver
from tests.support.server import Deployment


@pytest.mark.slow
@pytest.mark.parametrize("log_format", ["console", "json"])
def test_a_whole_flow_leaves_no_patient_data_in_the_log(
    live_server: Callable[..., Deployment], receiver: Receiver, log_format: str
) -> None:
    deployment = live_server({"log_level": "debug", "log_format": log_format})
    server = deployment.serve()
    with deployment.api(server) as api:
        key = api.http.headers["x-api-key"]
        receiver.key = api.post("/settings", {"webhookUrl": receiver.url})["webhookKey"]
        facility = people.facility(name="Zanzibar Clinic")
        clinic = api.post(f"{M}/facility", facility, status=201)["id"]
        stranger = api.post(
            f"{M}/patient", people.stranger(externalId="EXT-90210"), status=201, facilityId=clinic
        )
        jane = api.post(f"{M}/patient", people.jane(), status=201, facilityId=clinic)["id"]
        api.get(f"{M}/patient", filters="Orsolya")
        api.post(f"{M}/patient", people.stranger(dob="1961-13-99"), status=400, facilityId=clinic)
        api.get(f"{M}/patient/Orsolya-Vance", status=404)
        api.get(f"{M}/document", patientId=jane, dateFrom="Orsolya", status=400)
        for patient in (stranger["id"], jane):
            query = api.post(f"{M}/network/query", {"sources": people.ALL_SOURCES}, patientId=patient)
            api.poll(f"{M}/network/query/{query['requestId']}", timeout_s=90)
        api.post(f"{M}/patient/{jane}/consolidated/query", conversionType="json")
        documents = api.get(f"{M}/document", patientId=jane, output="dto")["documents"]
        url = api.get(f"{M}/document/download-url", fileName=documents[0]["fileName"])["url"]
        assert httpx.get(url).status_code == 200
        broken = httpx.post(
            f"{server.origin}/convert/v1/ccda/to/fhir",
            params={"patientId": jane},
            headers={"x-api-key": key, "content-type": "application/xml"},
            content=b"<ClinicalDocument><name>Orsolya Vance</name>",
        )
        assert broken.status_code == 400
        receiver.wait_for("network-query.lab")
    assert server.stop() == 0
    log = server.log()
    assert "/medical/v1/patient" in log, "requests are logged, by route"
    assert "worker started" in log
    told = people.stranger()
    secrets = [
        *("Orsolya", "Vance", "orsolya", "vance", "o.vance@", "2085550143", "VX123456", "1961", "Quarry"),
        *("Jane", "Smith", "1996-02-10", "Arsenal", "EXT-90210", "Zanzibar", "83702"),
        *(key, key.split(".")[3], receiver.key, "signature=", "filters=", "dateFrom", "?"),
        told["contact"][0]["phone"],
    ]
    assert [secret for secret in secrets if _stands_in(secret, log)] == []


def _stands_in(secret: str, log: str) -> bool:
    """Digits may be part of an id or a time by chance; other text may not stand anywhere."""
    if secret.isdigit():
        return re.search(rf"(?<![0-9a-f.:-]){secret}(?![0-9a-f.:-])", log) is not None
    return secret in log
