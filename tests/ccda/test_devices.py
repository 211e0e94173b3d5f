"""Devices: what a product's identifier and the UDI Organizer tell of it, and supplies that are planned."""

# ruff: noqa: E501 - XML reads better unbroken
from __future__ import annotations

from typing import Any

import pytest

from tests.ccda.builders import SNOMED, code, codes, converted, of_type, section, template, the

NCI = "2.16.840.1.113883.3.26.1.1"
UDI = "(01)09999999999998(11)190400(17)301231(10)LOT-5(21)SN42"


def product(identifier: str = "", kind: str = "DEV") -> str:
    """A product of a procedure or a supply."""
    return (
        f'<participant typeCode="{kind}"><participantRole classCode="MANU">{template(".4.37")}{identifier}'
        f"<playingDevice>{code('code', '14106009', SNOMED, 'Pacemaker')}</playingDevice></participantRole></participant>"
    )


def part(last: str, what: str, said: str, attributes: str = "") -> str:
    """An observation of a UDI Organizer."""
    return (
        f'<component><observation classCode="OBS" moodCode="EVN" {attributes}>{template(last)}'
        f"{code('code', what, NCI, 'What')}{said}</observation></component>"
    )


def organizer(*parts: str, identifier: str = "") -> str:
    """A UDI Organizer."""
    return (
        f'<organizer classCode="CLUSTER" moodCode="EVN">{template(".4.311")}{identifier}'
        f'<code code="74711-3" codeSystem="2.16.840.1.113883.6.1"/><statusCode code="completed"/>{"".join(parts)}</organizer>'
    )


PARTS = (
    part(".4.304", "C101722", '<value xsi:type="II" root="1.3.160" extension="09999999999998"/>'),
    part(".4.315", "C101672", '<value xsi:type="ED">LOT-9</value>'),
    part(".4.319", "C101671", '<value xsi:type="ED">SN-77</value>'),
    part(".4.308", "C113843", '<value xsi:type="ED">W1234</value>'),
    part(".4.316", "C101669", '<value xsi:type="TS" value="20190402"/>'),
    part(".4.309", "C101670", '<value xsi:type="TS" value="20301130"/>'),
    part(".4.301", "C71898", '<value xsi:type="ED">Steady</value>'),
    part(".4.317", "C99285", '<value xsi:type="ED">M-100</value>'),
    part(".4.302", "C99286", '<value xsi:type="ED">CAT-3</value>'),
    part(".4.303", "C54131", '<value xsi:type="ED">North Devices</value>'),
    part(".4.318", "C106044", f'<value xsi:type="CD" code="C113844" codeSystem="{NCI}" displayName="MR Safe"/>'),
    part(".4.314", "C160938", f'<value xsi:type="CD" code="C106038" codeSystem="{NCI}" displayName="Not Made with Latex"/>'),
    part(".4.305", "C160939", f'<value xsi:type="CD" code="C45329" codeSystem="{NCI}" displayName="Explanted"/>'),
)  # fmt: skip


def implanted(inner: str, identifier: str = "") -> Any:
    """The conversion of a procedure with a device."""
    entry = (
        f'<procedure classCode="PROC" moodCode="EVN">{template(".4.14")}{code("code", "25267002", SNOMED, "Insertion")}'
        f'<statusCode code="completed"/>{product(identifier)}{inner}</procedure>'
    )
    return converted(section("47519-4", entry))


def test_each_part_of_a_udi_organizer_is_an_element_of_the_device() -> None:
    done = implanted(f'<entryRelationship typeCode="COMP">{organizer(*PARTS)}</entryRelationship>')
    made = the(done, "Device")
    assert made["udiCarrier"] == [
        {"deviceIdentifier": "09999999999998", "issuer": "http://hl7.org/fhir/NamingSystem/gs1-di"}
    ]
    assert (made["lotNumber"], made["serialNumber"], made["distinctIdentifier"]) == (
        "LOT-9",
        "SN-77",
        "W1234",
    )
    assert (made["manufactureDate"], made["expirationDate"]) == ("2019-04-02", "2030-11-30")
    assert (made["modelNumber"], made["partNumber"], made["manufacturer"]) == (
        "M-100",
        "CAT-3",
        "North Devices",
    )
    assert made["deviceName"] == [{"name": "Steady", "type": "user-friendly-name"}]
    assert [codes(one)[0][1] for one in made["safety"]] == ["C113844", "C106038"]
    assert codes(made["property"][0]["valueCode"][0])[0][1] == "C45329"
    assert not of_type(done, "Observation")
    assert done.report.totals["absorbed"] == 14


