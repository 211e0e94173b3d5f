"""Vital signs that are joined into one Observation, and those that must not be."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chartbridge.ccda.statement import Statement
from tests.ccda.builders import LOINC, SNOMED, code, codes, converted, of_type, related, section, template

ARM = {"right": "368209003", "left": "368208006"}


def sign(loinc: str, said: str, inner: str = "", mood: str = "EVN", day: int = 5) -> str:
    """A Vital Sign Observation in its organizer."""
    return (
        f'<component><observation classCode="OBS" moodCode="{mood}">{template(".4.27")}'
        f'{code("code", loinc, LOINC)}<statusCode code="completed"/><effectiveTime value="202401{day:02}"/>'
        f'<value xsi:type="PQ" value="{said}" unit="1"/>{inner}</observation></component>'
    )


def panel(*signs: str) -> str:
    """A section of one Vital Signs Organizer."""
    return section(
        "8716-3",
        f'<organizer classCode="CLUSTER" moodCode="EVN">{template(".4.26")}{code("code", "46680005", SNOMED)}'
        f'<statusCode code="completed"/>{"".join(signs)}</organizer>',
    )


def found(*signs: str) -> list[str]:
    """The first code of each Observation that an organizer becomes, in order of the alphabet."""
    return sorted(codes(one["code"])[0][1] for one in of_type(converted(panel(*signs)), "Observation"))


def site(arm: str) -> str:
    """An arm that the pressure was taken at."""
    return code("targetSiteCode", ARM[arm], SNOMED, f"{arm} arm")


def method(value: str) -> str:
    """How the pressure was taken."""
    return code("methodCode", value, SNOMED, value)


@pytest.mark.parametrize(
    ("systolic", "diastolic", "joined"),
    [
        pytest.param(site("right"), site("right"), True, id="one-arm"),
        pytest.param(site("right"), "", True, id="named-once"),
        pytest.param(site("right"), site("left"), False, id="two-arms"),
        pytest.param("", site("left"), False, id="only-of-the-second"),
        pytest.param(method("17146006"), method("37931006"), False, id="two-methods"),
    ],
)
def test_pressures_of_two_places_are_two(systolic: str, diastolic: str, joined: bool) -> None:
    expected = ["85353-1", "85354-9"] if joined else ["8462-4", "8480-6", "85353-1"]
    assert found(sign("8480-6", "132", systolic), sign("8462-4", "86", diastolic)) == expected


def test_each_pressure_keeps_its_own_arm() -> None:
    done = converted(panel(sign("8480-6", "132", site("right")), sign("8462-4", "86", site("left"))))
    arms = {codes(one["code"])[0][1]: one.get("bodySite", {}) for one in of_type(done, "Observation")}
    assert codes(arms["8480-6"])[0][1] == ARM["right"]
    assert codes(arms["8462-4"])[0][1] == ARM["left"]


@pytest.mark.parametrize("loinc", ["59408-5", "8867-4"])
def test_a_sign_that_is_planned_is_no_member_of_the_panel(loinc: str) -> None:
    done = converted(panel(sign(loinc, "95", mood="INT"), sign("8310-5", "37")))
    assert len(of_type(done, "ServiceRequest")) == 1
    members = [one["reference"] for made in of_type(done, "Observation") for one in made.get("hasMember", ())]
    assert [one.partition("/")[0] for one in members] == ["Observation"]


def test_oxygen_is_told_once_whether_it_stands_within_or_beside() -> None:
    flow = (
        f'<observation classCode="OBS" moodCode="EVN">{code("code", "3151-8", LOINC)}'
        '<statusCode code="completed"/><effectiveTime value="20240105"/>'
        '<value xsi:type="PQ" value="2" unit="L/min"/></observation>'
    )
    within = sign("59408-5", "94", related(flow, "COMP"))
    assert found(within) == ["59408-5", "85353-1"]
    assert found(sign("3151-8", "2"), sign("59408-5", "94")) == ["59408-5", "85353-1"]
    assert found(sign("3151-8", "3"), within) == ["3151-8", "59408-5", "85353-1"]


def test_what_stands_within_a_saturation_is_noted_on_it() -> None:
    remark = (
        f'<act classCode="ACT" moodCode="EVN">{template(".4.20")}{code("code", "409073007", SNOMED)}'
        '<text>Warm the finger</text><statusCode code="completed"/></act>'
    )
    done = converted(panel(sign("59408-5", "94", related(remark)), sign("3151-8", "2")))
    noted = {codes(one["code"])[0][1]: len(one.get("note", ())) for one in of_type(done, "Observation")}
    assert noted == {"59408-5": 1, "85353-1": 0}


def test_the_saturations_of_an_organizer_are_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0
    read: Callable[..., str] = Statement.code_value

    def counted(st: Statement, *tags: str) -> str:
        nonlocal looks
        looks += 1
        return read(st, *tags)

    monkeypatch.setattr(Statement, "code_value", counted)
    amounts = []
    for size in (10, 20):
        looks = 0
        done = converted(panel(*(sign("59408-5", "95", day=1 + at) for at in range(size))))
        assert len(of_type(done, "Observation")) == size + 1
        amounts.append(looks)
    assert amounts[1] < 2 * amounts[0] + 10
