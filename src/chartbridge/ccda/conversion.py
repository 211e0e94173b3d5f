"""The one entry: bytes of a C-CDA document and a patient id to a Bundle and a Report."""

from __future__ import annotations

import gc
from collections import Counter
from typing import Any, NamedTuple

import chartbridge.ccda.sections  # noqa: F401 - registers all mappers
from chartbridge.ccda.actors import Actors
from chartbridge.ccda.composition import composition, convert_entries, read_sections, unstructured
from chartbridge.ccda.context import Context
from chartbridge.ccda.document import parse
from chartbridge.ccda.errors import CcdaError
from chartbridge.ccda.header import Header
from chartbridge.ccda.node import Node
from chartbridge.ccda.patient import patient
from chartbridge.ccda.report import Report
from chartbridge.ccda.sections.references import resolve
from chartbridge.ccda.sections.remarks import remark
from chartbridge.fhir import batch

CONVERTER_VERSION = "4"
"""Changes whenever the same document may give another bundle: results are kept by it."""


class Conversion(NamedTuple):
    """The outcome: ``bundle`` is a FHIR R4 batch Bundle as plain JSON, ``report`` the account of it."""

    bundle: dict[str, Any]
    report: Report


class ConversionFailedError(CcdaError):
    """The document's header or body has a shape that the converter cannot deal with: a defect to report."""


def convert(xml: bytes, patient_id: str) -> Conversion:
    """Convert one C-CDA document.

    ``patient_id`` is any text the caller likes; it becomes the Patient's id and every reference to it.
    The same bytes and id give the same result, byte for byte when serialised.

    Raises :class:`CcdaError` (see :mod:`chartbridge.ccda.errors`) where the input is no C-CDA document
    at all, and nothing else. A statement that cannot be mapped never spoils the document: the report
    tells of it and the Composition keeps its text.
    """
    root = parse(xml)
    ctx = Context(patient_id, remark)
    ctx.actors = Actors(ctx)
    collecting = gc.isenabled()
    gc.disable()  # thousands of small objects are made, none of them garbage: ``release`` unties the knots
    try:
        return _convert(Node(root), ctx, xml)
    except CcdaError:
        raise
    except Exception as error:
        raise ConversionFailedError(
            f"The document could not be converted ({type(error).__name__})."
        ) from error
    finally:
        ctx.release()
        if collecting:
            gc.enable()


def _convert(root_node: Node, ctx: Context, xml: bytes) -> Conversion:
    subject = patient(root_node, ctx)
    header = Header(root_node, ctx)
    parts = read_sections(root_node, ctx)
    convert_entries(parts, ctx)
    resolve(ctx)
    header.complete(subject, composition(header, parts), header.document_reference(xml))
    unstructured(header)
    members = [subject, *ctx.entries.values(), *ctx.actors.entries.values()]
    counted = Counter(member["resourceType"] for member in members)
    report = Report(CONVERTER_VERSION, ctx.accounts(), dict(sorted(counted.items())), tuple(ctx.issues))
    return Conversion(batch(members), report)
