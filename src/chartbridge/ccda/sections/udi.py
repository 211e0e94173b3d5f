"""Unique device identifiers: the UDI Organizer's observations, and what GS1's form of the string says.

The string in human-readable form names its parts by GS1's application identifiers, ``(01)`` the device
identifier, ``(11)`` and ``(17)`` the dates of manufacture and expiry, ``(10)`` the lot, ``(21)`` the serial
number. What the organizer says of a part is believed before the string.
"""

from __future__ import annotations

import re

from chartbridge.ccda import templates as t
from chartbridge.ccda.context import Context
from chartbridge.ccda.datatypes import codeable, date_time
from chartbridge.ccda.names import CODE, VALUE, Element
from chartbridge.ccda.registry import part
from chartbridge.ccda.sections.common import Json
from chartbridge.ccda.statement import Statement
from chartbridge.ccda.times import timestamp
from chartbridge.fhir import drop

FDA_UDI = "2.16.840.1.113883.3.3719"
JURISDICTION = "http://hl7.org/fhir/NamingSystem/fda-udi"
ISSUERS = {
    "1.3.160": "http://hl7.org/fhir/NamingSystem/gs1-di",
    "1.0.15961.10.816": "http://hl7.org/fhir/NamingSystem/hibcc-dI",
    "2.16.840.1.113883.6.18": "http://hl7.org/fhir/NamingSystem/iccbba-blood-di",
}
"""The agencies that issue device identifiers, by the root of the identifier."""

part(
    t.BRAND_NAME,
    t.CATALOG_NUMBER,
    t.COMPANY_NAME,
    t.DEVICE_IDENTIFIER,
    t.IMPLANTABLE_STATUS,
    t.DISTINCT_IDENTIFICATION,
    t.EXPIRATION_DATE,
    t.LATEX_SAFETY,
    t.LOT_NUMBER,
    t.MANUFACTURING_DATE,
    t.MODEL_NUMBER,
    t.MRI_SAFETY,
    t.SERIAL_NUMBER,
    of="a device",
)

_PARTS = re.compile(r"\((\d\d)\)([^()]+)")
_NAMES = {"11": "manufactureDate", "17": "expirationDate", "10": "lotNumber", "21": "serialNumber"}
_TEXTS = {
    t.LOT_NUMBER: "lotNumber",
    t.SERIAL_NUMBER: "serialNumber",
    t.DISTINCT_IDENTIFICATION: "distinctIdentifier",
    t.MODEL_NUMBER: "modelNumber",
    t.CATALOG_NUMBER: "partNumber",
    t.COMPANY_NAME: "manufacturer",
}
_DATES = {t.MANUFACTURING_DATE: "manufactureDate", t.EXPIRATION_DATE: "expirationDate"}
_SAFETY = (t.LATEX_SAFETY, t.MRI_SAFETY)


def udi_fields(carrier: str | None, organizer: Statement | None, ctx: Context) -> Json:
    """Fields of a Device: from its UDI as a string, and from the UDI Organizer, whose parts are taken."""
    made, identifier, issuer = _read(carrier)
    if organizer is not None:
        for child in organizer.related:
            if child.taken or not child.is_asserted:
                continue
            if child.template == t.DEVICE_IDENTIFIER:
                identifier, issuer = _device_identifier(child) or (identifier, issuer)
                child.taken = identifier is not None
            else:
                _tell(child, made, ctx)
    if carrier is not None or identifier is not None:
        made["udiCarrier"] = [
            drop(
                {
                    "deviceIdentifier": identifier,
                    "issuer": issuer,
                    "jurisdiction": JURISDICTION if carrier is not None else None,
                    "carrierHRF": carrier,
                }
            )
        ]
    return made


def _tell(child: Statement, made: Json, ctx: Context) -> None:
    """Put what one observation says into the field that it is about, and take it."""
    value = child.child(VALUE)
    kind = child.template
    if kind in _DATES:
        said = date_time(value, ctx)
        if said is not None:
            made[_DATES[kind]] = said
            child.taken = True
        return
    if kind in _TEXTS or kind == t.BRAND_NAME:
        text = _words(value, ctx)
        if text is not None:
            if kind == t.BRAND_NAME:
                made["deviceName"] = [{"name": text, "type": "user-friendly-name"}]
            else:
                made[_TEXTS[kind]] = text
            child.taken = True
        return
    code = codeable(value, ctx)
    if code is None and (text := _words(value, ctx)) is not None:
        code = {"text": text}
    if code is None:
        return
    if kind in _SAFETY:
        made.setdefault("safety", []).append(code)
        child.taken = True
    elif kind == t.IMPLANTABLE_STATUS:
        what = codeable(child.child(CODE), ctx) or {"text": "Implantable device status"}
        made.setdefault("property", []).append({"type": what, "valueCode": [code]})
        child.taken = True


def _words(value: Element | None, ctx: Context) -> str | None:
    return None if value is None else ctx.text(value) or value.get("extension") or value.get("displayName")


def _device_identifier(st: Statement) -> tuple[str, str | None] | None:
    value = st.child(VALUE)
    found = None if value is None else value.get("extension")
    if value is None or not found:
        return None
    root = (value.get("root") or "").strip()
    return found, ISSUERS.get(root) or (f"urn:oid:{root}" if root else None)


def _read(carrier: str | None) -> tuple[Json, str | None, str | None]:
    """The parts of a UDI in GS1's human-readable form; nothing of any other form."""
    if carrier is None or not carrier.startswith("(01)"):
        return {}, None, None
    found = dict(_PARTS.findall(carrier))
    made: Json = {}
    for number, name in _NAMES.items():
        said = found.get(number)
        if said is None:
            continue
        value = _date(said) if name.endswith("Date") else said.strip()
        if value:
            made[name] = value
    return made, found.get("01"), ISSUERS["1.3.160"]


def _date(text: str) -> str | None:
    """GS1's YYMMDD, its day 00 for 'some day of that month'; UDIs are younger than 1970."""
    text = text.strip()
    if re.fullmatch(r"\d\d(?!00)\d{4}", text, re.ASCII) is None:
        return None
    return timestamp(f"{'19' if text[:2] >= '70' else '20'}{text}")
