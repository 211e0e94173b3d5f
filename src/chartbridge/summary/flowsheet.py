"""Results as a table with one row a test: the newest one, their course as a drawing, and all earlier ones."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from chartbridge.summary import trend, words
from chartbridge.summary.chart import Chart, Mark, Row

_WHEN, _RESULT, _RANGE, _MORE = 0, 1, 3, 4
_TIMED = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)[^Z+-]*(Z|[+-]\d\d:\d\d)?")
_ZEROS = re.compile(r"\.0+(?!\d)")
NORMAL = "Normal"
"""The mark that earlier results do without: those that stand out are to be seen."""
_NARROW, _SIDE = 20, 60
"""Characters of a result, and of what is said beside it, that fit in a column of their own; longer ones take
the whole width."""


@dataclass(slots=True)
class Told:
    """One result as it is shown; several sources that tell the same one stand together."""

    rows: list[Row]
    when: str
    text: str
    marks: list[Mark]
    more: str
    """Of an earlier result what differs from the newest one: its range, who made it, notes."""

    @property
    def look(self) -> str:
        return self.rows[0].look

    @property
    def anchors(self) -> list[str]:
        return [row.anchor for row in self.rows if row.anchor]

    @property
    def sources(self) -> list[str]:
        return list(dict.fromkeys(source for row in self.rows for source in row.sources))

    @property
    def disagrees(self) -> list[tuple[str, str]]:
        return [one for row in self.rows for one in row.disagrees]

    @property
    def wide(self) -> bool:
        return len(self.text) > _NARROW or len(self.more) > _SIDE or bool(self.disagrees)


@dataclass(slots=True)
class Test:
    """All results of one test, newest first."""

    name: str
    range: str
    newest: Told
    earlier: list[Told]
    drawing: str
    panel: str
    also: str
    """Other names of the same test in the sources."""

    @property
    def rows(self) -> list[Row]:
        return [row for one in [self.newest, *self.earlier] for row in one.rows]


@dataclass(slots=True)
class _Group:
    rows: list[Row] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.rows[0].group


def tests(rows: list[Row], chart: Chart) -> list[Test]:
    """The rows of a section by test. ``rows`` are newest first; the tests come in the order of their rank,
    then of their panel, then by name; those without a panel last."""
    groups = _groups(rows)
    names = Counter(group.name.casefold() for group in groups)
    made = [_test(group, names, chart) for group in groups]
    sizes = Counter(one.panel for one in made)
    for one in made:
        one.panel = one.panel if sizes[one.panel] > 1 else ""
    return sorted(
        made,
        key=lambda one: (one.newest.rows[0].rank, not one.panel, one.panel.casefold(), one.name.casefold()),
    )


def _groups(rows: list[Row]) -> list[_Group]:
    """Results that share a LOINC code are of one test. One without a code belongs to the only test of its
    name, where there is one."""
    parent: dict[str, str] = {}

    def root(key: str) -> str:
        while parent.setdefault(key, key) != key:
            key = parent[key]
        return key

    keyed = [(row, row.result.keys if row.result else (f"name {row.group.casefold()}",)) for row in rows]
    for _, keys in keyed:
        for key in keys[1:]:
            first, other = sorted((root(keys[0]), root(key)))
            parent[other] = first
    by_name: dict[str, set[str]] = {}
    for row, keys in keyed:
        if row.result and row.result.code:
            by_name.setdefault(f"name {row.group.casefold()}", set()).add(root(keys[0]))
    groups: dict[str, _Group] = {}
    for row, keys in keyed:
        key = root(keys[0])
        if len(coded := by_name.get(key, set())) == 1:
            (key,) = coded
        group = groups.setdefault(key, _Group())
        group.rows.append(row)
        if row.result and row.result.code and row.result.code not in group.codes:
            group.codes.append(row.result.code)
    return list(groups.values())


def _test(group: _Group, names: Counter[str], chart: Chart) -> Test:
    name = group.name
    if names[name.casefold()] > 1 and group.codes:
        name = f"{name} (LOINC {', '.join(group.codes)})"
    others = words.joined(row.group for row in group.rows if row.group.casefold() != group.name.casefold())
    points = [point for row in group.rows if row.result for point in row.result.points]
    told = _together(group.rows)
    days = Counter(rows[0].dates[0][:10] for rows in told if rows[0].dates)
    newest = told[0]
    ranges = words.joined({_plain(row.cells[_RANGE]): row.cells[_RANGE] for row in newest}.values(), "; ")
    more = words.joined(map(_more, newest), "; ")
    return Test(
        name=name,
        range=ranges,
        newest=Told(newest, newest[0].cells[_WHEN], _text(newest), newest[0].marks, more),
        earlier=[_earlier(rows, newest, more, days) for rows in told[1:]],
        drawing=trend.draw(points, name),
        panel=_panel(group.rows, chart),
        also=others,
    )


def _together(rows: list[Row]) -> list[list[Row]]:
    """The results, those that say the same of the same moment in one place: their value, marks and look."""
    found: dict[tuple[object, ...], list[Row]] = {}
    for number, row in enumerate(rows):
        timed = bool(row.dates) and "T" in row.dates[0]
        said = tuple(mark.text for mark in row.marks)
        same = (row.dates[:1], _plain(row.cells[_RESULT]), said, row.look)
        found.setdefault((str(same),) if timed else (number,), []).append(row)
    return list(found.values())


def _panel(rows: Iterable[Row], chart: Chart) -> str:
    """The report that most results of a test are part of."""
    found = Counter(name for row in rows if (name := chart.panels.get(row.about, "")))
    return min(found, key=lambda name: (-found[name], name)) if found else ""


def _more(row: Row) -> str:
    return words.joined([row.cells[_MORE], row.also], "; ")


def _plain(text: str) -> str:
    """A text in which ``4.0`` is ``4``: to compare with, not to show."""
    return _ZEROS.sub("", text)


def _text(rows: list[Row]) -> str:
    """The result; of ``4`` and ``4.0`` the more precise one."""
    return max((row.cells[_RESULT] for row in rows), key=len)


def _earlier(rows: list[Row], newest: list[Row], more: str, days: Counter[str]) -> Told:
    ranges = {"", *(_plain(row.cells[_RANGE]) for row in newest)}
    differing = [
        words.joined(
            words.labelled("range", row.cells[_RANGE])
            for row in rows
            if _plain(row.cells[_RANGE]) not in ranges
        ),
        *(_more(row) for row in rows if _more(row) != more),
    ]
    marks = [mark for mark in rows[0].marks if mark.text != NORMAL]
    text = _without_unit(_text(rows), rows[0], newest[0])
    return Told(rows, _when(rows[0], days), text, marks, words.joined(differing, "; "))


def _without_unit(text: str, row: Row, newest: Row) -> str:
    """A number without its unit where the newest result has the same one: columns of numbers are easier to
    read. One that has no unit while the newest has one says so."""
    ours, theirs = _unit(row), _unit(newest)
    if theirs and not ours and row.result and row.result.points:
        return f"{text} (no unit given)"
    shown = words.unit(ours)
    return text.removesuffix(shown).rstrip() if ours and ours == theirs else text


def _unit(row: Row) -> str:
    """The one unit of a result, as code; empty where it has none or several."""
    units = {point.unit for point in row.result.points} if row.result else set()
    return units.pop() if len(units) == 1 else ""


def _when(row: Row, days: Counter[str]) -> str:
    """The date; with the source's own clock where the test has several results on that day."""
    match = _TIMED.fullmatch(row.dates[0]) if row.dates else None
    if match is None or row.cells[_WHEN] != words.date(match[0]):
        return row.cells[_WHEN]
    clock = f" {match[2]}{' UTC' if match[3] in {'Z', '+00:00'} else ''}"
    return words.date(match[1]) + (clock if days[match[1]] > 1 else "")
