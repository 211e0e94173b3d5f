"""The folder of editions: which one is in use, and what the operator imported over the default.

    current          names the edition in use; replaced as a whole, so a reader sees the old or the new one
    default-….sqlite the edition that came with Chartbridge, unpacked
    <id>.sqlite      an edition merged from the default and the imports
    imports/         one edition for each import, kept so that a newer default can be merged with them again

An edition that was in use stays for a day after it was replaced: who has opened it reads on undisturbed.
A process that keeps an :class:`Edition` for longer asks :func:`current` from time to time, which costs the
reading of one small file, and opens the edition anew when the path is another.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from chartbridge.terminology.default import default_edition, manifest
from chartbridge.terminology.edition import Edition, EditionError
from chartbridge.terminology.rows import Alias, MapRow, Row, Source, System, TerminologyError
from chartbridge.terminology.writing import EditionWriter

KEPT_S = 86_400
"""Seconds that a replaced edition is kept."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class _Current(NamedTuple):
    path: Path
    default: str | None
    """Id of the default edition that it was made from, or ``None`` for one that was made elsewhere."""


def current(folder: Path) -> Path:
    """The edition in use; the first call in a new folder installs the default.

    After an update of Chartbridge that brought another default, the edition is made anew from it and the
    imports, by one process while the others go on with the old one.
    """
    found = _read(folder)
    if found is not None and found.default in (None, manifest()["edition"]):
        return found.path
    with _locked(folder, wait=found is None) as mine:
        again = _read(folder)
        if again is not None and (not mine or again.default in (None, manifest()["edition"])):
            return again.path
        return _swap(folder, _combined(folder, _imports(folder)), manifest()["edition"])


def install(folder: Path, new_file: Path) -> Path:
    """Move a finished edition into the folder and make it the current one; its path there.

    It stands as it is until the next import: no default is merged into it. Raises :class:`EditionError`,
    and changes nothing, where the file is no edition or its contents are not those of its id.
    """
    with _locked(folder):
        with Edition.open(new_file) as checked:
            checked.verify()
        return _swap(folder, _adopt(folder, new_file), None)


def import_over(folder: Path, name: str, overlay: Path) -> Path:
    """Keep an edition as the import ``name`` (a word: ``rxnorm``), merge all again, and use that; its path.

    ``overlay`` is moved. An earlier import of that name is replaced; where anything goes wrong before, the
    folder is as it was.
    """
    if not _NAME.fullmatch(name):
        raise TerminologyError(f"{name[:80]!r}: the name of an import is a word of letters and digits")
    with _locked(folder):
        with Edition.open(overlay) as checked:
            checked.verify()
        kept = folder / "imports" / f"{name}.sqlite"
        kept.parent.mkdir(exist_ok=True)
        with _moved_in(overlay, kept.parent) as arrived:
            layers = {path.name: path for path in _imports(folder)} | {kept.name: arrived}
            path = _combined(folder, [layer for _, layer in sorted(layers.items())])
            os.replace(arrived, kept)
        return _swap(folder, path, manifest()["edition"])


def forget(folder: Path, name: str) -> Path:
    """Drop an import and go back to what the default has of its code systems; the new current edition."""
    with _locked(folder):
        kept = folder / "imports" / f"{name}.sqlite"
        if not _NAME.fullmatch(name) or not kept.is_file():
            raise TerminologyError(f"{name[:80]!r}: no such import")
        path = _combined(folder, [other for other in _imports(folder) if other != kept])
        kept.unlink()
        return _swap(folder, path, manifest()["edition"])


def imports(folder: Path) -> list[str]:
    """The names of the imports, in order."""
    return [path.stem for path in _imports(folder)]


