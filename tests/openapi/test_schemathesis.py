"""Schemathesis against the whole API: what the OpenAPI document says of every operation is true.

The document's own examples, boundary values and generated ones go to each operation, right and wrong
ones. Whatever comes, the answer must be one that the document names: its status, its type of content, its
headers, its form. Ids are mostly those of a patient with a chart, so that the inside is reached.
"""

from __future__ import annotations

import uuid
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import FailureGroup
from schemathesis.generation.hypothesis.builder import HypothesisTestConfig, HypothesisTestMode, create_test
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from chartbridge.background import create_worker
from chartbridge.http.ratelimit import OPERATIONS
from tests.ccda import builders
from tests.running import Caller, World, running
from tests.support import people
from tests.support.client import M

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

EXAMPLES = 12
CONFIG = {
    "generation": {"deterministic": True, "max-examples": EXAMPLES, "no-shrink": True},
    "checks": {"enabled": False},
}
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]

REFUSED_HERE = {
    "createOrganization",  # the account has one
    "createFacility",  # the example's NPI is taken
    "syncPatient",  # no other system is mapped
}
"""Operations that cannot succeed with what is generated here."""

CHANGING = ("/hie-opt-out", "/treatment-relationship", "/external/sync")
"""Operations after which the networks may no longer be asked for the patient."""


CONVERT = "/convert/v1/ccda/to/fhir"


class Known:
    """An account with one object of each kind, and fresh ones for operations that delete."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.api: Caller = world.caller("sandbox", "schemathesis")
        self.made = 0
        self._receiver()
        patient = self.api.patient_id(people.jane(externalId="known-jane"))
        network = self.api.query(patient)["requestId"]
        consolidated = self.api.post(f"{M}/patient/{patient}/consolidated/query", conversionType="json")
        self.api.poll(f"{M}/patient/{patient}/consolidated/query/{consolidated['requestId']}")
        summary = self.api.post(f"{M}/patient/{patient}/consolidated/query", conversionType="pdf")
        self.api.poll(f"{M}/patient/{patient}/consolidated/query/{summary['requestId']}")
        self.cohort = self._cohort()
        self.api.post(f"{M}/cohort/{self.cohort}/patient", {"patientIds": [patient]})
        self.patient = patient
        self.facility = self.api.facility_id()
        self.organization = str(self.api.get(f"{M}/organization")["id"])
        self.requests = {"network": network, "consolidated": str(consolidated["requestId"])}
        self.message = str(self.api.get("/settings/webhook/message")["messages"][0]["id"])
        self.changed = self.api.patient_id(people.stranger())
        self.document = str(self.api.documents(patient, output="dto")[0]["fileName"])

    def _receiver(self) -> None:
        self.api.post("/settings", {"webhookUrl": "http://127.0.0.1:9/nobody"})

    def _cohort(self) -> str:
        self.made += 1
        return str(self.api.post(f"{M}/cohort", {"name": f"Cohort {self.made}"}, status=201)["id"])

    def ids(self, method: str, path: str) -> dict[str, str]:
        """Ids by the names that parameters have."""
        if path == "/settings/webhook/sample-payload":
            self._receiver()  # a call of POST /settings may have taken it away
        patient = self.patient
        if path.endswith(CHANGING) or method == "PUT":
            patient = self.changed
        here = {"facility": self.facility, "cohort": self.cohort, "organization": self.organization}
        noun = path.split("/")[3] if path.startswith(M) else ""
        if path.startswith("/settings/webhook/message/"):
            noun, here["message"] = "message", self.message
        request = self.requests["consolidated" if "/consolidated/" in path else "network"]
        if path.startswith(f"{M}/patient/bulk/"):  # a new one each time: a call may have cancelled the last
            request = str(self.api.post(f"{M}/patient/bulk", facilityId=self.facility)["requestId"])
        if method == "DELETE" and path.endswith("{id}"):
            self.made += 1
            if noun == "facility":
                here[noun] = str(self.api.post(f"{M}/facility", _facility(self.made), status=201)["id"])
            elif noun == "cohort":
                here[noun] = self._cohort()
            else:
                patient = self.api.patient_id(people.stranger(firstName="Made" + _letters(self.made)))
        return {
            "id": here.get(noun, patient),
            "patient_id": patient,
            "patientId": patient,
            "facilityId": self.facility,
            "fileName": self.document,
            "requestId": self.requests["consolidated"],
            "conversionType": "pdf" if path.endswith(("medical-record", "download-url")) else "json",
            "externalId": "known-jane",
            "request_id": request,
        }


def _letters(number: int) -> str:
    return "".join(chr(ord("a") + int(digit)) for digit in str(number))


def _facility(number: int) -> dict[str, Any]:
    """A facility whose NPI is its own, with the check digit that 80840 in front of it asks for."""
    digits = f"80840{100_000_000 + number}"
    doubled = [int(d) * (2 if place % 2 == 0 else 1) for place, d in enumerate(reversed(digits))]
    check = -sum(d // 10 + d % 10 for d in doubled) % 10
    return people.facility(npi=f"{digits[5:]}{check}")


def _contribution(patient_id: str) -> dict[str, Any]:
    """A Bundle with one resource that can be put into the patient's chart."""
    allergy = {
        "resourceType": "AllergyIntolerance",
        "id": str(uuid.UUID(int=0x4000_8000_0000_0000_0001, version=4)),
        "patient": {"reference": f"Patient/{patient_id}"},
        "code": {"text": "Penicillin"},
    }
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": allergy}]}


