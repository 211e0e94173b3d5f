"""Hurt documents: whole C-CDA documents changed at random, converted, and each result looked at.

    python -m tests.ccda.mutation --count 10000 --seed 1 [--keep FOLDER]

A mutant is known by ``seed/number`` and is the same each time, as long as the sources are. Sources are the
documents and snippets of the corpus where it is beside the checkout, and always those that the builders
and the sandbox network make. Small ones come up more often; of most large ones only a few sections are
taken, so that ten thousand take minutes.
"""

# ruff: noqa: E501 - XML and lists of values read better unbroken
from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import orjson
from lxml import etree

from chartbridge.ccda import CcdaError, Conversion, ConversionFailedError, convert
from chartbridge.ccda.report import OUTCOMES
from chartbridge.features.networks.sandbox.documents import documents as sandbox_documents
from chartbridge.features.networks.sandbox.persona import KEYS
from chartbridge.fhir import dangling_references
from tests.ccda.builders import (
    AUTHOR,
    PATIENT_ID,
    SNOMED,
    allergy,
    code,
    document,
    immunization,
    medication,
    observation,
    problem,
    related,
    section,
    template,
    value,
)
from tests.ccda.snippets import wrapped
from tests.ccda.test_corpus import CORPUS, documents, empties
from tests.fhir.schema import SCHEMA, violations

Element = etree._Element
Json = dict[str, Any]

V3 = "{urn:hl7-org:v3}"
XSI_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
STATEMENTS = frozenset(
    V3 + name
    for name in (
        "act", "encounter", "observation", "observationMedia", "organizer", "procedure",
        "regionOfInterest", "substanceAdministration", "supply",
    )
)  # fmt: skip
LONGEST_S = 10.0
"""No document may take longer: it is far above any, and only there to catch what never ends."""
SHOWN = 200
"""At most so many defects are printed; all are counted."""
WHOLE_SHARE = 0.04
MAX_WHOLE = 150_000

BUILT = document(
    section("11450-4", problem(AUTHOR), text='<list><item ID="p1">Hypertension</item></list>'),
    section(
        "48765-2",
        allergy(
            related(observation(template(".4.9"), code("code", "1", SNOMED), value("2", SNOMED)), "MFST")
        ),
    ),
    section(
        "10160-0",
        medication(
            '<doseQuantity value="1" unit="mg"/>',
            times='<effectiveTime xsi:type="PIVL_TS"><period value="6" unit="h"/></effectiveTime>',
        ),
    ),
    section("11369-6", immunization(AUTHOR)),
)


# sources


@cache
def built_sources() -> tuple[Element, ...]:
    """What needs no corpus: a document of the builders and those of the sandbox network."""
    made = [next(one for one in sandbox_documents(key) if one.key == "ccd").content() for key in KEYS]
    return tuple(etree.fromstring(content) for content in [BUILT, *made])


@cache
def sources() -> tuple[tuple[Element, ...], tuple[int, ...]]:
    """All sources and the weight of each."""
    roots = list(built_sources())
    if CORPUS.is_dir():
        roots += [etree.fromstring(path.read_bytes()) for path in documents()]
        for path in sorted((CORPUS / "hl7-snippets").glob("*.xml")):
            try:
                roots.append(etree.fromstring(wrapped(path.read_bytes())))
            except (etree.XMLSyntaxError, ValueError, KeyError, StopIteration):
                continue  # a snippet that is no well-formed XML, or none that goes into a document
    return tuple(roots), tuple(5 if len(etree.tostring(root)) < 30_000 else 2 for root in roots)


def excerpt(root: Element, chance: random.Random) -> Element:
    """A copy, of most large documents only with some sections and some of their entries."""
    size = sum(1 for _ in root.iter())
    if size < 600 or (size < MAX_WHOLE / 50 and chance.random() < WHOLE_SHARE):
        return deepcopy(root)
    spaces: Any = root.nsmap
    made = etree.Element(root.tag, attributes(root), nsmap=spaces)
    made.extend(deepcopy(child) for child in root if child.tag != V3 + "component")
    places = root.findall(f"{V3}component/{V3}structuredBody/{V3}component")
    body = etree.SubElement(etree.SubElement(made, V3 + "component"), V3 + "structuredBody")
    for place in chance.sample(places, min(len(places), chance.randint(1, 3))):
        kept = deepcopy(place)
        for inner in kept.iter(V3 + "section"):
            entries = inner.findall(V3 + "entry")
            staying = set(chance.sample(range(len(entries)), min(len(entries), 3)))
            for position, entry in enumerate(entries):
                if position not in staying:
                    inner.remove(entry)
        body.append(kept)
    return made


