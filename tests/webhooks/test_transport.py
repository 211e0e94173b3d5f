"""One attempt on the wire: the signature, and receivers that misbehave."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from chartbridge.features.webhooks.delivery import post, sign
from tests.support.receiver import Receiver


def test_the_signature_is_that_of_known_bytes() -> None:
    assert (
        sign("key", b"The quick brown fox jumps over the lazy dog")
        == "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8"
    )


@contextmanager
def dripping(what: bytes, pause_s: float) -> Iterator[str]:
    """A server that answers one byte at a time, always just before anybody would lose patience."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        stop = threading.Event()

        def serve() -> None:
            server.settimeout(10)
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                for byte in what:
                    if stop.wait(pause_s):
                        return
                    try:
                        connection.sendall(bytes([byte]))
                    except OSError:
                        return

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        stop.set()
        thread.join()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\n" + b"x-a: b\r\n" * 1000,
        b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n" + b" " * 999,
    ],
    ids=["in its headers", "in its body"],
)
def test_the_deadline_holds_against_a_receiver_that_drips(answer: bytes) -> None:
    with dripping(answer, 0.01) as url:
        began = time.monotonic()
        outcome = post(url, "k", {"meta": {"type": "x"}}, timeout_s=0.7, allow_private=True)
    assert outcome.detail == "timeout of 0.7s exceeded"
    assert time.monotonic() - began < 2


def test_an_endless_answer_is_not_read_to_its_end() -> None:
    """The status counts; of the body only as much is read as a pong needs."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 999999999\r\n\r\n")
                try:
                    for _ in range(200):
                        connection.sendall(b" " * 65536)
                except OSError:
                    return

        thread = threading.Thread(target=serve)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        outcome = post(url, "k", {"meta": {"type": "x"}}, timeout_s=5, allow_private=True)
        thread.join()
    assert outcome.detail == "OK"


@pytest.mark.parametrize("garbage", [b"", b"SSH-2.0-x\r\n", b"HTTP/9.9 9\r\n\r\n"])
def test_a_server_of_another_kind_is_a_failure(garbage: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(garbage)

        thread = threading.Thread(target=serve)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        outcome = post(url, "k", {"meta": {"type": "x"}}, timeout_s=5, allow_private=True)
        thread.join()
    assert (outcome.delivered, outcome.detail) == (False, "Failed to send payload")


def test_plain_text_where_tls_is_expected_is_a_failure(receiver: Receiver) -> None:
    url = receiver.url.replace("http:", "https:")
    outcome = post(url, "k", {"meta": {"type": "x"}}, timeout_s=5, allow_private=True)
    assert (outcome.delivered, outcome.detail) == (False, "Failed to send payload")