def test_the_parts_of_a_gs1_identifier_are_read_and_the_organizer_is_believed_first() -> None:
    identifier = f'<id root="2.16.840.1.113883.3.3719" extension="{UDI}"/>'
    made = the(implanted("", identifier), "Device")
    assert made["udiCarrier"][0]["carrierHRF"] == UDI
    assert made["udiCarrier"][0]["deviceIdentifier"] == "09999999999998"
    assert (made["manufactureDate"], made["expirationDate"]) == ("2019-04", "2030-12-31")
    assert (made["lotNumber"], made["serialNumber"]) == ("LOT-5", "SN42")
    told = organizer(PARTS[1], identifier=identifier)
    made = the(
        implanted(f'<entryRelationship typeCode="COMP">{told}</entryRelationship>', identifier), "Device"
    )
    assert (made["lotNumber"], made["serialNumber"]) == ("LOT-9", "SN42")


def test_an_identifier_of_another_form_is_kept_and_not_taken_apart() -> None:
    made = the(
        implanted("", '<id root="2.16.840.1.113883.3.3719" extension="+H123PARTNO1/$$420020216LOT"/>'),
        "Device",
    )
    assert made["udiCarrier"] == [
        {
            "jurisdiction": "http://hl7.org/fhir/NamingSystem/fda-udi",
            "carrierHRF": "+H123PARTNO1/$$420020216LOT",
        }
    ]
    assert "lotNumber" not in made


def test_a_denied_part_of_an_organizer_is_not_the_devices() -> None:
    denied = part(
        ".4.314", "C160938", f'<value xsi:type="CD" code="C106038" codeSystem="{NCI}"/>', 'negationInd="true"'
    )
    done = implanted(f'<entryRelationship typeCode="COMP">{organizer(denied, PARTS[1])}</entryRelationship>')
    made = the(done, "Device")
    assert "safety" not in made
    assert made["lotNumber"] == "LOT-9"


def test_a_udi_organizer_on_its_own_is_a_device() -> None:
    made = the(converted(section("46264-8", organizer(*PARTS))), "Device")
    assert made["serialNumber"] == "SN-77"


def test_a_supply_that_is_planned_is_a_request_and_its_device_nobodys_yet() -> None:
    entry = (
        f'<supply classCode="SPLY" moodCode="INT">{template(".4.43")}<statusCode code="active"/>'
        f'<quantity value="2"/>{product(kind="PRD")}</supply>'
    )
    done = converted(section("18776-5", entry))
    made = the(done, "DeviceRequest")
    assert (made["status"], made["intent"]) == ("active", "plan")
    assert made["note"] == [{"text": "Quantity: 2"}]
    assert "patient" not in the(done, "Device")
    assert not of_type(done, "DeviceUseStatement")


def test_a_planned_supply_of_a_drug_is_a_medication_request() -> None:
    drug = (
        "<product><manufacturedProduct><manufacturedMaterial>"
        f"{code('code', '573621', '2.16.840.1.113883.6.88', 'Albuterol')}</manufacturedMaterial></manufacturedProduct></product>"
    )
    entry = f'<supply classCode="SPLY" moodCode="INT">{template(".4.43")}<statusCode code="active"/>{drug}</supply>'
    done = converted(section("18776-5", entry))
    assert the(done, "MedicationRequest")["status"] == "active"
    assert not of_type(done, "MedicationDispense")


def carried(*serials: str) -> str:
    """Products with a UDI each, of which only the serial is told."""
    return "".join(
        product(f'<id root="2.16.840.1.113883.3.3719" extension="(01)09999999999998(21){serial}"/>')
        for serial in serials
    )


def told(serial: str, of: str = "", status: str = "completed", attributes: str = "") -> str:
    """A UDI Organizer in its relationship: its serial number, and the serial in the UDI that it is of."""
    identifier = f'<id root="2.16.840.1.113883.3.3719" extension="(01)09999999999998(21){of}"/>' if of else ""
    made = organizer(
        part(".4.319", "C101671", f'<value xsi:type="ED">{serial}</value>'), identifier=identifier
    )
    made = made.replace('<statusCode code="completed"/>', f'<statusCode code="{status}"/>')
    return (
        f'<entryRelationship typeCode="COMP">{made.replace("<organizer", f"<organizer {attributes}")}'
        "</entryRelationship>"
    )


def kind_of(device: dict[str, Any]) -> str:
    """The code of what a device is, or the words for it."""
    return codes(device["type"])[0][1] if "coding" in device["type"] else str(device["type"]["text"])


def operation(inner: str, status: str = "completed", attributes: str = 'moodCode="EVN"') -> Any:
    """The conversion of a procedure with these participants and relationships."""
    return converted(
        section(
            "47519-4",
            f'<procedure classCode="PROC" {attributes}>{template(".4.14")}'
            f"{code('code', '25267002', SNOMED, 'Insertion')}"
            f'<statusCode code="{status}"/>{inner}</procedure>',
        )
    )


