"""Compile the converter with mypyc, in place: the same Python files as C extensions beside them.

    .venv/bin/python scripts/compile_converter.py           compile, where that was not done already
    .venv/bin/python scripts/compile_converter.py --remove  back to plain Python
    … --is-current                                          whether that is done: exit code 0 or 1

The converter (``ccda``) and what it stands on (``fhir``) run about 1.4 times faster compiled, and give
the same bytes. Python prefers the extensions to the files that they were made from, so after a change of
a file they have to be made anew or removed; the tests refuse to run with ones that are out of date.
Needs a C compiler, Python's headers, and what requirements/build.txt lists.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SRC = ROOT / "src"
PACKAGES = ("chartbridge/ccda", "chartbridge/fhir")
GROUP = "chartbridge_converter"
MARK = SRC / f"{GROUP}__mypyc.digest"


def sources() -> list[Path]:
    """The modules to compile; packages' ``__init__`` stays Python."""
    return sorted(
        path for package in PACKAGES for path in (SRC / package).rglob("*.py") if path.name != "__init__.py"
    )


def extensions() -> list[Path]:
    """What an earlier run made."""
    return [
        *SRC.glob(f"{GROUP}__mypyc.*"),
        *(path for package in PACKAGES for path in (SRC / package).rglob("*.so")),
    ]


def remove() -> None:
    """Back to plain Python."""
    for path in extensions():
        path.unlink()


def digest() -> str:
    """What the extensions depend on: the sources, this file, the compiler's version, Python's."""
    hashed = hashlib.sha256(sys.version.encode())
    for path in (Path(__file__), ROOT / "requirements/build.txt", *sources()):
        hashed.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return hashed.hexdigest()


def is_compiled() -> bool:
    """Whether there are extensions at all."""
    return MARK.exists()


def is_current() -> bool:
    """Whether the extensions are those of the sources as they are."""
    return is_compiled() and MARK.read_text() == digest()


def build(folder: Path) -> None:
    """Compile a copy of the sources within ``folder``; runs in a process of its own, in that folder."""
    from mypyc.build import mypycify
    from setuptools import setup

    modules = [str(path.relative_to(SRC.parent)) for path in sources()]
    options = ["--ignore-missing-imports", "--follow-imports=silent", f"--cache-dir={folder / 'cache'}"]
    setup(
        name=GROUP,
        packages=["chartbridge"],
        package_dir={"": "src"},
        script_args=["-q", "build_ext", "--inplace"],
        ext_modules=mypycify(options + modules, opt_level="3", debug_level="0", group_name=GROUP),
    )


def compile_converter() -> None:
    """Make the extensions in a folder of their own, and put them into place when all are there."""
    wanted = digest()
    remove()
    with tempfile.TemporaryDirectory(prefix="chartbridge-compile-") as name:
        folder = Path(name)
        shutil.copytree(
            SRC / "chartbridge", folder / "src/chartbridge", ignore=shutil.ignore_patterns("*.so")
        )
        done = subprocess.run(  # noqa: S603 - this very file
            [sys.executable, __file__, "--build", name],
            cwd=folder,
            env={**os.environ, "MYPYPATH": "src"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            sys.exit(f"{done.stdout}{done.stderr}")
        for path in (folder / "src").rglob("*.so"):
            shutil.copy2(path, SRC / path.relative_to(folder / "src"))
    MARK.write_text(wanted)


def main(arguments: list[str]) -> None:
    """See the module's text."""
    if arguments == ["--remove"]:
        remove()
    elif arguments == ["--is-current"]:
        sys.exit(not is_current())
    elif len(arguments) == 2 and arguments[0] == "--build":
        build(Path(arguments[1]))
    elif arguments:
        sys.exit(__doc__)
    elif not is_current():
        compile_converter()


if __name__ == "__main__":
    main(sys.argv[1:])
