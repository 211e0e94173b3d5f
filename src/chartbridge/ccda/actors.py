"""People, organizations, places and devices: each appears once, however often the document names it.

Two mentions are the same when they share an identifier and their names do not differ, nor, of places
that are not both named, their addresses; without identifiers, when their content is the same. What a
later mention adds is added.
"""

from __future__ import annotations

from typing import Any

from lxml import etree

from chartbridge.ccda.context import SOURCE_ELEMENT, Context
from chartbridge.ccda.datatypes import codeable, identifiers, when
from chartbridge.ccda.demographics import (
    addresses,
    contact_points,
    display_name,
    human_names,
)
from chartbridge.ccda.names import (
    ADDR,
    ASSIGNED_AUTHOR,
    ASSIGNED_AUTHORING_DEVICE,
    ASSIGNED_ENTITY,
    ASSIGNED_PERSON,
    AUTHOR,
    CODE,
    ID,
    LOCATION,
    MANUFACTURER_MODEL_NAME,
    NAME,
    PARTICIPANT,
    PARTICIPANT_ROLE,
    PERFORMER,
    PLAYING_DEVICE,
    PLAYING_ENTITY,
    REPRESENTED_ORGANIZATION,
    SOFTWARE_NAME,
    TELECOM,
    TIME,
    Element,
)
from chartbridge.ccda.narrative import squeeze, words
from chartbridge.ccda.node import Node, node_at
from chartbridge.fhir import content_id, drop, reference

Json = dict[str, Any]
_NPI = "http://hl7.org/fhir/sid/us-npi"


