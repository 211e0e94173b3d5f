"""What holds for any document: dates, codes, values and negations come through, and nothing else moves.

Documents are made of statements with random optional parts. Each strategy gives the XML together with what
a reader of it would know, so that a property compares two things that were said, never two conversions of
the same mistake.
"""

# ruff: noqa: E501 - XML reads better unbroken
from __future__ import annotations

import calendar
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from chartbridge.ccda import Conversion, convert
from tests.ccda.builders import (
    AUTHOR,
    CVX,
    LOINC,
    PATIENT_ID,
    RXNORM,
    SNOMED,
    allergy,
    code,
    converted,
    document,
    immunization,
    medication,
    of_type,
    problem,
    related,
    section,
    template,
    the,
)
from tests.ccda.test_corpus import PRESENT, V3

Json = dict[str, Any]

calm = settings(max_examples=120, deadline=None, derandomize=True)

URIS = {
    SNOMED: "http://snomed.info/sct",
    LOINC: "http://loinc.org",
    RXNORM: "http://www.nlm.nih.gov/research/umls/rxnorm",
    CVX: "http://hl7.org/fhir/sid/cvx",
    "2.16.840.1.113883.6.90": "http://hl7.org/fhir/sid/icd-10-cm",
    "2.16.840.1.113883.6.12": "http://www.ama-assn.org/go/cpt",
    "1.3.6.1.4.1.99999.7": "urn:oid:1.3.6.1.4.1.99999.7",
}
NULLS = ("UNK", "NI", "NA", "OTH", "NASK", "ASKU")

SOURCE = "https://chartbridge.dev/fhir/StructureDefinition/source-element"
OF_THE_WHOLE = ("Composition", "DocumentReference", "Provenance")
"""Resources that tell of the document as a whole, or of it as their source: they change with any part."""


# dates


@dataclass(frozen=True)
class Moment:
    """A timestamp as HL7 writes it and as FHIR does."""

    hl7: str
    fhir: str


@st.composite
def moments(draw: st.DrawFn) -> Moment:
    """Timestamps of any precision and offset; FHIR has no time of day without minutes and an offset."""
    year, month = draw(st.integers(1900, 2100)), draw(st.integers(1, 12))
    day = draw(st.integers(1, calendar.monthrange(year, month)[1]))
    hour, minute, second = draw(st.integers(0, 23)), draw(st.integers(0, 59)), draw(st.integers(0, 59))
    precision = draw(st.sampled_from(("year", "month", "day", "hour", "minute", "second", "fraction")))
    offset = draw(st.sampled_from(("", "+0000", "-0500", "+0530", "-1130", "+1400")))
    date = f"{year:04}-{month:02}-{day:02}"
    if precision in ("year", "month", "day"):
        length = {"year": 4, "month": 7, "day": 10}[precision]
        return Moment(date[:length].replace("-", ""), date[:length])
    written = f"{year:04}{month:02}{day:02}{hour:02}"
    zone = f"{offset[:3]}:{offset[3:]}"
    if precision == "hour":
        return Moment(written + offset, date)
    written += f"{minute:02}"
    shown = f"{date}T{hour:02}:{minute:02}"
    if precision == "minute":
        return Moment(written + offset, f"{shown}:00{zone}" if offset else date)
    written += f"{second:02}"
    shown += f":{second:02}"
    if precision == "fraction":
        fraction = draw(st.integers(1, 9999))
        written, shown = f"{written}.{fraction:04}", f"{shown}.{fraction:04}"
    return Moment(written + offset, shown + zone if offset else date)


def result(inner: str, attributes: str = "", coded: str | None = None) -> str:
    """A Result Observation."""
    kind = coded if coded is not None else code("code", "2345-7", LOINC, "Glucose")
    return (
        f'<observation classCode="OBS" moodCode="EVN" {attributes}>{template(".4.2")}'
        f'<id root="2.16.840.1.113883.3.9911.20" extension="R1"/>{kind}<statusCode code="completed"/>{inner}'
        "</observation>"
    )


