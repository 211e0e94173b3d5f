"""A second opinion on the conversion: what a document states, read from its XML, looked for in the bundle.

It shares nothing with the converter but the call of ``convert``: it has its own tables of templates and
code systems, its own dates, and finds things by what they say (code, date, value), never by where the
converter says they come from. ``python -m tests.ccda.checker`` prints the table for the corpus.

A *claim* is what a statement with a code or a name says; a *unit* is a resource, or a part of one that
says something of its own (a component, a relative's condition, a reason, a reaction). A claim is found
where a unit of a fitting type has its code, its dates are found where that same unit has them in the
fields that fit, and its values where that unit has all of them too.
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from lxml import etree

from chartbridge.ccda import convert
from tests.ccda.builders import PATIENT_ID
from tests.ccda.claims import FAMILY, NONE_KNOWN, Claim, claims
from tests.ccda.reading import (
    HL7,
    ROLE_CLASSES,
    SYSTEMS,
    THO,
    UNNAMED,
    V3,
    Code,
    Document,
    decimal,
    moment,
    squeezed,
    uris,
    where,
)
from tests.ccda.snippets import wrapped
from tests.ccda.units import COMPARED, Json, Unit, at, has_date, has_value, leaves, mistaken, units

CORPUS = Path(__file__).parents[2] / ".." / "shared" / "corpus" / "ccda"

# the check


@dataclass
class Tally:
    """Counts of one kind of claim."""

    total: int = 0
    coded: int = 0
    translated: int = 0
    dated: int = 0
    with_date: int = 0
    valued: int = 0
    with_value: int = 0


@dataclass
class Result:
    """What the check of one or many documents found."""

    tallies: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    misses: list[str] = field(default_factory=list)
    negations: list[str] = field(default_factory=list)
    inventions: list[str] = field(default_factory=list)


def check(content: bytes, name: str, result: Result) -> None:
    """Convert a document and add what is found to a result."""
    examine(content, convert(content, PATIENT_ID).bundle, name, result)


def examine(content: bytes, bundle: Json, name: str, result: Result) -> None:
    """Look for what a document says in a bundle, and for what nobody said, and add it to a result."""
    doc = Document(content)
    found = units(bundle)
    by_code: dict[Code, list[Unit]] = defaultdict(list)
    by_type: dict[str, list[Unit]] = defaultdict(list)
    for unit in found:
        by_type[unit.type].append(unit)
        for code in unit.codes:
            by_code[code].append(unit)
    stated = list(claims(doc))
    for claim in stated:
        if claim.aside:
            continue
        seek(claim, candidates(claim, by_code, by_type), name, result)
    result.negations += [f"{name} {one}" for one in negation_faults(stated, found, by_code, by_type)]
    result.inventions += [f"{name} {one}" for one in inventions(doc, bundle)]


def candidates(claim: Claim, by_code: dict[Code, list[Unit]], by_type: dict[str, list[Unit]]) -> list[Unit]:
    """The units of a fitting type that have one of the codes, or the words where there is no code."""
    wanted = claim.concept
    if wanted is NONE_KNOWN:
        return [unit for one in claim.types for unit in by_type[one] if unit.none_known]
    if wanted.codes:
        many = {
            id(unit): unit
            for systems, code in wanted.codes
            for uri in systems
            for unit in by_code.get((uri, code), ())
            if unit.type in claim.types
        }
        if claim.negated or "words" in claim.types:
            return [*many.values(), *_in_words(claim, by_type)]
        return list(many.values())
    units_ = [unit for one in claim.types for unit in by_type[one]]
    return [unit for unit in units_ if any(words in unit.words for words in wanted.texts)]


def _in_words(claim: Claim, by_type: dict[str, list[Unit]]) -> list[Unit]:
    """What is denied, or has no element of its own, may be told in words, with no code standing there."""
    names = {squeezed(code) for _, code in claim.concept.codes} | set(claim.concept.shown)
    types = ("FamilyMemberHistory.condition",) if claim.types == FAMILY else ("words",)
    marks = ("nohistoryof:",) if claim.types == FAMILY else ("notso:", "notpresent:", "")
    return [
        unit
        for one in types
        for unit in by_type[one]
        if any(mark + name in unit.words for mark in marks for name in names if len(name) > 2)
    ]


def seek(claim: Claim, fitting: list[Unit], name: str, result: Result) -> None:
    """Count what of a claim is found, in the unit that has most of it."""
    tally = result.tallies[claim.kind]
    tally.total += 1
    tally.dated += bool(claim.dates)
    values = () if claim.negated else claim.values
    tally.valued += bool(values)
    if not fitting:
        said = claim.concept.codes[:1] or claim.concept.texts[:1]
        result.misses.append(f"{name} {where(claim.el)}: {claim.kind}: code {said}")
        return
    best: tuple[int, int, int] | None = None
    lost: list[str] = []
    for unit in fitting:
        dates = [
            f"{edge} {date}" for edge, date in claim.dates if not has_date(unit, edge, date, claim.dates)
        ]
        missing = [one for one in values if not has_value(unit, one)]
        codes = claim.negated or unit.type == "words" or claim.concept.all_in(unit.codes)
        rank = (len(dates), len(missing), int(not codes))
        if best is None or rank < best:
            best = rank
            lost = [f"date {one}" for one in dates] + [f"{one.name} {one.data}" for one in missing]
            lost += [] if codes else [f"translation of {claim.concept.codes}"]
        if rank == (0, 0, 0):
            break
    if best is None or (claim.concept is UNNAMED and best > (0, 0, 1)):
        result.misses.append(f"{name} {where(claim.el)}: {claim.kind}: unnamed, {lost}")
        return
    tally.coded += 1
    tally.with_date += bool(claim.dates) and best[0] == 0
    tally.with_value += bool(values) and best[1] == 0
    tally.translated += best[2] == 0
    for one in lost:
        result.misses.append(f"{name} {where(claim.el)}: {claim.kind}: {one}")


def _about(claim: Claim, unit: Unit) -> bool:
    """Whether a unit is as of the time of a claim, or one of them has no time."""
    dates = [date for _, date in claim.dates]
    times = [one for many in unit.times.values() for one in many]
    return not dates or not times or any(date in times for date in dates)


def negation_faults(
    stated: list[Claim],
    found: list[Unit],
    by_code: dict[Code, list[Unit]],
    by_type: dict[str, list[Unit]],
) -> Iterator[str]:
    """What was denied and reads as so, what was so and reads as denied, and what is denied twice.

    What is not known, and what is about somebody else, must no more read as so of the patient.
    """
    positive = [claim for claim in stated if _affirmed(claim)]
    relatives = [claim for claim in stated if claim.types == FAMILY and not claim.negated]
    for claim in stated:
        if claim.doubtful or claim.concept in (NONE_KNOWN, UNNAMED) or claim.kind == "indication":
            continue
        if not _affirmed(claim):
            for unit in everywhere(claim, by_code, by_type):
                if not _about(claim, unit) or not _reads_as_so(unit):
                    continue
                others = relatives if unit.type in FAMILY else positive
                expected = unit.type in FAMILY and claim.types == FAMILY and not claim.negated
                if not expected and not any(_says_so(other, unit) for other in others):
                    why = claim.aside or ("another's" if claim.types == FAMILY else "denied")
                    key = f"{unit.type}/{unit.resource['id']}"
                    yield f"{where(claim.el)}: {why} {claim.kind} reads as so in {key}"
        if not claim.negated and not claim.aside:
            fitting = [unit for unit in candidates(claim, by_code, by_type) if _about(claim, unit)]
            if fitting and all(unit.denied for unit in fitting):
                yield f"{where(claim.el)}: {claim.kind} reads as denied in {fitting[0].type}"
    for unit in found:
        if unit.none_known and unit.denied and unit.type in STATES:
            yield f"none known is denied in {unit.type}/{unit.resource['id']}"


def _affirmed(claim: Claim) -> bool:
    """Whether it is said of the patient that it is so."""
    return not claim.negated and not claim.aside and claim.types != FAMILY


def _reads_as_so(unit: Unit) -> bool:
    return not (
        unit.denied or unit.none_known or mistaken(unit.resource) or "dataAbsentReason" in unit.content
    )


STATES = frozenset(("AllergyIntolerance", "Condition", "FamilyMemberHistory.condition"))
"""Types of which 'none known' is itself the statement, so that it must not be denied."""
DEVICES = frozenset(("Device", "Medication", "Specimen", "Location", "Composition"))


def everywhere(claim: Claim, by_code: dict[Code, list[Unit]], by_type: dict[str, list[Unit]]) -> list[Unit]:
    """The units of any type that have a denied claim's code; without a code, those of its words.

    A Medication or a Device alone does not say that anything was done with it.
    """
    if not claim.concept.codes:
        fitting = [unit for one in sorted(claim.types) for unit in by_type[one] if not unit.codes]
        return [unit for unit in fitting if unit.type != "words" and unit.words in claim.concept.texts]
    codes = {(uri, code) for systems, code in claim.concept.codes for uri in systems}
    return [unit for code in sorted(codes) for unit in by_code.get(code, ()) if unit.type not in DEVICES]


def _says_so(claim: Claim, unit: Unit) -> bool:
    return claim.concept.any_in(unit.codes) and _about(claim, unit)


# what nobody said


DERIVED_SYSTEMS = frozenset(
    (
        THO + "allergyintolerance-clinical", THO + "allergyintolerance-verification",
        THO + "condition-clinical", THO + "condition-ver-status", THO + "condition-category",
        "http://hl7.org/fhir/us/core/CodeSystem/condition-category",
        "http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category",
        THO + "observation-category", THO + "data-absent-reason", THO + "consentscope",
        THO + "provenance-participant-type",
        THO + "coverage-class", "http://hl7.org/fhir/administrative-gender",
    )
)  # fmt: skip
"""FHIR's own systems of statuses and categories, which a converter supplies."""
DERIVED_CODES = frozenset(
    (
        (THO + "v2-0074", "LAB"),
        (THO + "v2-0443", "AP"),
        (THO + "diagnosis-role", "DD"),
        (THO + "v3-GTSAbbreviation", "QD"),
        (THO + "v3-GTSAbbreviation", "BID"),
        (THO + "v3-GTSAbbreviation", "TID"),
        (THO + "v3-GTSAbbreviation", "QID"),
        (THO + "v3-DataOperation", "CREATE"),
        ("http://loinc.org", "85353-1"),
        ("http://loinc.org", "85354-9"),
        ("http://loinc.org", "96607-7"),
        ("http://loinc.org", "42348-3"),
        ("http://loinc.org", "11323-3"),
        ("http://loinc.org", "34109-9"),
        ("http://loinc.org", "34133-9"),
        ("http://snomed.info/sct", "160245001"),
        ("http://snomed.info/sct", "716186003"),
        ("http://snomed.info/sct", "409137002"),
        ("http://snomed.info/sct", "429625007"),
    )
)
"""Codes that the guide's tables supply: panels, categories, and 'none known'."""
DERIVED_BESIDE = {
    "2708-6": frozenset(("59408-5", "2710-2")),
    "59408-5": frozenset(("2710-2",)),
}
"""LOINC codes of oxygen saturation that US Core asks for, and beside which they say no more."""
CLASSES = frozenset(["AMB", "EMER", "FLD", "HH", "IMP", "ACUTE", "NONAC", "OBSENC", "PRENC", "SS", "VR"])
DERIVED_NUMBERS = frozenset(
    (
        "frequency",
        "size",
        "sequence",
        "rank",
        "offset",
        "numberOfRepeatsAllowed",
        "height",
        "width",
        "latitude",
    )
)
HEADER_TYPES = frozenset(
    [
        "Patient",
        "Practitioner",
        "PractitionerRole",
        "Organization",
        "RelatedPerson",
        "Composition",
        "Location",
        "Binary",
    ]
)
_DATE = re.compile(r"\d{4}(-\d\d(-\d\d(T\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d))?)?)?")
_DATE_FIELD = re.compile(
    r".*(Date|DateTime|Time)|start|end|date|time|issued|recorded|sent|received|authoredOn|event|whenHandedOver|dateAsserted|onsetString|onset|created|indexed"
)


