"""Running the platform: the API with a worker beside it, or either alone."""

from __future__ import annotations

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
from chartbridge.platform import Platform


def serve(settings: Settings, *, with_worker: bool) -> None:
    """The API, and a worker in the same process unless told otherwise, until a signal comes."""
    import uvicorn  # here: a worker alone needs nothing of the API, which takes long to import

    from chartbridge import app

    _end_on_sigterm()
    _check_port(settings)
    platform = open_platform(settings)
    worker = _started_worker(platform, settings.worker_id or default_worker_id()) if with_worker else None
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
    try:
        server.run()
    except (KeyboardInterrupt, SystemExit):
        pass  # uvicorn has stopped serving; what follows is ours to stop
    finally:
        _stop(worker, platform)
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
    worker = _started_worker(platform, worker_id)
    talk.print(f"worker {worker_id} takes jobs; Ctrl-C stops it")
    ended.get()
    _stop(worker, platform)


def _started_worker(platform: Platform, worker_id: str) -> Worker:
    try:
        worker = background.create_worker(platform, worker_id)
        worker.start()
    except (WorkerNameTakenError, ConfigurationError) as error:
        platform.close()
        fail(str(error))
    return worker


def _stop(worker: Worker | None, platform: Platform) -> None:
    talk.print("stopping …")
    if worker is not None:
        worker.stop()
    platform.close()


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
