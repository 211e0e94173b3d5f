"""One question to a language model behind an OpenAI-compatible or an Anthropic endpoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import anyio
import httpx
import orjson

from chartbridge.config import Settings

MAX_ANSWER_BYTES = 200_000
MAX_TOKENS = 800
_ANTHROPIC_VERSION = "2023-06-01"


class BriefEndpointError(Exception):
    """There is no answer. ``reason`` is one of a few words, and holds nothing of question or answer."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the endpoint for briefs gave no answer: {reason}")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class _Call:
    """One request as that interface wants it."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


def ask(settings: Settings, system: str, message: str) -> str:
    """The model's answer to a message, under the instructions of ``system``.

    One attempt, without redirects, proxies or compressed answers; at most ``brief_timeout_s`` seconds and
    200 kB. Raises BriefEndpointError.
    """
    call = _CALLS[settings.brief_provider](settings, system, message)
    url = f"{(settings.brief_endpoint or '').rstrip('/')}{call.path}"
    try:
        content = anyio.run(_post, url, call, settings.brief_timeout_s)
    except (TimeoutError, httpx.TimeoutException):
        raise BriefEndpointError("timeout") from None
    except httpx.HTTPError as error:
        raise BriefEndpointError(type(error).__name__) from None
    return _text(settings.brief_provider, content)


async def _post(url: str, call: _Call, timeout_s: float) -> bytes:
    """The answer's bytes. One limit holds for all of it: a client's own begins anew with every byte."""
    headers = {"accept": "application/json", "accept-encoding": "identity", **call.headers}
    with anyio.fail_after(timeout_s):
        async with (
            httpx.AsyncClient(timeout=timeout_s, follow_redirects=False, trust_env=False) as client,
            client.stream("POST", url, json=call.body, headers=headers) as answer,
        ):
            if answer.status_code != 200:
                raise BriefEndpointError(f"status {answer.status_code}")
            if "content-encoding" in answer.headers:
                raise BriefEndpointError("compressed answer")
            content = bytearray()
            async for chunk in answer.aiter_raw():
                content += chunk
                if len(content) > MAX_ANSWER_BYTES:
                    raise BriefEndpointError("too large an answer")
            return bytes(content)


def _text(provider: str, content: bytes) -> str:
    """What the model wrote; it must have ended by itself."""
    try:
        value = orjson.loads(content)
        if provider == "openai":
            choice = value["choices"][0]
            text, ended = choice["message"]["content"], choice["finish_reason"] == "stop"
        else:
            (text,) = [part["text"] for part in value["content"] if part["type"] == "text"]
            ended = value["stop_reason"] == "end_turn"
    except (ValueError, KeyError, IndexError, TypeError):
        raise BriefEndpointError("malformed answer") from None
    if not isinstance(text, str):
        raise BriefEndpointError("malformed answer")
    if not ended:
        raise BriefEndpointError("cut answer")
    return text


def _openai(settings: Settings, system: str, message: str) -> _Call:
    key = settings.brief_api_key
    return _Call(
        "/v1/chat/completions",
        {"authorization": f"Bearer {key.get_secret_value()}"} if key else {},
        {
            "model": settings.brief_model,
            "temperature": 0,
            "max_tokens": MAX_TOKENS,
            "messages": [{"role": "system", "content": system}, {"role": "user", "content": message}],
        },
    )


def _anthropic(settings: Settings, system: str, message: str) -> _Call:
    key = settings.brief_api_key
    return _Call(
        "/v1/messages",
        {"anthropic-version": _ANTHROPIC_VERSION, **({"x-api-key": key.get_secret_value()} if key else {})},
        {
            "model": settings.brief_model,
            "temperature": 0,
            "max_tokens": MAX_TOKENS,
            "system": system,
            "messages": [{"role": "user", "content": message}],
        },
    )


_CALLS = {"openai": _openai, "anthropic": _anthropic}
