from __future__ import annotations

import copy
from typing import Any

import pytest

from chartbridge.consolidate.merge import SourceBundle, consolidate
from chartbridge.consolidate.provenance import DATA_SOURCE_URL, DOC_ID_URL
from chartbridge.fhir.references import Resource
from tests.consolidate.builders import PATIENT, by_type, doc_ids, document, pulse, resource


def chart_of(*sources: SourceBundle) -> list[Resource]:
    return consolidate(sources, patient=PATIENT).resources


def only(resources: list[Resource], kind: str) -> Resource:
    (found,) = by_type(resources, kind)
    return found


def test_a_resource_says_which_file_network_and_document_it_comes_from() -> None:
    held = only(chart_of(document("visit", pulse("o1"), network="CAREQUALITY")), "Observation")
    assert held["meta"]["source"] == "visit.xml"
    assert held["extension"] == [
        {"url": DATA_SOURCE_URL, "valueCoding": {"system": DATA_SOURCE_URL, "code": "CAREQUALITY"}},
        {"url": DOC_ID_URL, "valueString": "id-of-visit"},
    ]


def test_the_source_replaces_what_the_resource_claimed_and_leaves_other_extensions_alone() -> None:
    chronic = {
        "url": "http://hl7.org/fhir/StructureDefinition/condition-related",
        "valueCoding": {"code": "C"},
    }
    given = resource(
        "Condition",
        "c1",
        meta={"source": "elsewhere", "profile": ["urn:a"]},
        extension=[{"url": DOC_ID_URL, "valueString": "old"}, chronic],
    )
    held = only(chart_of(document("visit", given)), "Condition")
    assert held["meta"] == {"source": "visit.xml", "profile": ["urn:a"]}
    assert doc_ids(held) == ["id-of-visit"]
    assert chronic in held["extension"]


def test_a_source_without_names_leaves_what_resources_say_of_themselves() -> None:
    given = pulse(
        "o1", meta={"source": "adt"}, extension=[{"url": DOC_ID_URL, "valueString": "location_hl7/1"}]
    )
    held = only(chart_of(SourceBundle([given])), "Observation")
    assert held["meta"] == {"source": "adt"}
    assert doc_ids(held) == ["location_hl7/1"]


def test_the_patient_of_every_source_gives_way_to_the_current_one() -> None:
    chart = chart_of(
        document("a", resource("Patient", "p-then", birthDate="1971-01-01"), pulse("o1")),
        document("b", resource("Patient", "p-now", birthDate="1972-01-01")),
    )
    assert by_type(chart, "Patient") == [PATIENT]
    assert only(chart, "Observation")["subject"] == {"reference": "Patient/p-now"}


@pytest.mark.parametrize(
    ("kind", "element", "given"),
    [
        ("Observation", "subject", "Patient/p-then"),
        ("Observation", "subject", "Patient/nobody-of-ours"),
        ("Observation", "subject", "https://ehr.example.org/fhir/Patient/77"),
        ("Observation", "subject", "urn:uuid:2b1f0d1e-0000-4000-8000-000000000001"),
        ("AllergyIntolerance", "patient", "urn:uuid:p-then"),
        ("Coverage", "beneficiary", "Patient/p-then/_history/2"),
    ],
)
def test_subject_patient_and_beneficiary_point_to_the_current_patient(
    kind: str, element: str, given: str
) -> None:
    source = document(
        "a", resource("Patient", "p-then"), resource(kind, "x", **{element: {"reference": given}})
    )
    assert only(chart_of(source), kind)[element] == {"reference": "Patient/p-now"}


def test_every_item_of_a_list_of_subjects_points_to_the_current_patient() -> None:
    given = resource("Account", "x", subject=[{"reference": "Patient/p-then"}, {"reference": "Location/l"}])
    held = only(chart_of(document("a", given)), "Account")
    assert held["subject"] == [{"reference": "Patient/p-now"}, {"reference": "Location/l"}]


@pytest.mark.parametrize("given", ["Device/d1", "Group/g1", "Location/l1"])
def test_a_subject_that_is_no_patient_stays(given: str) -> None:
    held = only(chart_of(document("a", pulse("o1", subject={"reference": given}))), "Observation")
    assert held["subject"] == {"reference": given}


def test_a_subject_named_by_urn_that_is_a_device_stays_that_device() -> None:
    source = document("a", resource("Device", "d1"), pulse("o1", subject={"reference": "urn:uuid:d1"}))
    assert only(chart_of(source), "Observation")["subject"] == {"reference": "Device/d1"}


