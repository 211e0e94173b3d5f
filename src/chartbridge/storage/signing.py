"""Presigned URLs of the local store.

The signature is an HMAC-SHA-256 over method, key, expiry and the response's content type and file
name, so none of them can be changed. A URL needs no API key and fails once it has expired.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

PATH_PREFIX = "/storage/"


class InvalidSignatureError(Exception):
    """The URL was changed, was made for another method or object, or has expired."""


@dataclass(frozen=True, slots=True)
class SignedObject:
    """What a valid URL entitles to."""

    key: str
    content_type: str
    filename: str | None


class UrlSigner:
    def __init__(self, origin: str, secret: bytes) -> None:
        self._origin = origin
        self._secret = hashlib.sha256(b"chartbridge presigned url\0" + secret).digest()

    def url(
        self, method: str, key: str, *, expires_in_s: int, content_type: str, filename: str | None = None
    ) -> str:
        """An absolute URL for ``method`` on ``key``, valid for ``expires_in_s`` seconds."""
        expires = str(int(time.time()) + expires_in_s)
        query = {"expires": expires, "type": content_type}
        if filename:
            query["filename"] = filename
        query["signature"] = self._signature(method, key, expires, content_type, filename or "")
        return f"{self._origin}{PATH_PREFIX}{quote(key)}?{urlencode(query)}"

    def verify(self, method: str, key: str, query: Mapping[str, str]) -> SignedObject:
        """Raises InvalidSignatureError."""
        expires, content_type = query.get("expires", ""), query.get("type", "")
        filename = query.get("filename", "")
        expected = self._signature(method, key, expires, content_type, filename)
        given = query.get("signature", "")
        if not hmac.compare_digest(expected.encode(), given.encode()):
            raise InvalidSignatureError("the URL's signature does not fit")
        if not expires.isdecimal() or int(expires) < time.time():
            raise InvalidSignatureError("the URL has expired")
        return SignedObject(key, content_type, filename or None)

    def _signature(self, *parts: str) -> str:
        return hmac.new(self._secret, "\n".join(parts).encode(), hashlib.sha256).hexdigest()
