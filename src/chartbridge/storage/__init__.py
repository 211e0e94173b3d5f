"""Objects: bytes under keys, in a local folder by default, in S3, GCS or Azure by URL.

In: a key and bytes. Out: bytes, or a presigned URL that lets a client without credentials read or
write that one object by that one method until it expires. Cloud stores sign their own URLs, so the
bytes never pass through the application; for the local folder :mod:`chartbridge.storage.signing`
signs and the API serves them. Every key begins with its tenant (see ``keys``).
"""

from chartbridge.storage.store import ObjectNotFoundError, ObjectStore, StorageError, open_store

__all__ = ["ObjectNotFoundError", "ObjectStore", "StorageError", "open_store"]