def test_a_udi_organizer_is_of_the_device_with_its_udi() -> None:
    for of, expected in (("S1", {"S1": "W-1", "S2": "S2"}), ("S2", {"S1": "S1", "S2": "W-1"})):
        done = operation(carried("S1", "S2") + told("W-1", of))
        serials = {
            one["udiCarrier"][0]["carrierHRF"][-2:]: one["serialNumber"] for one in of_type(done, "Device")
        }
        assert serials == expected


def test_a_udi_organizer_of_another_udi_is_no_listed_device() -> None:
    plain = operation(product() + product('<id root="1.2.3" extension="D2"/>') + told("W-1", "S2"))
    assert [one.get("serialNumber") for one in of_type(plain, "Device")].count("W-1") == 1
    serials = {kind_of(one): one.get("serialNumber") for one in of_type(plain, "Device")}
    assert serials == {"14106009": None, "Device": "W-1"}
    other = operation(carried("S1") + told("W-1", "S2"))
    assert sorted(one["serialNumber"] for one in of_type(other, "Device")) == ["S1", "W-1"]


def test_a_udi_organizer_of_no_udi_is_guessed_to_be_of_no_device_among_several() -> None:
    several = of_type(operation(carried("S1", "S2") + told("W-1")), "Device")
    assert sorted(one["serialNumber"] for one in several) == ["S1", "S2", "W-1"]
    assert the(operation(carried("S1") + told("W-1")), "Device")["serialNumber"] == "W-1"


def test_the_udi_of_the_only_organizer_is_that_of_the_only_device() -> None:
    made = the(operation(product() + told("S1", "S1")), "Device")
    assert made["udiCarrier"][0]["carrierHRF"] == "(01)09999999999998(21)S1"
    assert len(made["identifier"]) == 1
    assert kind_of(made) == "14106009"


@pytest.mark.parametrize(
    ("status", "attributes"), [("nullified", ""), ("cancelled", ""), ("completed", 'nullFlavor="NI"')]
)
def test_a_udi_organizer_that_does_not_hold_tells_nothing_of_a_device(status: str, attributes: str) -> None:
    done = operation(carried("S1") + told("W-1", "S1", status, attributes))
    mine = next(one for one in of_type(done, "Device") if kind_of(one) == "14106009")
    assert mine["serialNumber"] == "S1"
    others = [one for one in of_type(done, "Device") if one is not mine]
    assert all(one.get("status") == "entered-in-error" or "patient" not in one for one in others)


@pytest.mark.parametrize("of_the_whole", [True, False])
def test_a_denied_udi_organizer_is_no_device(of_the_whole: bool) -> None:
    negation = 'negationInd="true"'
    done = operation(
        told("W-1", "S1", attributes="" if of_the_whole else negation),
        attributes=f'moodCode="EVN" {negation if of_the_whole else ""}',
    )
    assert not of_type(done, "Device")
    assert the(done, "Observation")["valueString"] == "Not present: device"


def test_a_udi_organizer_of_what_is_planned_is_nobodys_device_yet() -> None:
    made = the(operation(told("W-1", "S1"), "active", 'moodCode="INT"'), "Device")
    assert made["serialNumber"] == "W-1"
    assert "patient" not in made


@pytest.mark.parametrize(
    ("status", "expected", "owned"),
    [
        ("completed", None, True),
        ("nullified", "entered-in-error", True),
        ("cancelled", None, False),
        ("aborted", None, False),
    ],
)
def test_a_device_is_as_true_as_the_statement_that_names_it(
    status: str, expected: str | None, owned: bool
) -> None:
    supply = (
        f'<supply classCode="SPLY" moodCode="EVN">{template(".4.50")}<statusCode code="{status}"/>'
        f"{product(kind='PRD')}</supply>"
    )
    for done in (operation(carried("S1"), status), converted(section("46264-8", supply))):
        made = the(done, "Device")
        assert made.get("status") == expected
        assert ("patient" in made) == owned


def test_a_participant_that_is_no_product_is_no_device() -> None:
    place = (
        f'<participant typeCode="LOC"><participantRole classCode="SDLOC">{template(".4.32")}'
        f"{code('code', '1160-1', '2.16.840.1.113883.6.259', 'Urgent care')}"
        "<playingEntity><name>North Wing</name></playingEntity></participantRole></participant>"
    )
    supply = (
        f'<supply classCode="SPLY" moodCode="EVN">{template(".4.50")}'
        f'<statusCode code="completed"/>{place}{product(kind="PRD")}</supply>'
    )
    assert kind_of(the(converted(section("46264-8", supply)), "Device")) == "14106009"


@pytest.mark.parametrize(
    ("said", "expected"),
    [("230231", None), ("240229", "2024-02-29"), ("231301", None), ("230200", "2023-02"), ("230001", None)],
)
def test_a_date_in_a_udi_is_one_of_the_calendar(said: str, expected: str | None) -> None:
    identifier = f'<id root="2.16.840.1.113883.3.3719" extension="(01)09999999999998(17){said}"/>'
    assert the(implanted("", identifier), "Device").get("expirationDate") == expected
