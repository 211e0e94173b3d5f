"""The page at /docs: everything that the documents say, to read, with no key and nothing from elsewhere."""

from __future__ import annotations

import re
import shlex
from html.parser import HTMLParser
from typing import Any

import pytest

from chartbridge.features.webhooks.events import EVENTS
from chartbridge.http.openapi import operations
from chartbridge.http.pages import prose
from chartbridge.http.schema_reader import Reader
from tests.running import World


class Page(HTMLParser):
    """What a page has: ids, links, tags, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.sources: list[str] = []
        self.tags: set[str] = set()
        self.styled: list[str] = []
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        self.tags.add(tag)
        self.styled += [tag] if "style" in given or any(name.startswith("on") for name in given) else []
        self.ids += [given["id"]] if "id" in given else []
        self.links += [given["href"]] if tag == "a" else []
        self.sources += [given[name] for name in ("src", "href") if name in given and tag != "a"]
        if tag not in ("meta", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes something else"


@pytest.fixture(scope="module")
def html(world: World) -> str:
    answer = world.caller().http.get("/docs", headers={"x-api-key": ""})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return str(answer.text)


def test_it_is_whole_and_its_links_lead_somewhere(html: str) -> None:
    page = Page(html)
    assert page.open == []
    assert len(set(page.ids)) == len(page.ids)
    inside = {link[1:] for link in page.links if link.startswith("#")}
    assert inside <= set(page.ids)
    outside = {link for link in page.links if not link.startswith("#")}
    assert outside == {"/openapi.json", "/asyncapi.json"}


def test_it_has_every_operation_and_every_message(world: World, html: str) -> None:
    ids = set(Page(html).ids)
    assert {operation["operationId"] for _, _, operation in operations(world.app.openapi())} <= ids
    assert {f"message-{re.sub('[^a-z]+', '-', kind)}" for kind in EVENTS} <= ids
    for kind in EVENTS:
        assert f">{kind}</a>" in html


def test_it_loads_nothing_but_its_own_stylesheet_and_runs_nothing(world: World, html: str) -> None:
    page = Page(html)
    assert page.sources == ["/docs/reference.css"]
    assert page.styled == []
    assert not page.tags & {"script", "style", "iframe", "img", "form"}
    api = world.caller()
    for path in ("/docs", "/docs/reference.css"):
        answer = api.http.get(path, headers={"x-api-key": ""})
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'self';")
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
    css = api.http.get("/docs/reference.css")
    assert css.headers["content-type"].startswith("text/css")
    assert "url(" not in css.text
    assert "@import" not in css.text


def test_each_operation_has_a_call_that_a_shell_can_read(html: str) -> None:
    calls = [unescape(c) for c in re.findall(r"<code>(curl.*?)</code>", html, re.DOTALL)]
    assert len(calls) > 30
    for call in calls:
        words = shlex.split(call.replace("\\\n", " "))
        assert words[0] == "curl"
        assert sum(word.startswith("http") for word in words) == 1
        assert "{" not in next(word for word in words if word.startswith("http")), call


def unescape(text: str) -> str:
    from html import unescape as plain

    return plain(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("`a<b>` and **c**", "<code>a&lt;b&gt;</code> and <strong>c</strong>"),
        ("see [there](/docs#x)", 'see <a href="/docs#x">there</a>'),
        ("[no](javascript:alert(1))", "[no](javascript:alert(1))"),
        ("<script>", "&lt;script&gt;"),
        ("``x``", "<code>x</code>"),
    ],
)
def test_descriptions_are_escaped_but_for_their_marks(text: str, expected: str) -> None:
    assert str(prose.inline(text)) == expected


def test_a_schema_that_holds_itself_ends() -> None:
    node: dict[str, Any] = {
        "title": "Node",
        "type": "object",
        "properties": {"child": {"$ref": "#/components/schemas/Node"}, "name": {"type": "string"}},
        "required": ["child"],
    }
    reader = Reader({"components": {"schemas": {"Node": node}}})
    rows = reader.rows({"$ref": "#/components/schemas/Node"})
    assert [row.name for row in rows] == ["child", "name"]
    assert reader.example({"schema": node}) is not None
