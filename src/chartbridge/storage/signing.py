"""Presigned URLs of the local store.

The signature is an HMAC-SHA-256 over method, key, expiry and the response's content type, file
name and disposition, so none of them can be changed. A URL needs no API key and fails once it has expired.
Uploads come by such URLs whatever the store is, because we look at a file before we keep it.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

PATH_PREFIX = "/storage/"
_INLINE = "inline"


class InvalidSignatureError(Exception):
    """The URL was changed, was made for another method or object, or has expired."""


@dataclass(frozen=True, slots=True)
class SignedObject:
    """What a valid URL entitles to."""

    key: str
    content_type: str
    filename: str | None
    inline: bool = False


class UrlSigner:
    def __init__(self, origin: str, secret: bytes) -> None:
        self._origin = origin
        self._secret = hashlib.sha256(b"chartbridge presigned url\0" + secret).digest()

    def url(
        self,
        method: str,
        key: str,
        *,
        expires_in_s: int,
        content_type: str,
        filename: str | None = None,
        inline: bool = False,
    ) -> str:
        """An absolute URL for ``method`` on ``key``, valid for ``expires_in_s`` seconds. ``inline``: a
        browser may show the object, of whatever type it is."""
        expires = str(int(time.time()) + expires_in_s)
        query = {"expires": expires, "type": content_type}
        if filename:
            query["filename"] = filename
        if inline:
            query["show"] = _INLINE
        show = query.get("show", "")
        query["signature"] = self._signature(method, key, expires, content_type, filename or "", show)
        return f"{self._origin}{PATH_PREFIX}{quote(key)}?{urlencode(query)}"

    def verify(self, method: str, key: str, query: Mapping[str, str]) -> SignedObject:
        """Raises InvalidSignatureError."""
        expires, content_type = query.get("expires", ""), query.get("type", "")
        filename, show = query.get("filename", ""), query.get("show", "")
        expected = self._signature(method, key, expires, content_type, filename, show)
        given = query.get("signature", "")
        if not hmac.compare_digest(expected.encode(), given.encode()):
            raise InvalidSignatureError("the URL's signature does not fit")
        if not expires.isdecimal() or int(expires) < time.time():
            raise InvalidSignatureError("the URL has expired")
        return SignedObject(key, content_type, filename or None, show == _INLINE)

    def _signature(self, *parts: str) -> str:
        return hmac.new(self._secret, "\n".join(parts).encode(), hashlib.sha256).hexdigest()
