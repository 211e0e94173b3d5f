"""The files of the packages that an edition is derived from: wheels of PyPI, tarballs of npm."""

from __future__ import annotations

import hashlib
import re
import tarfile
import zipfile
from functools import cache
from pathlib import Path

from chartbridge.terminology.rows import Source


class Archives:
    """A folder that holds one archive of each package."""

    def __init__(self, folder: Path) -> None:
        self._paths = sorted(path for path in folder.iterdir() if path.suffix in (".whl", ".tgz"))

    def path(self, package: str) -> Path:
        """The archive of a package, by its name in the registry."""
        name = package.removeprefix("@").replace("/", "-")
        forms = {f"{name}-", f"{name.replace('-', '_')}-"}
        found = [path for path in self._paths if any(_is_of(path, form) for form in forms)]
        if len(found) != 1:
            raise SystemExit(f"{package}: {len(found)} archives where one was expected")
        return found[0]

    def version(self, package: str) -> str:
        """The version of a package, from its archive's name."""
        found = re.search(r"-(\d+(?:\.\d+)+)", self.path(package).name)
        if found is None:
            raise SystemExit(f"{package}: no version in {self.path(package).name}")
        return found[1]

    def read(self, package: str, end: str) -> bytes:
        """The one file of a package whose path ends so."""
        found = self.read_all(package, re.escape(end) + "$")
        if len(found) != 1:
            raise SystemExit(f"{package}: {len(found)} files end with {end}")
        return next(iter(found.values()))

    def read_all(self, package: str, pattern: str) -> dict[str, bytes]:
        """By path, the files of a package whose paths have the pattern in them."""
        return _read(self.path(package), pattern)

    def source(self, package: str, **fields: str) -> Source:
        """A source that is read from a package; ``fields`` are the others of :class:`Source`."""
        registry = "npm" if self.path(package).suffix == ".tgz" else "PyPI"
        return Source(
            sha256=hashlib.sha256(self.path(package).read_bytes()).hexdigest(),
            origin=f"{registry} package {package} {self.version(package)}",
            **fields,
        )


def _is_of(path: Path, form: str) -> bool:
    return path.name.startswith(form) and path.name[len(form)].isdigit()


@cache
def _read(path: Path, pattern: str) -> dict[str, bytes]:
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if re.search(pattern, name)]
            return {name: archive.read(name) for name in sorted(names)}
    with tarfile.open(path) as archive:
        members = [member for member in archive.getmembers() if re.search(pattern, member.name)]
        files = {member.name: archive.extractfile(member) for member in members if member.isfile()}
        return {name: file.read() for name, file in sorted(files.items()) if file is not None}
