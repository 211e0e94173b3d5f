"""Reading a chart: each row of the contract's tables (consolidated 6.1 to 6.5)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.records.bundles import collection, new_id, path, pulse
from tests.running import Caller, Json, World, running
from tests.support import people
from tests.support.client import M

NOBODY = "0196f0e0-0000-7000-8000-000000000000"


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running(request.param, tmp_path_factory, request) as started:
        yield started


@pytest.fixture(scope="module")
def api(world: World) -> Caller:
    return world.caller()


def condition(patient: str, **elements: Any) -> Json:
    return {
        "resourceType": "Condition",
        "id": new_id(),
        "subject": {"reference": f"Patient/{patient}"},
        "code": {"text": "Asthma"},
        **elements,
    }


@pytest.fixture(scope="module")
def patient(api: Caller) -> str:
    """Four conditions, three pulses of 2024 and 2026, and an encounter that one of the pulses names; so the
    chart has a brief as well, a Binary."""
    made = api.patient_id(people.stranger())
    encounter = new_id()
    visit = {
        "resourceType": "Encounter",
        "id": encounter,
        "status": "finished",
        "class": {"code": "AMB"},
        "subject": {"reference": f"Patient/{made}"},
        "period": {"start": "2020-05-05"},
    }
    resources = [
        *(condition(made, recordedDate=f"2020-01-0{n}", code={"text": f"Problem {n}"}) for n in range(1, 5)),
        pulse(made, value=60, effectiveDateTime="2024-01-01T10:00:00Z"),
        pulse(made, value=61, effectiveDateTime="2024-12-31T23:30:00Z"),
        pulse(
            made, value=62, effectiveDateTime="2026-01-01", encounter={"reference": f"Encounter/{encounter}"}
        ),
        visit,
    ]
    api.put(path(made), collection(*resources))
    return made


def kinds(answer: Json) -> dict[str, int]:
    return dict(Counter(entry["resource"]["resourceType"] for entry in answer["entry"]))


@pytest.mark.contract("6.1", "GET /consolidated: searchset Bundle")
@pytest.mark.contract("6.3", "the data bundle")
def test_the_synchronous_read(world: World, api: Caller, patient: str) -> None:
    answer = api.get(path(patient), fromDashboard="true")
    assert (answer["resourceType"], answer["type"]) == ("Bundle", "searchset")
    assert answer["total"] == len(answer["entry"])
    assert kinds(answer) == {"Binary": 1, "Condition": 4, "Encounter": 1, "Observation": 3, "Patient": 1}
    for entry in answer["entry"]:
        assert entry["fullUrl"] == f"urn:uuid:{entry['resource']['id']}"
        if entry["resource"]["resourceType"] != "Patient":
            assert entry["resource"]["meta"]["source"]
    (generated,) = (e["resource"] for e in answer["entry"] if e["resource"]["resourceType"] == "Patient")
    assert (generated["id"], generated["birthDate"]) == (patient, people.stranger()["dob"])
    operation = world.app.openapi()["paths"][path("{patient_id}")]["get"]
    assert operation["deprecated"]
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/Searchset"}


@pytest.mark.contract("6.3", "Patient entry: always present")
def test_a_chart_of_nothing_is_the_patient_alone(api: Caller) -> None:
    empty = api.patient_id(people.stranger(firstName="Rhea", dob="1950-05-05", personalIdentifiers=[]))
    assert kinds(api.get(path(empty))) == {"Patient": 1}
    assert api.get(f"{path(empty)}/count") == {"total": 0, "resources": {}, "filter": {"resources": "all"}}


@pytest.mark.contract("6.4", "by type, by date, hydrate")
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"resources": "Condition"}, {"Condition": 4}),
        ({"resources": " 'Condition', \"Goal\" "}, {"Condition": 4}),
        ({"resources": ""}, {"Binary": 1, "Condition": 4, "Encounter": 1, "Observation": 3}),
        ({"resources": "Observation", "dateFrom": "2024-01-01", "dateTo": "2024-12-31"}, {"Observation": 2}),
        ({"resources": "Observation", "dateTo": "2024-01-01"}, {"Observation": 1}),
        ({"resources": "Observation", "dateFrom": "2025-01-01"}, {"Encounter": 1, "Observation": 1}),
        ({"dateFrom": "2025-01-01"}, {"Binary": 1, "Condition": 4, "Encounter": 1, "Observation": 1}),
        ({"dateTo": "2019-12-31"}, {"Binary": 1, "Condition": 4}),
    ],
    ids=str,
)
def test_filters(api: Caller, patient: str, query: dict[str, Any], expected: dict[str, int]) -> None:
    assert kinds(api.get(path(patient), **query)) == {**expected, "Patient": 1}
    counted = api.get(f"{path(patient)}/count", **query)
    assert counted["resources"] == expected, "filtered and hydrated; the Patient does not count"
    assert counted["total"] == sum(expected.values())


@pytest.mark.contract("6.5", "filter")
def test_what_the_count_says_of_its_filter(api: Caller, patient: str) -> None:
    count = f"{path(patient)}/count"
    assert api.get(count)["filter"] == {"resources": "all"}
    assert api.get(count, resources="Observation,Condition", dateFrom="2024-01-01") == {
        "total": 8,
        "resources": {"Condition": 4, "Encounter": 1, "Observation": 3},
        "filter": {"resources": "Condition,Observation", "dateFrom": "2024-01-01"},
    }
    assert api.get(count, dateTo="2019-01-01")["filter"] == {"resources": "all", "dateTo": "2019-01-01"}


@pytest.mark.contract("6.1", "resources, dateFrom, dateTo")
@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ({"resources": "condition"}, "Invalid resource type: condition"),
        ({"dateFrom": "01-01-2024"}, "Date must be in format YYYY-MM-DD - got 01-01-2024"),
        ({"dateTo": "2024-02-30"}, "Date must be in format YYYY-MM-DD - got 2024-02-30"),
    ],
    ids=str,
)
@pytest.mark.parametrize("operation", ["", "/count", "/query"])
def test_parameters_that_cannot_be_used(
    api: Caller, patient: str, operation: str, query: dict[str, Any], detail: str
) -> None:
    call = api.post if operation == "/query" else api.get
    given: dict[str, Any] = {**query, "conversionType": "json"} if operation == "/query" else query
    error = call(path(patient) + operation, status=400, **given)
    assert (error["title"], error["detail"]) == ("BadRequestError", detail)


@pytest.mark.contract("6.1", "resources: every accepted name")
def test_every_name_of_the_contract_is_accepted(api: Caller, patient: str) -> None:
    names = [
        "Account",
        "AllergyIntolerance",
        "Appointment",
        "AppointmentResponse",
        "AuditEvent",
        "Basic",
        "BodyStructure",
        "CarePlan",
        "CareTeam",
        "ChargeItem",
        "Claim",
        "ClaimResponse",
        "ClinicalImpression",
        "Communication",
        "CommunicationRequest",
        "Composition",
        "Condition",
        "Consent",
        "Contract",
        "Coverage",
        "CoverageEligibilityRequest",
        "CoverageEligibilityResponse",
        "DetectedIssue",
        "Device",
        "DeviceRequest",
        "DeviceUseStatement",
        "DiagnosticReport",
        "DocumentManifest",
        "DocumentReference",
        "Encounter",
        "EnrollmentRequest",
        "EpisodeOfCare",
        "ExplanationOfBenefit",
        "FamilyMemberHistory",
        "Flag",
        "Goal",
        "GuidanceResponse",
        "ImagingStudy",
        "Immunization",
        "ImmunizationEvaluation",
        "ImmunizationRecommendation",
        "Invoice",
        "List",
        "MeasureReport",
        "Media",
        "MedicationAdministration",
        "MedicationDispense",
        "MedicationRequest",
        "MedicationStatement",
        "MolecularSequence",
        "NutritionOrder",
        "Observation",
        "Person",
        "Procedure",
        "Provenance",
        "QuestionnaireResponse",
        "RelatedPerson",
        "RequestGroup",
        "ResearchSubject",
        "RiskAssessment",
        "ServiceRequest",
        "Specimen",
        "AdverseEvent",
        "Task",
        "Location",
        "Organization",
        "Patient",
        "Practitioner",
        "Binary",
        "Medication",
    ]
    found = api.get(f"{path(patient)}/count", resources=",".join(names))
    assert found["total"] == 9
    assert found["filter"]["resources"] == ",".join(sorted(names))


@pytest.mark.contract("6", "unknown patient")
@pytest.mark.parametrize("operation", ["", "/count", "/query", "/query/x", "/webhook"])
def test_an_unknown_patient(api: Caller, operation: str) -> None:
    error = api.get(f"{M}/patient/{NOBODY}/consolidated{operation}", status=404, requestId="x")
    assert error["detail"] == "Could not find patient"


def ended(api: Caller, patient: str, kind: str = "json", **query: Any) -> str:
    begun = api.post(f"{path(patient)}/query", conversionType=kind, fromDashboard="true", **query)
    api.poll(f"{path(patient)}/query/{begun['requestId']}")
    return str(begun["requestId"])


@pytest.mark.contract("6.1", "GET /consolidated/webhook")
def test_the_files_of_a_query_for_the_dashboard(api: Caller, patient: str) -> None:
    request_id = ended(api, patient, resources="Condition")
    found = api.get(f"{path(patient)}/webhook", requestId=request_id)
    assert {k: v for k, v in found.items() if not k.endswith("Url")} == {
        "requestId": request_id,
        "status": "completed",
        "conversionType": "json",
    }
    assert kinds(api.fetch(found["fileUrl"]).json()) == {"Condition": 4, "Patient": 1}
    assert api.fetch(found["gzipUrl"]).headers["content-type"] == "application/gzip"


@pytest.mark.contract("6.1", "GET /consolidated/webhook")
def test_a_query_without_files_says_why(api: Caller, patient: str) -> None:
    request_id = ended(api, patient, resources="MolecularSequence")
    assert api.get(f"{path(patient)}/webhook", requestId=request_id) == {
        "requestId": request_id,
        "status": "completed",
        "conversionType": "json",
        "message": "Nothing fits the query, or its files are no longer kept",
    }
    error = api.get(f"{path(patient)}/webhook", status=400)
    assert error["detail"] == "Missing requestId query param"
    error = api.get(f"{path(patient)}/webhook", status=404, requestId=NOBODY)
    assert error["detail"] == "Consolidated query not found"