_UDI_DATE = re.compile(r"\((?:11|17)\)(\d{6})")


def inventions(doc: Document, bundle: Json) -> Iterator[str]:
    """Codes, dates and numbers of clinical resources that stand nowhere in the document."""
    known: set[Code] = set()
    dates: set[str] = set()
    numbers: set[Decimal] = set()
    for el in doc.root.iter(etree.Element):
        code = el.get("code")
        if code:
            code = " ".join(code.split())
            known.update((uri, code) for uri in uris(el.get("codeSystem"), code))
            if code in ROLE_CLASSES:
                known.update((uri, code) for uri in SYSTEMS[HL7 + "5.110"])
        kind = "RESP" if el.tag == V3 + "responsibleParty" else el.get("typeCode") or ""
        known.add((THO + "v3-ParticipationType", kind))
        unit = el.get("unit")
        if unit:
            known.add(("http://unitsofmeasure.org", unit.strip()))
        for told in _UDI_DATE.findall(el.get("extension") or ""):
            dates.add(moment("20" + told) or "")
        for name in ("value", "extension"):
            text = el.get(name)
            if text and text[0] in "<>= .+-0123456789":
                found = moment(text)
                if found is not None:
                    dates.update((found, found[:10]))
                compared = COMPARED.fullmatch(text)
                number = None if compared is None else decimal(compared[2])
                if number is not None and number.is_finite():
                    numbers.update((number, abs(number)))
    for entry in bundle["entry"]:
        resource = entry["resource"]
        kind = resource["resourceType"]
        if kind not in HEADER_TYPES:
            key = f"{kind}/{resource['id']}"
            for what in _invented(resource, known, dates, numbers):
                yield f"{key}: {what}"


