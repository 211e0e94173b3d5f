"""Uploads pass a clamd; here a server on loopback that speaks its protocol."""

from __future__ import annotations

import socket
import struct
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from chartbridge.config import Settings
from chartbridge.features.documents.virus_scan import ScannerUnavailableError, find_malware
from tests.documents.uploading import PDF, announce, put
from tests.running import Caller, World
from tests.support import people

EVIL = b"%PDF-1.7 EVIL"


class Clamd:
    """Answers INSTREAM: FOUND when the bytes hold EVIL, or always the answer it is given."""

    def __init__(self, address: Any, *, answer: bytes | None = None, family: int = socket.AF_INET) -> None:
        self.seen: list[bytes] = []
        self._answer = answer
        self._socket = socket.socket(family)
        self._socket.bind(address)
        self._socket.listen()
        self.address = self._socket.getsockname()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection, connection.makefile("rwb") as stream:
                assert stream.read(len(b"zINSTREAM\0")) == b"zINSTREAM\0"
                data = b""
                while length := struct.unpack("!I", stream.read(4))[0]:
                    data += stream.read(length)
                self.seen.append(data)
                verdict = b"stream: Eicar-Test FOUND\0" if b"EVIL" in data else b"stream: OK\0"
                stream.write(verdict if self._answer is None else self._answer)

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)


@contextmanager
def clamd(answer: bytes | None = None) -> Iterator[tuple[Clamd, str]]:
    server = Clamd(("127.0.0.1", 0), answer=answer)
    try:
        yield server, f"tcp://127.0.0.1:{server.address[1]}"
    finally:
        server.close()


def test_a_file_is_looked_at_whole() -> None:
    data = bytes(range(256)) * 5000
    with clamd() as (server, address):
        assert find_malware(address, data) is None
        assert find_malware(address, data + b"EVIL") == "Eicar-Test"
    assert server.seen == [data, data + b"EVIL"]


def test_a_scanner_on_a_socket_of_the_machine() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clamd.sock"
        server = Clamd(str(path), family=socket.AF_UNIX)
        try:
            assert find_malware(f"unix://{path}", EVIL) == "Eicar-Test"
        finally:
            server.close()


@pytest.mark.parametrize(
    "answer",
    [b"INSTREAM size limit exceeded. ERROR\0", b"", b"stream: something\0", b"OK", b"\xff" * 10_000],
    ids=lambda value: repr(value)[:40],
)
def test_an_answer_that_is_no_verdict_clears_nothing(answer: bytes) -> None:
    with clamd(answer) as (_, address), pytest.raises(ScannerUnavailableError):
        find_malware(address, PDF)


def test_a_scanner_that_says_nothing_is_not_waited_for() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(ScannerUnavailableError):
            find_malware(f"tcp://127.0.0.1:{silent.getsockname()[1]}", PDF, timeout_s=0.2)


@pytest.mark.parametrize("address", ["clamd:3310", "http://clamd:3310", "unix://", "tcp://"])
def test_an_address_that_is_none_is_refused_at_start(address: str) -> None:
    with pytest.raises(ValueError, match="upload_scanner"):
        Settings(upload_scanner=address)


@pytest.fixture(scope="module")
def waiting(world: World) -> tuple[Caller, str]:
    api = world.caller()
    return api, api.patient_id(people.stranger())


def behind(world: World, api: Caller, scanner: str) -> Caller:
    return Caller(world.with_settings(upload_scanner=scanner).app, api.key)


def test_malware_is_refused_and_nothing_is_kept(world: World, waiting: tuple[Caller, str]) -> None:
    api, patient = waiting
    made = announce(api, patient)
    with clamd() as (_, address):
        scanned = behind(world, api, address)
        refused = put(scanned, made["uploadUrl"], EVIL)
        assert refused.status_code == 400
        assert refused.json()["detail"] == "The file holds malware (Eicar-Test) and was not kept"
        assert api.documents(patient) == []
        assert not [k for k in world.platform.store.keys(f"{world.tenant(api)}/{patient}") if "docu" in k]
        assert put(scanned, made["uploadUrl"], PDF).status_code == 200


def test_without_its_scanner_nothing_is_taken_in(world: World, waiting: tuple[Caller, str]) -> None:
    api, patient = waiting
    made = announce(api, patient)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
        refused = put(behind(world, api, address), made["uploadUrl"], PDF)
    assert refused.status_code == 503
    assert refused.json()["detail"] == (
        "The file could not be scanned for malware and was not kept; try again later"
    )
    assert made["documentReferenceId"] not in {d["id"] for d in api.documents(patient)}
    assert put(api, made["uploadUrl"], PDF).status_code == 200
