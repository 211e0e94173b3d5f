"""Invented people and what two systems recorded of them, with the faults that real records have.

``population(people, seed)`` gives our records and a network's; the same arguments give the same records in
every process. Nobody is real. The kinds of fault and how often they come stand in ``RATES``; they are given
to the network's record, and those of ``OUR_RATES`` to ours.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Any

from tests.matching import invented

Record = dict[str, Any]

RATES = {
    "given mistyped": 0.03,
    "given by a nickname": 0.06,
    "given spelt by ear": 0.015,
    "given as an initial": 0.005,
    "called by the middle name": 0.01,
    "given a place holder": 0.004,
    "middle name told": 0.35,
    "middle initial told": 0.25,
    "family mistyped": 0.025,
    "family spelt by ear": 0.01,
    "names changed places": 0.004,
    "married name (women over 20)": 0.05,
    "earlier name told with it": 0.3,
    "suffix left out": 0.6,
    "birth mistyped": 0.012,
    "birth day and month swapped": 0.008,
    "birth a place holder": 0.006,
    "birth absent": 0.004,
    "sex absent": 0.02,
    "sex wrong": 0.003,
    "moved": 0.18,
    "earlier address told with it": 0.5,
    "address written otherwise": 0.3,
    "address mistyped": 0.05,
    "address absent": 0.04,
    "address a place holder": 0.01,
    "phone changed": 0.18,
    "phone absent": 0.15,
    "phone a place holder": 0.03,
    "email told": 0.4,
    "email changed": 0.15,
    "ssn told": 0.5,
    "ssn mistyped": 0.015,
    "ssn a place holder": 0.05,
    "ssn of another in the household": 0.004,
    "licence told": 0.25,
}
OUR_RATES = {
    "given mistyped": 0.006,
    "given by a nickname": 0.02,
    "family mistyped": 0.005,
    "middle name told": 0.2,
    "suffix left out": 0.4,
    "birth mistyped": 0.002,
    "phone absent": 0.15,
    "email told": 0.5,
    "ssn told": 0.5,
    "ssn a place holder": 0.02,
    "licence told": 0.3,
}
HOUSEHOLDS = {
    "one": 0.28,
    "couple": 0.25,
    "family": 0.3,
    "family with twins": 0.04,
    "twins with names alike": 0.01,
    "senior and junior": 0.06,
    "same name and birthday elsewhere": 0.06,
}
"""Kinds of household. Of all births some 3 in 100 are of twins; here there are more."""
TODAY = date(2026, 1, 1)


@dataclass(frozen=True)
class Population:
    """``ours`` and ``theirs`` are records in the API's shape; ``who`` and ``whose`` tell of which person
    each is, ``faults`` what was done to each of theirs, ``kinds`` each person's kind of household."""

    ours: list[Record]
    who: list[int]
    theirs: list[Record]
    whose: list[int]
    faults: list[tuple[str, ...]]
    kinds: list[str]


def population(people: int, seed: int) -> Population:
    """At least that many people: one record of ours of each, and one of the network's, of every fifth two."""
    made = _Maker(Random(seed))
    while len(made.persons) < people:
        made.household()
    found = Population([], [], [], [], [], [kind for _, kind, _ in made.persons])
    for number, (truth, _, mates) in enumerate(made.persons):
        found.ours.append(made.record(truth, OUR_RATES, mates)[0])
        found.who.append(number)
        for _ in range(2 if number % 5 == 0 else 1):
            record, faults = made.record(truth, RATES, mates)
            found.theirs.append(record)
            found.whose.append(number)
            found.faults.append(faults)
    return found


