"""What is R4 and what is not, said precisely, and never with a value of the resource."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from chartbridge.fhir.schema import DEEPEST, MOST_VIOLATIONS, RESOURCE_TYPES, violations
from chartbridge.fhir.schema_table import TABLE

Json = dict[str, Any]
ABSENT = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}


def patient(**elements: Any) -> Json:
    return {"resourceType": "Patient", **elements}


def observation(**elements: Any) -> Json:
    return {"resourceType": "Observation", "status": "final", "code": {"text": "a"}, **elements}


VALUES: dict[str, Any] = {
    "base64Binary": "TWFu",
    "boolean": True,
    "canonical": "http://x.org/a|1",
    "code": "a b",
    "date": "2024-02-29",
    "dateTime": "2024-02-29T23:59:60.5-05:00",
    "decimal": 1.5,
    "id": "a.B-1",
    "instant": "2024-02-29T10:00:00Z",
    "integer": -1,
    "markdown": "# a\n",
    "oid": "urn:oid:1.2.3",
    "positiveInt": 1,
    "string": "a",
    "time": "10:00:00",
    "unsignedInt": 0,
    "uri": "urn:a",
    "url": "http://x.org",
    "uuid": "urn:uuid:0196c3a2-5d6e-7a41-9c0b-2f1d3e4a5b6c",
    "xhtml": '<div xmlns="http://www.w3.org/1999/xhtml">a</div>',
}


def smallest(structure: str) -> Json:
    """An object of a structure with what is required, and one optional element where nothing is."""
    made: Json = {}
    chosen = set()
    for field in TABLE.structures[structure].values():
        if field.required and field.choice not in chosen:
            chosen |= {field.choice} - {None}
            value = TABLE.codes[field.codes][0] if field.codes else example(field.type)
            made[field.name] = [value] if field.many else value
    return made or {"id": "a"}


def example(type_: str) -> Any:
    if type_ in VALUES:
        return VALUES[type_]
    return {"url": "a", "valueCode": "b"} if type_ == "Extension" else smallest(type_)


@pytest.mark.parametrize("kind", sorted(RESOURCE_TYPES))
def test_the_smallest_resource_of_each_type_is_r4_and_each_required_element_is_missed(kind: str) -> None:
    resource: Json = {"resourceType": kind, **smallest(kind)}
    assert violations(resource) == []
    for field in TABLE.structures[kind].values():
        if field.required and field.name in resource:
            without = {key: value for key, value in resource.items() if key != field.name}
            element = f"{field.choice}[x]" if field.choice else field.name
            assert f"{kind} {element}: required" in violations(without)


def test_a_type_that_r4_does_not_have_is_refused() -> None:
    wrong: list[Any] = [
        {},
        {"resourceType": None},
        {"resourceType": "Foo"},
        {"resourceType": ["Patient"]},
        [],
    ]
    for resource in wrong:
        assert violations(resource) == ["? resourceType: expected a resource type of R4"]
    for kind in ("Resource", "DomainResource", "Element", "HumanName"):
        assert violations({"resourceType": kind})


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        (patient(foo=1), "Patient foo: unknown element"),
        (patient(name=[{"fist": "a"}]), "Patient name/0/fist: unknown element"),
        (patient(_name=[{"id": "a"}]), "Patient _name: unknown element"),
        (patient(name={"family": "a"}), "Patient name: expected an array"),
        (patient(birthDate=["2020"]), "Patient birthDate: expected one value, not an array"),
        (patient(name=[]), "Patient name: expected at least one item"),
        (patient(name=[{}]), "Patient name/0: expected an object that is not empty"),
        (patient(maritalStatus="M"), "Patient maritalStatus: expected an object"),
        (patient(maritalStatus=None), "Patient maritalStatus: expected an object"),
        (patient(active="true"), "Patient active: expected true or false"),
        (patient(active=1), "Patient active: expected true or false"),
        (patient(gender="M"), "Patient gender: expected a code of administrative-gender: female, male, "),
        (patient(id="a b"), "Patient id: expected an id"),
        (patient(id="x" * 65), "Patient id: expected an id"),
        (patient(language="a  b"), "Patient language: expected a code"),
        (patient(name=[{"family": ""}]), "Patient name/0/family: expected text"),
        (patient(name=[{"family": " \n"}]), "Patient name/0/family: expected text"),
        (patient(name=[{"family": "a\x00"}]), "Patient name/0/family: expected text"),
        (patient(name=[{"family": "a\xa0b"}]), "Patient name/0/family: expected text"),
        (patient(name=[{"given": ["a", ""]}]), "Patient name/0/given/1: expected text"),
        (patient(name=[{"given": [["a"]]}]), "Patient name/0/given/0: expected one value, not an array"),
        (patient(implicitRules="a b"), "Patient implicitRules: expected a URI"),
        (patient(photo=[{"data": "a"}]), "Patient photo/0/data: expected base64"),
        (patient(photo=[{"size": -1}]), "Patient photo/0/size: expected a whole number from 0"),
        (patient(telecom=[{"rank": 0}]), "Patient telecom/0/rank: expected a whole number from 1"),
        (patient(multipleBirthInteger=2**31), "Patient multipleBirthInteger: expected a whole number"),
        (patient(multipleBirthInteger=1.5), "Patient multipleBirthInteger: expected a whole number"),
        (patient(multipleBirthInteger=1.0), "Patient multipleBirthInteger: expected a whole number"),
        (patient(multipleBirthInteger=True), "Patient multipleBirthInteger: expected a whole number"),
        (patient(text={"status": "generated"}), "Patient text/div: required"),
        (patient(text={"status": "generated", "div": "a"}), "Patient text/div: expected an XHTML <div>"),
        (patient(text={"div": VALUES["xhtml"]}), "Patient text/status: required"),
        (patient(managingOrganization="Organization/1"), "Patient managingOrganization: expected an object"),
        (patient(managingOrganization={"ref": "a"}), "Patient managingOrganization/ref: unknown element"),
        (patient(extension=[{"valueCode": "a"}]), "Patient extension/0/url: required"),
        (patient(extension=[{"url": "a"}]), "Patient extension/0: expected either value[x] or extension"),
        (
            patient(
                extension=[{"url": "a", "valueCode": "b", "extension": [{"url": "c", "valueCode": "d"}]}]
            ),
            "Patient extension/0: expected either value[x] or extension",
        ),
        (
            patient(extension=[{"url": "a", "valueCode": "c", "valueHtml": "b"}]),
            "Patient extension/0/valueHtml: unknown element",
        ),
        (patient(_birthDate={"value": "a"}), "Patient _birthDate/value: unknown element"),
        (patient(_birthDate={}), "Patient _birthDate: expected an object that is not empty"),
        (observation(valueString="a", valueInteger=1), "Observation: expected only one of value[x]"),
        (
            observation(valueString="a", _valueInteger={"id": "a"}),
            "Observation: expected only one of value[x]",
        ),
        (observation(effectiveDateTime="2024-01-01T10:00"), "Observation effectiveDateTime: expected a date"),
        (
            observation(effectiveDateTime="2024-01-01T10:00:00"),
            "Observation effectiveDateTime: expected a date",
        ),
        (observation(issued="2024-01-01"), "Observation issued: expected a date that exists, with time"),
        (observation(valueQuantity={"value": "1"}), "Observation valueQuantity/value: expected a number"),
        (observation(valueTime="24:00:00"), "Observation valueTime: expected a time"),
        (observation(status="done"), "Observation status: expected a code of observation-status: amended, "),
    ],
    ids=lambda value: value.partition(":")[0] if isinstance(value, str) else "",
)
def test_each_departure_is_told_at_its_place(resource: Json, expected: str) -> None:
    found = violations(resource)
    assert len(found) == 1
    assert found[0].startswith(expected)


@pytest.mark.parametrize(
    "date", ["2023-02-29", "1900-02-29", "2024-02-30", "2024-04-31", "2024-13", "0000", "24"]
)
def test_a_date_that_does_not_exist_is_refused(date: str) -> None:
    assert violations(patient(birthDate=date))
    assert violations(observation(effectiveDateTime=f"{date}T10:00:00Z"))


@pytest.mark.parametrize("date", ["2024", "2024-02", "2024-02-29", "2000-02-29", "1996-12-31", "0001"])
def test_a_date_that_exists_is_taken(date: str) -> None:
    assert violations(patient(birthDate=date)) == []


@pytest.mark.parametrize("name", sorted(f.name for f in TABLE.structures["Extension"].values() if f.choice))
def test_an_extension_takes_a_value_of_every_type(name: str) -> None:
    type_ = TABLE.structures["Extension"][name].type
    assert violations(patient(extension=[{"url": "a", name: example(type_)}])) == []
    wrong = 1 if isinstance(example(type_), str | bool) else "a"
    assert violations(patient(extension=[{"url": "a", name: wrong}]))


def test_an_extension_holds_others_and_a_value_may_be_absent_for_a_reason() -> None:
    within = [{"url": "b", "valueCode": "c"}, {"url": "d", "extension": [{"url": "e", "valueInteger": 1}]}]
    assert violations(patient(extension=[{"url": "a", "extension": within}])) == []
    assert violations(patient(extension=[{"url": "a", "_valueCode": {"extension": [ABSENT]}}])) == []
    assert violations(patient(modifierExtension=[{"url": "a"}]))


def test_a_required_primitive_may_have_its_companion_only() -> None:
    absent = {"resourceType": "Observation", "_status": {"extension": [ABSENT]}, "code": {"text": "a"}}
    assert violations(absent) == []
    assert violations({"resourceType": "Observation", "code": {"text": "a"}})


class TestListsOfPrimitives:
    """``given: [null, "x"]`` with ``_given: [{…}, null]``."""

    @staticmethod
    def name(**elements: Any) -> list[str]:
        return violations(patient(name=[elements]))

    def test_null_stands_where_only_the_other_list_has_something(self) -> None:
        said = {"extension": [ABSENT]}
        assert self.name(given=[None, "x"], _given=[said, None]) == []
        assert self.name(given=["x"], _given=[said]) == []
        assert self.name(_given=[said]) == []

    def test_null_on_both_sides_or_without_the_other_list_is_refused(self) -> None:
        told = "expected null only where _given has something"
        assert self.name(given=[None, "x"]) == [f"Patient name/0/given: {told}"]
        assert f"Patient name/0/given: {told}" in self.name(given=[None, "x"], _given=[None, {"id": "a"}])
        assert self.name(_given=[None])

    def test_lists_of_different_length_are_refused(self) -> None:
        assert "Patient name/0/given: expected as many items as _given has" in self.name(
            given=[None], _given=[{"id": "a"}, {"id": "b"}]
        )

    def test_null_in_a_list_of_objects_is_refused(self) -> None:
        assert violations(patient(name=[None, {"family": "a"}]))


def test_a_contained_resource_is_looked_at_by_its_own_type() -> None:
    assert violations(observation(contained=[patient(id="a", gender="male")])) == []
    assert violations(observation(contained=[patient(id="a", gender="M", foo=1)])) == [
        "Observation contained/0/gender: expected a code of administrative-gender: "
        "female, male, other, unknown",
        "Observation contained/0/foo: unknown element",
    ]
    assert violations(observation(contained=[{"id": "a"}])) == [
        "Observation contained/0/resourceType: expected a resource type of R4"
    ]
    assert violations(observation(contained=patient())) == ["Observation contained: expected an array"]
    assert violations(observation(contained=["a"])) == ["Observation contained/0: expected a resource"]


def test_a_contained_resource_contains_no_others() -> None:
    within = observation(contained=[patient(contained=[patient(foo=1)])])
    assert violations(within) == [
        "Observation contained/0/contained: a contained resource contains no others"
    ]


def test_resources_of_bundles_and_parameters_are_looked_at_wherever_they_stand() -> None:
    inner: Json = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": patient(foo=1)}]}
    outer = {"resourceType": "Bundle", "type": "batch", "entry": [{}, {"resource": inner}]}
    assert violations(outer) == [
        "Bundle entry/0: expected an object that is not empty",
        "Bundle entry/1/resource/entry/0/resource/foo: unknown element",
    ]
    answer = {"status": "200", "outcome": {"resourceType": "OperationOutcome"}}
    assert violations(
        {"resourceType": "Bundle", "type": "batch-response", "entry": [{"response": answer}]}
    ) == ["Bundle entry/0/response/outcome/issue: required"]
    parameters = {"name": "a", "part": [{"name": "b", "resource": patient(name=[{"given": [None]}])}]}
    assert violations({"resourceType": "Parameters", "parameter": [parameters]}) == [
        "Parameters parameter/0/part/0/resource/name/0/given: expected null only where _given has something"
    ]


def test_names_that_are_a_choice_elsewhere_may_stand_together_where_they_are_none() -> None:
    item = {"resourceType": "ChargeItem", **smallest("ChargeItem")}
    assert violations(item | {"definitionUri": ["a"], "definitionCanonical": ["b"]}) == []


def test_a_decimal_may_be_whole_or_not() -> None:
    for value in (1, 1.0, 0.5, -3, 1e-7):
        assert violations(observation(valueQuantity={"value": value})) == []
    for wrong in (float("nan"), float("inf"), "1", True):
        assert violations(observation(valueQuantity={"value": wrong}))


def test_what_json_cannot_hold_is_refused() -> None:
    assert violations(observation(valueString=object()))
    assert violations(observation(valueString="\ud800"))
    assert violations(observation(valueQuantity={"value": b"1"}))


def test_depth_is_bounded() -> None:
    extension: Json = {"url": "a", "valueCode": "b"}
    for _ in range(20):
        extension = {"url": "a", "extension": [extension]}
    assert violations(patient(extension=[extension])) == []
    for _ in range(100_000):
        extension = {"url": "a", "extension": [extension]}
    message = f"Patient: expected at most {DEEPEST} objects and arrays within each other"
    assert violations(patient(extension=[extension])) == [message]
    lists: Any = "a"
    for _ in range(100_000):
        lists = [lists]
    assert violations(patient(name=lists))


def test_as_many_violations_are_told_as_help() -> None:
    found = violations(patient(name=[{f"x{i}": 1} for i in range(1000)], extension=[{"url": "a"}] * 1000))
    assert len(found) == MOST_VIOLATIONS


def test_no_value_is_told() -> None:
    secret = "Smithsonian"
    wrong = patient(
        id=f"{secret} ",
        gender=secret,
        birthDate=secret,
        active=secret,
        name=[{"use": secret, "family": [secret], "period": {"start": secret}}],
        contained=[{"resourceType": secret}],
        deceasedDateTime=secret,
        multipleBirthInteger=secret,
        text={"status": secret, "div": secret},
    )
    found = violations(wrong)
    assert len(found) == 12
    assert secret not in "".join(found)


def test_the_examples_of_the_documentation_are_true() -> None:
    text = (Path(__file__).parents[2] / "docs/validation.md").read_text()
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    exec(example, {})
    told = violations({"resourceType": "Observation", "code": {"text": "a"}, "valueQuantity": {"value": "1"}})
    told += violations(patient(name=[{"fist": "a"}]))
    assert all(f'"{one}"' in text for one in told)
    assert len(told) == 3
