"""What stands above the text: whose document it is, who wrote and keeps it, when and where."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from chartbridge.cda_view import texts
from chartbridge.cda_view.texts import V3, Element, child, children, distinct

Fact = tuple[str, list[str]]
UNTITLED = "Clinical document"
_SEX = {"M": "male", "F": "female", "UN": "undifferentiated"}
_CONFIDENTIALITY = {"N": "normal", "R": "restricted", "V": "very restricted"}
_SDTC = "{urn:hl7-org:sdtc}"
_MAX_FACTS = 40
"""So many values stand for one fact; the original document has the others."""


def title(root: Element) -> str:
    """The document's title, or what kind of document it is."""
    return texts.words(child(root, "title")) or texts.code(child(root, "code")) or UNTITLED


def patient_name(root: Element) -> str:
    """Whom the document is about; empty when it does not say."""
    patient = child(root, "recordTarget", "patientRole", "patient")
    return next((n for n in map(texts.name, children(patient, "name")) if n), "")


def header(root: Element) -> str:
    """The header block."""
    targets = children(root, "recordTarget")
    cards = [_card("Patient", _patient(target)) for target in targets]
    cards.append(_card("Document", _document(root)))
    care = _encounter(child(root, "componentOf", "encompassingEncounter")) + _events(root)
    cards.append(_card("Care", care))
    cards.append(_card("People and organizations", _parties(root)))
    subtitle = texts.code(child(root, "code"))
    shown = f'<p class="kind">{escape(subtitle)}</p>' if subtitle and subtitle != title(root) else ""
    return f'<header><h1>{escape(title(root))}</h1>{shown}<div class="cards">{"".join(cards)}</div></header>'


def _card(heading: str, facts: Iterable[Fact]) -> str:
    rows = [
        f"<div><dt>{escape(label)}</dt>"
        + "".join(f"<dd>{escape(v)}</dd>" for v in values[:_MAX_FACTS])
        + "</div>"
        for label, values in facts
        if values
    ]
    return (
        f'<section class="card"><h2>{escape(heading)}</h2><dl>{"".join(rows)}</dl></section>' if rows else ""
    )


def _patient(target: Element) -> list[Fact]:
    role = child(target, "patientRole")
    patient = child(role, "patient")
    return [
        ("Name", distinct(map(texts.name, children(patient, "name")))),
        ("Date of birth", distinct([_moment(child(patient, "birthTime"))])),
        ("Deceased", distinct(_deceased(patient))),
        ("Sex", distinct([_in_words(child(patient, "administrativeGenderCode"), _SEX)])),
        ("Identifiers", _identifiers(role)),
        ("Address", _addresses(role)),
        ("Contact", _telecoms(role)),
        ("Race", _codes(patient, "raceCode")),
        ("Ethnicity", _codes(patient, "ethnicGroupCode")),
        ("Marital status", _codes(patient, "maritalStatusCode")),
        ("Religion", _codes(patient, "religiousAffiliationCode")),
        ("Language", distinct(
            texts.code(child(e, "languageCode")) for e in children(patient, "languageCommunication")
        )),
        ("Guardian", distinct(_person(e, "guardianPerson") for e in children(patient, "guardian"))),
        ("Provider organization", distinct([_organization(child(role, "providerOrganization"))])),
    ]  # fmt: skip


def _deceased(patient: Element | None) -> list[str]:
    if patient is None:
        return []
    time, flag = patient.find(f"{_SDTC}deceasedTime"), patient.find(f"{_SDTC}deceasedInd")
    said = flag is not None and flag.get("value") == "true"
    return [_moment(time) or "yes"] if said or _moment(time) else []


def _document(root: Element) -> list[Fact]:
    version = child(root, "versionNumber")
    return [
        ("Created", distinct([_moment(child(root, "effectiveTime"))])),
        ("Identifier", _identifiers(root)),
        ("Version", distinct([version.get("value", "") if version is not None else ""])),
        ("Confidentiality", distinct([_in_words(child(root, "confidentialityCode"), _CONFIDENTIALITY)])),
        ("Language", distinct([texts.code(child(root, "languageCode"))])),
    ]


def _in_words(code: Element | None, meanings: dict[str, str]) -> str:
    """A code that has no display name, in words."""
    said = texts.code(code)
    return meanings.get(said, said)


