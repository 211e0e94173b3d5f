"""NPPES's monthly file of all providers with an NPI: npidata_pfile_<from>-<to>.csv of some 330 columns.

A concept is an NPI; only its name, kind, taxonomy and state are kept. The weekly files hold changes alone
and are refused. The files beside it (other names, practice locations, endpoints) name NPIs as well, and so
show whether the large one is whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial

from chartbridge.terminology.releases.dates import iso_day
from chartbridge.terminology.releases.files import File, Files
from chartbridge.terminology.releases.numbers import is_npi
from chartbridge.terminology.releases.problems import ReleaseError
from chartbridge.terminology.releases.reading import CodeSystem, Kind, Options, Release
from chartbridge.terminology.releases.tables import comma_separated
from chartbridge.terminology.rows import Concept, Property, Row

NPI = "http://hl7.org/fhir/sid/us-npi"
FIRST_DAY = "20050523"
"""On which all monthly files begin."""
SLOTS = 15
COLUMNS = (
    "NPI",
    "Entity Type Code",
    "Provider Organization Name (Legal Business Name)",
    "Provider First Name",
    "Provider Middle Name",
    "Provider Last Name (Legal Name)",
    "Provider Name Suffix Text",
    "Provider Credential Text",
    "Provider Business Practice Location Address State Name",
    "NPI Deactivation Date",
    "NPI Reactivation Date",
    *(f"Healthcare Provider Taxonomy Code_{slot}" for slot in range(1, SLOTS + 1)),
    *(f"Healthcare Provider Primary Taxonomy Switch_{slot}" for slot in range(1, SLOTS + 1)),
)
_NAME = r"npidata_pfile_(\d{8})-(\d{8})\.csv"
_BESIDE = ("othername", "pl", "endpoint")
_ENTITIES = {"1": "individual", "2": "organization"}
_FIRST_NUMBER, _NUMBERS = 100_000_000, 200_000_000
_STRAY = 1_000
"""One in so many rows beside may name an NPI that the large file lacks."""


class _Seen:
    """Which NPIs there were, a bit for each there can be: 25 MB."""

    def __init__(self) -> None:
        self._bits = bytearray(_NUMBERS // 8)

    def add(self, npi: str) -> bool:
        """Whether it is new. The last digit follows from the others."""
        place, bit = divmod(int(npi[:9]) - _FIRST_NUMBER, 8)
        was = self._bits[place] >> bit & 1
        self._bits[place] |= 1 << bit
        return not was

    def __contains__(self, npi: str) -> bool:
        place, bit = divmod(int(npi[:9]) - _FIRST_NUMBER, 8)
        return bool(self._bits[place] >> bit & 1)


def _finds(files: Files) -> bool:
    return files.find(_NAME) is not None


def _open(files: Files, _: Options) -> Release:
    file = files.need(_NAME, "npidata_pfile_<from>-<to>.csv")
    named = re.fullmatch(_NAME, file.name, re.IGNORECASE)
    date = iso_day(named[2]) if named else None
    if named is None or date is None:
        raise ReleaseError(file.name, 0, "the name does not end with a day")
    if named[1] != FIRST_DAY:
        raise ReleaseError(
            file.name, 0, "holds the changes of a week; give the monthly file of all providers"
        )
    beside = [found for name in _BESIDE if (found := files.find(rf"{name}_pfile_{named[1]}-{named[2]}\.csv"))]
    release = Release(
        version=date,
        date=date,
        files=[file, *beside],
        systems=[CodeSystem(NPI, "NPI", date)],
        rows=lambda: iter(()),
    )
    release.rows = partial(_rows, files, file, beside, release)
    return release


def _rows(files: Files, file: File, beside: list[File], release: Release) -> Iterator[Row]:
    seen = _Seen()
    last = 0
    for number, row in comma_separated(files, file, COLUMNS):
        last = number
        npi = row[0]
        if not is_npi(npi):
            raise ReleaseError(file.name, number, "the NPI is none: its check digit is another")
        if not seen.add(npi):
            raise ReleaseError(file.name, number, "gives an NPI for the second time")
        yield from _provider(file, number, row)
    if not last:
        raise ReleaseError(file.name, 1, "holds no providers")
    for other in beside:
        strays, rows = 0, 0
        for number, (npi,) in comma_separated(files, other, ("NPI",)):
            if not is_npi(npi):
                raise ReleaseError(other.name, number, "the NPI is none: its check digit is another")
            rows += 1
            strays += npi not in seen
        if strays * _STRAY > rows:
            why = f"the file is cut off: it lacks {strays} of the providers that {other.name} names"
            raise ReleaseError(file.name, last, why)
        if strays:
            release.remarks.append(f"{other.name} names {strays} providers that {file.name} lacks")


def _provider(file: File, number: int, row: Sequence[str]) -> Iterator[Row]:
    npi, entity, organization, first, middle, last, suffix, credential, state, ended, again = (
        text.strip() for text in row[:11]
    )
    is_active = not ended or bool(again)
    person = " ".join(part for part in (first, middle, last, suffix) if part)
    name = organization or (f"{person}, {credential}" if person and credential else person)
    # Of an NPI that was withdrawn the file tells nothing but that.
    yield Concept(NPI, npi, name or ("no name given" if is_active else "withdrawn"), active=is_active)
    if entity:
        if entity not in _ENTITIES:
            raise ReleaseError(file.name, number, "the entity type is neither 1 nor 2")
        yield Property(NPI, npi, "entity-type", _ENTITIES[entity])
    if state:
        yield Property(NPI, npi, "state", state)
    taxonomies = [text.strip() for text in row[11 : 11 + SLOTS]]
    primary = [code for code, switch in zip(taxonomies, row[11 + SLOTS :], strict=True) if switch == "Y"]
    for code in primary or taxonomies:
        if code:
            yield Property(NPI, npi, "taxonomy", code)


KIND = Kind(
    name="nppes",
    title="NPPES, the providers of the United States",
    publisher="US Centers for Medicare & Medicaid Services",
    licence="public, disclosed under the Freedom of Information Act",
    notice="Data of the National Plan and Provider Enumeration System, as providers reported them.",
    finds=_finds,
    opens=_open,
)