# what is put in the place of something else

NULLS = ("UNK", "NI", "NA", "OTH", "NASK", "ASKU", "MSK", "PINF", "NINF", "bogus", "")
STRANGE = (
    "", " ", "\t\n", "0", "-1", "1e999", "1e-99", "99999999999999999999", "0x10", "NaN", "Infinity", "null",
    "true", "\u0085", "\u00a0", "\u200b\u200e", "\u202etxet", "\ufeff", "\ufffd", "\u2028", "\x7f", "é" * 300,
    "e\u0301", "\U0001f9ea", "<b>&amp;</b>", "]]>", "'\"", "../../etc", "#", "#p1", "#self", "urn:oid:1.2",
    "javascript:alert(1)", "http://[", "data:,x", "a" * 3000, "2.16.840.1.113883.5.1008", "; DROP", "%00", "\\",
)  # fmt: skip
DATES = (
    "2020", "202002", "20200230", "20200229", "19990229", "00000000", "0000", "20201301", "202000", "20200100",
    "2020010125", "202001012460", "20200101120099+0000", "20200101120000", "20200101120000+9999", "99991231",
    "20200101120000.123456789-0500", "20200101 12:00", "2020-01-01", "2020-01-01T12:00:00Z", "01/02/2020",
    "20200101120000-05", "20200101120060Z", "yesterday", "1", "-20200101", "٢٠٢٠", "20200101120000+05:30",
)  # fmt: skip
NUMBERS = (
    "5", "-5", "0.0", "1.", ".5", "+7", "<5", ">=10", "1,5", "1e5", "1E-5", "1e99", "1" * 40, "0." + "3" * 40,
    "five", "5 mg", "٥", "--1", "1/2", "5-10", "0005",
)  # fmt: skip
OIDS = (
    "1.2.3.4.5.6", "2.16.840.1.113883.6.96", "2.16.840.1.113883.6.1", "2.16.840.1.113883.5.1008", "2.999",
    "3.1", "1..2", "1.2.", "urn:oid:1.2.3", "2.16.840.1.113883.4.1", "2.16.840.1.113883.4.6", "SNOMED CT",
    "5d0a2d4e-8f6f-4a3b-9d0c-2f1e6c7b8a91", "not an oid", "2.16.840.1.113883.4.873",
)  # fmt: skip
TYPES = (
    "CD", "CE", "CO", "PQ", "ST", "ED", "INT", "REAL", "BL", "TS", "IVL_TS", "PIVL_TS", "EIVL_TS", "IVL_PQ",
    "IVL_INT", "RTO", "RTO_PQ_PQ", "II", "TEL", "MO", "GLIST_TS", "SLIST_PQ", "x:PQ", "XX", "", "AD", "PN",
)  # fmt: skip
VALUES_OF: dict[str, tuple[str, ...]] = {
    "value": (*DATES, *NUMBERS, *STRANGE, "tel:+1-555-0100", "tel:", "mailto:a b"),
    "unit": ("mg", "h", "d", "1", "10*3/uL", "mm[Hg]", "per day", "", "UNK", "µg", "{tbl}", " a"),
    "code": (*NULLS, "38341003", "55607006", "ASSERTION", "completed", "nullified", "a b", " 8480-6 ", "716186003"),
    "codeSystem": OIDS,
    "root": OIDS,
    "extension": ("", " ", "1", "a|b", "x y", "é", "0" * 100),
    "nullFlavor": NULLS,
    "negationInd": ("true", "false", "1", "0", "TRUE", "", "yes"),
    "inversionInd": ("true", "false", ""),
    XSI_TYPE: TYPES,
    "moodCode": ("EVN", "INT", "RQO", "GOL", "PRMS", "PRP", "DEF", "EVN.CRT", "", "XX", "APT", "ARQ"),
    "classCode": ("OBS", "ACT", "CLUSTER", "BATTERY", "SBADM", "SPLY", "", "COND", "PROC", "ENC"),
    "typeCode": ("SUBJ", "COMP", "REFR", "MFST", "RSON", "CAUS", "GEVL", "SPRT", "", "CSM", "DEV", "PRD", "LOC"),
    "operator": ("A", "I", "E", "H", "P", ""),
    "ID": ("p1", "self", "", "a b", "é", "1", "x" * 300),
    "use": ("HP", "WP", "MC", "L", "BAD HP", "", "TMP H"),
    "mediaType": ("text/plain", "application/pdf", "", "text/html", "x"),
    "representation": ("B64", "TXT", ""),
    "inclusive": ("true", "false", ""),
    "displayName": STRANGE,
    "institutionSpecified": ("true", "false", "x"),
    "styleCode": ("Bold Italics", "xListStyle", '"', ""),
    "href": ("javascript:alert(1)", "http://x/?a=1&b=2", "#p1", "data:text/html,x", ""),
}  # fmt: skip
NAMES = (
    "act", "observation", "organizer", "procedure", "encounter", "supply", "substanceAdministration", "entry",
    "entryRelationship", "component", "section", "code", "value", "text", "id", "effectiveTime", "statusCode",
    "templateId", "participant", "author", "performer", "consumable", "manufacturedProduct", "reference", "low",
    "high", "period", "event", "name", "addr", "telecom", "assignedAuthor", "originalText", "translation",
    "qualifier", "specimen", "referenceRange", "observationRange", "subject", "precondition", "nonsense",
    "patient", "patientRole", "structuredBody", "nonXMLBody", "title", "table", "list", "content", "br", "div",
)  # fmt: skip
_PIECES = (
    '<effectiveTime xsi:type="PIVL_TS"/>',
    '<effectiveTime xsi:type="PIVL_TS" operator="A"><period/></effectiveTime>',
    '<effectiveTime xsi:type="PIVL_TS"><period value="0" unit="h"/></effectiveTime>',
    '<effectiveTime xsi:type="PIVL_TS"><period><low value="8" unit="h"/><high value="4" unit="h"/></period></effectiveTime>',
    '<effectiveTime xsi:type="EIVL_TS" operator="A"><event code="ACM"/><offset><low value="-1" unit="h"/></offset></effectiveTime>',
    '<effectiveTime xsi:type="EIVL_TS"><event/></effectiveTime>',
    "<effectiveTime><low value='20200102'/><high value='20200101'/></effectiveTime>",
    "<effectiveTime><low nullFlavor='UNK'/><high nullFlavor='NA'/><width value='3' unit='d'/></effectiveTime>",
    "<effectiveTime xsi:type='SXPR_TS'><comp xsi:type='IVL_TS'><low value='2020'/></comp></effectiveTime>",
    '<value xsi:type="PQ" value="high" unit="mg"/>',
    '<value xsi:type="CD" nullFlavor="OTH"><originalText><reference value="#self"/></originalText></value>',
    '<value xsi:type="IVL_PQ"><high value="5" unit="mg" inclusive="false"/></value>',
    '<value xsi:type="RTO_PQ_PQ"><numerator value="1"/></value>',
    '<value xsi:type="INT" value="99999999999"/>',
    '<value xsi:type="BL" value="maybe"/>',
    '<value xsi:type="ED" representation="B64">bm90</value>',
    '<code code="1" codeSystem="2.16.840.1.113883.6.96"><translation><translation code="1"/></translation></code>',
    '<text><reference value="#self"/></text>',
    '<text><content ID="self">again <content ID="self"/><reference value="#self"/></content></text>',
    "<text><table><tr><td/><paragraph>x</paragraph></tr><item/></table><list><td>y</td></list></text>",
    "<text><renderMultiMedia referencedObject='none'/><linkHtml href='javascript:x'>z</linkHtml></text>",
    "<subject><relatedSubject classCode='PRS'><code code='FTH'/></relatedSubject></subject>",
    "<author nullFlavor='UNK'/>",
    "<author><time value='x'/><assignedAuthor/></author>",
    "<informant><relatedEntity/></informant>",
    "<statusCode code='nullified'/>",
    "<statusCode nullFlavor='UNK'/>",
    "<id nullFlavor='NI'/>",
    "<id root='1.2.3' extension='same'/>",
    "<repeatNumber value='-1'/>",
    "<quantity value='x'/>",
    "<doseQuantity><low value='5'/><high value='1' unit='mg'/></doseQuantity>",
    "<rateQuantity value='1e5'/>",
    "<maxDoseQuantity><numerator value='1'/><denominator nullFlavor='NI'/></maxDoseQuantity>",
    "<referenceRange><observationRange><value xsi:type='IVL_PQ'><low value='9'/><high value='1'/></value>"
    "</observationRange></referenceRange>",
    "<interpretationCode code='H'/>",
    "<languageCode code='english'/>",
    "<component><nonXMLBody><text mediaType='' representation='B64'>!!!</text></nonXMLBody></component>",
)  # fmt: skip