def _encounter(encounter: Element | None) -> list[Fact]:
    facility = child(encounter, "location", "healthCareFacility")
    place = [
        texts.name(child(facility, "location", "name")),
        _organization(child(facility, "serviceProviderOrganization")),
    ]
    return [
        ("Encounter", distinct([texts.code(child(encounter, "code"))])),
        ("Encounter time", distinct([texts.period(child(encounter, "effectiveTime"))])),
        ("Discharge", distinct([texts.code(child(encounter, "dischargeDispositionCode"))])),
        ("Place", distinct([*place, *_addresses(child(facility, "location"), "addr")])),
        (
            "Responsible",
            distinct([_person(child(encounter, "responsibleParty", "assignedEntity"), "assignedPerson")]),
        ),
    ]


def _events(root: Element) -> list[Fact]:
    events = [e for d in children(root, "documentationOf") if (e := child(d, "serviceEvent")) is not None]
    return [
        ("Service", distinct(texts.code(child(e, "code")) for e in events)),
        ("Service time", distinct(texts.period(child(e, "effectiveTime")) for e in events)),
        ("Performed by", distinct(
            _person(child(p, "assignedEntity"), "assignedPerson")
            for e in events
            for p in children(e, "performer")
        )),
    ]  # fmt: skip


def _parties(root: Element) -> list[Fact]:
    def of(name: str, *path: str) -> list[str]:
        return distinct(_person(child(e, *path[:-1]), path[-1]) for e in children(root, name))

    return [
        ("Author", of("author", "assignedAuthor", "assignedPerson")),
        ("Custodian", distinct(
            _organization(child(e, "assignedCustodian", "representedCustodianOrganization"))
            for e in children(root, "custodian")
        )),
        ("Signed by", of("legalAuthenticator", "assignedEntity", "assignedPerson")),
        ("Attested by", of("authenticator", "assignedEntity", "assignedPerson")),
        ("Entered by", of("dataEnterer", "assignedEntity", "assignedPerson")),
        ("Informant", distinct(
            _person(child(e, "assignedEntity"), "assignedPerson")
            or _person(child(e, "relatedEntity"), "relatedPerson")
            for e in children(root, "informant")
        )),
        ("Recipient", distinct(
            _joined(
                texts.name(child(e, "intendedRecipient", "informationRecipient", "name")),
                _organization(child(e, "intendedRecipient", "receivedOrganization")),
            )
            for e in children(root, "informationRecipient")
        )),
        ("Participant", of("participant", "associatedEntity", "associatedPerson")),
    ]  # fmt: skip


def _person(role: Element | None, person: str) -> str:
    """Somebody in a role: name, what they are to the patient or do, and organization; or the device."""
    who = texts.name(child(role, person, "name"))
    device = child(role, "assignedAuthoringDevice")
    if not who and device is not None:
        names = (texts.words(child(device, part)) for part in ("manufacturerModelName", "softwareName"))
        who = _joined(*names)
    organizations = ("representedOrganization", "scopingOrganization")
    where = next((o for o in (_organization(child(role, name)) for name in organizations) if o), "")
    return _joined(who, texts.code(child(role, "code")), where)


def _organization(organization: Element | None) -> str:
    return next((n for n in map(texts.name, children(organization, "name")) if n), "")


def _joined(*parts: str) -> str:
    return ", ".join(distinct(parts))


def _moment(element: Element | None) -> str:
    return texts.moment(element.get("value")) if element is not None else ""


def _codes(element: Element | None, name: str) -> list[str]:
    if element is None:
        return []
    return distinct(texts.code(e) for e in [*element.findall(V3 + name), *element.findall(_SDTC + name)])


def _identifiers(element: Element | None) -> list[str]:
    made = []
    for held in children(element, "id"):
        value = held.get("extension") or held.get("root") or ""
        authority = held.get("assigningAuthorityName")
        made.append(f"{value} ({authority})" if value and authority else value)
    return distinct(map(texts.squeezed, made))


def _addresses(element: Element | None, name: str = "addr") -> list[str]:
    return distinct(texts.with_use(line, e) for e in children(element, name) if (line := texts.address(e)))


def _telecoms(element: Element | None) -> list[str]:
    return distinct(map(texts.telecom, children(element, "telecom")))
