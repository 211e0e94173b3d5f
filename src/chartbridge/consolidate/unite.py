"""One resource out of several that are one.

Of each element the most specific and the most recent stands. Lists are united, concepts keep every coding
and every name, dates are the more precise of those that agree. What another source says of an element that
has room for one thing only, and is not told by what stands, is kept in the extension `also-stated`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chartbridge.consolidate.concepts import ALSO_STATED_URL
from chartbridge.consolidate.moments import compatible_texts, finer
from chartbridge.consolidate.precedence import set_apart
from chartbridge.consolidate.provenance import canonical
from chartbridge.consolidate.rules.medications import detail
from chartbridge.consolidate.unite_lists import (
    is_concept,
    is_quantity,
    normal,
    says_part_of,
    union,
    unite_concepts,
)
from chartbridge.consolidate.words import objects, plain
from chartbridge.fhir.references import Resource

_CHOICES = ("abatement", "deceased", "defaultValue", "effective", "medication", "multipleBirth", "occurrence",
            "onset", "performed", "reported", "scheduled", "serviced", "timing", "value", "born",
            "age")  # fmt: skip
_STATUSES = frozenset(
    {"status", "lifecycleStatus", "clinicalStatus", "verificationStatus", "docStatus", "active"}
)
_DOSAGES = frozenset({"dosage", "dosageInstruction"})
_REDUNDANT = frozenset({"generated", "extensions", "empty"})
_OLDEST_FIRST = frozenset({"extension", "identifier"})
_WHOLE = frozenset({"contained", "modifierExtension"})


def unite(members: Sequence[Resource], id_: str) -> Resource:
    """The members, newest first, as one resource with that id."""
    if len(members) == 1:
        return members[0]
    rest, decided, others = set_apart(members)
    united = _Union(rest[0])
    for member in rest[1:]:
        united.add(member)
    united.made.update(decided)
    for name, value in others:
        united.note(name, value)
    for name in _OLDEST_FIRST:
        lists = [member[name] for member in reversed(members) if isinstance(member.get(name), list)]
        if lists:
            united.made[name] = _each_once(item for held in lists for item in held)
    return {**united.finished(), "id": id_}


def _each_once(items: Any) -> list[Any]:
    found = {canonical(item): item for item in items}
    return list(found.values())


class _Union:
    """A resource in the making. also: by element, what else was said of it."""

    def __init__(self, newest: Resource) -> None:
        self.made = dict(newest)
        self.also: dict[str, dict[bytes, Any]] = {}

    def add(self, older: Resource) -> None:
        """Add what an older resource says."""
        for name, value in older.items():
            if name in _OLDEST_FIRST or name in ("id", "resourceType"):
                continue
            if name.startswith("_"):
                if name not in self.made and name[1:] not in self.made:
                    self.made[name] = value
                continue
            rival = self._rival(name)
            if rival is not None:
                self._choose(rival, name, value)
            elif name not in self.made:
                self.made[name] = value
                if f"_{name}" in self.made:
                    del self.made[f"_{name}"]
            elif self.made[name] != value:
                self.made[name] = self._both(name, self.made[name], value)

    def _rival(self, name: str) -> str | None:
        """The element that stands for the same choice (`onsetString` for `onsetDateTime`)."""
        if name in self.made:
            return None
        stem = next(
            (stem for stem in _CHOICES if name.startswith(stem) and name[len(stem) :][:1].isupper()), None
        )
        if stem is None:
            return None
        return next(
            (held for held in self.made if held.startswith(stem) and held[len(stem) :][:1].isupper()), None
        )

    def _choose(self, held: str, name: str, value: Any) -> None:
        """Of two elements of one choice the one that says more; the other is kept beside it."""
        agree = _agree(self.made[held], value)
        if agree:
            self.made[held], value = _as_precise(self.made[held], value)
        mine, theirs = _detail(held, self.made[held]), _detail(name, value)
        if theirs > mine and (agree or mine == 0):
            self._note(held, self.made.pop(held), agree=agree)
            self.made.pop(f"_{held}", None)
            self.made[name] = value
        else:
            self._note(name, value, agree=agree)

    def _both(self, name: str, mine: Any, theirs: Any) -> Any:
        if name == "meta":
            return _united_meta(mine, theirs)
        if name == "text" and isinstance(mine, dict):
            return self._narrative(mine, theirs)
        if name in _WHOLE:
            return _each_once([*mine, *theirs])
        if name in _DOSAGES:
            return self._dosage(name, mine, theirs)
        return self.value(name, name, mine, theirs)

    def value(self, path: str, name: str, mine: Any, theirs: Any) -> Any:
        """Two values of one element as one; `path` names it from the resource on."""
        if isinstance(mine, list) and isinstance(theirs, list):
            return union(mine, theirs)
        if isinstance(mine, dict) and isinstance(theirs, dict):
            return self._object(path, mine, theirs)
        if isinstance(mine, str) and isinstance(theirs, str) and compatible_texts(mine, theirs):
            return finer(mine, theirs)
        if name not in _STATUSES:
            self._note(path, theirs, agree=normal(mine) == normal(theirs))
        return mine

    def _object(self, path: str, mine: Resource, theirs: Resource) -> Any:
        if set(mine) == {"extension"}:
            return theirs
        if set(theirs) == {"extension"}:
            return mine
        if path in _STATUSES:
            return mine
        if is_concept(mine) and is_concept(theirs):
            return unite_concepts(mine, theirs)
        if "reference" in mine or "reference" in theirs:
            if mine.get("reference") == theirs.get("reference"):
                return {**theirs, **mine}
            if "reference" not in mine and plain(str(mine.get("display"))) == plain(
                str(theirs.get("display"))
            ):
                return theirs
            self._note(path, theirs, agree=normal(theirs) == normal(mine))
            return mine
        if is_quantity(mine) and is_quantity(theirs) and mine.get("value") != theirs.get("value"):
            self._note(path, theirs, agree=False)
            return mine
        joined = dict(mine)
        for name, value in theirs.items():
            if name not in joined:
                joined[name] = value
            elif joined[name] != value:
                joined[name] = self.value(f"{path}.{name}", name, joined[name], value)
        return joined

    def _dosage(self, name: str, mine: Any, theirs: Any) -> Any:
        """One source's dosages stand whole, for what is put together of two sources nobody ordered: those
        that tell how much and how often, or else the newest."""
        if detail(objects(theirs)) > detail(objects(mine)):
            mine, theirs = theirs, mine
        for item in objects(theirs):
            self._note(name, item, agree=any(says_part_of(item, held) for held in objects(mine)))
        return mine

    def _narrative(self, mine: Resource, theirs: Resource) -> Resource:
        if mine.get("status") in _REDUNDANT and theirs.get("status") not in _REDUNDANT:
            return theirs
        if theirs.get("status") not in _REDUNDANT:
            self._note("text", theirs.get("div"), agree=mine.get("div") == theirs.get("div"))
        return mine

    def _note(self, path: str, value: Any, *, agree: bool) -> None:
        if not agree and value is not None and not (isinstance(value, dict) and set(value) == {"extension"}):
            self.also.setdefault(path, {}).setdefault(normal(value), value)

    def note(self, path: str, value: Any) -> None:
        """Keep what else was said of an element."""
        self._note(path, value, agree=False)

    def finished(self) -> Resource:
        """The resource with what else was said."""
        made = self.made
        if any(name.startswith("value") for name in made) or "component" in made:
            made.pop("dataAbsentReason", None)
        notes = [
            _also(path, self.also[path][key]) for path in sorted(self.also) for key in sorted(self.also[path])
        ]
        if notes:
            made["extension"] = _each_once([*made.get("extension", []), *notes])
        return made


def _united_meta(mine: Resource, theirs: Resource) -> Resource:
    joined = {**theirs, **mine}
    for name in ("profile", "security", "tag"):
        if name in mine and name in theirs:
            joined[name] = _each_once([*mine[name], *theirs[name]])
    return joined


def _detail(name: str, value: Any) -> int:
    """How much an element of a choice tells: an absence, a text, a start, start and end."""
    if isinstance(value, dict):
        if set(value) <= {"extension"}:
            return 0
        return 3 if "end" in value or name.endswith(("Quantity", "CodeableConcept", "Reference")) else 2
    return 2 if name.endswith(("DateTime", "Instant", "Date")) else 1


def _agree(mine: Any, theirs: Any) -> bool:
    """Whether of two elements of one choice one says nothing but what the other says."""
    first, second = (value.get("start") if isinstance(value, dict) else value for value in (mine, theirs))
    if isinstance(first, str) and isinstance(second, str):
        ends = [value.get("end") for value in (mine, theirs) if isinstance(value, dict) and "end" in value]
        return len(ends) < 2 and (compatible_texts(first, second) or plain(first) == plain(second))
    numbers = [value.get("value") if isinstance(value, dict) else value for value in (mine, theirs)]
    return str(numbers[0]) == str(numbers[1])


def _as_precise(mine: Any, theirs: Any) -> tuple[Any, Any]:
    """A dateTime and a Period (or two dateTimes) that agree, each with the more precise of both starts: what
    loses its time of day would fit another one."""
    first, second = (value.get("start") if isinstance(value, dict) else value for value in (mine, theirs))
    if not (isinstance(first, str) and isinstance(second, str) and compatible_texts(first, second)):
        return mine, theirs
    start = finer(first, second)
    made = [{**value, "start": start} if isinstance(value, dict) else start for value in (mine, theirs)]
    return made[0], made[1]


def _also(path: str, value: Any) -> Resource:
    return {
        "url": ALSO_STATED_URL,
        "extension": [{"url": "element", "valueString": path}, {"url": "value", **_typed(value)}],
    }


def _typed(value: Any) -> Resource:
    """A value as an extension's; what has no type of its own there is told as JSON."""
    if isinstance(value, bool):
        return {"valueBoolean": value}
    if isinstance(value, int):
        return {"valueInteger": value}
    if isinstance(value, float):
        return {"valueDecimal": value}
    if isinstance(value, str):
        return {"valueString": value}
    if isinstance(value, dict):
        if "reference" in value or set(value) == {"display"}:
            return {"valueReference": value}
        if is_concept(value):
            return {"valueCodeableConcept": value}
        if is_quantity(value):
            return {"valueQuantity": value}
        if set(value) <= {"start", "end"}:
            return {"valuePeriod": value}
    return {"valueString": canonical(value).decode()}