@cache
def pieces() -> tuple[Element, ...]:
    """Parts of statements that are legal in form and odd in content."""
    opening = "<x xmlns='urn:hl7-org:v3' xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'>"
    return tuple(etree.fromstring(f"{opening}{piece}</x>")[0] for piece in _PIECES)


# changes of the tree: each is given the root, the dice, and another document


def elements(root: Element, chance: random.Random) -> list[Element]:
    """Mostly those of the entries, else all but the root."""
    if chance.random() < 0.7:
        found = [el for entry in root.iter(V3 + "entry") for el in entry.iter(etree.Element)]
        if found:
            return found
    return [el for el in root.iter(etree.Element) if el is not root]


def pick(root: Element, chance: random.Random) -> Element:
    return chance.choice(elements(root, chance))


def attributes(el: Element) -> dict[str, str]:
    return {str(name): str(said) for name, said in el.attrib.items()}


def put(el: Element, named: dict[str, str]) -> None:
    """Exactly these attributes."""
    el.attrib.clear()
    for name, said in named.items():
        el.set(name, said)


def parent_of(el: Element) -> Element:
    holder = el.getparent()
    if holder is None:
        raise ValueError("the root has no parent")
    return holder


def drop(root: Element, chance: random.Random, other: Element) -> None:
    el = pick(root, chance)
    parent_of(el).remove(el)


