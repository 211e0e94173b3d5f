"""What is given, implanted or examined: Medication, Substance, Device, Specimen."""

from __future__ import annotations

import re
from typing import Any

from chartbridge.consolidate.concepts import concept_of, same_concept
from chartbridge.consolidate.moments import start_of
from chartbridge.consolidate.rule import Facet, Rule, Scope, overlapping, time_facet
from chartbridge.consolidate.rules.elements import (
    code_facet,
    concept_facet,
    identifier_facet,
    references_facet,
    text_facet,
)
from chartbridge.consolidate.values import quantity
from chartbridge.consolidate.words import objects, one_of, plain
from chartbridge.fhir.references import Resource

_WHOLE_UDI = re.compile(r"\(01\)\d{14}.+")


def _ingredients(resource: Resource, _scope: Scope) -> frozenset[Any] | None:
    found = set()
    for item in objects(resource.get("ingredient")):
        concept = concept_of(item.get("itemCodeableConcept"))
        reference = one_of(item.get("itemReference")).get("reference")
        strength = one_of(item.get("strength"))
        ratio = tuple(quantity(one_of(strength.get(part))) for part in ("numerator", "denominator"))
        found.add((concept.codes if concept else reference, ratio))
    return frozenset(found) or None


def _lot(resource: Resource, _scope: Scope) -> str | None:
    return plain(str(one_of(resource.get("batch")).get("lotNumber") or "")) or None


def _udi(resource: Resource, _scope: Scope) -> frozenset[str] | None:
    """The whole UDI, wherever a source puts it."""
    kind = resource.get("type") or {}
    said = [
        *(carrier.get("carrierHRF") for carrier in objects(resource.get("udiCarrier"))),
        *(one.get("value") for one in objects(resource.get("identifier"))),
        *(coding.get("display") for coding in objects(kind.get("coding"))),
        kind.get("text"),
    ]
    texts = {"".join(str(text).split()) for text in said if text}
    return frozenset(text for text in texts if _WHOLE_UDI.fullmatch(text)) or None


def _serial(resource: Resource, _scope: Scope) -> frozenset[str] | None:
    serial = resource.get("serialNumber")
    found = {f"{model} {serial}" for model in _models(resource)}
    return frozenset(found) if serial and found else None


def _model(resource: Resource, scope: Scope) -> frozenset[str] | None:
    """The device identifier, where nothing tells which device of the model it is."""
    if resource.get("serialNumber") or _udi(resource, scope) or not resource.get("patient"):
        return None
    return frozenset(_models(resource)) or None


def _models(resource: Resource) -> set[str]:
    carriers = objects(resource.get("udiCarrier"))
    return {str(carrier["deviceIdentifier"]) for carrier in carriers if carrier.get("deviceIdentifier")}


RULES = (
    Rule(
        "Medication",
        (
            code_facet("code", "code"),
            concept_facet("form", "form"),
            Facet("ingredient", _ingredients),
            Facet("lot", _lot, required=True),
            Facet("manufacturer", references_facet("", "manufacturer").read, required=True),
        ),
        evidence=(("code",),),
    ),
    Rule("Substance", (identifier_facet(), code_facet("code", "code")), evidence=(("code",),)),
    Rule(
        "Device",
        (
            Facet("udi", _udi, overlapping, tokens=iter),
            Facet("serial", _serial, overlapping, tokens=iter),
            Facet("model", _model, overlapping, tokens=iter, required=True),
        ),
        evidence=(("udi",), ("serial",), ("model",)),
    ),
    Rule(
        "Specimen",
        (
            identifier_facet(),
            Facet("type", concept_facet("type", "type").read, same_concept, tokens=None),
            time_facet("collected", lambda r, _: start_of(r.get("collection") or {}, "collectedDateTime",
                                                          "collectedPeriod")),
            text_facet("accession", "accessionIdentifier"),
        ),
        evidence=(("identifier",),),
    ),
)  # fmt: skip
