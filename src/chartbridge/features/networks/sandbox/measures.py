"""Laboratory and vital values of a persona: reference ranges, flags, computed values.

Both the C-CDA and the laboratory network are made from these, so they cannot disagree.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from chartbridge.features.networks.sandbox.persona import Facts, Persona


@dataclass(frozen=True, slots=True)
class Result:
    """One laboratory result. ``value`` is a number with ``unit`` (UCUM), or words without one."""

    key: str
    loinc: str
    display: str
    value: float | str
    unit: str | None
    low: float | None
    high: float | None
    presence: bool

    @property
    def flag(self) -> str | None:
        """H, L or N against the reference range; A for an abnormal finding; None without either."""
        if isinstance(self.value, str):
            if not self.presence:
                return None
            return "N" if self.value == "Negative" else "A"
        if self.low is not None and self.value < self.low:
            return "L"
        if self.high is not None and self.value > self.high:
            return "H"
        return None if self.low is None and self.high is None else "N"

    @property
    def range_text(self) -> str:
        if self.presence:
            return "Negative"
        if self.low is not None and self.high is not None:
            return f"{self.low:g}-{self.high:g}"
        if self.low is not None:
            return f">= {self.low:g}"
        return f"<= {self.high:g}" if self.high is not None else ""


FLAG_DISPLAYS = {"H": "High", "L": "Low", "N": "Normal", "A": "Abnormal"}


def results(persona: Persona, lab: Facts) -> Iterator[Result]:
    """The results of one drawn panel, in the order the file gives them."""
    sex = persona.patient["sex"].lower()
    for key, measured in lab["values"].items():
        test = persona.look_up("lab", key)
        yield Result(
            key=key,
            loinc=test["loinc"],
            display=test["display"],
            value=measured,
            unit=test.get("unit"),
            low=test.get("low", test.get(f"low_{sex}")),
            high=test.get("high", test.get(f"high_{sex}")),
            presence=bool(test.get("presence")),
        )


def panel_key(lab: Facts) -> str:
    return f"{lab['panel']}-{lab['drawn']:%Y%m%d}"


def drawn_day(lab: Facts) -> dt.date:
    drawn: dt.datetime = lab["drawn"]
    return drawn.date()


@dataclass(frozen=True, slots=True)
class Vital:
    key: str
    loinc: str
    display: str
    unit: str


VITALS = (
    Vital("systolic", "8480-6", "Systolic blood pressure", "mm[Hg]"),
    Vital("diastolic", "8462-4", "Diastolic blood pressure", "mm[Hg]"),
    Vital("pulse", "8867-4", "Heart rate", "/min"),
    Vital("respirations", "9279-1", "Respiratory rate", "/min"),
    Vital("temperature", "8310-5", "Body temperature", "Cel"),
    Vital("spo2", "59408-5", "Oxygen saturation by pulse oximetry", "%"),
    Vital("height", "8302-2", "Body height", "cm"),
    Vital("weight", "29463-7", "Body weight", "kg"),
    Vital("bmi", "39156-5", "Body mass index", "kg/m2"),
)


def vitals(reading: Facts) -> Iterator[tuple[Vital, float]]:
    """The vital signs of one reading, with the BMI computed from height and weight."""
    measured = dict(reading)
    if "height" in measured and "weight" in measured:
        measured["bmi"] = round(measured["weight"] / (measured["height"] / 100) ** 2, 1)
    for vital in VITALS:
        if vital.key in measured:
            yield vital, measured[vital.key]


def total(assessment: Facts) -> int:
    """The score of a questionnaire: the sum of its answers."""
    return int(sum(assessment["answers"]))