def procedure(inner: str = "", attributes: str = "", mood: str = "EVN", coded: str | None = None) -> str:
    """A Procedure Activity Procedure."""
    kind = coded if coded is not None else code("code", "80146002", SNOMED, "Appendectomy")
    return (
        f'<procedure classCode="PROC" moodCode="{mood}" {attributes}>{template(".4.14")}'
        f'<id root="2.16.840.1.113883.3.9911.21" extension="S1"/>{kind}<statusCode code="completed"/>{inner}'
        "</procedure>"
    )


@calm
@given(moments())
def test_a_point_in_time_keeps_its_precision_and_offset(moment: Moment) -> None:
    at = f'<effectiveTime value="{moment.hl7}"/>'
    done = converted(
        section("30954-2", result(at)),
        section("47519-4", procedure(at)),
        section("11369-6", immunization(when=f'value="{moment.hl7}"')),
    )
    assert the(done, "Observation")["effectiveDateTime"] == moment.fhir
    assert the(done, "Procedure")["performedDateTime"] == moment.fhir
    assert the(done, "Immunization")["occurrenceDateTime"] == moment.fhir


@calm
@given(moments())
def test_a_beginning_keeps_its_precision_and_offset(moment: Moment) -> None:
    since = f'<effectiveTime xsi:type="IVL_TS"><low value="{moment.hl7}"/></effectiveTime>'
    done = converted(section("11450-4", problem(since)), section("10160-0", medication(times=since)))
    assert the(done, "Condition")["onsetDateTime"] == moment.fhir
    assert the(done, "MedicationStatement")["effectivePeriod"] == {"start": moment.fhir}


@calm
@given(moments(), moments())
def test_an_interval_has_both_its_ends_or_says_why_not(one: Moment, other: Moment) -> None:
    between = f'<effectiveTime><low value="{one.hl7}"/><high value="{other.hl7}"/></effectiveTime>'
    done = converted(section("47519-4", procedure(between)))
    made = the(done, "Procedure")
    if one.fhir == other.fhir:
        assert made["performedDateTime"] == one.fhir
        return
    period = made["performedPeriod"]
    assert period["start"] == one.fhir
    if "end" in period:
        assert period["end"] == other.fhir
    else:
        assert done.report.statements[0].issues
        assert one.fhir[:4] >= other.fhir[:4]


# codes


@dataclass(frozen=True)
class Concept:
    """A coded element without its name, and what it says."""

    attributes: str
    inner: str
    codings: tuple[tuple[str, str], ...]
    text: str | None

    def xml(self, tag: str, typed: bool = False) -> str:
        kind = ' xsi:type="CD"' if typed else ""
        return f"<{tag}{kind} {self.attributes}>{self.inner}</{tag}>"


coded_attributes = st.tuples(
    st.sampled_from(sorted(URIS)), st.from_regex(r"[A-Z]?[1-9][0-9]{2,7}(-[0-9])?", fullmatch=True)
)
plain_words = st.from_regex(r"[A-Z][a-z]{2,9}( [a-z]{2,9}){0,3}", fullmatch=True)


@st.composite
def concepts(draw: st.DrawFn) -> Concept:
    """A code or a null, with translations, display and original text, or without any of them."""
    main = draw(st.none() | coded_attributes)
    translations = draw(st.lists(coded_attributes, max_size=3, unique=True))
    original = draw(st.none() | plain_words)
    display = draw(st.none() | plain_words)
    if main is None:
        attributes = f'nullFlavor="{draw(st.sampled_from(NULLS))}"'
        if not translations and original is None:
            original = draw(plain_words)
    else:
        attributes = f'code="{main[1]}" codeSystem="{main[0]}"'
        if display is not None:
            attributes += f' displayName="{display}"'
    inner = "" if original is None else f"<originalText>{original}</originalText>"
    inner += "".join(f'<translation code="{c}" codeSystem="{system}"/>' for system, c in translations)
    said = ([] if main is None else [main]) + [one for one in translations if one != main]
    return Concept(attributes, inner, tuple((URIS[system], c) for system, c in said), original)


