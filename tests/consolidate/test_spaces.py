"""Ids that two parties gave independently do not overwrite each other."""

from __future__ import annotations

from dataclasses import replace

from chartbridge.consolidate.merge import Chart, SourceBundle, consolidate
from chartbridge.fhir.references import Resource
from tests.consolidate.builders import PATIENT, by_type, doc_ids, document, pulse, resource


def given_by(party: str, *resources: Resource) -> SourceBundle:
    return replace(document(party, *resources), id_space=party)


def chart(*sources: SourceBundle) -> Chart:
    made = consolidate(sources, patient=PATIENT)
    assert consolidate(reversed(sources), patient=PATIENT) == made, "the order of the sources is no matter"
    return made


def pulses(made: Chart) -> dict[str, int]:
    return {r["id"]: r["valueQuantity"]["value"] for r in by_type(made.resources, "Observation")}


def test_equal_ids_of_two_networks_are_two_resources() -> None:
    found = pulses(chart(given_by("lab/A", pulse("1", 60)), given_by("lab/B", pulse("1", 90))))
    assert sorted(found.values()) == [60, 90]
    assert found["1"] == 60, "the party whose name sorts first keeps the id"


def test_what_we_converted_keeps_its_id_whoever_else_gives_it() -> None:
    found = pulses(chart(given_by("contribution", pulse("1", 90)), document("A", pulse("1", 60))))
    assert found["1"] == 60
    assert sorted(found.values()) == [60, 90]


def test_the_id_that_gives_way_is_the_same_each_time_and_does_not_depend_on_content() -> None:
    converted = document("A", pulse("1", 60))
    (first,) = set(pulses(chart(converted, given_by("lab/B", pulse("1", 90))))) - {"1"}
    (second,) = set(pulses(chart(converted, given_by("lab/B", pulse("1", 91))))) - {"1"}
    assert first == second


def test_within_a_space_an_equal_id_is_still_the_same_resource() -> None:
    older = replace(given_by("lab/A", pulse("1", 60)), date="2024-01-01")
    assert pulses(chart(older, given_by("lab/A", pulse("1", 61)))) == {"1": 61}


def test_equal_ids_and_equal_content_are_one_with_both_sources() -> None:
    made = chart(document("A", pulse("1")), given_by("lab/B", pulse("1")))
    (one,) = by_type(made.resources, "Observation")
    assert one["id"] == "1"
    assert doc_ids(one) == ["id-of-A", "id-of-lab/B"]


def test_references_lead_to_the_resource_of_their_own_party() -> None:
    def party(name: str, place: str) -> SourceBundle:
        return given_by(
            name,
            resource("Location", "1", name=place),
            pulse("2", len(place), device={"reference": "Location/1"}),
            pulse("3", len(place) + 100, device={"reference": "urn:uuid:1"}),
            resource("Binary", "4", contentType="text/plain", data=place),
            resource("Media", "5", status="completed", content={"url": "Binary/4"}),
        )

    made = chart(party("lab/A", "North"), party("lab/B", "Southern"))
    places = {f"Location/{r['id']}": r["name"] for r in by_type(made.resources, "Location")}
    led = {
        r["valueQuantity"]["value"]: places[r["device"]["reference"]]
        for r in by_type(made.resources, "Observation")
    }
    assert led == {5: "North", 105: "North", 8: "Southern", 108: "Southern"}
    texts = {f"Binary/{r['id']}": r["data"] for r in by_type(made.resources, "Binary")}
    shown = {texts[r["content"]["url"]] for r in by_type(made.resources, "Media")}
    assert shown == {"North", "Southern"}


def test_a_reference_to_what_the_party_does_not_hold_itself_leads_to_who_has_it() -> None:
    made = chart(
        document("A", resource("Encounter", "1", status="finished"), pulse("2", 60)),
        given_by("contribution", pulse("2", 90, encounter={"reference": "Encounter/1"})),
    )
    (pointing,) = (r for r in by_type(made.resources, "Observation") if r["valueQuantity"]["value"] == 90)
    assert pointing["id"] != "2"
    assert pointing["encounter"] == {"reference": "Encounter/1"}