def double(root: Element, chance: random.Random, other: Element) -> None:
    el = pick(root, chance)
    for _ in range(chance.choice((1, 1, 1, 2, 8))):
        el.addnext(deepcopy(el))


def move(root: Element, chance: random.Random, other: Element) -> None:
    """Somewhere else, but not into itself."""
    el, place = pick(root, chance), pick(root, chance)
    if el is not place and el not in place.iterancestors():
        place.insert(chance.randint(0, len(place)), el)


def shuffle(root: Element, chance: random.Random, other: Element) -> None:
    el = pick(root, chance)
    children = list(el)
    chance.shuffle(children)
    el[:] = children


def rename(root: Element, chance: random.Random, other: Element) -> None:
    el = pick(root, chance)
    name = V3 + chance.choice(NAMES)
    same = list(root.iter(el.tag)) if chance.random() < 0.1 else [el]
    for one in same:
        if one is not root:
            one.tag = name


def change_attribute(root: Element, chance: random.Random, other: Element) -> None:
    having = [el for el in elements(root, chance) if el.attrib]
    if having:
        el = chance.choice(having)
        name = str(chance.choice(sorted(el.attrib)))
        usual = VALUES_OF.get(name, STRANGE)
        el.set(name, chance.choice(usual if chance.random() < 0.8 else STRANGE))


def add_attribute(root: Element, chance: random.Random, other: Element) -> None:
    name = chance.choice(sorted(VALUES_OF))
    pick(root, chance).set(name, chance.choice(VALUES_OF[name]))


def drop_attribute(root: Element, chance: random.Random, other: Element) -> None:
    having = [el for el in elements(root, chance) if el.attrib]
    if having:
        el = chance.choice(having)
        del el.attrib[chance.choice(sorted(el.attrib))]


