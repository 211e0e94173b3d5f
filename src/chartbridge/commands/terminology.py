"""Looking after the terminology: importing releases, and telling what there is."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer
from rich.markup import escape
from rich.table import Table

from chartbridge.commands.console import fail, results, talk
from chartbridge.config import Settings
from chartbridge.terminology import editions
from chartbridge.terminology.edition import Edition
from chartbridge.terminology.releases.loading import KINDS, Loaded, is_older, load
from chartbridge.terminology.releases.reading import Options
from chartbridge.terminology.rows import Source, System, TerminologyError
from chartbridge.terminology.standardise.forms import NDC, ndc11, spelling
from chartbridge.terminology.writing import EditionWriter

MAX_REMARKS = 20
MANY = 20
"""Code systems of one source, from which on they are shown together."""
RELATIONS = (
    *("replaced-by", "parent", "tradename-of", "brand", "ingredient", "precise-ingredient", "ingredients"),
    *("part", "consists-of", "contains", "form", "dose-form"),
)


def bring_in(
    settings: Settings, paths: list[Path], kind: str | None, options: Options, *, is_forced: bool
) -> bool:
    """Import releases one after the other; whether all of them were."""
    if kind is not None and kind not in KINDS:
        fail(f"--kind must be one of {', '.join(KINDS)}", 2)
    is_sound = True
    for path in paths:
        try:
            _bring_in(settings.resolved_terminology_dir, path, kind, options, is_forced=is_forced)
        except (TerminologyError, OSError) as error:
            is_sound = False
            told = f"{path}: {_told(error).removeprefix(f'{path.name}: ')}"
            talk.print(f"[bold red]error:[/] {escape(told)}", soft_wrap=True)
            talk.print("nothing of it was loaded")
    return is_sound


def _told(error: TerminologyError | OSError) -> str:
    return (error.strerror or "cannot be read or written") if isinstance(error, OSError) else str(error)


def _of_folder(folder: Path, error: TerminologyError | OSError) -> str:
    """What is wrong, with the folder of editions where the system does not let us use it."""
    return f"{folder}: {_told(error)}" if isinstance(error, OSError) else str(error)


def _bring_in(folder: Path, path: Path, kind: str | None, options: Options, *, is_forced: bool) -> None:
    with load(path, kind, options) as loaded:
        name, version = loaded.kind.name, loaded.source.version
        before = _imported(folder, name)
        if before is not None and is_older(version, before.version) and not is_forced:
            raise TerminologyError(
                f"is {version}, and {before.version} is loaded; use --force to go back to it"
            )
        with _arriving(folder) as new_file:
            with EditionWriter(new_file) as writer:
                counted = loaded.write(writer)
                writer.finish()
            editions.import_over(folder, name, new_file)
        _tell(path, loaded, counted)


@contextmanager
def _arriving(folder: Path) -> Iterator[Path]:
    """A place for a new edition on the folder's file system; what a killed import left is swept up later."""
    folder.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix=".arriving-", dir=folder))
    try:
        yield place / "edition.sqlite"
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _imported(folder: Path, name: str) -> Source | None:
    """The source of what was imported under a name before."""
    if name not in editions.imports(folder):
        return None
    with Edition.open(folder / "imports" / f"{name}.sqlite") as edition:
        return next(iter(edition.sources()), None)


def _tell(path: Path, loaded: Loaded, counted: Counter[str]) -> None:
    what = f"{counted['Concept']} concepts"
    if counted["MapRow"]:
        what += f", {counted['MapRow']} rows of maps"
    talk.print(escape(f"{path}: {loaded.source.name} {loaded.source.version}: {what}"), soft_wrap=True)
    for remark in loaded.remarks[:MAX_REMARKS]:
        talk.print(escape(f"{path}: {remark}"), soft_wrap=True)


def drop(settings: Settings, name: str) -> None:
    """Go back to what the default edition has of an imported release."""
    try:
        editions.forget(settings.resolved_terminology_dir, name)
    except (TerminologyError, OSError) as error:
        fail(_of_folder(settings.resolved_terminology_dir, error))
    talk.print(f"{name} was dropped")


def show(settings: Settings, *, with_all: bool, with_notices: bool, as_json: bool) -> None:
    """Print the code systems, their versions, their sources and the maps."""
    folder = settings.resolved_terminology_dir
    with _opened(folder) as edition:
        if as_json:
            typer.echo(json.dumps(_as_json(folder, edition), indent=2))
            return
        sources = {source.id: source for source in edition.sources()}
        results.print(_systems(edition, sources, MANY if not with_all else None))
        if maps := edition.maps():
            results.print()
            results.print(_maps(maps))
        if with_notices:
            for source in sources.values():
                results.print()
                _print_notice(source)
        talk.print(f"edition {edition.id[:32]} in {folder}", soft_wrap=True)


