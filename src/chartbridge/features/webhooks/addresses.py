"""Which addresses a webhook may be sent to (contract, webhooks 8.3).

The check at setting time gives a clear error; the one that protects is at connecting time, on the
address actually connected to, so a name that changes its address in between gains nothing.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
import threading
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from urllib.parse import urlsplit

import anyio
import anyio.to_thread
import httpcore

from chartbridge.errors import BadRequestError

LookUp = Callable[[str], Awaitable[list[str]]]
"""The addresses of a name. Raises OSError or UnicodeError when there are none."""

MAX_URL_LENGTH = 2048
LOOK_UP_TIMEOUT_S = 2.0
_METADATA_ADDRESS = ipaddress.ip_address("fd00:ec2::254")
_METADATA_NAMES = re.compile(r"169\.254\.169\.254|fd00:ec2::254|metadata\.google\.internal", re.IGNORECASE)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_COMPATIBLE = ipaddress.ip_network("::/96")
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
    if not usable or len(url) > MAX_URL_LENGTH or not all("!" <= c <= "~" for c in url):
        raise BadRequestError("Invalid URL")
    if _METADATA_NAMES.search(url) or (not allow_private and _REFUSED_OUTSIDE.search(url)):
        raise BadRequestError("Invalid URL")
    host = urlsplit(url).hostname or ""
    address = _as_address(host)
    if address is None:
        refused = not allow_private and "." not in host  # a name of the local network
    else:
        refused = not is_allowed(address, allow_private=allow_private)
    if refused or (address is None and _leads_astray(host, allow_private=allow_private)):
        raise BadRequestError("Invalid URL")
    return url


def _leads_astray(host: str, *, allow_private: bool) -> bool:
    """Whether the name has an address that is not allowed. One that resolves to nothing in time is
    taken: it may exist tomorrow, and each delivery looks again."""
    try:
        found = anyio.run(_look_up_in_time, host)
    except (OSError, UnicodeError, TimeoutError):
        return False
    return not all(is_allowed(address, allow_private=allow_private) for address in found)


async def _look_up_in_time(host: str) -> list[str]:
    with anyio.fail_after(LOOK_UP_TIMEOUT_S):
        return await look_up(host)


async def look_up(host: str) -> list[str]:
    """The addresses of a name. A resolver that does not answer is left behind when the caller's time
    ends. Raises OSError or UnicodeError when there are none."""
    return await anyio.to_thread.run_sync(partial(_ask_resolver, host), abandon_on_cancel=True)


def _ask_resolver(host: str) -> list[str]:
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class SharedLookUps:
    """Looks names up for many senders in one event loop: all who ask for a name at one time wait for one
    look-up in a thread of its own, so a resolver that hangs on one name holds up nobody else."""

    def __init__(self) -> None:
        self._running: dict[str, asyncio.Future[list[str]]] = {}

    async def __call__(self, host: str) -> list[str]:
        """The addresses of a name. Raises OSError or UnicodeError when there are none."""
        future = self._running.get(host)
        if future is None:
            loop = asyncio.get_running_loop()
            future = self._running[host] = loop.create_future()
            threading.Thread(target=self._ask, args=(loop, host, future), daemon=True).start()
        return await asyncio.shield(future)

    def _ask(self, loop: asyncio.AbstractEventLoop, host: str, future: asyncio.Future[list[str]]) -> None:
        found: list[str] | None = None
        failure: Exception | None = None
        try:
            found = _ask_resolver(host)
        except (OSError, UnicodeError) as error:
            failure = error
        try:
            loop.call_soon_threadsafe(self._end, host, future, found, failure)
        except RuntimeError:  # the loop has ended, and with it all who asked
            return

    def _end(
        self, host: str, future: asyncio.Future[list[str]], found: list[str] | None, failure: Exception | None
    ) -> None:
        del self._running[host]
        if failure is None:
            future.set_result(found or [])
        else:
            future.set_exception(failure)
            future.exception()  # seen, even when all who asked have lost patience


def _as_address(host: str) -> str | None:
    """The address a host is, in any spelling that resolvers take: decimal, octal, hexadecimal, shortened."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        pass
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except OSError:
        return None


def is_allowed(address: str, *, allow_private: bool) -> bool:
    """Whether messages may be sent to an IP address. Raises ValueError for what is no address.

    Link-local addresses never: there lie the services that hand out a cloud machine's credentials.
    """
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        ip = _embedded(ip) or ip
    if ip.is_link_local or ip == _METADATA_ADDRESS:
        return False
    return allow_private or (ip.is_global and not ip.is_multicast)


def _embedded(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 address stands for, if it does."""
    if ip in _NAT64 or (ip in _COMPATIBLE and int(ip) > 1):
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Resolves a name itself and connects only to an address that is allowed."""

    def __init__(self, *, allow_private: bool, look_up: LookUp = look_up) -> None:
        self._allow_private = allow_private
        self._look_up = look_up
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        failure: httpcore.ConnectError | None = None
        for address in await self._permitted(host):
            try:
                return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except httpcore.ConnectError as error:  # a receiver often listens on one of its addresses only
                failure = error
        raise failure or AddressRefusedError("the receiver's address is not allowed")

    async def _permitted(self, host: str) -> list[str]:
        try:
            addresses = await self._look_up(host)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError("the receiver's name could not be resolved") from error
        return [a for a in addresses if is_allowed(a, allow_private=self._allow_private)]

    async def connect_unix_socket(
        self,
        path: str,  # noqa: ARG002 - the interface names it
        timeout: float | None = None,  # noqa: ARG002
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,  # noqa: ARG002
    ) -> httpcore.AsyncNetworkStream:
        raise AddressRefusedError("webhooks go over TCP only")

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)
