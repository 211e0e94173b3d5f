"""Conditions as rows, and the diagnoses of encounters under the problems that they repeat."""

from __future__ import annotations

from chartbridge.summary import words
from chartbridge.summary.chart import Chart, Json, Mark, Row, coded_status, row
from chartbridge.summary.entries import _look, _verification

CHRONICITY = "http://hl7.org/fhir/StructureDefinition/condition-related"
PROBLEM, DIAGNOSIS = "problem list", "encounter diagnosis"
NO_STATUS = "status not stated"
STATUS, CATEGORY, MORE = 2, 5, 6
"""The numbers of these cells in the row of a condition."""


def is_chronic(condition: Json) -> bool:
    """Whether the chart calls a condition chronic."""
    return any(
        held.get("url") == CHRONICITY and (held.get("valueCoding") or {}).get("code") == "C"
        for held in condition.get("extension") or []
    )


def _category(condition: Json) -> str:
    """Which list a condition stands on: problems, the diagnoses of an encounter, or another."""
    codes = {code for one in condition.get("category") or [] for code in words.codes(one)}
    if "problem-list-item" in codes:
        return PROBLEM
    return DIAGNOSIS if "encounter-diagnosis" in codes else words.concepts(condition.get("category"))


def condition(held: Json, _chart: Chart) -> Row:
    """Condition; chronic ones say so, refuted ones say that the patient does not have it."""
    status = coded_status(held, "clinicalStatus")
    refuted = coded_status(held, "verificationStatus") == "refuted"
    marks = _verification(held, "NOT PRESENT: refuted")
    if is_chronic(held):
        marks.append(Mark("chronic"))
    text = words.concept(held.get("code"))
    # the text of what is refuted may be a negation itself, and two would read as none
    displays = words.joined(str(one.get("display") or "") for one in words.codings(held.get("code")))
    named = displays if refuted else text
    ended = words.timed(held, "abatement")
    stages = words.concepts([stage["summary"] for stage in held.get("stage") or [] if stage.get("summary")])
    codes = words.joined(
        f"{coding['code']}{' (mapped)' if words.is_ours(coding) else ''}"
        for coding in (held.get("code") or {}).get("coding") or []
        if coding.get("code")
    )
    return row(
        held,
        [
            named or text or "condition not stated",
            codes,
            "" if refuted else words.plain(status) or NO_STATUS,
            words.timed(held, "onset")
            or words.labelled("recorded", words.date(held.get("recordedDate")))
            or "onset unknown",
            ended,
            _category(held),
            words.joined(
                [
                    f'source: "{text}"' if text not in named else "",
                    words.concept(held.get("severity")),
                    stages,
                    words.concepts(held.get("bodySite")),
                    words.notes(held.get("note")),
                ],
                "; ",
            ),
        ],
        [held.get("onsetDateTime"), (held.get("onsetPeriod") or {}).get("start"), held.get("recordedDate")],
        marks=marks,
        look=_look(status, negated=refuted),
        ends=str(held.get("abatementDateTime") or (held.get("abatementPeriod") or {}).get("end") or "open"),
    )


def _codings(condition: Json) -> set[tuple[str, str]]:
    listed = (condition.get("code") or {}).get("coding") or []
    return {(str(one.get("system") or ""), str(one["code"])) for one in listed if one.get("code")}


def _repeats(problem: Json, shown: Row, diagnosis: Json) -> bool:
    """Whether a problem says all that a diagnosis does: its codes, and no other status."""
    codes = _codings(diagnosis)
    status = coded_status(diagnosis, "clinicalStatus")
    return (
        bool(codes)
        and codes <= _codings(problem)
        and shown.look != "negated"
        and status in {"", coded_status(problem, "clinicalStatus")}
    )


def fold(pairs: list[tuple[Json, Row]]) -> list[Row]:
    """The rows of conditions; the diagnoses of encounters that repeat a problem stand in the problem's row.

    A diagnosis that says more than its code and its date (a mark, a note, an end, a status of its own) keeps
    its row, as does one whose problem is refuted or is not among the rows.
    """
    problems = [(held, shown) for held, shown in pairs if shown.cells[CATEGORY] == PROBLEM]
    by_coding: dict[tuple[str, str], list[tuple[Json, Row]]] = {}
    for held, shown in problems:
        for coding in _codings(held):
            by_coding.setdefault(coding, []).append((held, shown))
    rows: list[Row] = []
    folded: dict[int, list[tuple[Json, Row]]] = {}
    for held, shown in pairs:
        near = by_coding.get(next(iter(sorted(_codings(held))), ("", "")), [])
        plain = shown.cells[CATEGORY] == DIAGNOSIS and not shown.marks and not any(shown.cells[4:CATEGORY])
        problem = next((row_ for one, row_ in near if _repeats(one, row_, held)), None)
        if plain and not (shown.cells[MORE] or shown.conflicts or shown.also) and problem is not None:
            folded.setdefault(id(problem), []).append((held, shown))
        else:
            rows.append(shown)
    for _, problem in problems:
        _add(problem, folded.get(id(problem), []))
    return rows


def _add(problem: Row, diagnoses: list[tuple[Json, Row]]) -> None:
    """Says in a problem's row at how many encounters it was diagnosed, when, and which sources say so."""
    if not diagnoses:
        return
    met = {str((held.get("encounter") or {}).get("reference") or id(held)) for held, _ in diagnoses}
    newest = sorted(diagnoses, key=lambda one: one[1].dates[:1], reverse=True)
    dates = words.joined((words.date(shown.dates[0][:10]) for _, shown in newest if shown.dates), "; ")
    names = words.joined(
        f'"{shown.cells[0]}"'
        for _, shown in newest
        if shown.cells[0].casefold() not in problem.text.casefold()
    )
    said = f"also diagnosed at {len(met)} encounter{'s' if len(met) != 1 else ''}"
    said = words.joined([said, dates], ": ")
    problem.cells[MORE] = words.joined([problem.cells[MORE], said, words.labelled("as", names)], "; ")
    problem.sources = list(
        dict.fromkeys([*problem.sources, *(one for _, shown in diagnoses for one in shown.sources)])
    )
