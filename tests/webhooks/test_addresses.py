"""Where messages may go: refused when set, and again at the moment of connecting."""

from __future__ import annotations

import socket
import threading
import time
from typing import Any

import pytest

from chartbridge.features.webhooks import addresses
from chartbridge.features.webhooks.addresses import is_allowed
from chartbridge.features.webhooks.delivery import post
from tests.running import Caller, World
from tests.support.receiver import Receiver
from tests.webhooks.conftest import TIMEOUT_S, wait_for_status

LOOPBACK = [
    "http://localhost:3000/hook",
    "http://LOCALHOST/hook",
    "https://127.0.0.1/hook",
    "http://127.1/hook",
    "http://127.0.1/hook",
    "http://127.8.9.1:80",
    "http://0x7f000001/",
    "http://0x7F.0.0.1/",
    "http://0177.0.0.1/",
    "http://017700000001/",
    "http://2130706433/hook",
    "http://0/",
    "http://0.0.0.0:8080/hook",
    "http://[::]/hook",
    "http://[::1]:8080/hook",
    "http://[0000:0000:0000:0000:0000:0000:0000:0001]/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[0:0:0:0:0:ffff:7f00:1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[2002:7f00:1::]/",
    "http://localtest.me/",
    "http://a.lvh.me/",
    "http://vcap.me/",
    "http://fuf.me/",
    "http://10.1.2.3/",
    "http://172.16.0.1/",
    "http://192.168.1.1/hook",
    "http://100.64.0.1/",
    "http://[fd12:3456::1]/",
    "http://intranet/hook",
    "http://printer.local/hook",
    "https://bucket.s3.amazonaws.com/",
    "https://example.org/internal/hook",
    "http://224.0.0.1/",
]
NEVER = [
    "http://169.254.169.254/latest/meta-data",
    "http://169.254.170.2/v2/credentials",
    "http://[::ffff:169.254.169.254]/",
    "http://[::ffff:a9fe:a9fe]/",
    "http://0xa9fea9fe/",
    "http://2852039166/",
    "http://[fe80::1]/",
    "http://[fd00:ec2::254]/",
    "http://Metadata.Google.Internal/",
    "0",
    "localhost",
    "ftp://example.org/",
    "javascript:alert(1)",
    "http://",
    "http:///hook",
    "http://example.org:0/",
    "http://example.org:99999/",
    "http://exa mple.org/",
    "http://example.org/\tx",
    "http://[::1/",
    "http://bücher.example/",
    "   ",
]
PUBLIC = [
    "https://example.org/hook",
    "http://93.184.215.14:8080/a?b=c",
    "https://user:secret@example.org/",
    "https://xn--bcher-kva.example/hook",
    "http://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/",
]


