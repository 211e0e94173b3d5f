"""When two CodeableConcepts mean the same.

They do when they share a coding (system and code; translations and exact crosswalk codings count) and do not
contradict each other: in each code system of `STRICT` in which both have codings of the source's own, they
must share one. ICD codes of one category where one is the other's parent, or the residual class ("other",
"unspecified") beside it, are no contradiction: they say the same with more or less precision. A concept
without a coding of `STRICT` means what its text says, and is the same as another whose text or display
reads the same but for case, spaces and punctuation. What is unknown equals nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from chartbridge.consolidate.words import list_of, objects, plain
from chartbridge.fhir.references import Resource

CROSSWALK_URL = "https://chartbridge.dev/fhir/StructureDefinition/crosswalk"
ALSO_CALLED_URL = "https://chartbridge.dev/fhir/StructureDefinition/also-called"
ALSO_STATED_URL = "https://chartbridge.dev/fhir/StructureDefinition/also-stated"
SNOMED = "http://snomed.info/sct"
LOINC = "http://loinc.org"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
CVX = "http://hl7.org/fhir/sid/cvx"
NDC = "http://hl7.org/fhir/sid/ndc"
_INEXACT = (" (wider)", " (narrower)", " (inexact)")
_ICD = frozenset(
    {
        "http://hl7.org/fhir/sid/icd-10",
        "http://hl7.org/fhir/sid/icd-10-cm",
        "http://hl7.org/fhir/sid/icd-9-cm",
        "http://terminology.hl7.org/CodeSystem/icd9cm",
    }
)
STRICT = _ICD | {
    SNOMED,
    LOINC,
    RXNORM,
    CVX,
    "http://www.ama-assn.org/go/cpt",
    "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets",
    "http://www.cms.gov/Medicare/Coding/ICD10",
    "http://fdasis.nlm.nih.gov",
}
"""Code systems in which two different codes mean two different things."""
_NO_MEANING = frozenset(
    {
        "http://terminology.hl7.org/CodeSystem/data-absent-reason",
        "http://terminology.hl7.org/CodeSystem/v3-NullFlavor",
    }
)
_WRAPPERS = frozenset(
    {
        (SNOMED, code)
        for code in ("55607006", "64572001", "404684003", "409586006", "282291009", "29857009", "105590001",
                     "410942007", "373873005", "763158003", "419199007", "420134006", "71388002")
    }
    | {(LOINC, code) for code in ("75323-6", "75326-9", "29308-4", "75310-3")}
)  # fmt: skip
"""Problem, disease, finding, diagnosis, substance, drug, allergy, procedure: the kind of thing, not which."""
UNTOLD = frozenset(
    {
        "",
        "unknown",
        "other",
        "none",
        "na",
        "n a",
        "not available",
        "unspecified",
        "no information",
        "see note",
    }
)

Code = tuple[str, str]


class Concept(NamedTuple):
    """codes: all that count. own: those of them that a source gave, in strict systems. texts: only where
    no code of a strict system tells what it is, so that wording splits nothing that codes unite."""

    codes: frozenset[Code]
    own: frozenset[Code]
    texts: frozenset[str]
    all_texts: Texts

    @property
    def is_coded(self) -> bool:
        """Whether a code of a strict system tells what it is."""
        return not self.texts and bool(self.codes)


class Texts(frozenset[str]):
    """Texts that are compared with those of uncoded concepts, and tell no two concepts apart."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Texts)

    def __ne__(self, other: object) -> bool:
        return not isinstance(other, Texts)

    def __hash__(self) -> int:
        return 0


def concept_of(*values: Any) -> Concept | None:
    """What CodeableConcepts (or lists of them, taken together) mean; None where they mean nothing."""
    codes: set[Code] = set()
    own: set[Code] = set()
    texts: set[str] = set()
    for given in (one for value in values for one in objects(value)):
        for coding in objects(given.get("coding")):
            _read(coding, codes, own, texts)
        texts.update(_texts(given))
    texts -= UNTOLD
    if not codes and not texts:
        return None
    coded = any(system in STRICT for system, _ in codes)
    held = frozenset(texts)
    return Concept(frozenset(codes), frozenset(own), frozenset() if coded else held, Texts(held))


def _read(coding: Resource, codes: set[Code], own: set[Code], texts: set[str]) -> None:
    system, code = coding.get("system"), coding.get("code")
    if system in _NO_MEANING:
        return
    crosswalk = _crosswalk(coding)
    if crosswalk is not None and crosswalk.endswith(_INEXACT):
        return
    if coding.get("display"):
        texts.add(plain(str(coding["display"])))
    if isinstance(system, str) and isinstance(code, str) and (system, code) not in _WRAPPERS:
        codes.add((system, code))
        if crosswalk is None and system in STRICT:
            own.add((system, code))


def own_codes(*values: Any) -> frozenset[Code]:
    """The codes that a source gave, in whatever system, the general ones included."""
    found = set()
    for coding in (
        one for value in values for given in objects(value) for one in objects(given.get("coding"))
    ):
        system, code = coding.get("system"), coding.get("code")
        own = system not in _NO_MEANING and _crosswalk(coding) is None
        if own and isinstance(system, str) and isinstance(code, str):
            found.add((system, code))
    return frozenset(found)


def _crosswalk(coding: Resource) -> str | None:
    if coding.get("userSelected") is not False:
        return None
    found = (
        one.get("valueString") for one in objects(coding.get("extension")) if one.get("url") == CROSSWALK_URL
    )
    return next((str(name) for name in found), None)


def _texts(given: Resource) -> Iterator[str]:
    if isinstance(given.get("text"), str):
        yield plain(given["text"])
    for one in list_of(given.get("extension")):
        if isinstance(one, dict) and one.get("url") == ALSO_CALLED_URL:
            yield plain(str(one.get("valueString", "")))


def same_concept(one: Concept, other: Concept) -> bool:
    """Whether two concepts mean the same."""
    if one.codes & other.codes:
        return not _contradict(one, other)
    if one.texts or other.texts:
        return not one.all_texts.isdisjoint(other.all_texts) and not _contradict(one, other)
    return False


def not_contradicting(one: Concept, other: Concept) -> bool:
    """Whether two concepts may mean the same, though they share nothing that tells so: one in SNOMED CT and
    one in ICD, both joined to a third that has both codes."""
    if one.texts and other.texts and not one.codes and not other.codes:
        return not one.all_texts.isdisjoint(other.all_texts)
    return not _contradict(one, other)


def tokens(concept: Concept) -> Iterator[str]:
    """Texts of which two concepts that are the same share at least one."""
    for system, code in concept.codes:
        yield f"{system}|{code}"
    yield from concept.all_texts


def _contradict(one: Concept, other: Concept) -> bool:
    systems = {system for system, _ in one.own} & {system for system, _ in other.own}
    for system in systems:
        ours = {code for held, code in one.own if held == system}
        theirs = {code for held, code in other.own if held == system}
        if ours & theirs:
            continue
        if system not in _ICD or not any(_one_class(a, b) for a in ours for b in theirs):
            return True
    return False


def _one_class(one: str, other: str) -> bool:
    """Whether one ICD code is the other's ancestor, or the residual class of such an ancestor."""
    one, other = one.replace(".", ""), other.replace(".", "")
    if one[:3] != other[:3]:
        return False
    return any(longer.startswith(_stem(code)) for code, longer in ((one, other), (other, one)))


def _stem(code: str) -> str:
    stem = code.rstrip("089")
    return stem if len(stem) >= 3 else code[:3]
