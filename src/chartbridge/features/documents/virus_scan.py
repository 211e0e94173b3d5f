"""Asking a clamd whether a file holds malware (its INSTREAM command)."""

from __future__ import annotations

import socket
import struct
from urllib.parse import unquote, urlsplit

CHUNK = 1 << 18
MAX_ANSWER = 4096
TIMEOUT_S = 60.0
DEFAULT_PORT = 3310


class ScannerUnavailableError(Exception):
    """The scanner did not answer, or not in its protocol; nothing is known of the file."""


def find_malware(scanner: str, data: bytes, *, timeout_s: float = TIMEOUT_S) -> str | None:
    """The name of what was found, or None for a clean file.

    ``scanner`` is ``tcp://host:port`` or ``unix:///path/of/socket``. Raises ScannerUnavailableError,
    also when the scanner refuses the file's size: what was not looked at is not clean.
    """
    try:
        with _connect(scanner, timeout_s) as connection:
            connection.sendall(b"zINSTREAM\0")
            for start in range(0, len(data), CHUNK):
                chunk = data[start : start + CHUNK]
                connection.sendall(struct.pack("!I", len(chunk)) + chunk)
            connection.sendall(struct.pack("!I", 0))
            answer = _answer(connection)
    except (OSError, ValueError) as error:
        raise ScannerUnavailableError(type(error).__name__) from None
    verdict = answer.partition(": ")[2]
    if verdict == "OK":
        return None
    if verdict.endswith(" FOUND"):
        return verdict.removesuffix(" FOUND")
    raise ScannerUnavailableError("an answer that is none")


def _connect(scanner: str, timeout_s: float) -> socket.socket:
    """Raises ValueError for an address of another form, and OSError."""
    url = urlsplit(scanner)
    if url.scheme == "unix" and url.path:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(timeout_s)
        try:
            connection.connect(unquote(url.path))
        except OSError:
            connection.close()
            raise
        return connection
    if url.scheme == "tcp" and url.hostname:
        return socket.create_connection((url.hostname, url.port or DEFAULT_PORT), timeout_s)
    raise ValueError("neither tcp:// nor unix://")


def _answer(connection: socket.socket) -> str:
    received = b""
    while not received.endswith(b"\0") and len(received) < MAX_ANSWER:
        part = connection.recv(MAX_ANSWER)
        if not part:
            break
        received += part
    return received.rstrip(b"\0\n").decode("utf-8", "replace")
