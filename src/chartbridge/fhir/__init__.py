"""What is general to FHIR R4, over plain dicts: ids, references, bundles, dates, empties.

Resources come in and go out as ``dict[str, Any]`` in FHIR's JSON form. Every function is pure: no
clock, no randomness, no settings. Nothing here knows where a resource came from.
"""

from __future__ import annotations

from chartbridge.fhir.bundles import batch, dangling_references, resources
from chartbridge.fhir.dates import instant, is_date_time
from chartbridge.fhir.empties import drop
from chartbridge.fhir.ids import content_id, name_based_id, namespace
from chartbridge.fhir.references import is_local, reference, reference_to, references

__all__ = [
    "batch",
    "content_id",
    "dangling_references",
    "drop",
    "instant",
    "is_date_time",
    "is_local",
    "name_based_id",
    "namespace",
    "reference",
    "reference_to",
    "references",
    "resources",
]