class _Maker:
    def __init__(self, random: Random) -> None:
        self.random = random
        self.persons: list[tuple[Record, str, list[Record]]] = []

    def household(self) -> None:
        kind = self.random.choices(list(HOUSEHOLDS), list(HOUSEHOLDS.values()))[0]
        family, home, phone = self._family(), self._home(), self._phone()
        parents = [self._person(family, home, phone, 24, 90, sex) for sex in "FM"]
        if kind == "one":
            members = [self._person(family, home, phone, 18, 95, self.random.choice("FM"))]
        elif kind == "couple":
            members = parents
        elif kind == "senior and junior":
            members = self._generations(parents[1])
        elif kind == "same name and birthday elsewhere":
            members = self._namesakes()
        else:
            members = parents + self._children(kind, family, home, phone)
        living_together = kind != "same name and birthday elsewhere"
        for one in members:
            mates = [m for m in members if m is not one] if living_together else []
            self.persons.append((one, kind, mates))

    def _children(self, kind: str, family: str, home: Record, phone: str) -> list[Record]:
        count = self.random.choice((1, 1, 2, 3))
        made: list[Record] = []
        while len(made) < count + (kind != "family"):
            child = self._person(family, home, phone, 0, 22, self.random.choice("FM"))
            if child["given"] not in [sibling["given"] for sibling in made]:
                made.append(child)
        if kind == "family":
            return made
        first, twin = made[0], made[-1]
        twin["dob"] = first["dob"]
        if kind == "twins with names alike":
            first["given"], twin["given"], sexes = self.random.choice(invented.ALIKE_TWINS)
            first["sex"], twin["sex"] = sexes[0], sexes[1]
        return made

    def _generations(self, father: Record) -> list[Record]:
        son = self._person(father["family"], father["home"], father["phone"], 0, 60, "M")
        son["given"] = father["given"]
        if self.random.random() < 0.5:
            son["middle"] = father["middle"]
        years = self.random.randint(19, 40)
        born = date.fromisoformat(father["dob"]) + timedelta(days=365 * years + self.random.randint(0, 364))
        son["dob"] = min(born, TODAY).isoformat()
        father["suffix"], son["suffix"] = self.random.choice(
            (("Sr", "Jr"), ("", "Jr"), ("Jr", "III"), ("", "II"))
        )
        return [father, son]

    def _namesakes(self) -> list[Record]:
        """Two who have nothing to do with each other but a frequent name and the day of birth."""
        given = self.random.choice(invented.FREQUENT_GIVEN)
        family = self.random.choice(invented.FREQUENT_FAMILY)
        made = [self._person(family, self._home(), self._phone(), 18, 90, given[1]) for _ in range(2)]
        for one in made:
            one["given"], one["dob"] = given[0], made[0]["dob"]
        return made

    def _person(self, family: str, home: Record, phone: str, youngest: int, oldest: int, sex: str) -> Record:
        days = self.random.randint(youngest * 365, oldest * 365)
        given = self.random.choice(invented.GIVEN[sex])
        shared = self.random.random() < 0.5
        mail = f"{given}.{family}{self.random.randint(1, 999)}@mail{self.random.randint(1, 9)}.example"
        return {
            "given": given,
            "middle": self.random.choice(invented.GIVEN[sex]),
            "family": family,
            "suffix": "",
            "dob": (TODAY - timedelta(days=days)).isoformat(),
            "sex": sex,
            "home": home,
            "phone": phone if shared or days < 16 * 365 else self._phone(),
            "email": mail.lower().replace(" ", "").replace("'", ""),
            "ssn": "".join(f"{self.random.randint(1, most):0{len(str(most))}}" for most in (665, 99, 9999)),
            "licence": f"{self.random.choice('ABCDEFGH')}{self.random.randint(10**6, 10**7 - 1)}",
        }

    def _family(self) -> str:
        frequent = self.random.random() < 0.35
        one = self.random.choice(invented.FREQUENT_FAMILY if frequent else invented.FAMILY)
        if self.random.random() < 0.04:
            return f"{one}{self.random.choice('- ')}{self.random.choice(invented.FAMILY)}"
        return one

    def _home(self) -> Record:
        city, state, zip_code = self.random.choice(invented.CITIES)
        line = f"{self.random.randint(1, 9999)} {self.random.choice(invented.STREETS)}"
        unit = f"Apt {self.random.randint(1, 40)}" if self.random.random() < 0.25 else None
        home = {"addressLine1": line, "city": city, "state": state, "zip": zip_code}
        return home | ({"addressLine2": unit} if unit else {})

    def _phone(self) -> str:
        return (
            f"{self.random.randint(201, 989)}{self.random.randint(200, 999)}{self.random.randint(0, 9999):04}"
        )

    def record(
        self, truth: Record, rates: dict[str, float], mates: list[Record]
    ) -> tuple[Record, tuple[str, ...]]:
        """What a system has of a person, and the faults in it."""
        faults: list[str] = []

        def happens(what: str) -> bool:
            if self.random.random() >= rates.get(what, 0.0):
                return False
            if not what.endswith(" told"):
                faults.append(what)
            return True

        one = copy.deepcopy(truth)
        other_names = self._spoil_names(one, happens)
        self._spoil_birth(one, happens)
        homes = self._spoil_home(one, happens)
        record = {
            "firstName": one["given"],
            "lastName": f"{one['family']} {one['suffix']}".strip(),
            "dob": one["dob"],
            "genderAtBirth": one["sex"],
            "address": homes,
            "contact": self._contacts(one, happens),
            "personalIdentifiers": self._numbers(one, mates, happens),
            "otherNames": other_names,
        }
        return {name: value for name, value in record.items() if value}, tuple(faults)

    def _spoil_names(self, one: Record, happens: Any) -> list[Record]:
        earlier: list[Record] = []
        age = TODAY.year - int(one["dob"][:4])
        if one["sex"] == "F" and age > 20 and happens("married name (women over 20)"):
            if happens("earlier name told with it"):
                earlier = [{"firstName": one["given"], "lastName": one["family"]}]
            new = self._family()
            one["family"] = self.random.choice((new, new, f"{one['family']}-{new}"))
        called = one["given"]
        if happens("given by a nickname"):
            called = self.random.choice(invented.NICKNAMES.get(called, (called,)))
        elif happens("given mistyped"):
            called = self._mistyped(called)
        elif happens("given spelt by ear"):
            called = self._by_ear(called)
        elif happens("given as an initial"):
            called = called[0]
        elif happens("given a place holder"):
            called = self.random.choice(("UNKNOWN", "Baby Boy", "TEST"))
        if happens("called by the middle name"):
            called = f"{one['middle']} {called}" if self.random.random() < 0.5 else one["middle"]
        elif happens("middle name told"):
            called = f"{called} {one['middle']}"
        elif happens("middle initial told"):
            called = f"{called} {one['middle'][0]}."
        one["given"] = called
        if happens("family mistyped"):
            one["family"] = self._mistyped(one["family"])
        elif happens("family spelt by ear"):
            one["family"] = self._by_ear(one["family"])
        if happens("suffix left out"):
            one["suffix"] = ""
        if happens("names changed places"):
            one["given"], one["family"] = one["family"], one["given"].split()[0]
        if self.random.random() < 0.3:
            one["given"], one["family"] = one["given"].upper(), one["family"].upper()
        return earlier

    def _spoil_birth(self, one: Record, happens: Any) -> None:
        year, month, day = one["dob"].split("-")
        if happens("birth day and month swapped") and int(day) <= 12:
            one["dob"] = f"{year}-{day}-{month}"
        elif happens("birth mistyped"):
            one["dob"] = self._mistyped_day(one["dob"])
        elif happens("birth a place holder"):
            one["dob"] = "1900-01-01"
        elif happens("birth absent"):
            one["dob"] = ""
        if happens("sex absent"):
            one["sex"] = "U"
        elif happens("sex wrong"):
            one["sex"] = "M" if one["sex"] == "F" else "F"

    def _spoil_home(self, one: Record, happens: Any) -> list[Record]:
        homes = [one["home"]]
        if happens("moved"):
            homes = [self._home(), *(homes if happens("earlier address told with it") else [])]
        home = homes[0]
        if happens("address absent"):
            return homes[1:]
        if happens("address a place holder"):
            home["addressLine1"] = self.random.choice(("HOMELESS", "UNKNOWN", "General Delivery"))
            home.pop("addressLine2", None)
        elif happens("address mistyped"):
            home["addressLine1"] = self._mistyped(home["addressLine1"])
        elif happens("address written otherwise"):
            for long, short in invented.STREET_FORMS:
                home["addressLine1"] = home["addressLine1"].replace(long, short)
            home["addressLine1"] += f" {home.pop('addressLine2', '').replace('Apt', '#')}".rstrip()
        return homes

    def _contacts(self, one: Record, happens: Any) -> list[Record]:
        phone = one["phone"]
        if happens("phone changed"):
            phone = self._phone()
        elif happens("phone a place holder"):
            phone = self.random.choice(("0000000000", "5555555555", "9999999999"))
        if happens("phone absent"):
            phone = None
        made: Record = {"phone": f"({phone[:3]}) {phone[3:6]}-{phone[6:]}"} if phone else {}
        if happens("email told"):
            made["email"] = (
                f"new{self.random.randint(1, 10**6)}@mail.example"
                if happens("email changed")
                else one["email"]
            )
        return [made] if made else []

    def _numbers(self, one: Record, mates: list[Record], happens: Any) -> list[Record]:
        made: list[Record] = []
        is_adult = TODAY.year - int(one["dob"][:4] or 2026) > 16
        if happens("ssn told"):
            ssn = one["ssn"]
            if happens("ssn a place holder"):
                ssn = self.random.choice(("000000000", "999999999", "123456789", "111111111"))
            elif mates and happens("ssn of another in the household"):
                ssn = self.random.choice(mates)["ssn"]
            elif happens("ssn mistyped"):
                ssn = self._mistyped_digits(ssn)
            made.append({"type": "ssn", "value": f"{ssn[:3]}-{ssn[3:5]}-{ssn[5:]}"})
        if is_adult and happens("licence told"):
            made.append({"type": "driversLicense", "value": one["licence"], "state": one["home"]["state"]})
        return made

    def _mistyped(self, text: str) -> str:
        """One slip: a letter left out, doubled, swapped with the next or another one of the keyboard."""
        places = [p for p, c in enumerate(text) if c.isalpha() and (p > 0 or self.random.random() < 0.2)]
        if len(text) < 3 or not places:
            return text
        at = self.random.choice(places)
        match self.random.randrange(4):
            case 0:
                return text[:at] + text[at + 1 :]
            case 1:
                return text[:at] + text[at] + text[at:]
            case 2 if at + 1 < len(text):
                return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
        near = invented.NEIGHBOURS.get(text[at].lower(), text[at])
        return text[:at] + self.random.choice(near) + text[at + 1 :]

    def _by_ear(self, text: str) -> str:
        heard = [(a, b) for a, b in invented.BY_EAR if a in text.lower()]
        if not heard:
            return text
        said, written = self.random.choice(heard)
        return text.lower().replace(said, written, 1).title()

    def _mistyped_digits(self, digits: str) -> str:
        at = self.random.randrange(len(digits) - 1)
        if self.random.random() < 0.5:
            return digits[:at] + digits[at + 1] + digits[at] + digits[at + 2 :]
        return digits[:at] + self.random.choice("0123456789") + digits[at + 1 :]

    def _mistyped_day(self, day: str) -> str:
        """One digit wrong, so that it still is a day."""
        while True:
            at = self.random.choice((2, 3, 6, 8, 9))
            made = day[:at] + self.random.choice("0123456789") + day[at + 1 :]
            try:
                if date.fromisoformat(made) <= TODAY and made != day:
                    return made
            except ValueError:
                continue
