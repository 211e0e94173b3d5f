"""The course of a test as a small drawing (SVG): a line over time in the band of its reference range.

The numbers are printed beside it always; the drawing only shows their shape. Values outside the band are
squares, the others are dots, so that it can be read without colours.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from html import escape

from chartbridge.summary import words
from chartbridge.summary.chart import Point

LEAST = 3
"""Fewer points show no course."""
_DOTS = 30
"""With more points than that, only those marked abnormal get a sign of their own: the others are the line."""
_WIDTH, _HEIGHT = 156, 52
_LEFT, _RIGHT, _TOP, _BOTTOM = 30, 150, 6, 36
_DATE = re.compile(r"(\d{4})-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d))?)?")
_INK, _BAND, _EDGE = "#16202b", "#e4e9ee", "#5a6875"


@dataclass(frozen=True, slots=True)
class _Drawn:
    day: float
    point: Point


def _days(text: str) -> float | None:
    """The moment as days, of the source's own clock; a month counts from its middle."""
    match = _DATE.match(text)
    if match is None:
        return None
    year, month, day, hour, minute = match.groups()
    try:
        found = date(int(year), int(month), int(day or 15)).toordinal()
    except ValueError:
        return None
    return found + (int(hour or 0) * 60 + int(minute or 0)) / 1440


def _comparable(points: list[Point]) -> dict[str, list[_Drawn]]:
    """The points by series that have the unit of the newest one; only series that are long enough."""
    dated = [_Drawn(day, one) for one in points if (day := _days(one.date)) is not None]
    dated.sort(key=lambda one: (one.day, one.point.value))
    if not dated:
        return {}
    unit = dated[-1].point.unit
    series: dict[str, list[_Drawn]] = {}
    for one in dated:
        if one.point.unit == unit:
            series.setdefault(one.point.series, []).append(one)
    return {name: held for name, held in series.items() if len({one.day for one in held}) >= LEAST}


def _band(series: dict[str, list[_Drawn]]) -> tuple[float | None, float | None]:
    """The reference range where all points that have one have the same; two series have no common one."""
    if len(series) != 1:
        return None, None
    (held,) = series.values()
    given = {(one.point.low, one.point.high) for one in held} - {(None, None)}
    return next(iter(given)) if len(given) == 1 else (None, None)


def _short(value: float) -> str:
    return f"{value:.10g}"


def draw(points: list[Point], name: str) -> str:
    """The drawing of a test as SVG, or nothing where there are fewer than three comparable points."""
    series = _comparable(points)
    if not series:
        return ""
    low, high = _band(series)
    drawn = [one for held in series.values() for one in held]
    values = [one.point.value for one in drawn]
    ends = [end for end in (low, high) if end is not None]
    bottom, top = min([*values, *ends]), max([*values, *ends])
    first, last = min(one.day for one in drawn), max(one.day for one in drawn)

    def x(day: float) -> str:
        return f"{_LEFT + (_RIGHT - _LEFT) * (day - first) / (last - first):.1f}"

    def y(value: float) -> float:
        return _BOTTOM - (_BOTTOM - _TOP) * (value - bottom) / (top - bottom) if top > bottom else 21.0

    inside = []
    if ends:
        upper, lower = y(high if high is not None else top), y(low if low is not None else bottom)
        inside.append(
            f'<rect x="{_LEFT}" y="{upper:.1f}" width="{_RIGHT - _LEFT}" '
            f'height="{max(lower - upper, 0.5):.1f}" fill="{_BAND}"/>'
        )
        inside += [
            f'<path d="M{_LEFT} {y(end):.1f}H{_RIGHT}" stroke="{_EDGE}" stroke-width="0.5" '
            'stroke-dasharray="2 2"/>'
            for end in ends
        ]
    inside.append(
        f'<path d="M{_LEFT} {_TOP}V{_BOTTOM}H{_RIGHT}" fill="none" stroke="{_EDGE}" stroke-width="0.5"/>'
    )
    for held in series.values():
        line = " ".join(f"{x(one.day)},{y(one.point.value):.1f}" for one in held)
        inside.append(f'<polyline points="{line}" fill="none" stroke="{_INK}" stroke-width="1"/>')
        inside += [
            _dot(float(x(one.day)), y(one.point.value), one.point)
            for one in held
            if len(held) <= _DOTS or one.point.outside
        ]
    for at, value in dict.fromkeys([(y(top), top), (y(bottom), bottom)]):
        inside.append(_text(_LEFT - 3, at + 2.5, "end", _short(value)))
    by_day = sorted(drawn, key=lambda one: one.day)
    for at, anchor, one in ((_LEFT, "start", by_day[0]), (_RIGHT, "end", by_day[-1])):
        inside.append(_text(at, _HEIGHT - 6, anchor, words.date(one.point.date[:10])))
    return (
        f'<svg class="trend" width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{escape(_said(series, name, low, high), quote=True)}">{"".join(inside)}</svg>'
    )


def _dot(x: float, y: float, point: Point) -> str:
    if point.outside:
        return f'<rect x="{x - 2.2:.1f}" y="{y - 2.2:.1f}" width="4.4" height="4.4" fill="{_INK}"/>'
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="1.5" fill="{_INK}"/>'


def _text(x: float, y: float, anchor: str, text: str) -> str:
    at = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {at} font-size="8" fill="{_INK}">{escape(text)}</text>'


def _said(series: dict[str, list[_Drawn]], name: str, low: float | None, high: float | None) -> str:
    """The drawing in words, for those who do not see it."""
    told = []
    for part, held in series.items():
        values = [one.point.value for one in held]
        told.append(
            f"{part + ': ' if part else ''}{len(held)} results from {words.date(held[0].point.date[:10])} to "
            f"{words.date(held[-1].point.date[:10])}, lowest {_short(min(values))}, highest "
            f"{_short(max(values))}, latest {_short(values[-1])}"
        )
    unit = words.unit(next(iter(series.values()))[-1].point.unit)
    ends = [
        words.labelled("from", _short(low)) if low is not None else "",
        words.labelled("to", _short(high)) if high is not None else "",
    ]
    band = words.labelled("reference range", words.joined(ends, " "))
    return f"Trend of {name}{', ' + unit if unit else ''}. {words.joined([*told, band], '; ')}."
