"""Medications as rows, and what was dispensed under the medication that it belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chartbridge.summary import words
from chartbridge.summary.chart import Chart, Json, Mark, Row, row
from chartbridge.summary.entries import _look, _period_end, _state

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
COLUMNS = ["Medication", "Kind and status", "Dose and directions", "Filled", "When", "Reason, by"]
_DIRECTIONS, _FILLED, _BY = 2, 3, 5
_KIND = {
    "MedicationStatement": "Reported",
    "MedicationRequest": "Prescribed",
    "MedicationDispense": "Dispensed",
    "MedicationAdministration": "Given",
}
_NOT_SO = {"not-taken": "NOT TAKEN", "not-done": "NOT GIVEN", "declined": "DECLINED"}


def medication(held: Json, chart: Chart) -> Row:
    """What is reported, prescribed, dispensed or given; what is not to be, or was not, says so."""
    name, _ = chart.concept_or_target(held, "medication")
    status = str(held.get("status") or "")
    marks = _marks(held, status)
    doses = _doses(held)
    when = words.timed(held, "effective")
    for element in ("authoredOn", "whenHandedOver", "whenPrepared", "dateAsserted"):
        when = when or words.date(held.get(element))
    person = chart.who(held.get("requester") or held.get("informationSource"), held)
    person = person or chart.performers(held)
    reason = words.concepts(held.get("statusReason") or held.get("statusReasonCodeableConcept"))
    reasons = words.concepts(held.get("reasonCode"))
    starts: list[Any] = [
        held.get("effectiveDateTime"),
        (held.get("effectivePeriod") or {}).get("start"),
        *(held.get(element) for element in ("authoredOn", "whenHandedOver", "whenPrepared", "dateAsserted")),
    ]
    return row(
        held,
        [
            name or "medication not stated",
            words.joined(
                [_KIND[held["resourceType"]], _state(status) if status not in _NOT_SO else "", reason]
            ),
            words.joined([*map(words.dosage, doses), _supply(held), words.notes(held.get("note"))], "; ")
            or "directions not stated",
            "",
            when or "date unknown",
            words.joined([reasons and f"for {reasons}", person], "; "),
        ],
        starts,
        marks=marks,
        look=_look(status, negated=any(mark.text in {"DO NOT GIVE", *_NOT_SO.values()} for mark in marks)),
        ends=_period_end(held, "effectivePeriod") or ("open" if status == "active" else ""),
    )


def _marks(held: Json, status: str) -> list[Mark]:
    marks = []
    if held.get("doNotPerform"):
        marks.append(Mark("DO NOT GIVE", "stop"))
    if status in _NOT_SO:
        marks.append(Mark(_NOT_SO[status], "stop"))
    if status in {"unknown", "on-hold", "draft"}:
        marks.append(
            Mark({"unknown": "status unknown", "draft": "draft, not ordered"}.get(status, "on hold"), "warn")
        )
    if held["resourceType"] == "MedicationRequest" and held.get("intent") not in {"order", None}:
        marks.append(Mark(words.plain(held["intent"])))
    return marks


def _doses(held: Json) -> list[Json]:
    given = held.get("dosage")
    if isinstance(given, dict) and given.get("dose"):
        return [{**given, "doseAndRate": [{"doseQuantity": given["dose"]}]}]
    return held.get("dosageInstruction") or (given if isinstance(given, list) else [given] if given else [])


def _supply(held: Json) -> str:
    """How much, for how long, how often again."""
    request = held.get("dispenseRequest") or {}
    refills = request.get("numberOfRepeatsAllowed")
    return words.joined(
        [
            words.quantity(held.get("quantity") or request.get("quantity")),
            words.labelled("for", words.age(held.get("daysSupply"))),
            f"{refills} refill{'s' if refills != 1 else ''}" if refills is not None else "",
        ]
    )


@dataclass(slots=True)
class _Fill:
    """One dispense that is told in the row of its medication."""

    row: Row
    day: str
    supply: str
    pharmacy: str
    directions: str


def group(pairs: list[tuple[Json, Row]], chart: Chart) -> list[Row]:
    """The rows of medications; what was dispensed is told in the row of the medication it belongs to: one
    that has a code in common or that it was dispensed for, current ones first.

    A dispense that says more than when, how much and by whom (a mark, a note, a status that is not
    "completed") keeps its row, as does one without any such medication. In the same way a prescription that
    says no more than an amount and refills stands in the row of the same medication as it is taken.
    """
    for held, shown in pairs:
        shown.group = _drug(held, shown, chart)
    taken: dict[tuple[str, str], tuple[Json, Row]] = {}
    for held, shown in pairs:
        if held["resourceType"] == "MedicationStatement" and not shown.marks and not shown.conflicts:
            taken.setdefault((shown.group, str(held.get("status"))), (held, shown))
    known: dict[tuple[str, str], list[tuple[Json, Row]]] = {}
    rest = []
    for held, shown in pairs:
        whole = taken.get((shown.group, str(held.get("status"))))
        if whole is not None and _is_only_a_supply(held, shown):
            _prescribed(whole[1], held, shown)
            known.setdefault(("reference", shown.about), []).append(whole)
            continue
        rest.append((held, shown))
        if held["resourceType"] in {"MedicationStatement", "MedicationRequest"}:
            for code in [*_codes(held, chart), ("reference", shown.about)]:
                known.setdefault(code, []).append((held, shown))
    return _with_fills(rest, known, chart)


def _is_only_a_supply(held: Json, shown: Row) -> bool:
    """Whether a prescription says how much and how often again, and nothing of how to take it or why."""
    more = {"note", "reasonCode", "statusReason", "priorPrescription", "detectedIssue", "substitution"}
    return (
        held["resourceType"] == "MedicationRequest"
        and bool(_supply(held))
        and not (_doses(held) or shown.marks or shown.conflicts or shown.also or more & set(held))
    )


def _prescribed(owner: Row, held: Json, shown: Row) -> None:
    """Says in the row of a medication as it is taken what was prescribed of it."""
    said = words.joined([_supply(held), shown.cells[_BY]])
    text = f"prescribed {words.date(held.get('authoredOn')) or 'on an unknown date'}: {said}"
    owner.cells[_DIRECTIONS] = words.joined([owner.cells[_DIRECTIONS], text], "\n")
    owner.sources = list(dict.fromkeys([*owner.sources, *shown.sources]))


def _with_fills(
    pairs: list[tuple[Json, Row]], known: dict[tuple[str, str], list[tuple[Json, Row]]], chart: Chart
) -> list[Row]:
    rows: list[Row] = []
    fills: dict[int, list[_Fill]] = {}
    owners: dict[int, Row] = {}
    for held, shown in pairs:
        owner = _owner(held, shown, known, chart)
        if owner is None:
            rows.append(shown)
        else:
            owners[id(owner)] = owner
            fills.setdefault(id(owner), []).append(_fill(held, shown, chart))
    for key, given in fills.items():
        _tell(owners[key], given)
    return rows


def _codes(held: Json, chart: Chart) -> list[tuple[str, str]]:
    concept = held.get("medicationCodeableConcept")
    if concept is None:
        concept = chart.target(held.get("medicationReference"), held).get("code")
    listed = (concept or {}).get("coding") or []
    return [(str(one.get("system") or ""), str(one["code"])) for one in listed if one.get("code")]


def _drug(held: Json, shown: Row, chart: Chart) -> str:
    """What rows of one medicine have in common: its RxNorm code, else its name."""
    known = sorted(code for system, code in _codes(held, chart) if system == RXNORM)
    return f"{RXNORM} {known[0]}" if known else shown.cells[0].casefold()


def _owner(
    held: Json, shown: Row, known: dict[tuple[str, str], list[tuple[Json, Row]]], chart: Chart
) -> Row | None:
    """The row in which a dispense is told; ``None`` where it keeps its own."""
    if held["resourceType"] != "MedicationDispense" or held.get("status") != "completed":
        return None
    if (
        shown.marks
        or shown.conflicts
        or shown.also
        or held.get("note")
        or held.get("substitution")
        or not shown.dates
    ):
        return None
    named = {str(one.get("reference") or "") for one in held.get("authorizingPrescription") or []}
    near = [pair for code in _codes(held, chart) for pair in known.get(code, [])]
    near += [pair for reference in sorted(named) for pair in known.get(("reference", reference), [])]
    fitting = [(one, row_) for one, row_ in near if row_.look != "negated" and not row_.conflicts]
    if not fitting:
        return None

    # what is current first, then the prescription it was dispensed for, then prescriptions, then the newest
    def order(pair: tuple[Json, Row]) -> tuple[bool, bool, bool, str, str]:
        one, row_ = pair
        newest = (row_.dates or [""])[0]
        return (
            row_.look != "",
            row_.about not in named,
            one["resourceType"] != "MedicationRequest",
            "".join(chr(0x10FFFF - ord(letter)) for letter in newest),
            row_.about,
        )

    return min(fitting, key=order)[1]


def _fill(held: Json, shown: Row, chart: Chart) -> _Fill:
    refills = words.labelled("reason", words.concepts(held.get("statusReasonCodeableConcept")))
    return _Fill(
        row=shown,
        day=str(held.get("whenHandedOver") or held.get("whenPrepared") or shown.dates[0])[:10],
        supply=words.joined([_supply(held), refills]),
        pharmacy=chart.performers(held),
        directions=words.joined(map(words.dosage, _doses(held)), "; "),
    )


def _tell(owner: Row, fills: list[_Fill]) -> None:
    """Says in a medication's row when it was last filled, how much, by whom, and when before.

    Every fill's date is there; its amount, pharmacy and directions where they differ from the last one's.
    """
    newest = sorted(fills, key=lambda one: one.day, reverse=True)
    last = newest[0]
    said = [f"last {words.date(last.day)}", words.joined([last.supply, last.pharmacy])]
    if last.directions and not _repeated(last.directions, owner.cells[_DIRECTIONS]):
        said.append(f'labelled "{last.directions}"')
    text = words.joined(said, "; ")
    earlier = []
    for one in newest[1:]:
        differs = [
            one.supply if one.supply != last.supply else "",
            one.pharmacy if one.pharmacy != last.pharmacy else "",
            one.directions if one.directions != last.directions else "",
        ]
        detail = words.joined(differs, "; ")
        earlier.append(words.date(one.day) + (f" ({detail})" if detail else ""))
    count = f"{len(fills)} fill{'s' if len(fills) != 1 else ''}"
    text = f"{count}: {text}" + (f"; before: {'; '.join(earlier)}" if earlier else "")
    owner.cells[_FILLED] = text
    owner.sources = list(
        dict.fromkeys([*owner.sources, *(source for one in newest for source in one.row.sources)])
    )


def _repeated(directions: str, shown: str) -> bool:
    """Whether the row says the same directions: their text, whatever the structured part beside it."""
    return directions.partition(" — ")[0].casefold() in shown.casefold()