_INTERPRETATIONS = frozenset(["N", "A", "H", "L"])


def _invented(resource: Json, known: set[Code], dates: set[str], numbers: set[Decimal]) -> Iterator[str]:
    said = {code for _, code in known}
    for name, one in leaves({key: value for key, value in resource.items() if key != "resourceType"}):
        if isinstance(one, dict):
            if "code" in one and isinstance(one["code"], str) and name != "relatesTo":
                pair = (one.get("system", ""), one["code"])
                derived = pair[0] in DERIVED_SYSTEMS or pair in DERIVED_CODES
                derived = derived or (
                    name == "class" and pair[1] in CLASSES and pair[0] == THO + "v3-ActCode"
                )
                derived = derived or (
                    name == "coding"
                    and pair[0] == THO + "v3-ObservationInterpretation"
                    and pair[1] in _INTERPRETATIONS
                )
                if pair[0] == "http://loinc.org" and name == "coding":
                    beside = {other["code"] for other in at(resource, "code.coding")}
                    derived = derived or bool(DERIVED_BESIDE.get(pair[1], frozenset()) & beside & said)
                if not derived and pair not in known:
                    yield f"{name} {pair}"
        elif isinstance(one, bool):
            continue
        elif isinstance(one, int | float):
            if name not in DERIVED_NUMBERS and decimal(one) not in numbers:
                yield f"{name} {one}"
        elif (
            isinstance(one, str) and _DATE_FIELD.fullmatch(name) and _DATE.fullmatch(one) and one not in dates
        ):
            yield f"{name} {one}"