CODED: dict[str, Callable[[Concept], tuple[str, str, str, str]]] = {
    "problem": lambda c: ("11450-4", problem(coded=c.xml("value", typed=True)), "Condition", "code"),
    "allergy": lambda c: ("48765-2", allergy(substance=c.xml("code")), "AllergyIntolerance", "code"),
    "result": lambda c: ("30954-2", result("", coded=c.xml("code")), "Observation", "code"),
    "result value": lambda c: ("30954-2", result(c.xml("value", typed=True)), "Observation", "valueCodeableConcept"),
    "procedure": lambda c: ("47519-4", procedure(coded=c.xml("code")), "Procedure", "code"),
    "site": lambda c: ("47519-4", procedure(c.xml("targetSiteCode")), "Procedure", "bodySite"),
    "route": lambda c: ("11369-6", immunization().replace("<consumable>", c.xml("routeCode") + "<consumable>"), "Immunization", "route"),
    "vaccine": lambda c: (
        "11369-6",
        immunization().replace(code("code", "88", CVX, "Influenza virus vaccine"), c.xml("code")),
        "Immunization",
        "vaccineCode",
    ),
    "drug": lambda c: (
        "10160-0",
        medication().replace(code("code", "197361", RXNORM, "Amlodipine 5 MG Oral Tablet"), c.xml("code")),
        "Medication",
        "code",
    ),
}  # fmt: skip


@pytest.mark.parametrize("place", CODED)
@calm
@given(concept=concepts())
def test_a_code_its_translations_and_its_text_come_out_as_they_went_in(place: str, concept: Concept) -> None:
    where, entry, resource_type, element = CODED[place](concept)
    said = the(converted(section(where, entry)), resource_type)[element]
    made = said[0] if isinstance(said, list) else said
    assert {(one["system"], one["code"]) for one in made.get("coding", ())} == set(concept.codings)
    if concept.codings:
        first = made["coding"][0]
        assert (first["system"], first["code"]) == concept.codings[0]
    if concept.text is not None:
        assert made["text"] == concept.text


# quantities and times of a dose


@dataclass(frozen=True)
class Amount:
    """A PQ's attributes and what they say."""

    written: str
    number: float
    unit: str | None

    @property
    def xml(self) -> str:
        unit = "" if self.unit is None else f' unit="{self.unit}"'
        return f'value="{self.written}"{unit}'

    def said_by(self, quantity: Json) -> bool:
        unit = (
            None if quantity.get("unit") is None else (quantity["unit"], quantity["code"], quantity["system"])
        )
        wanted = None if self.unit is None else (self.unit, self.unit, "http://unitsofmeasure.org")
        return quantity["value"] == self.number and unit == wanted


@st.composite
def amounts(draw: st.DrawFn) -> Amount:
    digits = draw(st.decimals(min_value="-10000", max_value="100000", places=draw(st.integers(0, 4))))
    unit = draw(st.sampled_from((None, "mg", "mg/dL", "10*3/uL", "mm[Hg]", "%", "Cel", "{score}")))
    return Amount(str(digits), float(digits), unit)


@calm
@given(amounts(), st.sampled_from(("", "<", "<=", ">", ">=")))
def test_a_value_and_its_unit_are_kept(amount: Amount, comparator: str) -> None:
    marked = amount.xml.replace('value="', 'value="' + comparator.replace("<", "&lt;"), 1)
    made = the(converted(section("30954-2", result(f'<value xsi:type="PQ" {marked}/>'))), "Observation")
    assert amount.said_by(made["valueQuantity"])
    assert made["valueQuantity"].get("comparator", "") == comparator


