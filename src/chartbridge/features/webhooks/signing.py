"""How a receiver knows that a message is ours (contract, webhooks 8.1; Standard Webhooks 1.0.0).

One key, two schemes: ``x-metriport-signature`` is the hex HMAC-SHA-256 of the body alone; the headers of
Standard Webhooks sign id and time with it, so that an old message cannot be played again. Their libraries
take the key as ``whsec_`` and the base64 of its bytes.
"""

from __future__ import annotations

import base64
import hashlib
import hmac


def sign(key: str, body: bytes) -> str:
    """Lower-case hex HMAC-SHA-256 of the exact bytes."""
    return hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


def headers(key: str, message_id: str, at: int, body: bytes) -> list[tuple[bytes, bytes]]:
    """All headers that prove the body; ``at`` is the time of this attempt in seconds since 1970."""
    signed = f"{message_id}.{at}.".encode() + body
    digest = hmac.new(key.encode(), signed, hashlib.sha256).digest()
    return [
        (b"x-metriport-signature", sign(key, body).encode()),
        (b"webhook-id", message_id.encode()),
        (b"webhook-timestamp", str(at).encode()),
        (b"webhook-signature", b"v1," + base64.b64encode(digest)),
    ]