# the corpus


def whole_documents() -> list[Path]:
    """The whole documents of the corpus, none where it is not beside this checkout."""
    folders = ("", "hl7-examples", "vendors", "emerge")
    return [path for folder in folders for path in sorted((CORPUS / folder).glob("*.xml"))]


def snippets() -> list[Path]:
    """HL7's snippets, none where the corpus is not beside this checkout."""
    return sorted((CORPUS / "hl7-snippets").glob("*.xml"))


def over_corpus() -> Result:
    """The check of all documents, and of all snippets that are well-formed."""
    result = Result()
    for path in whole_documents():
        check(path.read_bytes(), path.name, result)
    for path in snippets():
        try:
            content = wrapped(path.read_bytes())
        except etree.XMLSyntaxError:
            continue
        check(content, path.name, result)
    return result


def table(result: Result) -> str:
    """The figures, one line a kind."""
    heads = ("total", "code", "all", "dated", "found", "valued", "found")
    lines = [f"{'kind':30}" + "".join(f"{head:>8}" for head in heads)]
    for kind, one in sorted(result.tallies.items()):
        figures = (one.total, one.coded, one.translated, one.dated, one.with_date, one.valued, one.with_value)
        lines.append(f"{kind:30}" + "".join(f"{figure:8}" for figure in figures))
    lines.append(f"{len(result.misses)} misses")
    lines.append(f"{len(result.negations)} negation faults")
    lines.append(f"{len(result.inventions)} inventions")
    return "\n".join(lines)


def main() -> None:
    """Print the table, and with ``-v`` every miss."""
    result = over_corpus()
    print(table(result))
    if "-v" in sys.argv:
        print(*result.misses, *result.negations, *result.inventions, sep="\n")


if __name__ == "__main__":
    main()
