"""Which addresses a webhook may be sent to (contract, webhooks 8.3).

The check at setting time gives a clear error; the one that protects is at connecting time, on the
address actually connected to, so a name that changes its address in between gains nothing.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

import anyio
import httpcore

from chartbridge.errors import BadRequestError

MAX_URL_LENGTH = 2048
_ALWAYS_REFUSED = ("169.254.169.254", "fd00:ec2::254", "metadata.google.internal")
_REFUSED_OUTSIDE = re.compile(
    r"localhost|127\.0\.0\.1|127\.1\b|0x7f|2130706433|017700000001|amazonaws\.com|\[::|0000|/internal"
    r"|localtest\.me|lvh\.me|vcap\.me|fuf\.me|lacolhost\.com|yoogle\.com|\.local\b",
    re.IGNORECASE,
)


class AddressRefusedError(Exception):
    """The receiver's name leads to an address that messages may not be sent to."""


def check_url(url: str, *, allow_private: bool) -> str:
    """The URL, trimmed; raises BadRequestError `Invalid URL` for one that may not be used."""
    url = url.strip()
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or len(url) > MAX_URL_LENGTH or any(c.isspace() or ord(c) < 32 for c in url):
        raise BadRequestError("Invalid URL")
    refused = any(word in url for word in _ALWAYS_REFUSED)
    if refused or (not allow_private and (_REFUSED_OUTSIDE.search(url) or _is_private_literal(url))):
        raise BadRequestError("Invalid URL")
    return url


def _is_private_literal(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    if host.isdecimal():  # an address written as one number
        return True
    try:
        return not is_public(host)
    except ValueError:
        return "." not in host


def is_public(address: str) -> bool:
    """Whether an IP address can be reached from anywhere. Raises ValueError for what is no address."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    return ip.is_global and not ip.is_multicast


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Resolves a name itself and connects only to an address that is allowed."""

    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        address = await self._permitted(host, port)
        return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)

    async def _permitted(self, host: str, port: int) -> str:
        try:
            found = await anyio.getaddrinfo(host, port, type=1)
        except OSError as error:
            raise httpcore.ConnectError("the receiver's name could not be resolved") from error
        addresses = [str(entry[4][0]) for entry in found]
        for address in addresses:
            if address not in _ALWAYS_REFUSED and (self._allow_private or is_public(address)):
                return address
        raise AddressRefusedError("the receiver's address is not allowed")

    async def connect_unix_socket(
        self,
        path: str,  # noqa: ARG002 - the interface names it
        timeout: float | None = None,  # noqa: ARG002
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,  # noqa: ARG002
    ) -> httpcore.AsyncNetworkStream:
        raise AddressRefusedError("webhooks go over TCP only")

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)
