"""What the pages on facilities and patients show works as they say."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.patients.caller import Caller

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("backend", ["sqlite"])
def test_the_examples_of_the_pages_are_accepted(api: Caller) -> None:
    text = "".join((DOCS / page).read_text(encoding="utf-8") for page in ("facilities.md", "patients.md"))
    facility, patient = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", text, re.DOTALL))

    clinic = api.post("/facility", facility)
    created = api.post("/patient", patient, facilityId=clinic["id"])

    assert created["contact"] == [{"phone": "2085550100"}]
    assert api.post("/patient", patient, facilityId=clinic["id"]) == created
    assert [p["id"] for p in api.get("/patient", filters='"ana ruiz" -zoe')["patients"]] == [created["id"]]
    assert api.get("/patient/external-id", externalId="mrn-1001") == created
