"""Bringing directories in, on each database."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from chartbridge.db import Environment
from chartbridge.features.directory import files, importing, nppes, service, storing
from chartbridge.features.directory.entries import Network
from chartbridge.features.directory.files import UnreadableFileError
from chartbridge.features.directory.models import NetworkEntry
from chartbridge.platform import Platform
from tests.directory import published
from tests.directory.published import CLINIC, LAB, NPI, ROOT, endpoint, organization, part_of

OTHER_NPI = "1999990009"


def bring_in(
    platform: Platform, path: Path, network: Network = Network.CAREQUALITY, env: Environment = "production"
) -> tuple[importing.Tally, list[tuple[str, str]]]:
    bad: list[tuple[str, str]] = []
    tally = importing.import_file(
        platform.db, env, network, path, lambda where, why: bad.append((where, why))
    )
    return tally, bad


def stored(platform: Platform, env: Environment = "production") -> dict[str, dict[str, Any]]:
    """Rows by OID, without what the database adds to them."""
    with platform.db.read(None) as session:
        rows = session.scalars(select(NetworkEntry).where(NetworkEntry.environment == env)).all()
    hidden = ("_sa_instance_state", "created_at", "search_text", "environment")
    return {row.oid: {k: v for k, v in vars(row).items() if k not in hidden} for row in rows}


def whole_directory() -> list[published.Json]:
    return [
        endpoint(id="e1", managingOrganization=part_of(LAB)),
        organization(
            CLINIC,
            " Mercy   Clinic ",
            address=published.address("5 Main St", "Omaha", "NE", "68102"),
            partOf=part_of(ROOT),
            identifier=[published.npi_identifier(NPI), {"value": f"urn:oid:{CLINIC}"}],
        ),
        organization(ROOT, "Prairie Exchange"),
        organization(LAB, "Mercy Lab", active=False, partOf=part_of(CLINIC)),
    ]


def test_a_bundle_is_taken_in(platform: Platform, tmp_path: Path) -> None:
    tally, bad = bring_in(platform, published.write_bundle(tmp_path / "cq.json", *whole_directory()))
    assert ((tally.entered, tally.bad, tally.other), bad) == ((3, 0, 1), [])
    found = stored(platform)
    clinic = found[CLINIC]
    assert {k: v for k, v in clinic.items() if k not in ("id", "updated_at")} == {
        "oid": CLINIC,
        "name": "Mercy Clinic",
        "network": "CAREQUALITY",
        "npi": NPI,
        "address_line": "5 Main St",
        "city": "Omaha",
        "state": "NE",
        "zip_code": "68102",
        "managing_org_oid": ROOT,
        "root_organization": "Prairie Exchange",
        "supports_messaging": False,
        "active": True,
    }
    lab = found[LAB]
    assert (lab["active"], lab["supports_messaging"]) == (False, True)
    assert lab["root_organization"] == "Prairie Exchange", "the top of the chain, not the next one"
    assert found[ROOT]["root_organization"] is None


def test_every_form_of_a_file_says_the_same(platform: Platform, tmp_path: Path) -> None:
    given = whole_directory()
    flat = published.write_bundle(tmp_path / "flat.json", *given)
    wide = published.write_bundle(tmp_path / "wide.json", *given, indent=2)
    lines = published.write_ndjson(tmp_path / "lines.ndjson", *given)
    pages = published.write_ndjson(
        tmp_path / "pages.ndjson", published.bundle(given[:2]), published.bundle(given[2:])
    )
    bring_in(platform, flat)
    expected = stored(platform)
    for path in (wide, lines, pages):
        tally, bad = bring_in(platform, path)
        assert (tally.entered, bad) == (3, []), path
        assert stored(platform) == expected, "the same entries, none of them touched"


def test_a_second_import_updates_and_says_nothing_twice(platform: Platform, tmp_path: Path) -> None:
    bring_in(platform, published.write_bundle(tmp_path / "first.json", *whole_directory()))
    before = stored(platform)
    changed = organization(CLINIC, "Mercy Clinic West", active=False)
    bring_in(platform, published.write_bundle(tmp_path / "second.json", changed), Network.EHEX)
    after = stored(platform)
    assert after.keys() == before.keys()
    clinic = after[CLINIC]
    assert (clinic["name"], clinic["active"], clinic["network"]) == ("Mercy Clinic West", False, "EHEX")
    assert (clinic["npi"], clinic["city"], clinic["managing_org_oid"]) == (None, None, None)
    assert clinic["root_organization"] is None, "nobody manages it any more"
    assert clinic["id"] == before[CLINIC]["id"]
    assert after[ROOT] == before[ROOT]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (endpoint("ihe-xdr"), True),
        (endpoint("direct-project"), True),
        (endpoint("ihe-xcpd"), False),
        (endpoint("ihe-xdr", status="off"), False),
        (endpoint("hl7-fhir-rest", "XDR ITI-41"), True),
        (endpoint("hl7-fhir-rest", "XCPD ITI-55"), False),
    ],
)
def test_messages_need_an_endpoint_in_use(
    platform: Platform, tmp_path: Path, given: published.Json, expected: bool
) -> None:
    contained = organization(CLINIC, "Mercy", contained=[{**given, "id": "c"}])
    named = organization(LAB, "Lab", endpoint=[{"reference": "Endpoint/apart"}])
    path = published.write_bundle(tmp_path / "x.json", contained, named, {**given, "id": "apart"})
    bring_in(platform, path)
    assert {oid: row["supports_messaging"] for oid, row in stored(platform).items()} == {
        CLINIC: expected,
        LAB: expected,
    }


def test_bad_rows_are_told_by_line_and_the_others_kept(platform: Platform, tmp_path: Path) -> None:
    path = published.write_ndjson(
        tmp_path / "x.ndjson",
        organization(CLINIC, "Mercy"),
        "{not json",
        {"resourceType": "Organization", "name": "No OID", "id": "abc"},
        organization(LAB, ""),
        organization(ROOT, "x" * 501),
        "[1]",
        {"resourceType": "Location", "id": "x"},
        "",
        {
            "resourceType": "Organization",
            "id": LAB,
            "name": "Lab",
            "address": "?",
            "identifier": [7, {"type": 3}],
        },
    )
    tally, bad = bring_in(platform, path)
    assert (tally.entered, tally.bad, tally.other) == (2, 5, 1)
    assert bad == [
        ("line 2", "is no JSON"),
        ("line 3", "has no OID as id or identifier"),
        ("line 4", "has no name"),
        ("line 5", "name is longer than 500 characters"),
        ("line 6", "is no resource"),
    ]
    assert stored(platform).keys() == {CLINIC, LAB}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (
            json.dumps(published.bundle([organization(CLINIC, "A"), organization(LAB, "B")]))[:-200],
            "entry 2: is no JSON",
        ),
        ('{"resourceType": "Patient", "id": "1",\n "entry": []}', "is no Bundle"),
        ("hello", "is neither a FHIR Bundle, nor NDJSON, nor CSV"),
        ("", "is neither a FHIR Bundle, nor NDJSON, nor CSV"),
        ("a,b\n1,2\n", "has no column 'NPI'"),
        ('{"resourceType": "Bundle",\n "entry": ' + "[" * 100_000, "is nested too deep"),
        (b"\xff\xfe\x00", "is not UTF-8"),
        (b"\x1f\x8bbroken", "cannot be unpacked or read"),
    ],
)
def test_a_file_that_cannot_be_read_says_where(
    platform: Platform, tmp_path: Path, content: str | bytes, why: str
) -> None:
    path = tmp_path / "x"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UnreadableFileError) as raised:
        bring_in(platform, path)
    assert str(raised.value).endswith(why)


@pytest.mark.parametrize(
    ("given", "bad"),
    [
        ({"resourceType": "Endpoint", "status": [], "id": {}}, []),
        ({"resourceType": "Endpoint", "status": "active", "connectionType": {"code": {}}}, []),
        (organization(LAB, "Lab", id=[], identifier=[{"system": [], "type": {"coding": "?"}}]), ["no OID"]),
        (organization(LAB, "Lab", id={}), []),
        (organization(LAB, "A\ud800B"), ["name holds a character that cannot be kept"]),
        (organization(LAB, "A\0B"), ["name holds a character that cannot be kept"]),
    ],
)
def test_values_of_any_kind_stop_no_import(
    platform: Platform, tmp_path: Path, given: published.Json, bad: list[str]
) -> None:
    path = published.write_bundle(tmp_path / "x.json", given, organization(CLINIC, "Mercy"), indent=1)
    tally, told = bring_in(platform, path)
    assert (tally.bad, len(told)) == (len(bad), len(bad))
    assert all(why in said for why, (_, said) in zip(bad, told, strict=True))
    assert CLINIC in stored(platform)


def test_no_more_than_one_line_of_bounded_length_is_held(
    platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = (published.nppes_row(NPI, "MERCY"), published.nppes_row(OTHER_NPI, "x" * 5000))
    path = published.write_csv(tmp_path / "npi.csv.gz", *rows, packed=True)
    monkeypatch.setattr(files, "MAX_ITEM", 2000)
    with pytest.raises(UnreadableFileError, match="line 3 is longer than 2000 characters"):
        bring_in(platform, path)
    assert [row["name"] for row in stored(platform).values()] == ["MERCY"], "what came before it stays"


def test_nppes_rows(platform: Platform, tmp_path: Path) -> None:
    rows = (
        published.nppes_row(
            NPI, "MERCY CLINIC LLC", **{nppes.PARENT: "MERCY HOLDINGS", nppes.LINES[1]: "STE 2"}
        ),
        published.nppes_row("1111111112", "", **{nppes.KIND: "1"}),
        published.nppes_row("1234567890", "WRONG CHECK DIGIT"),
        published.nppes_row(OTHER_NPI, "CLOSED", **{nppes.DEACTIVATED: "01/31/2024"}),
    )
    tally, bad = bring_in(
        platform, published.write_csv(tmp_path / "npi.csv.gz", *rows, packed=True), Network.EHEX
    )
    assert (tally.entered, tally.bad, tally.other) == (2, 1, 1)
    assert bad == [("line 4", "has no valid NPI")]
    found = {row["npi"]: row for row in stored(platform).values()}
    clinic = found[NPI]
    assert clinic["oid"] == nppes.oid_of_npi(NPI)
    assert clinic["oid"].startswith("2.25.")
    assert (clinic["address_line"], clinic["zip_code"]) == ("1 Main St, STE 2", "68102-1234")
    assert (clinic["root_organization"], clinic["active"]) == ("MERCY HOLDINGS", True)
    assert found[OTHER_NPI]["active"] is False
    withdrawn = dict.fromkeys(rows[0], "") | {nppes.NPI: NPI, nppes.DEACTIVATED: "02/01/2025"}
    tally, bad = bring_in(platform, published.write_csv(tmp_path / "later.csv", withdrawn))
    assert (tally.entered, tally.bad, tally.other, bad) == (0, 0, 1, [])
    (row,) = [row for row in stored(platform).values() if row["npi"] == NPI]
    assert (row["active"], row["name"]) == (False, "MERCY CLINIC LLC")


def test_one_oid_twice_in_a_file_is_one_entry(platform: Platform, tmp_path: Path) -> None:
    path = published.write_bundle(tmp_path / "x.json", organization(LAB, "Old"), organization(LAB, "New"))
    bring_in(platform, path)
    assert [row["name"] for row in stored(platform).values()] == ["New"]


def test_managers_in_a_circle_end(platform: Platform, tmp_path: Path) -> None:
    path = published.write_bundle(
        tmp_path / "x.json",
        organization(LAB, "A", partOf=part_of(CLINIC)),
        organization(CLINIC, "B", partOf=part_of(LAB)),
        organization(ROOT, "C", partOf=part_of("1.2.3")),
    )
    bring_in(platform, path)
    assert stored(platform)[ROOT]["root_organization"] is None, "nothing is known of its manager"


def test_environments_and_networks_are_kept_apart(platform: Platform, tmp_path: Path) -> None:
    path = published.write_bundle(tmp_path / "x.json", organization(LAB, "Lab"))
    bring_in(platform, path, Network.COMMONWELL)
    bring_in(platform, path, Network.EHEX, "sandbox")
    assert service.count_entries(platform.db) == {("production", "COMMONWELL"): 1, ("sandbox", "EHEX"): 1}
    assert service.clear(platform.db, "production", [Network.EHEX]) == 0
    assert service.clear(platform.db, "production", list(Network)) == 1
    assert service.count_entries(platform.db) == {("sandbox", "EHEX"): 1}


def test_the_sample_comes_once_however_many_ask_at_once(platform: Platform) -> None:
    threads = [
        threading.Thread(target=service.ensure_sample, args=(platform.db, "sandbox")) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert storing.number_of(platform.db, "sandbox") == 25
    assert {network for _, network in service.count_entries(platform.db)} == set(Network)
    service.ensure_sample(platform.db, "production")
    assert storing.number_of(platform.db, "production") == 0
