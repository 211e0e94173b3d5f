"""What all kinds of releases have in common: what is told of one before it is read, and how it is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from chartbridge.terminology.releases.files import File, Files
from chartbridge.terminology.rows import Row


@dataclass(frozen=True, slots=True)
class Options:
    """What an operator may say of a release. ``released`` (YYYY-MM-DD) is needed where files do not tell."""

    released: str = ""
    hierarchy: bool = False
    """Whether SNOMED CT's is-a relations are kept; they are many."""


@dataclass(frozen=True, slots=True)
class CodeSystem:
    """A code system that a release gives all, or all current, codes of."""

    uri: str
    name: str
    version: str
    complete: bool = True


@dataclass(slots=True)
class Release:
    """One release, found and named but not yet read.

    ``files`` are those that will be read. ``date`` is ISO 8601, or empty. ``rows`` reads them; it may be
    called once and adds to ``remarks`` what the operator should know.
    """

    version: str
    date: str
    files: list[File]
    systems: list[CodeSystem]
    rows: Callable[[], Iterator[Row]]
    remarks: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of release.

    ``finds`` tells whether files are such a release, by their names; ``opens`` names the release. Both
    raise ReleaseError. ``notice`` is in our words: the licence is between the operator and the publisher.
    """

    name: str
    title: str
    publisher: str
    licence: str
    notice: str
    finds: Callable[[Files], bool]
    opens: Callable[[Files, Options], Release]
