"""Invented people and places, in the API's own shapes."""

from __future__ import annotations

from typing import Any

ALL_SOURCES = {"hie": {"enabled": True}, "pharmacy": {"enabled": True}, "lab": {"enabled": True}}

# Documents of each persona of the sandbox network: one C-CDA, three PDFs, two images.
PERSONA_DOCUMENT_TYPES = ["application/pdf"] * 3 + ["application/xml", "image/jpeg", "image/tiff"]


def facility(**changes: Any) -> dict[str, Any]:
    """What creates a facility."""
    address = {"addressLine1": "9 Elm St", "city": "Phoenix", "state": "AZ", "zip": "85004"}
    return {"name": "North Clinic", "npi": "1234567893", "address": address, **changes}


def jane(**changes: Any) -> dict[str, Any]:
    """What creates Jane Smith, whom the sandbox network knows."""
    address = {"addressLine1": "123 Arsenal St", "city": "Phoenix", "state": "AZ", "zip": "85300"}
    return {
        "firstName": "Jane",
        "lastName": "Smith",
        "dob": "1996-02-10",
        "genderAtBirth": "F",
        "address": [address],
        **changes,
    }


def stranger(**changes: Any) -> dict[str, Any]:
    """What creates a patient whom no network knows."""
    address = {
        "addressLine1": "77 Quarry Rd",
        "addressLine2": "Apt 4",
        "city": "Boise",
        "state": "ID",
        "zip": "83702",
    }
    return {
        "firstName": "Orsolya",
        "lastName": "Vance",
        "dob": "1961-07-30",
        "genderAtBirth": "F",
        "address": [address],
        "contact": [{"phone": "2085550143", "email": "o.vance@example.org"}],
        "personalIdentifiers": [{"type": "driversLicense", "value": "VX123456", "state": "ID"}],
        **changes,
    }
