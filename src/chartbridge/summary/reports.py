"""Diagnostic reports as rows: those with a text of their own, and those that only list results."""

from __future__ import annotations

import re
from html import unescape

from chartbridge.summary import words
from chartbridge.summary.chart import Chart, Json, Mark, Row, row
from chartbridge.summary.entries import _referred, _state, _text_of

REPORT_LENGTH = 12_000
"""Characters that a report's text may have: about three pages."""
WHEN, TEXT = 1, 3
RESULTS_ONLY = "results only"
_BLOCK = re.compile(r"</(?:p|div|tr|li|h\d|table|ul|ol)>|<br\s*/?>", re.IGNORECASE)
_TAG = re.compile(r"<[^>]*>")
_SPACE = re.compile(r"[ \t\r\f\v]+")


def report(held: Json, chart: Chart) -> Row:
    """DiagnosticReport: its conclusion, its text, and which results it has."""
    status = str(held.get("status") or "")
    marks = (
        []
        if status in {"final", "amended", "corrected", "appended"}
        else [Mark("CANCELLED", "stop") if status == "cancelled" else Mark(_state(status), "warn")]
    )
    results = [_referred(one, held, chart) for one in held.get("result") or []]
    texts = [_text_of(form) for form in held.get("presentedForm") or []]
    own = [str(held.get("conclusion") or ""), words.concepts(held.get("conclusionCode")), *texts]
    if not any(own):
        own.append(_narrative(held) if not results else "")
    shown = row(
        held,
        [
            words.concept(held.get("code")) or "report not named",
            words.timed(held, "effective")
            or words.labelled("issued", words.date(held.get("issued")))
            or "date unknown",
            words.joined([words.concepts(held.get("category")), words.plain(status)]),
            words.joined([*own, words.labelled("Results:", words.joined(results))], "; "),
            chart.everyone(held.get("performer"), held),
        ],
        [held.get("effectiveDateTime"), (held.get("effectivePeriod") or {}).get("start"), held.get("issued")],
        marks=marks,
        most=REPORT_LENGTH,
        look="struck" if status == "cancelled" else "",
    )
    known = all(chart.target(one, held) for one in held.get("result") or [])
    if results and known and not any(own) and not marks:
        shown.group = RESULTS_ONLY
    return shown


def _narrative(held: Json) -> str:
    """The narrative of a resource as plain text, its blocks on lines of their own."""
    markup = str((held.get("text") or {}).get("div") or "")
    plain = unescape(_TAG.sub(" ", _BLOCK.sub("\n", markup)))
    lines = (_SPACE.sub(" ", line).strip() for line in plain.split("\n"))
    return "\n".join(line for line in lines if line)


def fold(rows: list[Row]) -> list[Row]:
    """The rows of reports; those that only list the same results, which stand among the results, in one row
    with all their dates. ``rows`` are newest first."""
    told: list[Row] = []
    alike: dict[tuple[str, ...], list[Row]] = {}
    for one in rows:
        if one.group != RESULTS_ONLY or one.conflicts or one.also or "(entered in error)" in one.cells[TEXT]:
            told.append(one)
            continue
        same = alike.setdefault((one.cells[0], one.cells[2], one.cells[TEXT]), [])
        same.append(one)
        if len(same) == 1:
            told.append(one)
    for same in alike.values():
        _tell(same)
    return told


def _tell(same: list[Row]) -> None:
    if len(same) < 2:
        return
    first = same[0]
    days = words.joined(
        (words.date(one.dates[0][:10]) if one.dates else "date unknown" for one in same), "; "
    )
    first.cells[WHEN] = f"{len(same)} reports: {days}"
    first.cells[4] = words.joined(one.cells[4] for one in same)
    first.sources = list(dict.fromkeys(source for one in same for source in one.sources))