def test_a_dropped_patient_is_followed_wherever_else_it_is_referred_to() -> None:
    source = document(
        "a",
        resource("Patient", "p-then"),
        resource("Communication", "m", sender={"reference": "Patient/p-then"}),
        resource("Basic", "b", author={"reference": "https://ehr.example.org/fhir/Patient/p-then"}),
    )
    chart = chart_of(source)
    assert only(chart, "Communication")["sender"] == {"reference": "Patient/p-now"}
    assert only(chart, "Basic")["author"] == {"reference": "Patient/p-now"}


def test_another_patient_outside_the_subject_is_not_taken_for_ours() -> None:
    mother = {"reference": "Patient/mother"}
    held = only(chart_of(document("a", pulse("o1", performer=[mother]))), "Observation")
    assert held["performer"] == [mother]


def test_a_contained_patient_gives_way_too() -> None:
    given = pulse(
        "o1",
        subject={"reference": "#me"},
        performer=[{"reference": "#me"}, {"reference": "#dr"}],
        contained=[{"resourceType": "Patient", "id": "me"}, {"resourceType": "Practitioner", "id": "dr"}],
    )
    held = only(chart_of(document("a", given)), "Observation")
    assert held["subject"] == {"reference": "Patient/p-now"}
    assert held["performer"] == [{"reference": "Patient/p-now"}, {"reference": "#dr"}]
    assert held["contained"] == [{"resourceType": "Practitioner", "id": "dr"}]


def test_resources_of_equal_content_from_two_documents_are_one_with_both_sources() -> None:
    one = pulse(
        "o1",
        identifier=[{"system": "urn:oid:1.2", "value": "A"}],
        text={"status": "generated", "div": "<div/>"},
    )
    other = pulse("o2", identifier=[{"system": "urn:oid:1.3", "value": "B"}])
    chart = consolidate(
        [document("b", other, date="2024-06-01"), document("a", one, date="2024-05-01")], patient=PATIENT
    )
    held = only(chart.resources, "Observation")
    assert held["id"] == "o1"
    assert doc_ids(held) == ["id-of-a", "id-of-b"]
    assert [found["value"] for found in held["identifier"]] == ["A", "B"]
    assert chart.aliases == {"Observation/o2": "Observation/o1"}


@pytest.mark.parametrize("status", ["generated", "extensions", "empty"])
def test_a_generated_narrative_keeps_nothing_apart_and_that_of_either_is_kept(status: str) -> None:
    narrative = {"status": status, "div": "<div>said b</div>"}
    chart = chart_of(document("a", pulse("o1"), date="2024"), document("b", pulse("o2", text=narrative)))
    assert only(chart, "Observation")["text"] == narrative


def test_where_each_document_says_it_keeps_nothing_apart_and_both_places_are_kept() -> None:
    def said_at(id_: str, path: str) -> Resource:
        url = "https://chartbridge.dev/fhir/StructureDefinition/source-element"
        return pulse(id_, extension=[{"url": url, "valueString": path}])

    for other in ("o1", "o2"):
        chart = chart_of(document("a", said_at("o1", "/x[1]")), document("b", said_at(other, "/x[2]")))
        places = [found.get("valueString") for found in only(chart, "Observation")["extension"]]
        assert {"/x[1]", "/x[2]"} <= set(places)


@pytest.mark.parametrize(
    "difference",
    [
        {"valueQuantity": {"value": 73, "unit": "/min"}},
        {"valueQuantity": {"value": 72, "unit": "/h"}},
        {"effectiveDateTime": "2024-02-02"},
        {"status": "entered-in-error"},
        {"status": "cancelled"},
        {"code": {"coding": [{"system": "http://loinc.org", "code": "8889-8"}]}},
        {"bodySite": {"text": "left wrist"}, "valueQuantity": {"value": 73, "unit": "/min"}},
    ],
)
def test_observations_of_another_code_day_value_or_validity_stay_two(difference: dict[str, Any]) -> None:
    chart = chart_of(document("a", pulse("o1")), document("b", pulse("o2", **difference)))
    assert [held["id"] for held in by_type(chart, "Observation")] == ["o1", "o2"]