@pytest.fixture(scope="module")
def known(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Known]:
    """The worker makes the chart and then stops: jobs that are begun here need not be done."""
    unlimited = {"rate_limits": _NO_LIMITS, "sandbox_max_patients": 100_000}
    with running("sqlite", tmp_path_factory, request, worker=False, **unlimited) as world:
        worker = create_worker(world.platform, "worker-of-schemathesis")
        worker.start()
        try:
            account = Known(world)
        finally:
            worker.stop(grace_s=5)
        yield account


_NO_LIMITS = dict.fromkeys(OPERATIONS, 1_000_000)


@pytest.fixture(scope="module")
def described(known: Known) -> Any:
    config = SchemathesisConfig.from_dict({**CONFIG, "headers": {"x-api-key": known.api.key}})
    return schemathesis.openapi.from_asgi("/openapi.json", known.world.app, config=config)


def test_every_answer_is_one_that_the_document_names(
    described: Any, known: Known, subtests: pytest.Subtests
) -> None:
    for found in described.get_all_operations():
        operation = found.ok()
        with subtests.test(msg=operation.label):
            wrong = _wrong_answers(operation, known)
            assert not wrong, "\n\n".join([operation.label, *wrong.values()])


def _wrong_answers(operation: Any, known: Known) -> dict[str, str]:
    """One failure of each kind, with the call that shows it."""
    wrong: dict[str, str] = {}
    answered: set[int] = set()

    def call(case: Case[Any]) -> None:
        _put_known_ids(case, known)
        answer = case.call(headers={"x-api-key": known.api.key})
        answered.add(answer.status_code)
        try:
            case.validate_response(answer, checks=CHECKS)
        except FailureGroup as group:
            for failure in group.exceptions:
                kind = f"{type(failure).__name__} {answer.status_code} {failure.message}"[:200]
                wrong.setdefault(kind, f"{failure}\n{case.as_curl_command()}\n{answer.text[:500]}")

    config = HypothesisTestConfig(
        project=operation.schema.config,
        modes=list(HypothesisTestMode),
        settings=operation.schema.config.get_hypothesis_settings(),
    )
    create_test(operation=operation, test_func=call, config=config)()
    succeeded = any(200 <= status < 300 for status in answered)
    if not succeeded and operation.definition.raw["operationId"] not in REFUSED_HERE:
        wrong["never"] = f"no call succeeded: {sorted(answered)}"
    return wrong


def _put_known_ids(case: Case[Any], known: Known) -> None:
    """In two of three cases, chosen by what was generated, put ids that exist in place of invented ones. A
    key that makes the call one of before is its own then."""
    chosen = zlib.crc32(repr((case.path_parameters, case.query, case.body)).encode("utf-8", "replace"))
    if chosen % 3 == 0:
        return
    if "Idempotency-Key" in (case.headers or {}):
        known.made += 1
        case.headers["Idempotency-Key"] = f"call-{known.made}"
    if "If-Match" in (case.headers or {}) and chosen % 4:
        del case.headers["If-Match"]
    ids = known.ids(case.method, case.path)
    for name in ("patientIds", "facilityIds", "cohortIds"):
        if isinstance(case.body, dict) and isinstance(case.body.get(name), list):
            case.body[name] = [
                {"patientIds": known.patient, "facilityIds": known.facility}.get(name, known.cohort)
            ]
    if case.path == CONVERT:
        case.body = builders.document()
    if case.path.endswith("/consolidated") and isinstance(case.body, dict):
        case.body = _contribution(ids["patient_id"])
    for place in (case.path_parameters, case.query):
        for name in set(place or {}) & set(ids):
            place[name] = ids[name]
