"""Bytes to a parsed ClinicalDocument, hardened.

No entity is resolved, no DTD is loaded, nothing is fetched; comments and processing instructions
are gone. Size and depth are bounded. Encodings are those libxml2 knows, as declared or by BOM.
"""

from __future__ import annotations

import re
from typing import Any

from lxml import etree

from chartbridge.ccda.errors import CcdaError, ForbiddenXmlError, NotCdaError, NotXmlError, TooLargeError
from chartbridge.ccda.names import CLINICAL_DOCUMENT, Element

MAX_BYTES = 50 * 1024 * 1024
MAX_DEPTH = 256
_HUGE = 9_000_000
"""Above this many bytes a single text node (an embedded PDF) may pass libxml2's default bound of 10 MB."""

_LEADING_SPACE = re.compile(rb"\A(?:\xef\xbb\xbf)?\s+(?=<)")
_PROLOG = re.compile(rb"(?:\xef\xbb\xbf)?(?:\s+|<\?.*?\?>|<!--.*?-->)*", re.DOTALL)
_MARK = b"\xef\xbb\xbf"
"""A byte order mark: within a document it is left from gluing files together, and no FHIR string may
have it."""
_UTF_8 = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*+(?!<\?xml[^>]*\bencoding\s*=\s*[\"'](?!utf-?8[\"']))", re.IGNORECASE
)
_ENCODINGS = ("ascii", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
_ENTITY_MARKS = tuple("<!ENTITY".encode(encoding) for encoding in _ENCODINGS)


def parse(xml: bytes) -> Element:
    """The root of a ClinicalDocument.

    Raises :class:`NotXmlError`, :class:`NotCdaError`, :class:`TooLargeError` (over 50 MB or nested
    deeper than 256 elements) or :class:`ForbiddenXmlError` (the document declares entities).
    """
    if len(xml) > MAX_BYTES:
        raise TooLargeError(f"The document has {len(xml)} bytes; at most {MAX_BYTES} are accepted.")
    if not xml or xml.isspace():
        raise NotXmlError("The document is empty.")
    _refuse_entities(xml)
    huge = len(xml) > _HUGE
    if _MARK[0] in xml and _MARK in xml and _UTF_8.match(xml):  # one byte is found much faster than three
        xml = xml.replace(_MARK, b"")
    try:
        root = etree.fromstring(_LEADING_SPACE.sub(b"", xml, count=1), _parser(huge))
    except etree.XMLSyntaxError as error:
        raise _syntax_error(error) from None
    except (ValueError, LookupError):
        raise NotXmlError("The document is not well-formed XML: its encoding cannot be read.") from None
    internal: Any = root.getroottree().docinfo.internalDTD
    if internal is not None and (
        list(internal.iterentities()) or next(root.iter(etree.Entity), None) is not None
    ):
        raise ForbiddenXmlError("The document declares or uses XML entities, which are not accepted.")
    if huge:
        _bound_depth(root)
    if root.tag != CLINICAL_DOCUMENT:
        raise NotCdaError("The root element is not a ClinicalDocument of namespace urn:hl7-org:v3.")
    return root


def _parser(huge: bool) -> etree.XMLParser:
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        remove_comments=True,
        remove_pis=True,
        huge_tree=huge,
        recover=False,
    )


def _refuse_entities(xml: bytes) -> None:
    """Refuse before parsing: libxml2 expands entities in attribute values even when told not to resolve.

    Entities are declared in a DOCTYPE, and that stands before the root element, after nothing but
    comments and processing instructions; where none stands there, nothing is searched further. The mark
    cannot stand in a text (``<`` is escaped there); in CDATA or a comment nobody has a use for it.
    """
    wide = b"\0" in xml[:16]
    prolog = _PROLOG.match(xml)
    if not wide and prolog is not None and not xml.startswith(b"<!", prolog.end()):
        return
    if any(mark in xml for mark in (_ENTITY_MARKS if wide else _ENTITY_MARKS[:1])):
        raise ForbiddenXmlError("The document declares XML entities, which are not accepted.")


def _syntax_error(error: etree.XMLSyntaxError) -> CcdaError:
    """The parser's messages may quote the text around the error, so only the place is told."""
    if "xcessive depth" in str(error.msg):
        return TooLargeError(f"The document is nested deeper than {MAX_DEPTH} elements.")
    line, column = error.position
    return NotXmlError(f"The document is not well-formed XML: line {line}, column {column}.")


def _bound_depth(root: Element) -> None:
    """libxml2 bounds the depth only while its limits are on, and they are off for huge documents."""
    depth = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        if depth > MAX_DEPTH:
            raise TooLargeError(f"The document is nested deeper than {MAX_DEPTH} elements.")