@pytest.mark.parametrize(
    ("difference", "kept"),
    [
        ({"effectiveDateTime": "2024-02-01T08:00:00Z"}, "2024-02-01T08:00:00Z"),
        ({"note": [{"text": "after exercise"}]}, "after exercise"),
        ({"interpretation": [{"text": "low"}]}, "low"),
        ({"text": {"status": "additional", "div": "<div>after exercise</div>"}}, "after exercise"),
        ({"extension": [{"url": "urn:body-position", "valueString": "lying"}]}, "lying"),
        ({"performer": [{"reference": "Practitioner/unknown"}]}, "Practitioner/unknown"),
        ({"issued": "2024-02-02T08:00:00Z"}, "2024-02-02T08:00:00Z"),
        ({"status": "preliminary"}, "preliminary"),
    ],
)
def test_what_one_says_besides_is_kept_by_the_one_that_stands(difference: dict[str, Any], kept: str) -> None:
    chart = chart_of(document("a", pulse("o1"), date="2024"), document("b", pulse("o2", **difference)))
    assert kept in str(only(chart, "Observation"))


def test_how_a_document_spells_the_patients_name_keeps_nothing_apart() -> None:
    spelled = {"reference": "Patient/p-then", "display": "DOE, JANE"}
    chart = chart_of(document("a", pulse("o1")), document("b", pulse("o2", subject=spelled)))
    assert len(by_type(chart, "Observation")) == 1


def test_what_one_document_says_twice_of_an_undated_event_stays_twice() -> None:
    def undated(id_: str) -> Resource:
        held = pulse(id_)
        del held["effectiveDateTime"]
        return held

    chart = chart_of(
        document("a", undated("o1"), undated("o2")),
        document("b", undated("o3"), undated("o4")),
        document("c", undated("o5")),
    )
    assert [sorted(doc_ids(held)) for held in by_type(chart, "Observation")] == [
        ["id-of-a", "id-of-b", "id-of-c"],
        ["id-of-a", "id-of-b"],
    ]


def test_people_of_one_name_and_different_identifiers_stay_two() -> None:
    def doctor(name: str, npi: str) -> Resource:
        return resource("Practitioner", name, name=[{"family": "Smith"}], identifier=[{"value": npi}])

    chart = chart_of(
        document("a", doctor("d1", "1234567893")),
        document("b", doctor("d2", "1999999992")),
        document("c", doctor("d3", "1234567893")),
    )
    assert [held["id"] for held in by_type(chart, "Practitioner")] == ["d1", "d2"]


def test_references_to_a_joined_resource_lead_to_the_one_that_stands_and_join_what_holds_them() -> None:
    def visit(mark: str) -> SourceBundle:
        return document(
            mark,
            resource("Organization", f"org-{mark}", name="North Clinic"),
            resource(
                "Practitioner",
                f"dr-{mark}",
                extension=[{"url": "urn:at", "valueReference": {"reference": f"Organization/org-{mark}"}}],
            ),
            pulse(f"o-{mark}", performer=[{"reference": f"urn:uuid:dr-{mark}"}]),
        )

    chart = chart_of(visit("a"), visit("b"))
    assert [held["id"] for held in chart] == ["o-a", "org-a", "p-now", "dr-a"]
    assert only(chart, "Observation")["performer"] == [{"reference": "Practitioner/dr-a"}]


def test_a_circle_of_references_joins_as_a_whole() -> None:
    def visit(mark: str) -> SourceBundle:
        return document(
            mark,
            resource(
                "Encounter", f"e-{mark}", diagnosis=[{"condition": {"reference": f"Condition/c-{mark}"}}]
            ),
            resource("Condition", f"c-{mark}", encounter={"reference": f"Encounter/e-{mark}"}),
        )

    chart = chart_of(visit("a"), visit("b"))
    assert only(chart, "Encounter")["diagnosis"] == [{"condition": {"reference": "Condition/c-a"}}]
    assert only(chart, "Condition")["encounter"] == {"reference": "Encounter/e-a"}


def test_chains_too_long_to_compare_stay_apart_rather_than_join_wrongly() -> None:
    def chain(mark: str, end: str) -> SourceBundle:
        links = [
            resource("Basic", f"{mark}{place}", subject={"reference": f"Basic/{mark}{place + 1}"})
            for place in range(100)
        ]
        return document(mark, *links, resource("Basic", f"{mark}100", code={"text": end}))

    chart = chart_of(chain("a", "left"), chain("b", "right"))
    assert len(by_type(chart, "Basic")) == 202


def test_an_attachment_follows_its_binary() -> None:
    def scan(mark: str) -> SourceBundle:
        content = [{"attachment": {"contentType": "image/png", "url": f"Binary/b-{mark}"}}]
        return document(
            mark,
            resource("Binary", f"b-{mark}", contentType="image/png", data="AAAA"),
            resource("Media", f"m-{mark}", note=[{"text": mark}], content=content[0]["attachment"]),
        )

    chart = chart_of(scan("a"), scan("b"))
    assert [held["content"]["url"] for held in by_type(chart, "Media")] == ["Binary/b-a", "Binary/b-a"]


