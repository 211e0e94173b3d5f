"""One attempt on the wire: the signature, and receivers that misbehave."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import anyio
import pytest

from chartbridge.features.webhooks.delivery import Courier, Letter, Outcome, post
from tests.support.receiver import Receiver


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


def take_request(connection: socket.socket) -> bool:
    """Read a whole request; False when the other side has gone."""
    got = b""
    while True:
        try:
            more = connection.recv(65536)
        except ConnectionResetError:
            return False
        if not more:
            return False
        got += more
        head, end, body = got.partition(b"\r\n\r\n")
        if end and len(body) >= int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]):
            return True


@contextmanager
def counting(answers_a_connection: int, *, swallows: bool = False) -> Iterator[tuple[str, list[int]]]:
    """A server that keeps connections open and ends each, without a word, after so many answers. Gives the
    number of requests that it took on each connection."""
    taken: list[int] = []

    def talk(connection: socket.socket, place: int) -> None:
        with connection:
            while taken[place] < answers_a_connection and take_request(connection):
                taken[place] += 1
                connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
            if swallows:
                take_request(connection)  # and gives no answer

    def serve(server: socket.socket) -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            taken.append(0)
            threading.Thread(target=talk, args=(connection, len(taken) - 1), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, args=(server,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/", taken
        server.shutdown(socket.SHUT_RDWR)


def in_turn(url: str, number: int, *, allow_private: bool = True) -> list[Outcome]:
    """What comes of that many letters, one after the other."""

    async def send() -> list[Outcome]:
        letter = Letter.write(url, "k", {"meta": {"type": "x"}}, timeout_s=5, allow_private=allow_private)
        async with Courier() as courier:
            return [await courier.deliver(letter) for _ in range(number)]

    return anyio.run(send)


def test_a_connection_is_kept_for_the_next_letters() -> None:
    with counting(100) as (url, taken):
        assert [outcome.detail for outcome in in_turn(url, 5)] == ["OK"] * 5
    assert taken == [5]


def test_a_kept_connection_that_has_ended_is_no_failure() -> None:
    with counting(2) as (url, _):
        assert [outcome.detail for outcome in in_turn(url, 6)] == ["OK"] * 6


def test_a_letter_that_a_kept_connection_swallows_is_sent_again_on_a_new_one() -> None:
    with counting(1, swallows=True) as (url, taken):
        assert [outcome.detail for outcome in in_turn(url, 4)] == ["OK"] * 4
    assert len(taken) == 4


def test_what_fails_on_a_new_connection_is_not_sent_twice() -> None:
    with counting(0) as (url, taken):
        (outcome,) = in_turn(url, 1)
    assert (outcome.delivered, outcome.detail) == (False, "Failed to send payload")
    assert len(taken) == 1


def test_a_connection_into_a_private_network_is_not_used_by_who_may_not_go_there() -> None:
    async def send(url: str) -> list[str]:
        details = []
        async with Courier() as courier:
            for allowed in (True, False, True):
                letter = Letter.write(url, "k", {"meta": {}}, timeout_s=5, allow_private=allowed)
                details.append((await courier.deliver(letter)).detail)
        return details

    with counting(100) as (url, _):
        assert anyio.run(send, url) == ["OK", "the receiver's address is not allowed", "OK"]
