"""The rooms of the code and what they may import (see ``.importlinter`` for what is checked there)."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "chartbridge"
FEATURES = PACKAGE / "features"
INTERNAL = {"api", "models", "workflows"}
"""Files of a feature that only the feature itself, and what assembles the application, may import."""


def imported_modules(tree: ast.AST) -> Iterator[str]:
    """Full names of all that a file imports, wherever that stands. ``from a import b`` gives a.b too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def foreign_internals(importer: str, modules: Iterator[str]) -> set[str]:
    """Of the modules, the internals of features other than ``importer``."""
    found = set()
    for module in modules:
        parts = module.split(".")
        foreign = parts[:2] == ["chartbridge", "features"] and len(parts) > 3 and parts[2] != importer
        if foreign and parts[3] in INTERNAL:
            found.add(".".join(parts[:4]))
    return found


def test_imports_run_downwards_only() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_feature_touches_another_only_through_what_is_public() -> None:
    found = {
        (path.relative_to(FEATURES).as_posix(), module)
        for path in FEATURES.rglob("*.py")
        for module in foreign_internals(
            path.relative_to(FEATURES).parts[0], imported_modules(ast.parse(path.read_text()))
        )
    }
    assert not found


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("from chartbridge.features.b import models", {"chartbridge.features.b.models"}),
        ("from chartbridge.features.b.models import Row", {"chartbridge.features.b.models"}),
        ("import chartbridge.features.b.api", {"chartbridge.features.b.api"}),
        ("def f():\n    from chartbridge.features.b import workflows", {"chartbridge.features.b.workflows"}),
        ("from chartbridge.features.b import service", set()),
        ("from chartbridge.features.b.protocol import P", set()),
        ("from chartbridge.features.a import models", set()),
        ("from chartbridge.jobs import models", set()),
    ],
)
def test_the_rule_sees_each_form_of_import(source: str, expected: set[str]) -> None:
    assert foreign_internals("a", imported_modules(ast.parse(source))) == expected


def test_each_room_says_what_it_is() -> None:
    """Every package that holds code explains itself in its docstring."""
    silent = [
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("__init__.py")
        if any(other != path for other in path.parent.glob("*.py"))
        and ast.get_docstring(ast.parse(path.read_text())) is None
    ]
    assert not silent


def test_packages_are_packages() -> None:
    """A folder of code without ``__init__.py`` would be left out of the import rules without a word."""
    bare = {p.parent for p in PACKAGE.rglob("*.py")} - {p.parent for p in PACKAGE.rglob("__init__.py")}
    bare = {folder for folder in bare if "migrations" not in folder.parts}
    assert not bare