@calm
@given(st.none() | amounts(), st.none() | amounts())
def test_the_bounds_of_a_reference_range_are_kept(low: Amount | None, high: Amount | None) -> None:
    bounds = ("" if low is None else f"<low {low.xml}/>") + ("" if high is None else f"<high {high.xml}/>")
    ranged = (
        "<referenceRange><observationRange><text>as usual</text>"
        f'<value xsi:type="IVL_PQ">{bounds}</value></observationRange></referenceRange>'
    )
    (made,) = the(converted(section("30954-2", result(ranged))), "Observation")["referenceRange"]
    assert made["text"] == "as usual"
    for name, bound in (("low", low), ("high", high)):
        assert (name in made) == (bound is not None)
        assert bound is None or bound.said_by(made[name])


@calm
@given(amounts(), st.integers(1, 48), st.sampled_from(("h", "d", "wk", "min", "mo")), st.none() | moments())
def test_a_dose_and_how_often_it_is_taken_are_kept(
    dose: Amount, period: int, unit: str, since: Moment | None
) -> None:
    times = f'<effectiveTime xsi:type="PIVL_TS" operator="A"><period value="{period}" unit="{unit}"/></effectiveTime>'
    if since is not None:
        times = f'<effectiveTime xsi:type="IVL_TS"><low value="{since.hl7}"/></effectiveTime>' + times
    made = the(
        converted(section("10160-0", medication(times=times + f"<doseQuantity {dose.xml}/>"))),
        "MedicationStatement",
    )
    (dosage,) = made["dosage"]
    assert dosage["timing"]["repeat"] == {"frequency": 1, "period": period, "periodUnit": unit}
    assert dose.said_by(dosage["doseAndRate"][0]["doseQuantity"])
    assert made.get("effectivePeriod") == (None if since is None else {"start": since.fhir})


@calm
@given(st.sampled_from(("HS", "ACM", "PCV", "ACD", "WAKE", "PC")), st.integers(1, 300), st.booleans())
def test_a_dose_at_an_event_is_at_that_event(event: str, minutes: int, shifted: bool) -> None:
    sign = "-" if event.startswith("A") else ""
    offset = f'<offset><low value="{sign}{minutes}" unit="min"/></offset>' if shifted else ""
    times = f'<effectiveTime xsi:type="EIVL_TS" operator="A"><event code="{event}"/>{offset}</effectiveTime>'
    (dosage,) = the(converted(section("10160-0", medication(times=times))), "MedicationStatement")["dosage"]
    assert dosage["timing"]["repeat"] == {"when": [event]} | ({"offset": minutes} if shifted else {})


# negation

REMARK = related(
    f'<act classCode="ACT" moodCode="EVN">{template(".4.64")}'
    f'{code("code", "48767-8", LOINC)}<text>said by the patient</text></act>'
)  # fmt: skip


@dataclass(frozen=True)
class Extras:
    """Optional parts that any statement may have."""

    author: bool
    remark: bool
    moment: Moment | None

    @property
    def inner(self) -> str:
        return (AUTHOR if self.author else "") + (REMARK if self.remark else "")

    @property
    def time(self) -> str:
        return "" if self.moment is None else f'<effectiveTime value="{self.moment.hl7}"/>'


extras = st.builds(Extras, st.booleans(), st.booleans(), st.none() | moments())


def _marked(negated: bool) -> str:
    return f'negationInd="{str(negated).lower()}"'


def _refuted(made: Json) -> bool:
    said: str = made["verificationStatus"]["coding"][0]["code"]
    return said == "refuted"


def _not_observed(made: Json) -> bool:
    denied = str(made.get("valueString", "")).startswith("Not present:") or "dataAbsentReason" in made
    assert denied != bool({"valueQuantity", "valueCodeableConcept"} & made.keys())
    return denied


