"""Checking an installation, and saying what to fix."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError
from rich.markup import escape
from rich.table import Table
from sqlalchemy.exc import SQLAlchemyError

from chartbridge.commands.console import talk
from chartbridge.config import ConfigurationError, Settings
from chartbridge.db import Database
from chartbridge.db.migrate import schema_of
from chartbridge.features.records import standards
from chartbridge.observability import tracing
from chartbridge.storage import StorageError, open_store
from chartbridge.terminology.edition import Edition


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. ``advice`` says what to do when it is not well."""

    subject: str
    well: bool
    detail: str
    advice: str = ""


def examine() -> list[Finding]:
    """Look at everything the settings name, each thing even when another is not well."""
    findings = [_python()]
    try:
        settings = Settings()
    except ValidationError as error:
        names = ", ".join("CHARTBRIDGE_" + str(e["loc"][0]).upper() for e in error.errors())
        return [*findings, Finding("settings", False, f"not usable: {names}", "correct or unset them")]
    findings.append(Finding("settings", True, f"{settings.mode} mode, origin {settings.origin}"))
    checks: tuple[Callable[[Settings], Finding], ...] = (
        _data_dir,
        _secret,
        _database,
        _store,
        _terminology,
        _exposure,
        _tracing,
    )
    return findings + [check(settings) for check in checks]


def report(findings: list[Finding]) -> bool:
    """Print the findings; True when all is well."""
    table = Table(box=None, pad_edge=False, show_header=False)
    for finding in findings:
        mark = "[green]ok[/]" if finding.well else "[bold red]no[/]"
        table.add_row(mark, finding.subject, escape(finding.detail))
        if not finding.well:
            table.add_row("", "", f"[yellow]→ {escape(finding.advice)}[/]")
    talk.print(table)
    return all(finding.well for finding in findings)


def _python() -> Finding:
    version = ".".join(str(part) for part in sys.version_info[:3])
    return Finding("Python", sys.version_info >= (3, 11), version, "Chartbridge needs Python 3.11 or newer")


def _data_dir(settings: Settings) -> Finding:
    folder = settings.resolved_data_dir
    existing = next(p for p in (folder, *folder.parents) if p.exists())
    well = existing.is_dir() and os.access(existing, os.W_OK)
    return Finding("data folder", well, str(folder), f"make {existing} writable or set CHARTBRIDGE_DATA_DIR")


def _secret(settings: Settings) -> Finding:
    kept = settings.resolved_data_dir / "secret.key"
    if settings.secret_key is None and settings.mode == "embedded" and not kept.exists():
        return Finding("secret key", True, "will be generated at first start")
    try:
        settings.signing_key  # noqa: B018 - reading it is the check
    except ConfigurationError as error:
        return Finding("secret key", False, "not usable", str(error))
    if settings.secret_key is not None:
        return Finding("secret key", True, "from the environment")
    return _mode(kept)


def _mode(kept: Path) -> Finding:
    private = kept.stat().st_mode & 0o077 == 0
    return Finding("secret key", private, str(kept), f"others can read it: chmod 600 {kept}")


def _database(settings: Settings) -> Finding:
    try:
        db = Database(settings.db_url)
    except (SQLAlchemyError, ImportError, OSError, ValueError) as error:
        advice = (
            "CHARTBRIDGE_DATABASE_URL takes sqlite:///… in a folder that may be written, or postgresql://…"
        )
        return Finding("database", False, f"its address cannot be used: {type(error).__name__}", advice)
    shown = db.url.render_as_string(hide_password=True)
    if db.is_sqlite and not Path(str(db.url.database)).exists():
        return Finding("database", True, f"{shown} (will be made at first start)")
    try:
        db.check()
        schema = schema_of(db)
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        advice = "is the server up, and do address, user and password fit? See CHARTBRIDGE_DATABASE_URL"
        return Finding("database", False, f"{shown}: {type(error).__name__}", advice)
    finally:
        db.dispose()
    advice = (
        "a newer version has upgraded it, which this one cannot work with: install that version"
        if schema.is_newer
        else "its schema is not current: run `chartbridge db upgrade`"
    )
    return Finding("database", schema.is_usable, shown, advice)


def _store(settings: Settings) -> Finding:
    try:
        open_store(settings).check()
    except ConfigurationError as error:
        return Finding("object store", False, settings.store_url, str(error))
    except (StorageError, OSError) as error:
        advice = f"{error}; check CHARTBRIDGE_OBJECT_STORE_URL, the endpoint and the credentials"
        return Finding("object store", False, settings.store_url, advice)
    return Finding("object store", True, f"{settings.store_url} (written, read, deleted)")


def _terminology(settings: Settings) -> Finding:
    folder = settings.resolved_terminology_dir
    if not folder.exists():
        return Finding("terminology", True, f"{folder} (will be made at first start)")
    try:
        path = standards.checked(settings)
    except ConfigurationError as error:
        return Finding("terminology", False, str(folder), str(error))
    with Edition.open(path) as edition:
        systems = sum(system.concepts > 0 for system in edition.systems())
        return Finding("terminology", True, f"{path}: {systems} code systems, edition {edition.id[:12]}")


def _exposure(settings: Settings) -> Finding:
    loopback = settings.host in ("127.0.0.1", "::1", "localhost")
    secure = settings.origin.startswith("https://")
    detail = f"binds {settings.host}:{settings.port}"
    advice = "beyond loopback, put TLS in front and set CHARTBRIDGE_PUBLIC_URL to its https:// address"
    return Finding("network", loopback or secure, detail, advice)


def _tracing(settings: Settings) -> Finding:
    if settings.otlp_endpoint is None:
        return Finding("traces", True, "off")
    advice = "pip install 'chartbridge[tracing]', or unset CHARTBRIDGE_OTLP_ENDPOINT"
    return Finding("traces", tracing.is_installed(), f"sent to {settings.otlp_endpoint}", advice)
