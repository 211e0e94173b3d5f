"""Why a document as a whole cannot be converted. Messages never hold anything of its content."""

from __future__ import annotations


class CcdaError(Exception):
    """The input cannot be converted at all; ``str(error)`` tells why and holds no patient data."""


class NotXmlError(CcdaError):
    """The bytes are no well-formed XML."""


class NotCdaError(CcdaError):
    """The XML is well-formed, but its root is not an HL7 v3 ``ClinicalDocument``."""


class TooLargeError(CcdaError):
    """The document exceeds the size, the depth or the element count that is accepted."""


class ForbiddenXmlError(CcdaError):
    """The XML declares entities, which a clinical document has no use for and an attack has."""