def test_an_id_shared_by_two_types_of_two_parties_leaves_a_urn_unambiguous() -> None:
    made = chart(
        document("A", resource("Goal", "1", lifecycleStatus="active", description={"text": "Walk"})),
        given_by(
            "lab/B",
            resource("Location", "1", name="North"),
            pulse("2", device={"reference": "urn:uuid:1"}),
        ),
    )
    (place,) = by_type(made.resources, "Location")
    (pointing,) = by_type(made.resources, "Observation")
    assert pointing["device"] == {"reference": f"Location/{place['id']}"}


def test_patients_of_two_parties_are_both_the_current_one() -> None:
    other = {"resourceType": "Patient", "id": "p-then"}
    made = chart(given_by("lab/A", other, pulse("1", 60)), given_by("lab/B", other, pulse("1", 90)))
    assert by_type(made.resources, "Patient") == [PATIENT]
    subjects = {r["subject"]["reference"] for r in by_type(made.resources, "Observation")}
    assert subjects == {"Patient/p-now"}


def test_the_sources_are_not_changed() -> None:
    resources = [pulse("1", 60, device={"reference": "Device/1"}), resource("Device", "1")]
    before = [dict(r) for r in resources]
    chart(given_by("lab/A", *resources), given_by("lab/B", *resources))
    assert resources == before


def test_what_one_party_tells_apart_by_ids_alone_stays_apart() -> None:
    made = chart(given_by("app", pulse("1"), pulse("2")))
    assert set(pulses(made)) == {"1", "2"}
    again = consolidate([made.as_source()], patient=PATIENT)
    assert again.resources == made.resources, "the chart as a source still knows it"


def test_a_third_statement_does_not_join_two_of_one_party() -> None:
    converted = document("A", pulse("3"))
    made = chart(given_by("app", pulse("1"), pulse("2")), converted)
    found = by_type(made.resources, "Observation")
    assert len(found) == 2
    assert sum("id-of-A" in doc_ids(one) for one in found) == 1
    assert consolidate([made.as_source()], patient=PATIENT).resources == made.resources


def test_a_less_precise_statement_does_not_tie_two_of_one_party() -> None:
    timed = [pulse(id_, effectiveDateTime="2024-02-01T10:30:00Z") for id_ in ("1", "2")]
    made = chart(given_by("app", *timed), document("A", pulse("3")))
    times = [one["effectiveDateTime"] for one in by_type(made.resources, "Observation")]
    assert times.count("2024-02-01T10:30:00Z") == 2


def test_each_of_two_parties_may_say_what_the_other_says() -> None:
    made = chart(
        given_by("app", pulse("1"), pulse("2")), given_by("lab/B", pulse("3"), pulse("4"), pulse("5"))
    )
    assert len(pulses(made)) == 3
    assert consolidate([made.as_source()], patient=PATIENT).resources == made.resources


def test_entries_of_one_partys_directory_may_be_one() -> None:
    place = {"name": "North Clinic", "address": {"line": ["1 Rocky Place"], "postalCode": "97006"}}
    made = chart(given_by("lab/B", resource("Location", "1", **place), resource("Location", "2", **place)))
    assert len(by_type(made.resources, "Location")) == 1


def test_types_without_a_rule_are_told_apart_as_well() -> None:
    alike = [resource("Media", id_, status="completed", content={"url": "urn:a"}) for id_ in ("1", "2")]
    made = chart(given_by("app", *alike), document("A", {**alike[0], "id": "3"}))
    assert len(by_type(made.resources, "Media")) == 2
    assert consolidate([made.as_source()], patient=PATIENT).resources == made.resources
