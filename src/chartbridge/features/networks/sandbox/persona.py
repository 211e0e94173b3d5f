"""The five personas: who they are and what their records hold, read from ``personas/*.toml``.

The files hold only facts; every code lives once, in ``personas/catalog.toml``, and a persona names
it by key. ``Persona`` resolves those keys and derives ids: the same persona, kind and key always
give the same id, in every process. The clinicians' NPIs begin with 9, which is never issued, so
that they are nobody's.
"""

from __future__ import annotations

import datetime as dt
import tomllib
import uuid
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

Facts = dict[str, Any]

KEYS = ("jane", "chris", "ollie", "andreas", "kyla")

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "sandbox.chartbridge")


def stable_uuid(*parts: str) -> str:
    """The same UUID for the same parts, always and everywhere."""
    return str(uuid.uuid5(_NAMESPACE, "/".join(parts)))


def uuid_oid(*parts: str) -> str:
    """An OID of our own under 2.25 (ITU-T X.667), so that no real authority's is used."""
    return f"2.25.{uuid.uuid5(_NAMESPACE, '/'.join(parts)).int}"


@dataclass(frozen=True)
class Persona:
    """``facts`` is the persona's file as it stands; ``catalog`` the shared codes."""

    key: str
    facts: Facts
    catalog: Facts

    @property
    def patient(self) -> Facts:
        return self._table("patient")

    @property
    def full_name(self) -> str:
        return f"{self.patient['first_name']} {self.patient['last_name']}"

    @property
    def organization(self) -> Facts:
        return self._table("organization")

    @property
    def mrn(self) -> str:
        return str(self.patient["mrn"])

    @property
    def authority(self) -> str:
        """The assigning authority (OID) of the persona's medical record number."""
        return uuid_oid("authority", self.key)

    def _table(self, name: str) -> Facts:
        found: Facts = self.facts[name]
        return found

    def each(self, kind: str) -> list[Facts]:
        """The persona's entries of a kind ("allergy", "medication"), in file order."""
        found: list[Facts] = self.facts.get(kind, [])
        return found

    def named(self, kind: str, key: str) -> Facts:
        """The one entry of a kind with this key. Raises KeyError naming both."""
        for entry in self.each(kind):
            if entry["key"] == key:
                return entry
        raise KeyError(f"{self.key}: no {kind} {key!r}")

    def look_up(self, kind: str, key: str) -> Facts:
        """A catalog entry. Raises KeyError naming kind and key."""
        try:
            found: Facts = self.catalog[kind][key]
        except KeyError:
            raise KeyError(f"{self.key}: the catalog has no {kind} {key!r}") from None
        return found

    def clinician(self, key: str | None = None) -> Facts:
        """A clinician by key; the first one listed (primary care) when none is given."""
        return self.named("clinician", key) if key else self.each("clinician")[0]

    def place(self, facts: Facts) -> str:
        """Where something happened: the place it names, else the persona's practice."""
        return str(facts["place"] if "place" in facts else self.organization["name"])

    def id(self, kind: str, *key: object) -> str:
        return stable_uuid(self.key, kind, *(str(part) for part in key))

    def age_on(self, day: dt.date) -> int:
        born: dt.date = self.patient["dob"]
        return day.year - born.year - ((day.month, day.day) < (born.month, born.day))

    @property
    def written(self) -> dt.datetime:
        """When the C-CDA was written: fixed, since the document must never change."""
        moment: dt.datetime = self.facts["written"]
        return moment


@cache
def load(key: str) -> Persona:
    """One persona by key (see KEYS)."""
    return Persona(key, _read(f"{key}.toml"), _catalog())


@cache
def _catalog() -> Facts:
    return _read("catalog.toml")


def _read(name: str) -> Facts:
    return tomllib.loads(resources.files(__package__).joinpath("personas", name).read_text(encoding="utf-8"))


def by_first_name(first_name: str) -> Persona | None:
    """The persona whose first name is the first word given, whatever its case; else None."""
    words = first_name.split()
    key = words[0].casefold() if words else ""
    return load(key) if key in KEYS else None


def display_name(clinician: Facts) -> str:
    """A clinician as people write the name: "Ngozi Okafor, MD"."""
    return f"{clinician['first']} {clinician['last']}, {clinician['suffix']}"