def _systems(edition: Edition, sources: dict[str, Source], many: int | None) -> Table:
    """A row a code system; those of a source that has ``many``, such as HL7's, are one row."""
    table = Table(
        "code system", "version", "concepts", "codes", "source", "licence", box=None, pad_edge=False
    )
    by_source: dict[str, list[System]] = {}
    for system in edition.systems():
        by_source.setdefault(system.source_id, []).append(system)
    for source_id, systems in sorted(by_source.items(), key=lambda found: (len(found[1]), found[0])):
        source = sources.get(source_id)
        origin = (escape(source.name), escape(source.licence)) if source else ("", "")
        if many is not None and len(systems) >= many:
            concepts = sum(system.concepts for system in systems)
            table.add_row(f"{len(systems)} code systems (--all)", "", str(concepts), "", *origin)
            continue
        for system in systems:
            codes = "all" if system.complete else "some"
            name = escape(f"{system.name} ({system.uri})")
            table.add_row(name, escape(system.version), str(system.concepts), codes, *origin)
    return table


def _maps(maps: list[tuple[str, int]]) -> Table:
    table = Table("map", "rows", box=None, pad_edge=False)
    for name, rows in maps:
        table.add_row(escape(name), str(rows))
    return table


def _print_notice(source: Source) -> None:
    results.print(f"[bold]{escape(f'{source.name} {source.version}')}[/]", soft_wrap=True)
    told = {
        "from": f"{source.origin}{f', {source.date}' if source.date else ''}",
        "licence": source.licence,
        "notice": source.notice,
        "SHA-256": source.sha256,
    }
    for name, text in told.items():
        if text:
            results.print(escape(f"  {name}: {text}"), soft_wrap=True)


def _as_json(folder: Path, edition: Edition) -> dict[str, Any]:
    return {
        "edition": edition.id,
        "imports": editions.imports(folder),
        "systems": [system._asdict() for system in edition.systems()],
        "maps": [{"name": name, "rows": rows} for name, rows in edition.maps()],
        "sources": [source._asdict() for source in edition.sources()],
    }


def look_up(settings: Settings, system: str, code: str, *, as_json: bool) -> bool:
    """Print what is known of a code; whether anything is. A system is named by URI, OID or its name."""
    with _opened(settings.resolved_terminology_dir) as edition:
        uri = _uri(edition, system)
        code = spelling(uri, code, edition)
        if uri == NDC:
            code = ndc11(code) or code
        found = _known(edition, uri, code)
        if not any(found.values()):
            held = edition.system(uri)
            talk.print(escape(_unknown(uri, code, held.name if held else None)), soft_wrap=True)
            return False
    told = {"system": uri, "code": code} | found
    if as_json:
        typer.echo(json.dumps(told, indent=2))
    else:
        for line in _lines(told):
            results.print(escape(line), soft_wrap=True)
    return True


def _unknown(uri: str, code: str, name: str | None) -> str:
    return f"{name} has no {code}" if name else f"nothing is held of a code system {uri}"


def _uri(edition: Edition, system: str) -> str:
    named = [held.uri for held in edition.systems() if held.name.casefold() == system.casefold()]
    return named[0] if len(named) == 1 else edition.canonical(system)


def _known(edition: Edition, uri: str, code: str) -> dict[str, Any]:
    concept = edition.concept(uri, code)
    targets = sorted({held.uri for held in edition.systems()} | _mapped_to())
    return {
        "display": concept.display if concept else None,
        "active": concept.active if concept else None,
        "designations": [[found.kind, found.text] for found in edition.designations(uri, code)],
        "properties": {name: list(values) for name, values in edition.properties(uri, code).items()},
        "relations": [[kind, *target] for kind in RELATIONS for target in edition.related(uri, code, kind)],
        "maps": [
            [row.name, row.target_system, row.target_code, row.equivalence, row.group, row.priority, row.rule]
            for target in targets
            for row in edition.mapped(uri, code, target)
        ],
    }


def _mapped_to() -> set[str]:
    """Code systems that maps lead to and that an edition need not hold."""
    from chartbridge.terminology.releases.rxnorm import RXNORM
    from chartbridge.terminology.releases.snomed_map import ICD_10_CM

    return {RXNORM, ICD_10_CM}


def _lines(told: dict[str, Any]) -> Iterator[str]:
    state = {True: "", False: " (retired)", None: ""}[told["active"]]
    yield f"{told['system']}|{told['code']}  {told['display'] or '(no display)'}{state}"
    for kind, text in told["designations"]:
        yield f"  {kind}: {text}"
    for name, values in told["properties"].items():
        yield f"  {name}: {'; '.join(values)}"
    for kind, system, code in told["relations"]:
        yield f"  {kind}: {system}|{code}"
    for name, system, code, equivalence, group, priority, rule in told["maps"]:
        place = f", group {group}, {priority}: {rule}" if rule else ""
        yield f"  {name}: {system}|{code or '(none)'} ({equivalence}{place})"


@contextmanager
def _opened(folder: Path) -> Iterator[Edition]:
    try:
        with Edition.open(editions.current(folder)) as edition:
            yield edition
    except (TerminologyError, OSError) as error:
        fail(_of_folder(folder, error))
