"""The map from SNOMED CT to ICD-10-CM: the extended map reference set of the US edition.

Rows are kept as they are, in groups and with their rules; :mod:`chartbridge.terminology.maps` applies them.
Other maps in the same file, such as WHO's ICD-10, are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from chartbridge.terminology.releases.files import File, Files
from chartbridge.terminology.releases.numbers import Numbers
from chartbridge.terminology.releases.problems import ReleaseError
from chartbridge.terminology.releases.tables import tabbed, whole_number
from chartbridge.terminology.rows import MapRow, Row

if TYPE_CHECKING:
    from chartbridge.terminology.releases.reading import Release

SNOMED = "http://snomed.info/sct"
ICD_10_CM = "http://hl7.org/fhir/sid/icd-10-cm"
TO_ICD_10_CM = "6011000124106"
COLUMNS = (
    "id",
    "effectiveTime",
    "active",
    "moduleId",
    "refsetId",
    "referencedComponentId",
    "mapGroup",
    "mapPriority",
    "mapRule",
    "mapAdvice",
    "mapTarget",
    "correlationId",
    "mapCategoryId",
)
EQUIVALENCES = {
    "447556008": "unmatched",
    "447557004": "equivalent",
    "447558009": "narrower",
    "447559001": "wider",
    "447560006": "inexact",
    "447561005": "relatedto",
}
"""By correlation: not mappable, exact, broad to narrow, narrow to broad, partial overlap, not specified."""


def rows(files: Files, file: File, concepts: Numbers, release: Release) -> Iterator[Row]:
    """The map's active rows. Raises ReleaseError; remarks how many there were."""
    name = f"SNOMED CT to ICD-10-CM of {release.date}"
    count = 0
    for number, row in tabbed(files, file, COLUMNS, exactly=True):
        if row[2] != "1" or row[4] != TO_ICD_10_CM:
            continue
        code, target = row[5], row[10].strip()
        if whole_number(file, number, code, "the concept's id") not in concepts:
            raise ReleaseError(file.name, number, f"names concept {code}, which the file of concepts lacks")
        if row[11] not in EQUIVALENCES:
            raise ReleaseError(file.name, number, "the correlation is none that maps have")
        if not row[8].strip():
            raise ReleaseError(file.name, number, "has no rule")
        count += 1
        yield MapRow(
            name=name,
            system=SNOMED,
            code=code,
            target_system=ICD_10_CM,
            target_code=target,
            equivalence=EQUIVALENCES[row[11]] if target else "unmatched",
            group=whole_number(file, number, row[6], "mapGroup"),
            priority=whole_number(file, number, row[7], "mapPriority"),
            rule=row[8].strip(),
            advice=row[9].strip(),
        )
    if not count:
        release.remarks.append(f"{file.name} holds no map to ICD-10-CM")
