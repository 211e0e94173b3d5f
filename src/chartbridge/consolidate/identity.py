"""Which resources say exactly the same, references included.

Two resources are alike when nothing differs but their id, meta, generated narrative, source extensions and
(for statements) identifiers, and each of their references leads to resources that are alike. That is decided
by refining classes: start from equal content, split by the classes referred to, until nothing splits.
Circles of references (Encounter and its diagnoses) need no special case.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from chartbridge.consolidate.provenance import canonical, without_source
from chartbridge.consolidate.references import references, relative_key, rewrite
from chartbridge.fhir.references import Resource

# Things and papers rather than statements: their identifiers tell one from another, so equal content with
# other identifiers is another person, place, visit or paper.
IDENTIFIED_TYPES = frozenset(
    {
        "Account",
        "Appointment",
        "Claim",
        "ClaimResponse",
        "Composition",
        "Contract",
        "Coverage",
        "Device",
        "DocumentManifest",
        "DocumentReference",
        "Encounter",
        "EpisodeOfCare",
        "ExplanationOfBenefit",
        "ImagingStudy",
        "Invoice",
        "Location",
        "Organization",
        "Person",
        "Practitioner",
        "PractitionerRole",
        "QuestionnaireResponse",
        "RelatedPerson",
        "Specimen",
    }
)
PATIENT_ELEMENTS = ("subject", "patient", "beneficiary")

# Narratives that say no more than the elements do; any other may hold what stands nowhere else.
_REDUNDANT_NARRATIVES = frozenset({"generated", "extensions", "empty"})
_MAX_ROUNDS = 64


def content(resource: Resource, patient_reference: str) -> Resource:
    """The part of a resource that must be equal for two to say the same."""
    held = {name: value for name, value in resource.items() if name not in ("id", "meta", "identifier")}
    if "text" in held and held["text"].get("status") in _REDUNDANT_NARRATIVES:
        del held["text"]
    extensions = without_source(resource.get("extension", []))
    if extensions:
        held["extension"] = extensions
    else:
        held.pop("extension", None)
    if resource["resourceType"] in IDENTIFIED_TYPES and "identifier" in resource:
        identifiers = resource["identifier"]
        held["identifier"] = (
            sorted(identifiers, key=canonical) if isinstance(identifiers, list) else identifiers
        )
    for name in PATIENT_ELEMENTS:
        subject = held.get(name)
        if isinstance(subject, dict) and subject.get("reference") == patient_reference:
            # How each document spells the patient's name is no difference between what they say of the
            # patient.
            held[name] = {part: value for part, value in subject.items() if part != "display"}
    return held


def classes(resources: Mapping[str, Resource], patient_reference: str) -> dict[str, int]:
    """A class number for each `Type/id`; equal numbers mean alike.

    `resources` is keyed by `Type/id` and refers within itself as `Type/id`. Time is linear in the size of the
    resources for each round, and the rounds follow the depth to which references must be compared (three or
    four in practice). Where 64 rounds decide nothing, whatever is still undecided counts as different.
    """
    order = list(resources)
    place = {key: number for number, key in enumerate(order)}
    skeletons: dict[bytes, int] = {}
    colours: list[int] = []
    targets: list[list[int]] = []

    def masked(reference: str) -> str:
        return "" if relative_key(reference) in place else reference

    for key in order:
        held = content(resources[key], patient_reference)
        skeleton = canonical(rewrite(held, masked))
        colours.append(skeletons.setdefault(skeleton, len(skeletons)))
        named = (relative_key(reference) for reference in references(held))
        targets.append([place[target] for target in named if target in place])

    count = len(skeletons)
    for _ in range(_MAX_ROUNDS):
        refined: dict[tuple[int, tuple[int, ...]], int] = {}
        colours = [
            refined.setdefault(
                (colours[node], tuple(colours[target] for target in targets[node])), len(refined)
            )
            for node in range(len(order))
        ]
        if len(refined) == count:
            return dict(zip(order, colours, strict=True))
        count = len(refined)

    sizes = Counter(colours)
    return {
        key: count + node if targets[node] and sizes[colours[node]] > 1 else colours[node]
        for node, key in enumerate(order)
    }
