"""FDA's National Drug Code Directory: product.txt and package.txt, tab-separated under a header.

A concept is a package, by its NDC of eleven digits (5-4-2, as claims and RxNorm have it); what the directory
says of its product goes with it.
The files do not tell when they were published.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from chartbridge.terminology.releases.dates import given_date, iso_day
from chartbridge.terminology.releases.files import File, Files
from chartbridge.terminology.releases.problems import ReleaseError
from chartbridge.terminology.releases.reading import CodeSystem, Kind, Options, Release
from chartbridge.terminology.releases.tables import tabbed
from chartbridge.terminology.rows import Concept, Designation, Property, Row
from chartbridge.terminology.standardise.forms import ndc11

NDC = "http://hl7.org/fhir/sid/ndc"
_ENCODING = "cp1252"
_PRODUCT = (
    "PRODUCTID",
    "PROPRIETARYNAME",
    "PROPRIETARYNAMESUFFIX",
    "NONPROPRIETARYNAME",
    "ACTIVE_NUMERATOR_STRENGTH",
    "ACTIVE_INGRED_UNIT",
    "DOSAGEFORMNAME",
    "ROUTENAME",
    "LABELERNAME",
    "DEASCHEDULE",
)
_PACKAGE = ("PRODUCTID", "NDCPACKAGECODE", "PACKAGEDESCRIPTION", "STARTMARKETINGDATE", "ENDMARKETINGDATE")
_STRAY = 1_000
"""One in so many packages may have an NDC that cannot be read."""
_MOST = 1_000
"""Characters of a list of ingredients or strengths; that of an allergen mixture may be very long."""

_Product = tuple[str, ...]


def _finds(files: Files) -> bool:
    return files.find(r"package\.txt") is not None and files.find(r"product\.txt") is not None


def _open(files: Files, options: Options) -> Release:
    product, package = files.need(r"product\.txt", "product.txt"), files.need(r"package\.txt", "package.txt")
    date = given_date(options.released, files, "the directory does not say when it was published")
    release = Release(
        version=date,
        date=date,
        files=[product, package],
        # FDA takes packages off the list when they are no longer sold, and records name them for years.
        systems=[CodeSystem(NDC, "NDC", date, complete=False)],
        rows=lambda: iter(()),
    )
    release.rows = partial(_rows, files, product, package, release)
    return release


def _rows(files: Files, product: File, package: File, release: Release) -> Iterator[Row]:
    products = _products(files, product)
    packed: set[str] = set()
    seen: dict[str, _Product] = {}
    number = repeated = unread = first_unread = 0
    for number, row in tabbed(files, package, _PACKAGE, fallback=_ENCODING):
        described = products.get(row[0])
        if described is None:
            raise ReleaseError(package.name, number, f"is of a product that {product.name} lacks")
        packed.add(row[0])
        code = ndc11(row[1].strip())
        if code is None:
            unread += 1
            first_unread = first_unread or number
            continue
        if seen.setdefault(code, described) is described:
            yield from _package(code, row, described)
        elif seen[code] != described:
            repeated += 1
    if unread * _STRAY > number:
        raise ReleaseError(package.name, first_unread, "the NDC of the package is none, nor are others")
    if unread:
        release.remarks.append(
            f"{unread} packages have no NDC in three parts of ten digits and were left out"
        )
    if repeated:
        release.remarks.append(f"{repeated} packages have the NDC of another product's; the first was taken")
    if missing := len(products) - len(packed):
        release.remarks.append(f"{missing} products have no package")
        if list(products)[-1] not in packed and missing * 10 > len(products):
            raise ReleaseError(
                package.name, number, f"the file is cut off: {missing} products have no package"
            )


def _products(files: Files, file: File) -> dict[str, _Product]:
    found: dict[str, _Product] = {}
    for number, row in tabbed(files, file, _PRODUCT, fallback=_ENCODING):
        key, *texts = (_plain(text) for text in row)
        if not key:
            raise ReleaseError(file.name, number, "has no id")
        if key in found:
            raise ReleaseError(file.name, number, "gives a product for the second time")
        found[key] = tuple(texts)
    return found


def _package(code: str, row: Sequence[str], product: _Product) -> Iterator[Row]:
    brand, suffix, generic, strengths, units, form, route, labeler, schedule = product
    name = " ".join(part for part in (brand or generic, suffix) if part)
    display = ", ".join(part for part in (name, _strengths(strengths, units), form.lower()) if part)
    package = _plain(row[2])
    yield Concept(NDC, code, display or package or row[1].strip())
    if package:
        yield Designation(NDC, code, "package", package)
    yield Property(NDC, code, "ndc", row[1].strip())
    texts = {"ingredient": generic, "dose-form": form, "route": route, "labeler": labeler, "dea": schedule}
    for kind, text in texts.items():
        if text:
            yield Property(NDC, code, kind, text[:_MOST])
    for kind, text in zip(("marketing-start", "marketing-end"), row[3:5], strict=True):
        if day := iso_day(text.strip()):
            yield Property(NDC, code, kind, day)


def _plain(text: str) -> str:
    """A text without the quotes that some fields stand in."""
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] == '"':
        return text[1:-1].replace('""', '"').strip()
    return text


def _strengths(numbers: str, units: str) -> str:
    """``25; 100`` and ``mg/1; mg/1`` as ``25 mg/1; 100 mg/1``; nothing where they are not as many."""
    pairs = (numbers.split("; "), units.split("; "))
    if not numbers or len(pairs[0]) != len(pairs[1]) or len(numbers) + len(units) > _MOST:
        return ""
    return "; ".join(f"{number} {unit}".strip() for number, unit in zip(*pairs, strict=True))


KIND = Kind(
    name="ndc",
    title="National Drug Code Directory",
    publisher="US Food and Drug Administration",
    licence="public domain in the United States",
    notice=(
        "The National Drug Code Directory is published by the US Food and Drug Administration. That it lists "
        "a product does not say that it was approved."
    ),
    finds=_finds,
    opens=_open,
)
