"""Traces: what one request led to, over all processes, as spans sent to a collector by OTLP.

Off unless ``CHARTBRIDGE_OTLP_ENDPOINT`` is set, and then nothing of OpenTelemetry is imported, which is an
optional extra. The W3C ``traceparent`` of a caller is continued, and kept with each job that the request
enqueues, so that a worker's spans stand in the same trace.

Spans hold names, numbers and the ids of requests, jobs and messages; never an address, a query, a body, an
error's message or anything of a person.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal, ParamSpec, TypeVar

from chartbridge import __version__
from chartbridge.config import ConfigurationError, Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span, Tracer

P = ParamSpec("P")
R = TypeVar("R")
Value = str | int | float | bool
Kind = Literal["internal", "server", "client", "consumer"]

_NO_ATTRIBUTES: Mapping[str, Value] = {}
EXPORT_TIMEOUT_S = 5.0
OWN_TRACE_AFTER_S = 60.0
"""A job that is put off for longer begins a trace of its own: what repeats itself would never end one."""


@dataclass(frozen=True, slots=True)
class _Tracing:
    provider: TracerProvider
    tracer: Tracer


_tracing: _Tracing | None = None


def begin(settings: Settings, role: str) -> None:
    """Send spans to the collector that the settings name, if they do; ``role`` is what this process is.

    Raises ConfigurationError when the libraries of the extra ``tracing`` are not installed.
    """
    global _tracing  # noqa: PLW0603 - a process has one stream of spans
    if settings.otlp_endpoint is None:
        return
    if not is_installed():
        raise ConfigurationError(
            "CHARTBRIDGE_OTLP_ENDPOINT needs the libraries of an extra: pip install 'chartbridge[tracing]'"
        )
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

    provider = TracerProvider(
        resource=Resource.create(
            {
                "service.name": "chartbridge",
                "service.version": __version__,
                "service.instance.id": f"{socket.gethostname()}:{os.getpid()}",
                "chartbridge.role": role,
            }
        ),
        sampler=ParentBased(TraceIdRatioBased(settings.trace_sample_ratio)),
        shutdown_on_exit=False,
    )
    exporter = OTLPSpanExporter(settings.otlp_endpoint.rstrip("/") + "/v1/traces", timeout=EXPORT_TIMEOUT_S)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    _tracing = _Tracing(provider, provider.get_tracer("chartbridge", __version__))


def is_installed() -> bool:
    """Whether the libraries of the extra ``tracing`` are there."""
    try:
        return find_spec("opentelemetry.exporter.otlp.proto.http") is not None
    except ModuleNotFoundError:
        return False


def end() -> None:
    """Send what is left, for some seconds at most, and stop."""
    global _tracing
    ended, _tracing = _tracing, None
    if ended is not None:
        # A collector that is away has it wait for half a minute, for which nobody else should.
        ending = threading.Thread(target=ended.provider.shutdown, name="last spans", daemon=True)
        ending.start()
        ending.join(EXPORT_TIMEOUT_S)


def is_on() -> bool:
    return _tracing is not None


@contextmanager
def span(
    name: str,
    *,
    kind: Kind = "internal",
    parent: str | None = None,
    attributes: Mapping[str, Value] = _NO_ATTRIBUTES,
) -> Iterator[Open]:
    """A span over the block, below the one that is open here, or below ``parent``, a ``traceparent``.

    A span whose block raises is marked as failed, with the error's type alone.
    """
    if _tracing is None:
        yield _NOTHING
        return
    from opentelemetry import context, trace
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    above = TraceContextTextMapPropagator().extract({"traceparent": parent}) if parent else None
    started = _tracing.tracer.start_span(
        name,
        context=above,
        kind=trace.SpanKind[kind.upper()],
        attributes=attributes,
        record_exception=False,
        set_status_on_exception=False,
    )
    token = context.attach(trace.set_span_in_context(started, above))
    opened = Open(started)
    try:
        yield opened
    except BaseException as error:
        opened.failed(type(error).__name__)
        raise
    finally:
        context.detach(token)
        started.end()


class Open:
    """A span that is open; does nothing while tracing is off."""

    __slots__ = ("_span",)

    def __init__(self, opened: Span | None) -> None:
        self._span = opened

    def note(self, attributes: Mapping[str, Value]) -> None:
        if self._span is not None:
            self._span.set_attributes(attributes)

    def rename(self, name: str) -> None:
        if self._span is not None:
            self._span.update_name(name)

    def failed(self, kind: str) -> None:
        """Mark it as failed; ``kind`` is an error's type, or another name that stands in the code."""
        if self._span is not None:
            from opentelemetry.trace import Status, StatusCode

            self._span.set_attribute("error.type", kind)
            self._span.set_status(Status(StatusCode.ERROR))


_NOTHING = Open(None)


def traceparent() -> str | None:
    """The W3C header of the span that is open here, to be kept with what is done later; None without one."""
    if _tracing is None:
        return None
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return carrier.get("traceparent")


def log_ids() -> dict[str, str]:
    """The id of the trace that is open here, for the log's lines: 32 hexadecimal digits as collectors show
    it; nothing without one."""
    if _tracing is None:
        return {}
    from opentelemetry import trace

    context = trace.get_current_span().get_span_context()
    return {"trace_id": f"{context.trace_id:032x}"} if context.is_valid else {}


def carried(function: Callable[P, R]) -> Callable[P, R]:
    """The function for other threads, where it has the open span and the log's ids of this one."""
    here = copy_context()

    def with_context(*args: P.args, **kwargs: P.kwargs) -> R:
        return here.copy().run(function, *args, **kwargs)

    return with_context