def resolving(monkeypatch: pytest.MonkeyPatch, **names: list[str]) -> None:
    """Have the machine's resolver know these names too."""
    real = socket.getaddrinfo

    def look_up(host: Any, port: Any, *args: Any, **kwargs: Any) -> list[Any]:
        found = names.get(str(host))
        return [(2, 1, 6, "", (a, port)) for a in found] if found else real(host, port, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


def refuse(api: Caller, url: str) -> None:
    error = api.post("/settings", {"webhookUrl": url}, status=400)
    assert (error["title"], error["detail"]) == ("BadRequestError", "Invalid URL")
    assert api.get("/settings")["webhookUrl"] is None


@pytest.mark.parametrize("environment", ["sandbox", "production"])
def test_what_may_never_be_reached(world: World, environment: Any) -> None:
    api = world.caller(environment)
    for url in NEVER:
        refuse(api, url)


def test_addresses_of_the_machine_and_its_network_are_refused_in_production(world: World) -> None:
    api = world.caller("production")
    for url in LOOPBACK:
        refuse(api, url)


def test_they_are_allowed_in_the_sandbox(world: World) -> None:
    api = world.with_settings(webhook_private_addresses="auto").caller("sandbox")
    for url in LOOPBACK:
        assert api.post("/settings", {"webhookUrl": url})["webhookUrl"] == url


@pytest.mark.parametrize("environment", ["sandbox", "production"])
def test_public_urls_are_taken_as_they_are(world: World, environment: Any) -> None:
    api = world.with_settings(webhook_private_addresses="refuse").caller(environment)
    for url in PUBLIC:
        assert api.post("/settings", {"webhookUrl": f" {url}\n"})["webhookUrl"] == url


def test_the_operator_can_allow_them_in_production_and_refuse_them_in_the_sandbox(world: World) -> None:
    allowed = world.with_settings(webhook_private_addresses="allow").caller("production")
    allowed.post("/settings", {"webhookUrl": "http://192.168.1.1/hook"})
    refuse(world.with_settings(webhook_private_addresses="refuse").caller("sandbox"), "http://192.168.1.1/")


@pytest.mark.parametrize("found", [["10.1.2.3"], ["93.184.215.14", "127.0.0.1"], ["::1"]])
def test_a_name_that_leads_to_a_private_address_is_refused_when_set(
    world: World, monkeypatch: pytest.MonkeyPatch, found: list[str]
) -> None:
    resolving(monkeypatch, **{"inside.example.org": found, "outside.example.org": ["93.184.215.14"]})
    api = world.caller("production")
    refuse(api, "https://inside.example.org/hook")
    api.post("/settings", {"webhookUrl": "https://outside.example.org/hook"})
    sandbox = world.caller("sandbox")
    assert sandbox.post("/settings", {"webhookUrl": "https://inside.example.org/hook"})["webhookUrl"]


def test_a_name_that_leads_to_the_credentials_of_a_cloud_is_refused_everywhere(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolving(monkeypatch, **{"cloud.example.org": ["169.254.169.254"]})
    for environment in ("sandbox", "production"):
        refuse(world.caller(environment), "https://cloud.example.org/hook")


def test_a_name_whose_look_up_takes_too_long_is_taken_and_told_by_its_deliveries(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = threading.Event()

    def never(*_: Any, **__: Any) -> list[Any]:
        answered.wait(30)
        raise OSError("no answer")

    monkeypatch.setattr(addresses, "LOOK_UP_TIMEOUT_S", 0.2)
    api = world.caller("production")
    monkeypatch.setattr(socket, "getaddrinfo", never)
    began = time.monotonic()
    try:
        api.post("/settings", {"webhookUrl": "https://slow.example.org/hook"})
        assert time.monotonic() - began < 5
        wait_for_status(api, webhookStatusDetail=f"timeout of {TIMEOUT_S:g}s exceeded")
    finally:
        answered.set()


@pytest.mark.parametrize(
    ("address", "private", "public"),
    [
        ("127.0.0.1", True, False),
        ("::1", True, False),
        ("0.0.0.0", True, False),
        ("10.0.0.1", True, False),
        ("fd12::1", True, False),
        ("::ffff:10.0.0.1", True, False),
        ("64:ff9b::a00:1", True, False),
        ("2002:a00:1::1", True, False),
        ("::10.0.0.1", True, False),
        ("93.184.215.14", True, True),
        ("::ffff:93.184.215.14", True, True),
        ("2606:2800:21f::1", True, True),
        ("239.1.1.1", True, False),
        ("169.254.169.254", False, False),
        ("::ffff:169.254.169.254", False, False),
        ("64:ff9b::a9fe:a9fe", False, False),
        ("fe80::1%eth0", False, False),
        ("fd00:ec2::254", False, False),
    ],
)
def test_an_address_is_judged_by_where_it_leads(address: str, private: bool, public: bool) -> None:
    assert is_allowed(address, allow_private=True) is private
    assert is_allowed(address, allow_private=False) is public


def test_a_name_that_leads_to_a_private_address_is_refused_when_connecting(receiver: Receiver) -> None:
    url = receiver.url.replace("127.0.0.1", "localhost")
    refused = post(url, "k", {"meta": {"type": "x"}}, timeout_s=5, allow_private=False)
    assert (refused.delivered, refused.http_status) == (False, None)
    assert refused.detail == "the receiver's address is not allowed"
    assert receiver.received == []
    assert post(url, "k", {"meta": {"type": "x"}}, timeout_s=5, allow_private=True).delivered


def test_the_next_address_of_a_name_is_tried(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """As for ``localhost``, where only one of ::1 and 127.0.0.1 is listened on."""

    resolving(monkeypatch, **{"receiver.test": ["127.0.0.2", "127.0.0.1"]})
    url = receiver.url.replace("127.0.0.1", "receiver.test")
    assert post(url, "k", {"meta": {"type": "x"}}, timeout_s=5, allow_private=True).detail == "OK"


def test_a_name_with_one_forbidden_address_is_never_connected_there(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolving(monkeypatch, **{"receiver.test": ["169.254.169.254"]})
    outcome = post("http://receiver.test/", "k", {"meta": {"type": "x"}}, timeout_s=5, allow_private=True)
    assert outcome.detail == "the receiver's address is not allowed"


@pytest.mark.parametrize("host", ["no-such-name.invalid", ".leading.dot", "a" * 70 + ".example"])
def test_a_name_that_cannot_be_resolved_is_a_failure_and_no_crash(host: str) -> None:
    outcome = post(f"http://{host}/", "k", {"meta": {"type": "x"}}, timeout_s=10, allow_private=True)
    assert (outcome.delivered, outcome.detail) == (False, "Failed to send payload")
