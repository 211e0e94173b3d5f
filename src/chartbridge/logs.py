"""Structured logs on stderr. They hold ids, routes and counts, never a patient's data."""

from __future__ import annotations

import logging
import sys
import traceback
from pathlib import Path
from typing import TextIO

import structlog

from chartbridge.config import Settings


def without_values(error: BaseException) -> BaseException:
    """The error with its type and traceback but without its message and causes, which may quote a
    patient's data."""
    redacted: BaseException = type(f"Redacted{type(error).__name__}", (Exception,), {})()
    return redacted.with_traceback(error.__traceback__)


def describe(error: BaseException) -> str:
    """An error's type and where it was raised, in one line and without its message."""
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    places = " > ".join(f"{Path(frame.filename).stem}:{frame.lineno}" for frame in frames)
    return f"{type(error).__name__} at {places}" if places else type(error).__name__


class _Redaction(logging.Filter):
    """Libraries log exceptions whole: the HTTP server, the job engine for each step it tries again."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.exc_info, tuple) and record.exc_info[1] is not None:
            redacted = without_values(record.exc_info[1])
            record.exc_info = (type(redacted), redacted, redacted.__traceback__)
        return True


class _ToStderr(logging.StreamHandler[TextIO]):
    """Writes to what stderr is when a record comes: whoever redirects stderr for a while closes theirs
    afterwards."""

    @property
    def stream(self) -> TextIO:
        return sys.stderr

    @stream.setter
    def stream(self, stream: TextIO) -> None:
        """The base class assigns one at its start; stderr it stays."""


def configure(settings: Settings) -> None:
    """Send our own events and the libraries' warnings to stderr in the format that is set."""
    level = getattr(logging, settings.log_level.upper())
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    as_json = settings.log_format == "json"
    renderer: structlog.types.Processor = structlog.processors.JSONRenderer()
    if not as_json:
        # The formatter that structlog prefers prints each frame's variables, which hold patients' data.
        renderer = structlog.dev.ConsoleRenderer(
            colors=False, exception_formatter=structlog.dev.plain_traceback
        )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    finish: list[structlog.types.Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if as_json:
        finish.append(structlog.processors.format_exc_info)
    handler = _ToStderr()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[*finish, renderer])
    )
    handler.addFilter(_Redaction())
    engine = logging.getLogger("dbos")
    engine.handlers[:] = [handler]  # it would add one of its own, in another format
    engine.propagate = False
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("chartbridge").setLevel(level)
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
