"""The sandbox's directory: invented organizations in the three networks. None of them exists.

Their OIDs are name-based UUIDs under 2.25, so that each installation has the same; their NPIs have a
right check digit.
"""

from __future__ import annotations

import uuid

from chartbridge.features.directory.entries import Entry, Network
from chartbridge.fhir.ids import name_based_id, namespace

_OIDS = namespace("sandbox-directory")
_MESSAGING = "m"
_CLOSED = "x"

# name | street | city | state | zip | managing organization | m: takes messages, x: no longer active
_COMMONWELL = """
Copper Basin Health Alliance|900 Roosevelt Row|Phoenix|AZ|85004||m
Saguaro Family Medicine|900 Roosevelt Row Suite 210|Phoenix|AZ|85004|Copper Basin Health Alliance|m
Camelback Regional Hospital|4400 Camelback Vista Rd|Phoenix|AZ|85018|Copper Basin Health Alliance|m
Ocotillo Pediatrics|71 Ocotillo Way|Tempe|AZ|85281|Copper Basin Health Alliance|
Mesquite Urgent Care|15 Mesquite Plaza|Mesa|AZ|85201|Copper Basin Health Alliance|x
Harborlight Records Exchange|1 Lantern Wharf|Boston|MA|02110||m
Lantern Wharf Cardiology|3 Lantern Wharf|Boston|MA|02110|Harborlight Records Exchange|m
Beacon Marsh Clinic|220 Marsh St|Quincy|MA|02169|Harborlight Records Exchange|
"""
_CAREQUALITY = """
Prairie Wind Interchange|100 Grain Exchange Ave|Omaha|NE|68102||m
Grain Exchange Medical Center|120 Grain Exchange Ave|Omaha|NE|68102|Prairie Wind Interchange|m
Platte Bend Rural Health|8 Ferry Landing Rd|Kearney|NE|68845|Prairie Wind Interchange|
Sandhill Crane Hospital|41 Crane Meadow Dr|Grand Island|NE|68801|Prairie Wind Interchange|m
Redwood Coast Data Commons|77 Fogline Blvd|Eureka|CA|95501||m
Fogline Community Hospital|80 Fogline Blvd|Eureka|CA|95501|Redwood Coast Data Commons|m
Tidepool Women's Health|12 Tidepool Ct|Arcata|CA|95521|Redwood Coast Data Commons|
Clínica Niño Jesús|310 Calle de la Bahía|San Diego|CA|92101|Redwood Coast Data Commons|m
Madrone Behavioral Health|5 Madrone Ln|Santa Rosa|CA|95401|Redwood Coast Data Commons|x
"""
_EHEX = """
Northern Lakes Federal Network|6 Iron Range Pkwy|Duluth|MN|55802||m
Iron Range Veterans Clinic|60 Iron Range Pkwy|Duluth|MN|55802|Northern Lakes Federal Network|m
Whitefish Bay Hospital|18 Whitefish Bay Rd|Bemidji|MN|56601|Northern Lakes Federal Network|
Bluegrass Hollow Exchange|250 Paddock Ln|Lexington|KY|40507||m
Paddock Lane Orthopedics|252 Paddock Ln|Lexington|KY|40507|Bluegrass Hollow Exchange|m
Cumberland Gap Dialysis|9 Tunnel Rd|Middlesboro|KY|40965|Bluegrass Hollow Exchange|
Limestone Spring Laboratory|33 Spring St|Frankfort|KY|40601|Bluegrass Hollow Exchange|m
Thoroughbred Home Care|70 Derby Mews|Louisville|KY|40202|Bluegrass Hollow Exchange|
"""
_FIRST_NPI = 199_999_000


def entries() -> dict[Network, list[Entry]]:
    """The sample's organizations by network, always the same."""
    tables = {Network.COMMONWELL: _COMMONWELL, Network.CAREQUALITY: _CAREQUALITY, Network.EHEX: _EHEX}
    number = _FIRST_NPI
    found: dict[Network, list[Entry]] = {}
    for network, table in tables.items():
        found[network] = []
        for line in table.strip().splitlines():
            number += 1
            found[network].append(_entry(line.split("|"), number))
    return found


def _entry(columns: list[str], number: int) -> Entry:
    name, street, city, state, zip_code, manager, marks = columns
    return Entry(
        oid=_oid(name),
        name=name,
        npi=_npi(number),
        address_line=street,
        city=city,
        state=state,
        zip_code=zip_code,
        root_organization=manager or name,
        managing_org_oid=_oid(manager) if manager else None,
        supports_messaging=_MESSAGING in marks,
        active=_CLOSED not in marks,
    )


def _oid(name: str) -> str:
    return f"2.25.{uuid.UUID(name_based_id(_OIDS, name)).int}"


def _npi(nine: int) -> str:
    """The NPI of nine digits: the tenth makes Luhn's sum of 80840 and all ten end in 0."""
    digits = [int(digit) for digit in f"80840{nine}"]
    doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[::-2]]
    total = sum(doubled) + sum(digits[-2::-2])
    return f"{nine}{-total % 10}"