def merged(target: Path, base: Path, *overlays: Path) -> str:
    """Write the edition ``target`` with all of ``base`` and of the overlays; its id.

    Of a code system that an overlay has, only what the last such overlay says counts: concepts,
    designations, properties and relations are replaced as a whole, and so is a map of the same name.
    Sources and aliases are added to those there are, or take their place.
    """
    layers = [base, *overlays]
    with contextlib.ExitStack() as opened, EditionWriter(target) as writer:
        editions = [opened.enter_context(Edition.open(path)) for path in layers]
        owners = {_owned(row): place for place, edition in enumerate(editions) for row in _claims(edition)}
        for kind in range(3):  # of all layers the sources, then the systems, then what names them
            for place, edition in enumerate(editions):
                for row in edition.rows():
                    if _kind(row) == kind and owners[_owned(row)] == place:
                        writer.add(row)
                    elif _kind(row) > kind:
                        break
        return writer.finish()


def _claims(edition: Edition) -> Iterator[Row]:
    """One row for each thing that an edition has of its own."""
    for row in edition.rows():
        if not isinstance(row, (Source, System, Alias)):
            break
        yield row
    for name, _ in edition.maps():
        yield MapRow(name, "", "", "", "", "")


def _kind(row: Row) -> int:
    return 0 if isinstance(row, Source) else 1 if isinstance(row, System) else 2


def _owned(row: Row) -> tuple[str, str]:
    """What of an edition a row belongs to, which comes from one layer as a whole."""
    match row:
        case Source():
            return "source", row.id
        case Alias():
            return "alias", row.alias
        case MapRow():
            return "map", row.name
        case System():
            return "system", row.uri
        case _:
            return "system", row.system


def _combined(folder: Path, overlays: list[Path]) -> Path:
    """The default with the overlays merged over it, as a file in the folder that is not yet in use."""
    default = default_edition(folder)
    if not overlays:
        return default
    made = folder / ".merged.sqlite"
    merged(made, default, *overlays)
    return _adopt(folder, made)


def _imports(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / "imports").glob("*.sqlite") if _NAME.fullmatch(path.stem))


def _adopt(folder: Path, file: Path) -> Path:
    """Move an edition into the folder under its name."""
    with Edition.open(file) as edition:
        path = folder / f"{edition.id[:32]}.sqlite"
    with _moved_in(file, folder) as arrived:
        os.replace(arrived, path)
    return path


@contextlib.contextmanager
def _moved_in(file: Path, folder: Path) -> Iterator[Path]:
    """A file, or a copy in the folder if it lies on another file system: to be renamed by the caller."""
    if file.stat().st_dev == folder.stat().st_dev:
        yield file
        return
    descriptor, name = tempfile.mkstemp(prefix=".arriving-", dir=folder)
    os.close(descriptor)
    try:
        shutil.copyfile(file, name)
        _sync(Path(name))
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def _read(folder: Path) -> _Current | None:
    """What ``current`` names, or nothing where there is no such file or no such edition."""
    try:
        told = json.loads((folder / "current").read_text("utf-8"))
        path = folder / Path(told["edition"]).name
        return _Current(path, told["default"]) if path.is_file() else None
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise EditionError(f"{folder / 'current'}: cannot be read; delete it to make it anew") from error


def _swap(folder: Path, path: Path, default: str | None) -> Path:
    replaced = _read(folder)
    if replaced is not None and replaced.path != path:
        os.utime(replaced.path)  # its day begins now
    descriptor, name = tempfile.mkstemp(prefix=".current-", dir=folder)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump({"edition": path.name, "default": default}, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(name, folder / "current")
    _sync(folder)
    _clean(folder, path)
    return path


def _clean(folder: Path, used: Path) -> None:
    """Remove what nobody can be using any more, going by the time at which ``current`` was written."""
    now = (folder / "current").stat().st_mtime
    for path in folder.iterdir():
        is_edition = path.suffix == ".sqlite" and path != used
        is_remnant = path.name.startswith((".edition-", ".default-", ".current-", ".arriving-", ".merged"))
        if (is_edition or is_remnant) and path.stat().st_mtime < now - KEPT_S:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()


@contextlib.contextmanager
def _locked(folder: Path, *, wait: bool = True) -> Iterator[bool]:
    """Hold the folder's lock, which ends with the process; without ``wait``, whether it was free."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