def swap_attributes(root: Element, chance: random.Random, other: Element) -> None:
    """The attributes of two elements of one name change places: a code for a code, a template for a template."""
    el = pick(root, chance)
    twin = chance.choice(list(root.iter(el.tag)))
    mine, theirs = attributes(el), attributes(twin)
    put(el, theirs)
    put(twin, mine)


def statement_attribute(root: Element, chance: random.Random, other: Element) -> None:
    """A statement denied, planned, null or of another class."""
    found = list(root.iter(*STATEMENTS))
    if found:
        name = chance.choice(("negationInd", "negationInd", "moodCode", "nullFlavor", "classCode"))
        chance.choice(found).set(name, chance.choice(VALUES_OF[name]))


def retype(root: Element, chance: random.Random, other: Element) -> None:
    found = [el for el in root.iter(etree.Element) if el.get(XSI_TYPE) is not None]
    if found:
        chance.choice(found).set(XSI_TYPE, chance.choice(TYPES))


def rewrite(root: Element, chance: random.Random, other: Element) -> None:
    pick(root, chance).text = chance.choice(STRANGE)


def trail(root: Element, chance: random.Random, other: Element) -> None:
    pick(root, chance).tail = chance.choice(STRANGE)


def add_piece(root: Element, chance: random.Random, other: Element) -> None:
    found = list(root.iter(*STATEMENTS)) if chance.random() < 0.8 else elements(root, chance)
    place = chance.choice(found or [root])
    place.insert(chance.randint(0, len(place)), deepcopy(chance.choice(pieces())))


def graft(root: Element, chance: random.Random, other: Element) -> None:
    """An element of another document in the place of one of the same name, or beside any."""
    el = pick(root, chance)
    same = list(other.iter(el.tag))
    if same and len(same[0].getroottree().getroot()):
        scion = chance.choice(same)
        if sum(1 for _ in scion.iter()) < 400:
            parent_of(el).replace(el, deepcopy(scion))


def transplant(root: Element, chance: random.Random, other: Element) -> None:
    """Any statement of another document as a part of any here."""
    mine, theirs = list(root.iter(*STATEMENTS)), list(other.iter(*STATEMENTS))
    if mine and theirs:
        relationship = etree.SubElement(chance.choice(mine), V3 + "entryRelationship", typeCode="REFR")
        relationship.append(deepcopy(chance.choice(theirs)))


def deepen(root: Element, chance: random.Random, other: Element) -> None:
    """A statement, a section or a piece of narrative within itself, many times."""
    names = [
        V3 + name for name in ("observation", "act", "organizer", "section", "content", "list", "translation")
    ]
    found = list(root.iter(*names))
    if not found:
        return
    el = chance.choice(found)
    bare = deepcopy(el)
    for child in bare.findall(V3 + "entry") + bare.findall(V3 + "entryRelationship"):
        bare.remove(child)
    between = {
        V3 + "section": "component",
        V3 + "observation": "entryRelationship",
        V3 + "act": "entryRelationship",
    }
    place = el
    for _ in range(chance.choice((5, 30, 45, 110, 260))):
        if el.tag in between:
            place = etree.SubElement(place, V3 + between[el.tag])
        inner = deepcopy(bare)
        place.append(inner)
        place = inner


def same_ids(root: Element, chance: random.Random, other: Element) -> None:
    found = list(root.iter(V3 + "id"))
    if found:
        model = attributes(chance.choice(found))
        for el in chance.sample(found, min(len(found), chance.randint(1, 6))):
            put(el, model)


def same_anchors(root: Element, chance: random.Random, other: Element) -> None:
    """Parts of the narrative that have one ID, and statements that all refer to it."""
    for el in root.iter(V3 + "content", V3 + "td", V3 + "item", V3 + "paragraph", V3 + "tr"):
        if chance.random() < 0.5:
            el.set("ID", "self")
    for el in root.iter(V3 + "reference"):
        if chance.random() < 0.5:
            el.set("value", "#self")


def interrupt(root: Element, chance: random.Random, other: Element) -> None:
    """A comment or an instruction in the middle of something."""
    made = etree.Comment(" between ") if chance.random() < 0.5 else etree.ProcessingInstruction("x", "y")
    place = pick(root, chance)
    place.insert(chance.randint(0, len(place)), made)


