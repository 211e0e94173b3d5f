"""Entries from FHIR: Organizations and Endpoints as the three networks publish them.

R4 and STU3. An Organization's id or one of its identifiers is its OID; ``partOf``, or an extension whose
URL ends in OrgManagingOrg, names the organization that manages it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from chartbridge.features.directory.entries import Entry, UnfitRowError, clean, npi_in, oid_in
from chartbridge.features.directory.files import UnreadableFileError

NPI_SYSTEMS = frozenset({"http://hl7.org/fhir/sid/us-npi", "urn:oid:2.16.840.1.113883.4.6"})
_MANAGING = ("orgmanagingorg", "org-managing-org")
_MESSAGING_TYPES = frozenset({"ihe-xdr", "direct-project"})
_MESSAGING_TRANSACTION = re.compile(r"\b(XDR|ITI-41|Direct)\b", re.IGNORECASE)
_UNUSABLE = frozenset({"off", "entered-in-error", "suspended", "error"})
MAX_MESSAGING_ENDPOINTS = 1_000_000


class MessagingEndpoints:
    """Which organizations take messages, as far as Endpoints that stand beside them say so."""

    def __init__(self) -> None:
        self._endpoints: set[str] = set()
        self._organizations: set[str] = set()

    def add(self, resource: dict[str, Any]) -> None:
        """Note an Endpoint, if it is one and takes messages. Raises UnreadableFileError beyond a million."""
        if resource.get("resourceType") != "Endpoint" or not takes_messages(resource):
            return
        if len(self._endpoints) >= MAX_MESSAGING_ENDPOINTS:
            raise UnreadableFileError(f"has more than {MAX_MESSAGING_ENDPOINTS} endpoints for messages")
        own = _text(resource.get("id"))
        if own is not None:
            self._endpoints.add(own)
        manager = _target(resource.get("managingOrganization"))
        if manager is not None:
            self._organizations.add(oid_in(manager) or manager)

    def of(self, organization: dict[str, Any], oid: str) -> bool:
        """Whether one of them is the organization's."""
        ids = {oid, _text(organization.get("id"))}
        return not self._organizations.isdisjoint(ids) or any(
            _target(reference) in self._endpoints for reference in _objects(organization.get("endpoint"))
        )


def entry_of(organization: dict[str, Any], endpoints: MessagingEndpoints) -> Entry:
    """The entry that an Organization is. Raises UnfitRowError."""
    oid = _own_oid(organization)
    if oid is None:
        raise UnfitRowError("has no OID as id or identifier")
    address = next(_objects(organization.get("address")), {})
    contained = [r for r in _objects(organization.get("contained")) if r.get("resourceType") == "Endpoint"]
    lines = address.get("line")
    texts = lines if isinstance(lines, list) else [lines]
    return Entry(
        oid=oid,
        name=clean(organization.get("name")) or "",
        npi=_npi(organization),
        address_line=", ".join(text for line in texts if (text := clean(line))) or None,
        city=clean(address.get("city")),
        state=clean(address.get("state")),
        zip_code=clean(address.get("postalCode")),
        managing_org_oid=_managing_oid(organization, oid),
        supports_messaging=any(map(takes_messages, contained)) or endpoints.of(organization, oid),
        active=organization.get("active") is not False,
    )


def takes_messages(endpoint: dict[str, Any]) -> bool:
    """Whether an Endpoint in use takes documents sent to it, by XDR or by Direct."""
    if _text(endpoint.get("status")) in _UNUSABLE:
        return False
    connection = endpoint.get("connectionType")
    kinds = [connection] if isinstance(connection, dict) else []
    if any(_text(kind.get("code")) in _MESSAGING_TYPES for kind in kinds):
        return True
    return any(
        _MESSAGING_TRANSACTION.search(str(coding.get("code", "")))
        for extension in _objects(endpoint.get("extension"))
        if str(extension.get("url", "")).lower().endswith("/transaction")
        for coding in _objects((_object(extension.get("valueCodeableConcept"))).get("coding"))
    )


def _own_oid(organization: dict[str, Any]) -> str | None:
    """HCID first, then any identifier that is an OID, then the id."""
    found: list[tuple[bool, str]] = []
    for identifier in _objects(organization.get("identifier")):
        oid = oid_in(identifier.get("value"))
        if oid is not None and identifier.get("use") != "old":
            codes = [c.get("code") for c in _objects(_object(identifier.get("type")).get("coding"))]
            found.append(("HCID" not in codes, oid))
    return min(found, key=lambda pair: pair[0])[1] if found else oid_in(organization.get("id"))


def _npi(organization: dict[str, Any]) -> str | None:
    for identifier in _objects(organization.get("identifier")):
        codes = [c.get("code") for c in _objects(_object(identifier.get("type")).get("coding"))]
        if _text(identifier.get("system")) in NPI_SYSTEMS or "NPI" in codes:
            return npi_in(identifier.get("value"))
    return None


def _managing_oid(organization: dict[str, Any], own: str) -> str | None:
    references = [organization.get("partOf")]
    references += [
        extension.get("valueReference")
        for extension in _objects(organization.get("extension"))
        if str(extension.get("url", "")).lower().endswith(_MANAGING)
    ]
    for reference in references:
        value = _object(_object(reference).get("identifier")).get("value")
        oid = oid_in(_target(reference)) or oid_in(value)
        if oid is not None and oid != own:
            return oid
    return None


def _target(reference: object) -> str | None:
    """The id at the end of a reference, or the urn that it is."""
    text = _object(reference).get("reference")
    return text.rsplit("/", 1)[-1].lstrip("#") if isinstance(text, str) and text else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> Iterator[dict[str, Any]]:
    """The objects of a list, or the one that stands there alone."""
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict):
            yield item
