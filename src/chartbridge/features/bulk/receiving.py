"""Taking in the file of an import: one file, once, though several may arrive at the same time.

Each upload writes an object of its own, and the first whose row is written makes that object the import's;
the others are told so and theirs are deleted. An upload that breaks off has changed nothing.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import IO

from chartbridge.db import Tenant
from chartbridge.errors import BadRequestError, ConflictError, ForbiddenError, NotFoundError
from chartbridge.features.bulk import service
from chartbridge.http.uploads import UploadKind
from chartbridge.ids import new_id
from chartbridge.platform import Platform
from chartbridge.storage import keys


def _target(key: str) -> tuple[Tenant, str]:
    target = keys.parse_bulk_upload(key)
    if target is None:
        raise ForbiddenError
    return target


def _check(job: service.BulkImport | None) -> service.BulkImport:
    """The import, which takes a file. Raises NotFoundError, ConflictError and BadRequestError."""
    if job is None:
        raise NotFoundError("Could not find bulk import")
    if job.upload_id is not None:
        raise ConflictError("The file of this import was uploaded already; start another import")
    service.check_change(job, "processing")
    return job


def _expect(platform: Platform, key: str) -> None:
    tenant, import_id = _target(key)
    with platform.db.read(tenant) as session:
        _check(service.find_import(session, import_id))


def _take_in(platform: Platform, key: str, file: IO[bytes], _sent_type: str | None) -> None:
    tenant, import_id = _target(key)
    upload_id = new_id()
    source = keys.bulk_source(tenant, import_id, upload_id)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        with path.open("wb") as copy:
            shutil.copyfileobj(file, copy)
        if not path.stat().st_size:
            raise BadRequestError("The file is empty")
        platform.store.put(source, path, content_type="text/csv")
    try:
        with platform.db.write(tenant) as session:
            job = _check(service.lock(session, import_id))
            service.begin(platform, session, job, upload_id)
    except (NotFoundError, ConflictError, BadRequestError):
        platform.store.delete(source)
        raise


FILES = UploadKind(
    is_for=lambda key: keys.parse_bulk_upload(key) is not None,
    limit=lambda settings: settings.bulk_max_upload_bytes,
    expect=_expect,
    take_in=_take_in,
)
"""Files of bulk imports."""
