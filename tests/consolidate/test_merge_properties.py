"""What holds for consolidation whatever the documents hold and in whatever order they come."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from chartbridge.consolidate.merge import SourceBundle, consolidate
from chartbridge.consolidate.references import key_of, references, relative_key
from chartbridge.consolidate.rules.elements import polarity
from chartbridge.consolidate.values import same_value, value_of
from chartbridge.fhir.references import Resource
from tests.consolidate.builders import PATIENT, doc_ids

TYPES = (
    "AllergyIntolerance",
    "Condition",
    "Encounter",
    "Media",
    "MedicationStatement",
    "Observation",
    "Practitioner",
)
IDS = ("a", "b", "c", "d")
SCT, ICD = "http://snomed.info/sct", "http://hl7.org/fhir/sid/icd-10-cm"
CODES: tuple[Resource, ...] = (
    {"coding": [{"system": SCT, "code": "44054006", "display": "Type 2 diabetes"}]},
    {"coding": [{"system": SCT, "code": "44054006"}, {"system": ICD, "code": "E11.9"}]},
    {"coding": [{"system": ICD, "code": "E11.9"}]},
    {"coding": [{"system": SCT, "code": "386661006", "display": "Fever"}], "text": "Chronic fever"},
    {"text": "Fever"},
)
DATES = ("2023", "2023-05-02", "2023-05-02T10:30:00Z", "2023-06-01")
VALUES: tuple[Resource, ...] = (
    {"valueQuantity": {"value": 5, "unit": "mg"}},
    {"valueQuantity": {"value": 5.0, "code": "Mg"}},
    {"valueQuantity": {"value": 6, "unit": "mg"}},
    {"valueCodeableConcept": {"text": "A+"}},
    {"valueString": "A-"},
    {},
)
CLINICAL = ("active", "resolved")
VERIFICATION = ("confirmed", "refuted", "entered-in-error")
TIMES = {
    "Condition": "onsetDateTime",
    "MedicationStatement": "effectiveDateTime",
    "Observation": "effectiveDateTime",
}
STATUSES = {
    "Encounter": ("finished", "planned"),
    "Media": ("completed",),
    "MedicationStatement": ("active", "completed", "not-taken", "entered-in-error"),
    "Observation": ("final", "entered-in-error"),
}
BOUNDED = settings(max_examples=70, deadline=None, derandomize=True)
"""Together some fifteen seconds; what one example may take depends on the machine."""
PARTIES = ("", "", "", "app", "lab/A")


@st.composite
def resources(draw: st.DrawFn) -> Resource:
    kind = draw(st.sampled_from(TYPES))
    made: Resource = {"resourceType": kind, "id": draw(st.sampled_from(IDS)), **draw(said(kind))}
    if kind in STATUSES:
        made["status"] = draw(st.sampled_from(STATUSES[kind]))
    if kind in TIMES and draw(st.booleans()):
        made[TIMES[kind]] = draw(st.sampled_from(DATES))
    if draw(st.booleans()):
        made["subject"] = {
            "reference": draw(st.sampled_from(("Patient/old", "Patient/p-now", "urn:uuid:old")))
        }
    if draw(st.booleans()):
        made["identifier"] = [
            {"system": "urn:x", "value": value} for value in draw(st.lists(st.sampled_from("12"), max_size=2))
        ]
    targets = st.one_of(
        st.builds("{}/{}".format, st.sampled_from(TYPES), st.sampled_from((*IDS, "nowhere"))),
        st.sampled_from([f"urn:uuid:{name}" for name in IDS]),
    )
    links = draw(st.lists(targets, max_size=1))
    if links:
        made["link"] = [{"reference": link} for link in links]
    return made


@st.composite
def said(draw: st.DrawFn, kind: str) -> Resource:
    """What a resource of the type says, from few pools, so that much is said twice."""
    if kind == "Practitioner":
        return {"name": [{"family": draw(st.sampled_from(("Okafor", "Lund"))), "given": ["Ngozi"]}]}
    if kind == "Media":
        return {"note": [{"text": draw(st.sampled_from(("x", "y")))}]}
    code = draw(st.sampled_from(CODES))
    if kind == "Encounter":
        return {"type": [code], "period": {"start": draw(st.sampled_from(DATES))}}
    if kind == "MedicationStatement":
        return {"medicationCodeableConcept": code}
    if kind == "Observation":
        return {"code": code, **draw(st.sampled_from(VALUES))}
    made: Resource = {"code": code}
    for name, pool in (("clinicalStatus", CLINICAL), ("verificationStatus", VERIFICATION)):
        if draw(st.booleans()):
            made[name] = {"coding": [{"code": draw(st.sampled_from(pool))}]}
    if kind == "Condition" and draw(st.booleans()):
        category = draw(st.sampled_from(("problem-list-item", "encounter-diagnosis")))
        made["category"] = [{"coding": [{"code": category}]}]
    return made


@st.composite
def charts_sources(draw: st.DrawFn) -> list[SourceBundle]:
    bundles = []
    for number in range(draw(st.integers(0, 4))):
        held = draw(st.lists(resources(), max_size=6, unique_by=key_of))
        if draw(st.booleans()):
            held.append({"resourceType": "Patient", "id": "old"})
        date = draw(st.sampled_from(("2024-01-01", "2024-02-01")))
        party = draw(st.sampled_from(PARTIES))
        if party:  # ids that are disputed between parties are told in test_spaces
            held = [{**one, "id": f"{party[:3]}-{one['id']}"} for one in held]
        bundles.append(SourceBundle(held, f"{number}.xml", "SANDBOX", f"doc-{number}", date, party))
    return bundles


def chart_of(sources: list[SourceBundle]) -> list[Resource]:
    return consolidate(sources, patient=PATIENT).resources


def clinical(sources: list[SourceBundle]) -> list[tuple[SourceBundle, Resource]]:
    return [
        (bundle, held) for bundle in sources for held in bundle.resources if held["resourceType"] != "Patient"
    ]


@BOUNDED
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
            bundle.id_space,
        )
        for bundle in random.sample(sources, len(sources))
    ]
    assert consolidate(sources, patient=PATIENT) == consolidate(shuffled, patient=PATIENT)


@BOUNDED
@given(charts_sources())
def test_consolidating_a_chart_again_changes_nothing(sources: list[SourceBundle]) -> None:
    chart = consolidate(sources, patient=PATIENT)
    assert chart_of([chart.as_source()]) == chart.resources
    assert chart_of([chart.as_source(), chart.as_source()]) == chart.resources


@BOUNDED
@given(charts_sources())
def test_a_document_that_comes_twice_counts_once(sources: list[SourceBundle]) -> None:
    assert chart_of([*sources, *sources]) == chart_of(sources)


@BOUNDED
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


@BOUNDED
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


@BOUNDED
@given(charts_sources())
def test_a_joined_resource_says_the_same_as_the_one_that_stands(sources: list[SourceBundle]) -> None:
    chart = consolidate(sources, patient=PATIENT)
    standing = {key_of(held): held for held in chart.resources}
    newest = {
        key_of(held): held
        for _, held in sorted(clinical(sources), key=lambda pair: (pair[0].date, pair[0].source))
    }
    for key, held in newest.items():
        if held["resourceType"] == "Practitioner":  # completed from older versions
            continue
        stands = standing[chart.aliases.get(key, key)]
        assert polarity(stands) == polarity(held)
        for coding in held.get("code", {}).get("coding", []):
            assert coding["code"] in {one["code"] for one in stands["code"]["coding"]}
        value, stated = value_of(held), value_of(stands)
        assert value is None or (stated is not None and same_value(value, stated))
        for note in held.get("note", []):
            assert note in stands["note"]


@BOUNDED
@given(charts_sources())
def test_no_two_statements_that_one_party_tells_apart_become_one(sources: list[SourceBundle]) -> None:
    chart = consolidate(sources, patient=PATIENT)
    for party in filter(None, {bundle.id_space for bundle in sources}):
        keys = {
            key_of(held)
            for bundle, held in clinical(sources)
            if bundle.id_space == party and held["resourceType"] != "Practitioner"
        }
        assert len({chart.aliases.get(key, key) for key in keys}) == len(keys)
