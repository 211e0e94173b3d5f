"""What holds for consolidation whatever the documents hold and in whatever order they come."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from chartbridge.consolidate.merge import SourceBundle, consolidate
from chartbridge.consolidate.references import key_of, references, relative_key
from chartbridge.fhir.references import Resource
from tests.consolidate.builders import PATIENT, doc_ids

TYPES = ("Observation", "Condition", "Practitioner", "Encounter")
IDS = ("a", "b", "c", "d", "e")


@st.composite
def resources(draw: st.DrawFn) -> Resource:
    made: Resource = {"resourceType": draw(st.sampled_from(TYPES)), "id": draw(st.sampled_from(IDS))}
    made["code"] = draw(st.sampled_from(("x", "x", "y")))
    if draw(st.booleans()):
        made["subject"] = {
            "reference": draw(st.sampled_from(("Patient/old", "Patient/p-now", "urn:uuid:old")))
        }
    if draw(st.booleans()):
        made["identifier"] = [
            {"value": value} for value in draw(st.lists(st.sampled_from("123"), max_size=2))
        ]
    targets = st.one_of(
        st.builds("{}/{}".format, st.sampled_from(TYPES), st.sampled_from((*IDS, "nowhere"))),
        st.sampled_from([f"urn:uuid:{name}" for name in IDS]),
    )
    links = draw(st.lists(targets, max_size=2))
    if links:
        made["link"] = [{"reference": link} for link in links]
    return made


@st.composite
def charts_sources(draw: st.DrawFn) -> list[SourceBundle]:
    bundles = []
    for number in range(draw(st.integers(0, 4))):
        held = draw(st.lists(resources(), max_size=6, unique_by=key_of))
        if draw(st.booleans()):
            held.append({"resourceType": "Patient", "id": "old"})
        date = draw(st.sampled_from(("2024-01-01", "2024-02-01")))
        bundles.append(SourceBundle(held, f"{number}.xml", "SANDBOX", f"doc-{number}", date))
    return bundles


def chart_of(sources: list[SourceBundle]) -> list[Resource]:
    return consolidate(sources, patient=PATIENT).resources


def clinical(sources: list[SourceBundle]) -> list[tuple[SourceBundle, Resource]]:
    return [
        (bundle, held) for bundle in sources for held in bundle.resources if held["resourceType"] != "Patient"
    ]


@given(charts_sources(), st.randoms(use_true_random=False))
def test_the_order_of_documents_and_of_their_resources_does_not_matter(
    sources: list[SourceBundle], random: Random
) -> None:
    shuffled = [
        SourceBundle(
            random.sample(list(bundle.resources), len(bundle.resources)),
            bundle.source,
            bundle.data_source,
            bundle.document_id,
            bundle.date,
        )
        for bundle in random.sample(sources, len(sources))
    ]
    assert consolidate(sources, patient=PATIENT) == consolidate(shuffled, patient=PATIENT)


@given(charts_sources())
def test_consolidating_a_chart_again_changes_nothing(sources: list[SourceBundle]) -> None:
    chart = consolidate(sources, patient=PATIENT)
    assert chart_of([chart.as_source()]) == chart.resources
    assert chart_of([chart.as_source(), chart.as_source()]) == chart.resources


@given(charts_sources())
def test_a_document_that_comes_twice_counts_once(sources: list[SourceBundle]) -> None:
    assert chart_of([*sources, *sources]) == chart_of(sources)


@given(charts_sources())
def test_no_reference_that_led_somewhere_leads_nowhere(sources: list[SourceBundle]) -> None:
    chart = chart_of(sources)
    present = {key_of(held) for held in chart}
    given_keys = {key_of(held) for _, held in clinical(sources)}
    given_ids = {held["id"] for _, held in clinical(sources)}
    present_ids = {held["id"] for held in chart}
    for held in chart:
        for reference in references(held):
            key = relative_key(reference)
            if key is None:
                name = reference.removeprefix("urn:uuid:")
                assert name in present_ids or name not in given_ids
            else:
                assert key in present or key not in given_keys
            assert "old" not in reference


@given(charts_sources())
def test_no_resource_identifier_or_source_is_lost(sources: list[SourceBundle]) -> None:
    chart = consolidate(sources, patient=PATIENT)
    standing = {key_of(held): held for held in chart.resources}
    for bundle, given_resource in clinical(sources):
        key = key_of(given_resource)
        held = standing[chart.aliases.get(key, key)]
        assert bundle.document_id in doc_ids(held)
        for identifier in given_resource.get("identifier", []):
            assert identifier in held["identifier"]


@given(charts_sources())
def test_a_joined_resource_says_the_same_as_the_one_that_stands(sources: list[SourceBundle]) -> None:
    def statement(held: Resource) -> tuple[str, str]:
        return held["resourceType"], held["code"]

    chart = consolidate(sources, patient=PATIENT)
    standing = {key_of(held): held for held in chart.resources}
    newest = {
        key_of(held): held
        for _, held in sorted(clinical(sources), key=lambda pair: (pair[0].date, pair[0].source))
    }
    for key, held in newest.items():
        if held["resourceType"] == "Practitioner":  # completed from older versions
            continue
        assert statement(standing[chart.aliases.get(key, key)]) == statement(held)