def test_of_two_versions_of_one_resource_the_newest_sources_stands_with_all_identifiers_and_sources() -> None:
    old = pulse("o1", 70, identifier=[{"value": "A"}], meta={"security": [{"code": "R"}]})
    new = pulse("o1", 75, identifier=[{"value": "B"}])
    for sources in (
        [document("a", old, date="2024-01-01"), document("b", new, date="2024-06-01")],
        [document("b", new, date="2024-06-01"), document("a", old, date="2024-01-01")],
    ):
        held = only(chart_of(*sources), "Observation")
        assert held["valueQuantity"]["value"] == 75
        assert held["identifier"] == [{"value": "B"}, {"value": "A"}]
        assert doc_ids(held) == ["id-of-b", "id-of-a"]
        assert held["meta"] == {"source": "b.xml", "security": [{"code": "R"}]}


def test_of_two_versions_of_one_date_the_greater_file_name_stands() -> None:
    sources = [document("b", pulse("o1", 75)), document("a", pulse("o1", 70))]
    assert only(chart_of(*sources), "Observation")["valueQuantity"]["value"] == 75


def test_a_directory_entry_is_completed_from_its_older_versions_and_a_statement_is_not() -> None:
    home, work = {"system": "phone", "value": "1"}, {"system": "phone", "value": "2"}
    old = document(
        "a",
        resource(
            "Organization", "org", name="Old Name", active=False, telecom=[home], address=[{"city": "Boise"}]
        ),
        pulse("o1", interpretation=[{"text": "withdrawn"}]),
        resource("Location", "l", name="Ward", contained=[{"resourceType": "Organization", "id": "o"}]),
        date="2024-01-01",
    )
    new = document(
        "b",
        resource("Organization", "org", name="New Name", telecom=[work, home]),
        pulse("o1"),
        resource("Location", "l"),
        date="2024-06-01",
    )
    for sources in ((old, new), (new, old)):
        chart = chart_of(*sources)
        clinic = only(chart, "Organization")
        assert (clinic["name"], clinic["telecom"]) == ("New Name", [work, home])
        assert clinic["address"] == [{"city": "Boise"}]
        assert "active" not in clinic
        assert "interpretation" not in only(chart, "Observation")
        assert "contained" not in only(chart, "Location")


def test_a_composition_keeps_its_single_identifier_single() -> None:
    old = document("a", resource("Composition", "c", identifier={"system": "urn:x", "value": "1"}), date="1")
    new = document("b", resource("Composition", "c", identifier={"value": "2"}), date="2")
    assert only(chart_of(old, new), "Composition")["identifier"] == {"value": "2"}


def test_what_an_ambiguous_urn_may_mean_stays() -> None:
    sources = [
        document("a", resource("Organization", "x"), date="2024-01-01"),
        document("b", resource("Organization", "same"), resource("Goal", "same"), date="2024-06-01"),
        document("c", pulse("o1", performer=[{"reference": "urn:uuid:same"}])),
    ]
    assert [held["id"] for held in by_type(chart_of(*sources), "Organization")] == ["same", "x"]
    assert [held["id"] for held in by_type(chart_of(*sources[:2]), "Organization")] == ["x"]


def test_a_resource_without_id_gets_the_same_id_each_time_and_two_alike_get_two() -> None:
    nameless = {"resourceType": "Basic", "code": {"text": "walk"}}
    first, second = (chart_of(document("a", nameless, nameless)) for _ in range(2))
    assert first == second
    assert len({held["id"] for held in by_type(first, "Basic")}) == 2


def test_a_resource_without_type_is_refused_with_the_name_of_its_file() -> None:
    with pytest.raises(ValueError, match=r"A resource of a\.xml has no resourceType"):
        chart_of(document("a", {"id": "x"}))


def test_a_patient_without_id_is_refused() -> None:
    with pytest.raises(ValueError, match="needs an id"):
        consolidate([], patient={"resourceType": "Patient"})


def test_no_sources_make_a_chart_of_the_patient_alone() -> None:
    assert chart_of() == [PATIENT]


def test_the_sources_are_not_changed() -> None:
    sources = [document("a", resource("Patient", "p-then"), pulse("o1")), document("b", pulse("o2"))]
    before = copy.deepcopy(sources)
    chart_of(*sources)
    assert sources == before
