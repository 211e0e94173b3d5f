"""Ids of a call that may be done again."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import RFC_4122, UUID

from chartbridge.repeating import call, repeatable_id

BEGUN = datetime(2026, 3, 1, 12, 0, 0, 123_456, tzinfo=UTC)


def ids(name: str, begun: datetime = BEGUN) -> tuple[str, str]:
    with call(begun, name):
        return repeatable_id("a"), repeatable_id("b")


def test_a_call_makes_the_same_ids_again_and_no_other_call_does() -> None:
    first = ids("sandbox/account\x1fkey")
    assert first == ids("sandbox/account\x1fkey")
    others = {*ids("sandbox/account\x1fother"), *ids("production/account\x1fkey")}
    assert len({*first, *others}) == 6
    assert first != ids("sandbox/account\x1fkey", begun=BEGUN.replace(year=2027))


def test_they_are_of_version_7_with_the_time_of_the_call() -> None:
    for made in map(UUID, ids("x")):
        assert (made.version, made.variant) == (7, RFC_4122)
        assert made.int >> 80 == int(BEGUN.timestamp() * 1000)


def test_outside_of_a_call_each_is_new() -> None:
    assert repeatable_id("a") != repeatable_id("a")
    with call(BEGUN, "x"):
        inside = repeatable_id("a")
    assert repeatable_id("a") != inside