CHANGES: tuple[Callable[[Element, random.Random, Element], None], ...] = (
    drop, drop, double, double, move, shuffle, rename, rename, change_attribute, change_attribute,
    change_attribute, change_attribute, add_attribute, add_attribute, drop_attribute, drop_attribute,
    swap_attributes, statement_attribute, statement_attribute, retype, rewrite, trail, add_piece, add_piece,
    add_piece, graft, transplant, deepen, same_ids, same_anchors, interrupt,
)  # fmt: skip


# changes of the bytes


def flip(content: bytes, chance: random.Random) -> bytes:
    made = bytearray(content)
    for _ in range(chance.randint(1, 8)):
        made[chance.randrange(len(made))] ^= 1 << chance.randrange(8)
    return bytes(made)


def cut(content: bytes, chance: random.Random) -> bytes:
    begin = chance.randrange(len(content))
    end = len(content) if chance.random() < 0.3 else begin + chance.randint(1, 200)
    return content[:begin] + content[end:]


def repeat(content: bytes, chance: random.Random) -> bytes:
    begin = chance.randrange(len(content))
    end = begin + chance.randint(1, 500)
    return content[:end] + content[begin:]


def garbage(content: bytes, chance: random.Random) -> bytes:
    spot = chance.choice((0, len(content), chance.randrange(len(content))))
    dirt = chance.choice(
        (b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"&#0;", b"&nbsp;", b"<![CDATA[", b"\n\n", b"%PDF-1.4", b"&#x1F9EA;",
         b"<!DOCTYPE x>", b'<!DOCTYPE x [<!ENTITY e "1">]>', b"<!--", b"--", b"\x1b", chance.randbytes(20))
    )  # fmt: skip
    return content[:spot] + dirt + content[spot:]


def misdeclare(content: bytes, chance: random.Random) -> bytes:
    """A declaration that does not fit the bytes, or bytes that do not fit the declaration."""
    names = (
        b"UTF-16",
        b"ISO-8859-1",
        b"windows-1252",
        b"US-ASCII",
        b"EBCDIC-CP-US",
        b"UTF-7",
        b"nonsense",
        b"UTF-32",
    )
    if chance.random() < 0.6:
        return content.replace(b"UTF-8", chance.choice(names), 1)
    coding = chance.choice(("utf-16", "utf-16-le", "utf-32", "latin-1", "utf-8-sig"))
    return content.decode("utf-8").encode(coding, "xmlcharrefreplace")


BYTE_CHANGES = (flip, flip, cut, repeat, garbage, misdeclare)


def mutant(identity: str, built_only: bool = False) -> bytes:
    """The mutant of that name."""
    chance = random.Random(identity)
    if built_only:
        roots: Sequence[Element] = built_sources()
        source = roots[0] if chance.random() < 0.8 else chance.choice(roots)
    else:
        roots, weights = sources()
        source = chance.choices(roots, weights)[0]
    root = excerpt(source, chance)
    for _ in range(chance.choice((1, 2, 3, 4, 6, 10))):
        chance.choice(CHANGES)(root, chance, chance.choice(roots))
    content = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
    if chance.random() < 0.15:
        content = chance.choice(BYTE_CHANGES)(content, chance)
    return content


# what must hold


@dataclass(slots=True)
class Tally:
    """What became of some mutants; ``failures`` tells of each defect by the mutant's name."""

    mutants: int = 0
    converted: int = 0
    slowest_s: float = 0.0
    refused: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    resources: int = 0
    failures: list[str] = field(default_factory=list)


def run(seed: int, numbers: Sequence[int], built_only: bool = False, keep: Path | None = None) -> Tally:
    """Make, convert and check the mutants ``seed/number``; with ``keep``, failing ones are written there."""
    tally = Tally()
    for number in numbers:
        content = mutant(f"{seed}/{number}", built_only)
        problems = check(content, tally)
        tally.failures += [f"{seed}/{number}: {problem}" for problem in problems]
        if problems and keep is not None:
            (keep / f"{seed}-{number}.xml").write_bytes(content)
    return tally


