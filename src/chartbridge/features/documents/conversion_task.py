"""What a process of the pool does for a document; it imports the converter and little else."""

from __future__ import annotations

import gzip

import orjson

from chartbridge.ccda import CcdaError, convert


def convert_to_gzip(xml: bytes, patient_id: str) -> bytes | str:
    """Runs in a process of the pool: the bundle and report as gzip JSON, or why there are none."""
    try:
        conversion = convert(xml, patient_id)
    except CcdaError as error:
        return str(error)
    content = {"bundle": conversion.bundle, "report": conversion.report.to_json()}
    return gzip.compress(orjson.dumps(content), compresslevel=6, mtime=0)
