"""The plan of a run: which documents are converted, cut into parts, once and for all.

In the target, below ``_batch/``: ``plan/00000001.json`` holds a part's documents, ``plan.json`` says that
the plan is whole and what it was made for. What comes into the source afterwards is for another run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import orjson

from chartbridge.batch.places import Found, Place
from chartbridge.ccda import CONVERTER_VERSION
from chartbridge.commands.sources import is_document

Format = Literal["ndjson", "parquet"]
FORMATS: tuple[Format, ...] = get_args(Format)
FOLDER = "_batch"
PLAN = f"{FOLDER}/plan.json"
MAX_KEY = 1024
"""What a key may have in an object store; a longer one of a folder is not planned."""


class BatchError(Exception):
    """The run cannot begin or go on; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Options:
    """What is made, and in which pieces.

    ``patient_from``: a regular expression whose first group, found in a document's key, is the Patient's
    id; without it each document gets an id made from its bytes. ``part_documents`` and ``part_bytes``
    bound a part, of which one document is the least. ``timeout_s``: the time of one document.
    """

    format: Format = "ndjson"
    patient_from: str | None = None
    part_documents: int = 500
    part_bytes: int = 128 * 1024 * 1024
    timeout_s: float = 60.0

    def identity(self) -> dict[str, Any]:
        """What has to be the same for a run to go on with what another began."""
        return {"format": self.format, "patientFrom": self.patient_from, "converter": CONVERTER_VERSION}


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole plan: the number of its parts and of their documents, and of objects that are none."""

    parts: int
    documents: int
    passed_over: int


def part_name(number: int) -> str:
    return f"{number:08d}"


def made(source: Place, target: Place, options: Options) -> Plan:
    """The plan in the target, made now unless it is there.

    Raises BatchError when it was made for something else, or nothing can be planned, and PlaceError.
    """
    if options.patient_from is not None and re.compile(options.patient_from).groups < 1:
        raise BatchError("the pattern for patients' ids has no group: put the id's part into ( )")
    if target.name == source.name or target.name.startswith(source.name.rstrip("/") + "/"):
        raise BatchError("the target lies within the source; name a place outside of it")
    held = target.get(PLAN)
    wanted = {"source": source.name, **options.identity()}
    if held is None:
        return _make(source, target, options, wanted)
    whole = orjson.loads(held)
    for name, value in wanted.items():
        if whole["for"].get(name) != value:
            raise BatchError(
                f"{target.name} holds a run with another {name} ({whole['for'].get(name)}); "
                "name another target, or go on with the same"
            )
    return Plan(**whole["plan"])


def _make(source: Place, target: Place, options: Options, wanted: dict[str, Any]) -> Plan:
    foreign = next(iter(target.keys("")), FOLDER)
    if not foreign.startswith(FOLDER):
        raise BatchError(f"{target.name} is not empty; name an empty place for the results")
    parts = documents = passed_over = 0
    held: list[Found] = []
    size = 0

    def write() -> None:
        nonlocal parts, size
        parts += 1
        content = orjson.dumps([[found.key, found.size] for found in held])
        target.put(f"{FOLDER}/plan/{part_name(parts)}.json", content)
        held.clear()
        size = 0

    for found in source.documents():
        if not is_document(found.key) or len(found.key) > MAX_KEY:
            passed_over += 1
            continue
        if held and (len(held) >= options.part_documents or size + found.size > options.part_bytes):
            write()
        held.append(found)
        size += found.size
        documents += 1
    if held:
        write()
    if not documents:
        raise BatchError(f"{source.name} holds no documents (.xml, .cda, .ccda, .ccd)")
    plan = Plan(parts, documents, passed_over)
    target.put(PLAN, orjson.dumps({"for": wanted, "plan": asdict(plan)}))
    return plan


def documents_of(target: Place, number: int) -> list[Found]:
    """The documents of a part. Raises BatchError when the plan has lost it, and PlaceError."""
    content = target.get(f"{FOLDER}/plan/{part_name(number)}.json")
    if content is None:
        raise BatchError(f"the plan in {target.name} lacks its part {number}; begin anew in another target")
    return [Found(key, size) for key, size in orjson.loads(content)]


def undone(target: Place, plan: Plan) -> Iterator[int]:
    """The numbers of the parts that are to be converted. Raises PlaceError."""
    done = {key.rpartition("/")[2] for key in target.keys(f"{FOLDER}/done")}
    return (number for number in range(1, plan.parts + 1) if f"{part_name(number)}.json" not in done)
