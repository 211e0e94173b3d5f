"""Who is calling: accounts and API keys.

In: the text of an ``x-api-key`` header. Out: the tenant (account and environment) it belongs to, or
nothing. A key is shown once and stored as a hash; revoking acts at once because every request asks.
"""

from chartbridge.auth.keys import (
    ApiKeyInfo,
    KeyLimitError,
    UnknownKeyError,
    authenticate,
    create_key,
    default_account,
    list_keys,
    revoke_key,
)

__all__ = [
    "ApiKeyInfo",
    "KeyLimitError",
    "UnknownKeyError",
    "authenticate",
    "create_key",
    "default_account",
    "list_keys",
    "revoke_key",
]