def check(content: bytes, tally: Tally) -> list[str]:
    """What is wrong with the conversion of a document; its figures are added to the tally."""
    tally.mutants += 1
    began = time.perf_counter()
    try:
        done = convert(content, PATIENT_ID)
    except ConversionFailedError as error:
        return [f"defect: {error} {error.__cause__!r}"]
    except CcdaError as error:
        tally.refused[type(error).__name__] += 1
        return []
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what is looked for
        return [f"not a CcdaError: {error!r}"]
    taken = time.perf_counter() - began
    tally.slowest_s = max(tally.slowest_s, taken)
    tally.converted += 1
    tally.resources += len(done.bundle["entry"])
    tally.outcomes.update(account.outcome for account in done.report.statements)
    late = [f"took {taken:.1f} s"] if taken > LONGEST_S else []
    again = [] if tally.converted % 10 or same_again(content, done) else ["another result the second time"]
    return [*late, *again, *unsound_bundle(done.bundle), *unsound_report(done, content)]


def same_again(content: bytes, done: Conversion) -> bool:
    return orjson.dumps(convert(content, PATIENT_ID).bundle) == orjson.dumps(done.bundle)


def unsound_bundle(bundle: Json) -> Iterator[str]:
    """Against FHIR: the schema, references, ids, empties, narrative, JSON."""
    yield from (f"dangling {target}" for target in dangling_references(bundle))
    urls = Counter(entry["request"]["url"] for entry in bundle["entry"])
    yield from (f"{count} × {url}" for url, count in urls.items() if count > 1)
    yield from (f"empty {path}" for path in empties(bundle, "") if path)
    if orjson.loads(orjson.dumps(bundle)) != bundle:
        yield "JSON does not give the same back"
    for entry in bundle["entry"]:
        resource = entry["resource"]
        if SCHEMA.exists():
            yield from (f"schema: {problem}" for problem in violations(resource))
        for text in narratives(resource):
            try:
                etree.fromstring(text)
            except etree.XMLSyntaxError as error:
                yield f"narrative: {error}"


