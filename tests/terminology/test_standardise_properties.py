"""What holds whatever the resource: idempotent, nothing lost, valid R4."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chartbridge.fhir.schema import violations
from chartbridge.terminology.edition import Edition
from chartbridge.terminology.standardise import AS_GIVEN, Standardiser, standardise
from chartbridge.terminology.standardise.conditions import URL as CONDITION_RELATED
from chartbridge.terminology.standardise.marks import is_ours
from tests.terminology.standardising import (
    CVX,
    ICD9,
    ICD10,
    ICD10_OID,
    LOINC,
    NDC,
    RXNORM,
    UCUM,
    edition_of,
)

Json = dict[str, Any]


@pytest.fixture(scope="module")
def edition(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edition]:
    with edition_of(tmp_path_factory.mktemp("edition")) as opened:
        yield opened


_CODES = st.sampled_from(
    [
        *((ICD10, code) for code in ("E11.9", "e119", "I10.", "J06.9", "Z00.00", "Q99.9")),
        *((ICD9, code) for code in ("401.1", "4011", "250.00", "25000", "465.9", "v1582")),
        *((LOINC, code) for code in ("2345-7", "2339-0", "1000-9", "29463-7", "8310-5", "4544-3")),
        *((NDC, code) for code in ("0093-1048-01", "00093104801", "93-1048-1")),
        (ICD10_OID, "E119"),
        ("http://hl7.org/fhir/sid/icd-9-cm", "401.1"),
        (CVX, "8"),
        (RXNORM, "860975"),
        ("urn:oid:1.2.3", "local"),
    ]
)
_CODING = st.builds(
    lambda pair, more: {"system": pair[0], "code": pair[1], **more},
    _CODES,
    st.fixed_dictionaries(
        {}, optional={"display": st.sampled_from(["one", "other"]), "userSelected": st.booleans()}
    ),
)
_CONCEPT = st.fixed_dictionaries({"text": st.sampled_from(["said", "written"])}) | st.builds(
    lambda codings: {"coding": codings}, st.lists(_CODING, min_size=1, max_size=4)
)
_UNITS = st.sampled_from(
    ["mg/dL", "mg/dl", "K/uL", "g/L", "°F", "[degF]", "lbs", "kg", "vials", "mmol/L", "%"]
)
_QUANTITY = st.fixed_dictionaries(
    {"value": st.integers(-10, 10**6) | st.floats(-1e6, 1e6, allow_nan=False)},
    optional={
        "unit": _UNITS,
        "code": _UNITS,
        "system": st.sampled_from([UCUM, "urn:oid:2.16.840.1.113883.6.8", "urn:oid:1.2.3"]),
        "comparator": st.sampled_from(["<", ">="]),
    },
).filter(lambda quantity: "code" in quantity or "system" not in quantity)
_OBSERVATION = st.fixed_dictionaries(
    {
        "resourceType": st.just("Observation"),
        "id": st.just("o"),
        "status": st.just("final"),
        "code": _CONCEPT,
    },
    optional={
        "valueQuantity": _QUANTITY,
        "category": st.lists(_CONCEPT, min_size=1, max_size=2),
        "component": st.lists(
            st.fixed_dictionaries({"code": _CONCEPT}, optional={"valueQuantity": _QUANTITY}),
            min_size=1,
            max_size=2,
        ),
        "referenceRange": st.lists(st.builds(lambda low: {"low": low}, _QUANTITY), min_size=1, max_size=2),
    },
)
_CONDITION = st.fixed_dictionaries(
    {
        "resourceType": st.just("Condition"),
        "id": st.just("c"),
        "subject": st.just({"reference": "Patient/p"}),
        "code": _CONCEPT,
    },
    optional={"onsetAge": _QUANTITY, "bodySite": st.lists(_CONCEPT, min_size=1, max_size=1)},
)


def as_given(made: Any) -> Any:
    """What standardising made, without what is ours: the source's own words again."""
    if isinstance(made, list):
        return [as_given(one) for one in made if not (isinstance(one, dict) and is_ours(one))]
    if not isinstance(made, dict):
        return made
    back = {}
    for name, value in made.items():
        if name.startswith("_"):
            continue
        beside = made.get(f"_{name}", {}).get("extension", [])
        spelt = [one["valueString"] for one in beside if one["url"] == AS_GIVEN]
        back[name] = spelt[0] if spelt else as_given(value)
    return back


def holds(made: Any, given: Any) -> bool:
    """Whether everything given is still there, in its place; more may be."""
    if isinstance(given, dict) and "value" in given:
        return holds_amount(made, given)
    if isinstance(given, dict):
        return isinstance(made, dict) and all(
            name in made and holds(made[name], value) for name, value in given.items()
        )
    if isinstance(given, list):
        return isinstance(made, list) and all(map(holds, made, given)) and len(made) >= len(given)
    return bool(made == given)


def holds_amount(made: Json, given: Json) -> bool:
    """As :func:`holds`, of a Quantity; a code may have gone into a unit that was not there."""
    same = all(
        made.get(name) == given[name] for name in ("value", "comparator", "unit", "system") if name in given
    )
    return same and given.get("code") in (None, made.get("code"), made.get("unit"))


@settings(max_examples=150)
@given(resource=_OBSERVATION | _CONDITION)
def test_standardising_is_idempotent_adds_only_and_stays_valid(edition: Edition, resource: Json) -> None:
    before = copy.deepcopy(resource)
    made = standardise(resource, edition)
    assert resource == before
    assert standardise(made, edition) is made
    assert orjson.dumps(Standardiser(edition).resource(before)) == orjson.dumps(made)
    assert holds(as_given(made), before)
    if not violations(before):
        assert violations(made) == []


_JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["coding", "code", "system", "value", "unit", "extension", "valueQuantity", "category"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=150)
@given(
    kind=st.sampled_from(["Observation", "Condition", "Medication", "Nonsense"]),
    junk=st.dictionaries(
        st.sampled_from(
            ["code", "component", "valueQuantity", "category", "extension", "contained", "referenceRange"]
        ),
        _JUNK,
    ),
)
def test_what_is_no_fhir_comes_through_without_a_failure(edition: Edition, kind: str, junk: Json) -> None:
    resource = {"resourceType": kind, **junk}
    made = standardise(resource, edition)
    assert standardise(made, edition) is made


def test_depth_has_a_bound(edition: Edition) -> None:
    deep: Json = {"url": "u", "valueCoding": {"system": ICD10_OID, "code": "I10"}}
    for _ in range(200):
        deep = {"url": "u", "extension": [deep]}
    resource = {"resourceType": "Basic", "id": "b", "extension": [deep]}
    assert standardise(resource, edition) is resource


def test_extensions_of_hl7_and_ours_do_not_collide() -> None:
    assert CONDITION_RELATED.startswith("http://hl7.org/fhir/StructureDefinition/")
