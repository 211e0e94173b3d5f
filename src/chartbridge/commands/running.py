"""Running the platform: the API with a worker beside it, or either alone."""

from __future__ import annotations

import gc
import signal
import socket
import sys
from queue import SimpleQueue
from types import FrameType

from chartbridge import background
from chartbridge.commands.console import fail, talk
from chartbridge.commands.opening import open_platform
from chartbridge.config import ConfigurationError, Settings
from chartbridge.jobs.heartbeat import WorkerNameTakenError
from chartbridge.jobs.worker import Worker, default_worker_id
from chartbridge.observability import tracing
from chartbridge.observability.readiness import Readiness
from chartbridge.observability.readings import Exposition
from chartbridge.observability.server import MetricsServer
from chartbridge.platform import Platform


def serve(settings: Settings, *, with_worker: bool) -> None:
    """The API, and a worker in the same process unless told otherwise, until a signal comes."""
    import uvicorn  # here: a worker alone needs nothing of the API, which takes long to import

    from chartbridge import app

    _end_on_sigterm()
    _check_port(settings)
    platform = open_platform(settings)
    _begin_traces(settings, "api with worker" if with_worker else "api")
    worker = _started_worker(platform, settings.worker_id or default_worker_id()) if with_worker else None
    shown = _shown(platform, worker)
    server = uvicorn.Server(
        uvicorn.Config(
            app.create_app(platform),
            host=settings.host,
            port=settings.port,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=10,
        )
    )
    talk.print(
        f"Chartbridge serves {settings.origin} (data in {settings.resolved_data_dir}); Ctrl-C stops it"
    )
    _keep_what_is_there()
    try:
        server.run()
    except (KeyboardInterrupt, SystemExit):
        pass  # uvicorn has stopped serving; what follows is ours to stop
    finally:
        _stop(worker, platform, shown)
    if not server.started:
        sys.exit(1)


def work(settings: Settings, worker_id: str) -> None:
    """A worker alone, until a signal comes."""
    ended: SimpleQueue[int] = (
        SimpleQueue()
    )  # an Event's lock may be held by the very wait a signal interrupts

    def end(signal_number: int, _frame: FrameType | None) -> None:
        ended.put(signal_number)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    platform = open_platform(settings)
    _begin_traces(settings, "worker")
    worker = _started_worker(platform, worker_id)
    shown = _shown(platform, worker)
    talk.print(f"worker {worker_id} takes jobs; Ctrl-C stops it")
    _keep_what_is_there()
    ended.get()
    _stop(worker, platform, shown)


def _started_worker(platform: Platform, worker_id: str) -> Worker:
    try:
        worker = background.create_worker(platform, worker_id)
        worker.start()
    except (WorkerNameTakenError, ConfigurationError) as error:
        platform.close()
        fail(str(error))
    return worker


def _begin_traces(settings: Settings, role: str) -> None:
    try:
        tracing.begin(settings, role)
    except ConfigurationError as error:
        fail(str(error))


def _shown(platform: Platform, worker: Worker | None) -> MetricsServer | None:
    """The port of metrics, where the settings have one."""
    settings = platform.settings
    if settings.metrics_port is None:
        return None
    checks = {} if worker is None else {"worker": worker.trouble}
    try:
        server = MetricsServer(
            settings.metrics_host,
            settings.metrics_port,
            Exposition(platform, background.READINGS),
            Readiness.of(platform, **checks),
        )
    except ConfigurationError as error:
        _stop(worker, platform, None)
        fail(str(error))
    server.start()
    return server


def _stop(worker: Worker | None, platform: Platform, shown: MetricsServer | None) -> None:
    talk.print("stopping …")
    if worker is not None:
        worker.stop()
    if shown is not None:
        shown.stop()
    tracing.end()
    platform.close()


def _keep_what_is_there() -> None:
    """Have no later search for garbage look at what the start has made: it stays until the end."""
    gc.freeze()


def _end_on_sigterm() -> None:
    """uvicorn raises the signal again once it has stopped; then this ends the command cleanly."""

    def end(_signal: int, _frame: FrameType | None) -> None:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, end)


def _check_port(settings: Settings) -> None:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError:
            fail(
                f"port {settings.port} on {settings.host} is taken or may not be bound; "
                "choose another with --port"
            )