def narratives(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, one in value.items():
            if key == "div" and isinstance(one, str):
                yield one
            else:
                yield from narratives(one)
    elif isinstance(value, list):
        for one in value:
            yield from narratives(one)


def unsound_report(done: Conversion, content: bytes) -> Iterator[str]:
    """The account: each statement once, with one outcome, and its resources in the bundle."""
    accounts, totals = done.report.statements, done.report.totals
    made = {entry["request"]["url"]: entry["resource"] for entry in done.bundle["entry"]}
    if totals["statements"] != len(accounts) or sum(totals[one] for one in OUTCOMES) != len(accounts):
        yield f"totals {totals}"
    if Counter(one["resourceType"] for one in made.values()) != Counter(done.report.resources):
        yield f"resources counted as {done.report.resources}"
    content = content.replace(b"\xef\xbb\xbf", b"")
    root = etree.fromstring(content.lstrip(), etree.XMLParser(remove_comments=True, remove_pis=True))
    present = dict(placed(root))
    too_deep = tuple(account.path for account in accounts if account.reason.startswith("nested deeper"))
    told = Counter(account.path for account in accounts if account.path not in too_deep)
    left_out = (
        *too_deep,
        *(one.split(": ")[-1] + "/component" for one in done.report.issues if "were left out: /" in one),
    )
    there = Counter(path for path, _ in placed(root) if not path.startswith(left_out))
    yield from (f"not in the report: {path}" for path in there - told)
    yield from (f"too often in the report: {path}" for path in told - there)
    for account in accounts:
        if account.reason.startswith("could not be mapped"):
            yield f"defect: {account.reason} {account.path} {account.template}"
        if account.outcome == "not-converted" and not account.reason:
            yield f"not converted without a reason: {account.path}"
        if account.outcome in ("converted", "merged") and not account.resources:
            yield f"{account.outcome} to nothing: {account.path}"
        yield from (f"{key} is not in the bundle" for key in account.resources if key not in made)
        el = present.get(account.path)
        if el is not None and account.outcome == "converted" and there[account.path] == 1:
            for key in account.resources:
                yield from (f"{fault}: {account.path} {key}" for fault in turned(el, made.get(key, {})))


def placed(root: Element) -> Iterator[tuple[str, Element]]:
    """The statements of the body's sections, by path, also where the CDA schema would not have them."""
    body = root.find(f"{V3}component")
    body = None if body is None else body.find(f"{V3}structuredBody")
    if body is not None:
        yield from _in_sections(body, "/ClinicalDocument/component/structuredBody")


def _in_sections(holder: Element, path: str) -> Iterator[tuple[str, Element]]:
    for position, component in enumerate(holder.findall(V3 + "component"), 1):
        for inner in component.findall(V3 + "section"):
            here = f"{path}/component[{position}]/section"
            yield from _in_holder(inner, here, ("entry",))
            yield from _in_sections(inner, here)


def _in_holder(holder: Element, path: str, relationships: Sequence[str]) -> Iterator[tuple[str, Element]]:
    """The statements right within a section or statement, and those in its relationships."""
    alike = Counter(el.tag for el in holder)
    before: Counter[str] = Counter()
    for el in holder:
        if el.tag in STATEMENTS:
            name = etree.QName(el).localname
            before[name] += 1
            here = f"{path}/{name}" + (f"[{before[name]}]" if alike[el.tag] > 1 else "")
            yield here, el
            yield from _in_holder(el, here, ("entryRelationship", "component", "entry"))
    for relationship in relationships:
        for number, inner in enumerate(holder.findall(V3 + relationship), 1):
            yield from _in_holder(inner, f"{path}/{relationship}[{number}]", ())


_DENIED: dict[str, tuple[str, frozenset[str]]] = {
    "Immunization": ("status", frozenset(("not-done", "entered-in-error"))),
    "MedicationStatement": ("status", frozenset(("not-taken", "entered-in-error"))),
    "Procedure": ("status", frozenset(("not-done", "entered-in-error"))),
}
_REQUESTS = frozenset(("MedicationRequest", "ServiceRequest"))
_FINDINGS = ("valueQuantity", "valueCodeableConcept", "valueRange", "valueRatio")
_NONE_KNOWN = frozenset(("160245001", "716186003", "409137002", "429625007", "428607008"))


def turned(el: Element, resource: Json) -> Iterator[str]:
    """What a statement denies must not be shown as so, nor what it states as denied."""
    around = [el, *el.iterancestors()]
    negated = el.get("negationInd") in ("true", "1")
    framed = any(one.get("negationInd") in ("true", "1") for one in around)
    kind = resource.get("resourceType", "")
    if negated and kind == "Observation":
        for part in (resource, *resource.get("component", ())):
            yield from (f"negation lost ({name})" for name in _FINDINGS if name in part)
    if kind in _REQUESTS and negated and not resource.get("doNotPerform", False):
        yield "negation lost"
    if kind in _REQUESTS and not framed and resource.get("doNotPerform", False):
        yield "negation invented"
    if negated and kind in _DENIED:
        name, allowed = _DENIED[kind]
        if resource.get(name) not in allowed:
            yield f"negation lost ({resource.get(name)})"
    if kind in ("Condition", "AllergyIntolerance"):
        verification = resource.get("verificationStatus", {}).get("coding", [{}])[0].get("code")
        codes = {one.get("code") for one in resource.get("code", {}).get("coding", ())}
        if negated and verification not in ("refuted", "entered-in-error") and not codes & _NONE_KNOWN:
            yield f"negation lost ({verification})"
        if verification == "refuted" and not framed:
            yield "negation invented"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="a folder for the documents that show a defect")
    given = parser.parse_args()
    began = time.process_time()
    if given.keep is not None:
        given.keep.mkdir(parents=True, exist_ok=True)
    tally = run(given.seed, range(given.count), keep=given.keep)
    for failure in tally.failures[:SHOWN]:
        print(failure[:300])
    print(
        f"{tally.mutants} mutants: {tally.converted} converted to {tally.resources} resources, "
        f"{tally.refused.total()} refused {dict(tally.refused)}, {len(tally.failures)} defects"
    )
    print(f"statements: {dict(tally.outcomes)}; slowest conversion {tally.slowest_s:.2f} s")
    print(f"{time.process_time() - began:.0f} s of processor time; schema checked: {SCHEMA.exists()}")
    sys.exit(bool(tally.failures))


if __name__ == "__main__":
    main()