class Actors:
    """The actors of one document."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self.entries: dict[str, Json] = {}
        self.patient_identifiers: set[tuple[str, str]] = set()
        self._patient_names: list[frozenset[str]] = []
        self._by_identifier: dict[tuple[str, str, str], dict[str, Json]] = {}
        """By type and identifier: what carries it, by its name, the address of a place, or nothing."""
        self._seen: dict[tuple[str, bytes], tuple[Json | None, Json | None]] = {}
        self._read: dict[Element, tuple[Json | None, Json | None]] = {}

    # the patient

    def patient_is(self, ids: list[Json], names: list[Json]) -> None:
        """Note by which identifiers and names the document's patient is known."""
        self.patient_identifiers.update(
            (one.get("system", ""), one["value"]) for one in ids if _identifies(one, "Patient")
        )
        self._patient_names = [_name_words(one) for one in names]

    def is_patient(self, ids: list[Json], names: list[Json]) -> bool:
        """Whether somebody of these identifiers and names is the patient.

        An identifier of the patient is not enough for a person of another name: a relative is often
        registered under it.
        """
        known = self.patient_identifiers
        if not any((one.get("system", ""), one["value"]) in known for one in ids):
            return False
        if not names or not self._patient_names:
            return True
        return any(_same_person(_name_words(one), own) for one in names for own in self._patient_names)

    # roles

    def role(self, el: Element, path: str) -> tuple[Json | None, Json | None]:
        """An assignedAuthor, assignedEntity or the like as references to (person or device, organization)."""
        found = self._read.get(el)
        if found is None:
            key = (el.tag, etree.tostring(el, with_tail=False))
            found = self._seen.get(key)
            if found is None:
                found = self._seen[key] = self._role(Node(el), path)
            self._read[el] = found
        return found

    def _role(self, node: Node, path: str) -> tuple[Json | None, Json | None]:
        organization = self.organization(
            node.node(REPRESENTED_ORGANIZATION), f"{path}/representedOrganization"
        )
        device = node.node(ASSIGNED_AUTHORING_DEVICE)
        if device is not None:
            return self._device(node, device, path), organization
        ids = identifiers(node.children(ID))
        person = node.node(ASSIGNED_PERSON)
        names = human_names(person.children(NAME)) if person is not None else []
        if self.is_patient(ids, names):
            return self._ctx.patient, organization
        specialty = codeable(node.child(CODE), self._ctx)
        telecom = contact_points(node.children(TELECOM))
        if not ids and not names:
            return None, organization
        fields = {
            "identifier": ids,
            "name": names,
            "telecom": telecom,
            "address": addresses(node.children(ADDR)),
            "qualification": [{"code": specialty}]
            if specialty is not None and organization is None
            else None,
        }
        label = display_name(names[0]) if names else None
        practitioner = reference(self._merge("Practitioner", fields, ids, label, path), label)
        if organization is not None:
            role = {
                "practitioner": practitioner,
                "organization": organization,
                "specialty": [specialty],
                "telecom": telecom,
            }
            body = drop(role) or {}
            self._put("PractitionerRole", body, body, path)
        return practitioner, organization

    def organization(self, node: Node | None, path: str) -> Json | None:
        """A representedOrganization, custodian, provider or manufacturer as a reference to Organization."""
        if node is None:
            return None
        ids = identifiers(node.children(ID))
        name = words(node.child(NAME))
        if not ids and name is None:
            return None
        fields = {
            "identifier": ids,
            "active": True,
            "name": name,
            "telecom": [one for one in contact_points(node.children(TELECOM)) if one.get("use") != "home"],
            "address": [one for one in addresses(node.children(ADDR)) if one.get("use") != "home"],
        }
        return reference(self._merge("Organization", fields, ids, name, path), name)

    def location(self, node: Node | None, name: str | None, path: str) -> Json | None:
        """A service delivery location or health care facility as a reference to a Location."""
        if node is None:
            return None
        ids = identifiers(node.children(ID))
        kind = codeable(node.child(CODE), self._ctx)
        where = addresses(node.children(ADDR))
        if not ids and name is None and kind is None and not where:
            return None
        fields = {
            "identifier": ids,
            "name": name,
            "type": [kind],
            "telecom": contact_points(node.children(TELECOM)),
            "address": where[0] if where else None,
        }
        return reference(self._merge("Location", fields, ids, name, path), name)

    def _device(self, node: Node, device: Node, path: str) -> Json | None:
        names = []
        for tag, kind in ((MANUFACTURER_MODEL_NAME, "model-name"), (SOFTWARE_NAME, "user-friendly-name")):
            el = device.child(tag)
            said = None if el is None else squeeze(el.text) or el.get("displayName")
            if said:
                names.append({"name": said, "type": kind})
        ids = identifiers(node.children(ID))
        if not ids and not names:
            return None
        fields = {"identifier": ids, "deviceName": names, "type": codeable(node.child(CODE), self._ctx)}
        label = names[0]["name"] if names else None
        return reference(self._merge("Device", fields, ids, label, path), label)

    # participations

    def author(self, node: Node, path: str) -> tuple[Json | None, str | None]:
        """The first author that is known, and the time of the participation."""
        moment: str | None = None
        for position, el in enumerate(node.children(AUTHOR), 1):
            participation = Node(el)
            moment = moment or when(participation.child(TIME), self._ctx).start
            assigned = participation.child(ASSIGNED_AUTHOR)
            if assigned is None:
                continue
            person, organization = self.role(assigned, f"{path}/author[{position}]/assignedAuthor")
            if person is not None or organization is not None:
                return person or organization, moment
        return None, moment

    def performers(self, node: Node, path: str) -> list[tuple[Node, Json | None, Json | None]]:
        """The performers: the participation, the person, the organization; neither is never both missing."""
        found = []
        for position, el in enumerate(node.children(PERFORMER), 1):
            participation = Node(el)
            assigned = participation.child(ASSIGNED_ENTITY)
            if assigned is None:
                continue
            person, organization = self.role(assigned, f"{path}/performer[{position}]/assignedEntity")
            if person is not None or organization is not None:
                found.append((participation, person, organization))
        return found

    def performer_references(self, node: Node, path: str) -> list[Json]:
        """The performers as references, to the person or else the organization."""
        made: list[Json] = []
        for _, person, organization in self.performers(node, path):
            one = person or organization
            if one is not None and one not in made:
                made.append(one)
        return made

    def locations(self, node: Node, path: str) -> list[Json]:
        """The participants of type LOC as references to Locations."""
        made: list[Json] = []
        for position, el in enumerate(node.children(PARTICIPANT), 1):
            if el.get("typeCode") != "LOC":
                continue
            role = node_at(Node(el), PARTICIPANT_ROLE)
            if role is not None and PLAYING_DEVICE in role.one:
                continue  # some senders put a device where a place belongs
            entity = node_at(role, PLAYING_ENTITY)
            name = None if entity is None else words(entity.child(NAME))
            one = self.location(role, name, f"{path}/participant[{position}]/participantRole")
            if one is not None and one not in made:
                made.append(one)
        return made

    def facility(self, node: Node | None, path: str) -> Json | None:
        """A healthCareFacility of the header as a reference to a Location."""
        if node is None:
            return None
        place = node.node(LOCATION)
        if place is not None and ADDR in place.one and ADDR not in node.one:
            node.one[ADDR] = place.one[ADDR]
        name = None if place is None else words(place.child(NAME))
        return self.location(node, name, path)

    # merging

    def _merge(self, kind: str, fields: Json, ids: list[Json], label: str | None, path: str) -> Json:
        body = drop(fields) or {}
        keys = [(kind, one.get("system", ""), one["value"]) for one in ids if _identifies(one, kind)]
        wanted = label.casefold() if label else None
        spot = _spot(body) if kind == "Location" else None
        marks = [mark for mark in (wanted, spot) if mark is not None] or [""]
        made = self._known(keys, wanted, spot, marks)
        if made is not None:
            _enrich(made, body)
        else:
            basis = body
            if keys:
                basis = {"identifier": min(keys, key=_preference), "name": wanted}
                if wanted is None and spot is not None:
                    basis["address"] = spot
            made = self._put(kind, basis, body, path)
        for key in keys:
            same = self._by_identifier.setdefault(key, {})
            for mark in marks:
                same.setdefault(mark, made)
        return made

    def _known(
        self, keys: list[tuple[str, str, str]], wanted: str | None, spot: str | None, marks: list[str]
    ) -> Json | None:
        """What was made of one of the identifiers and does not differ in name or place.

        Only what has the same name or address, no name, or was made first is looked at: identifiers that
        are shared by many cost no more than others.
        """
        for key in keys:
            same = self._by_identifier.get(key)
            if same is None:
                continue
            for mark in (*marks, ""):
                made = same.get(mark)
                if made is not None and _agree(made, wanted, spot):
                    return made
            first = next(iter(same.values()))
            if _agree(first, wanted, spot):
                return first
        return None

    def _put(self, kind: str, basis: Json, body: Json, path: str) -> Json:
        """The resource whose id comes from ``basis``, made of ``body`` where it is not there yet."""
        identity = content_id(self._ctx.namespace, kind, basis)
        key = f"{kind}/{identity}"
        made = self.entries.get(key)
        if made is None:
            source = [{"url": SOURCE_ELEMENT, "valueString": path}]
            made = self.entries[key] = {
                "resourceType": kind,
                "id": identity,
                "extension": source,
                **body,
            }
        return made


