"""C-CDA to FHIR R4: a document's bytes in, a Bundle and an account of every statement out.

    from chartbridge.ccda import convert
    done = convert(xml, "p-1")
    done.bundle            # {"resourceType": "Bundle", "type": "batch", "entry": [...]}
    done.report.totals     # {"statements": 53, "converted": 40, "absorbed": 13, ...}

It follows HL7's C-CDA on FHIR guide and US Core. It never fetches anything, keeps no state between
documents, and raises nothing but :class:`CcdaError`. See docs/conversion/.
"""

from __future__ import annotations

from chartbridge.ccda.conversion import CONVERTER_VERSION, Conversion, ConversionFailedError, convert
from chartbridge.ccda.errors import (
    CcdaError,
    ForbiddenXmlError,
    NotCdaError,
    NotXmlError,
    TooLargeError,
)
from chartbridge.ccda.report import Account, Report

__all__ = [
    "CONVERTER_VERSION",
    "Account",
    "CcdaError",
    "Conversion",
    "ConversionFailedError",
    "ForbiddenXmlError",
    "NotCdaError",
    "NotXmlError",
    "Report",
    "TooLargeError",
    "convert",
]