Deniable = tuple[str, Callable[[Extras, bool], str], str, Callable[[Json], bool]]
DENIABLE: dict[str, Deniable] = {
    "problem": ("11450-4", lambda e, n: problem(e.inner, negated=n), "Condition", _refuted),
    "allergy": ("48765-2", lambda e, n: allergy(e.inner, negated=n), "AllergyIntolerance", _refuted),
    "immunization": (
        "11369-6",
        lambda e, n: immunization(e.inner, attributes=_marked(n)),
        "Immunization",
        lambda made: bool(made["status"] == "not-done"),
    ),
    "medication": (
        "10160-0",
        lambda e, n: medication(e.inner, attributes=_marked(n), times=e.time),
        "MedicationStatement",
        lambda made: bool(made["status"] == "not-taken"),
    ),
    "ordered medication": (
        "18776-5",
        lambda e, n: medication(e.inner, mood="RQO", attributes=_marked(n), times=e.time),
        "MedicationRequest",
        lambda made: bool(made.get("doNotPerform", False)),
    ),
    "procedure": (
        "47519-4",
        lambda e, n: procedure(e.time + e.inner, attributes=_marked(n)),
        "Procedure",
        lambda made: bool(made["status"] == "not-done"),
    ),
    "planned procedure": (
        "18776-5",
        lambda e, n: procedure(e.time + e.inner, attributes=_marked(n), mood="INT"),
        "ServiceRequest",
        lambda made: bool(made.get("doNotPerform", False)),
    ),
    "measured result": (
        "30954-2",
        lambda e, n: result(f'{e.time}<value xsi:type="PQ" value="5" unit="mg"/>{e.inner}', _marked(n)),
        "Observation",
        _not_observed,
    ),
    "coded result": (
        "30954-2",
        lambda e, n: result(f"{e.time}{code('value', '260373001', SNOMED, 'Detected', typed=True)}{e.inner}", _marked(n)),
        "Observation",
        _not_observed,
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", DENIABLE)
@calm
@given(parts=extras, negated=st.booleans())
def test_what_is_denied_and_only_that_is_shown_as_denied(kind: str, parts: Extras, negated: bool) -> None:
    where, build, resource_type, denied = DENIABLE[kind]
    done = converted(section(where, build(parts, negated)))
    assert denied(the(done, resource_type)) is negated
    assert done.report.totals["not-converted"] == 0


@calm
@given(st.lists(concepts() | amounts(), min_size=1, max_size=3))
def test_none_of_the_values_of_a_denied_result_is_shown_as_found(values: list[Concept | Amount]) -> None:
    said = "".join(
        one.xml("value", typed=True) if isinstance(one, Concept) else f'<value xsi:type="PQ" {one.xml}/>'
        for one in values
    )
    made = the(converted(section("30954-2", result(said, _marked(True)))), "Observation")
    for part in (made, *made.get("component", ())):
        assert not {"valueQuantity", "valueCodeableConcept"} & part.keys()


# the document as a whole


@st.composite
def entries(draw: st.DrawFn) -> tuple[str, str]:
    """A section's code, and a statement for it under an id of its own."""
    where, build, *_ = DENIABLE[draw(st.sampled_from(sorted(DENIABLE)))]
    own = draw(st.integers(1, 9))
    statement = build(draw(extras), draw(st.booleans()))
    return where, statement.replace(' extension="', f' extension="N{own}-')


@st.composite
def section_lists(draw: st.DrawFn) -> list[str]:
    """Sections of one to three statements."""
    made: dict[str, list[str]] = {}
    for where, statement in draw(st.lists(entries(), min_size=1, max_size=6)):
        made.setdefault(where, []).append(statement)
    return [section(where, *statements, title=f"Section {where}") for where, statements in made.items()]


def contents(done: Conversion) -> dict[str, Json]:
    """Every resource by type and id, without those of the whole document, and without where it came from."""
    return {
        entry["request"]["url"]: {
            **entry["resource"],
            "extension": [one for one in entry["resource"].get("extension", ()) if one["url"] != SOURCE],
        }
        for entry in done.bundle["entry"]
        if entry["resource"]["resourceType"] not in OF_THE_WHOLE
    }


def serialised(xml: bytes) -> bytes:
    return orjson.dumps(convert(xml, PATIENT_ID).bundle)


@calm
@given(section_lists())
def test_the_same_document_gives_the_same_bytes(sections: list[str]) -> None:
    assert serialised(document(*sections)) == serialised(document(*sections))


@calm
@given(section_lists(), st.integers(0, 10**6))
def test_the_order_of_sections_changes_no_resource(sections: list[str], seed: int) -> None:
    shuffled = random.Random(seed).sample(sections, len(sections))
    assert contents(converted(*shuffled)) == contents(converted(*sections))


@calm
@given(section_lists(), entries())
def test_another_entry_changes_no_resource_that_was_there(
    sections: list[str], further: tuple[str, str]
) -> None:
    where, statement = further
    strange = statement.replace(' extension="N', ' extension="Further')
    before, after = contents(converted(*sections)), contents(converted(*sections, section(where, strange)))
    assert {url: after.get(url) for url in before} == before


@calm
@given(section_lists(), st.integers(0, 10**6))
def test_white_space_and_comments_between_elements_say_nothing(sections: list[str], seed: int) -> None:
    plain = document(*sections)
    chance = random.Random(seed)
    spaced = b"".join(_spaced(plain, chance))
    assert spaced != plain
    one, other = convert(plain, PATIENT_ID), convert(spaced, PATIENT_ID)
    assert contents(other) == contents(one)
    assert orjson.dumps(other.report.to_json()["statements"]) == orjson.dumps(
        one.report.to_json()["statements"]
    )
    assert the(other, "Composition") == the(one, "Composition")


@pytest.mark.parametrize("path", PRESENT, ids=lambda path: path.stem if path else "none")
def test_nor_do_they_in_a_document_of_somebody_else(path: Path | None) -> None:
    if path is None:
        pytest.skip("the corpus of real documents is not beside this checkout")
    root = etree.fromstring(path.read_bytes())
    plain = convert(etree.tostring(root), PATIENT_ID)
    for el in list(root.iter(etree.Element)):
        if not _in_prose(el):
            el.text = "\n  "
            for child in el:
                child.tail = "\n  "
            el.insert(0, etree.Comment(" <b/> "))
    spaced = convert(etree.tostring(root), PATIENT_ID)
    assert contents(spaced) == contents(plain)
    assert the(spaced, "Composition") == the(plain, "Composition")


def _in_prose(el: etree._Element) -> bool:
    """Whether white space in it may be part of what is said."""
    own = len(el) == 0 or bool(el.text and el.text.strip())
    return (
        own
        or any(child.tail and child.tail.strip() for child in el)
        or any(one.tag == V3 + "text" for one in (el, *el.iterancestors()))
    )


def _spaced(plain: bytes, chance: random.Random) -> Iterator[bytes]:
    head, *parts = plain.split(b"><")
    yield head
    for position, part in enumerate(parts):
        between = chance.choice((b"", b" ", b"\n\t", b"<!-- -->", b"\n<!-- <b/> -->\n", b"<?x y?>"))
        yield b">" + (between if position else b"\n") + b"<" + part


@calm
@given(section_lists())
def test_another_patient_shares_no_id_with_this_one(sections: list[str]) -> None:
    xml = document(*sections)
    mine, other = convert(xml, PATIENT_ID), convert(xml, "somebody-else")
    ids = [{entry["fullUrl"] for entry in done.bundle["entry"]} for done in (mine, other)]
    assert not ids[0] & ids[1]


@calm
@given(section_lists())
def test_every_statement_has_one_outcome_and_what_it_became_is_there(sections: list[str]) -> None:
    done = converted(*sections)
    totals = done.report.totals
    assert sum(count for name, count in totals.items() if name != "statements") == totals["statements"]
    made = {entry["request"]["url"] for entry in done.bundle["entry"]}
    for account in done.report.statements:
        assert set(account.resources) <= made
        assert account.resources or account.outcome in ("no-information", "not-converted")
    assert len(of_type(done, "Patient")) == 1