def _identifies(one: Json, kind: str) -> bool:
    """A bare OID names an authority as often as a person, so it identifies organizations only."""
    return kind == "Organization" or one.get("system") != "urn:ietf:rfc:3986" or ":uuid:" in one["value"]


def _name_words(name: Json) -> frozenset[str]:
    """What a HumanName is made of, without titles."""
    parts = [*name.get("given", ()), name.get("family"), *name.get("suffix", ()), name.get("text")]
    return frozenset(" ".join(part for part in parts if part).casefold().replace(",", " ").split())


def _same_person(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether two names differ in nothing but what only one of them has; a single word tells too little."""
    return one == other or (min(len(one), len(other)) > 1 and (one <= other or other <= one))


def _spot(place: Json) -> str | None:
    """Where a Location is, in words."""
    where = place.get("address")
    if where is None:
        return None
    lines, names = where.get("line", ()), ("city", "state", "postalCode", "text")
    return " ".join([*lines, *(where[name] for name in names if name in where)]).casefold()


def _agree(made: Json, wanted: str | None, spot: str | None) -> bool:
    """Whether a mention of this name and address may be what was made."""
    known = _label(made)
    if known is not None and wanted is not None:
        return known.casefold() == wanted
    return spot is None or (there := _spot(made)) is None or there == spot


def _preference(key: tuple[str, str, str]) -> tuple[bool, str, str]:
    """National identifiers before local ones, so that an id depends little on who is named first."""
    return key[1] != _NPI, key[1], key[2]


def _label(made: Json) -> str | None:
    name = made.get("name")
    if isinstance(name, list):
        return display_name(name[0])
    if name is None and made.get("deviceName"):
        return str(made["deviceName"][0]["name"])
    return name


def _enrich(made: Json, body: Json) -> None:
    for name, value in body.items():
        if name not in made:
            made[name] = value
        elif isinstance(value, list) and name in ("identifier", "telecom", "address"):
            made[name].extend(one for one in value if one not in made[name])
