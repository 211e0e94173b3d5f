"""Which networks of a source are asked about a patient.

All that are configured, but for those that the patient, or the request, is left out of (``hie``) and
those that the request switches off. Switching a network on does not set an exclusion aside. Networks are
matched by name, whatever its case.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chartbridge.db import Environment
from chartbridge.features.networks import service as networks
from chartbridge.features.networks.protocol import Connector, Source
from chartbridge.features.patients import service as patients


def connectors(
    environment: Environment,
    source: Source,
    patient: patients.Patient,
    *,
    wishes: Mapping[str, bool] | None = None,
    control: Mapping[str, Any] | None = None,
) -> list[Connector]:
    """The connectors to ask. ``wishes``: networks by lower-case name that the request switches on or off;
    ``control``: the request's ``hie``, beside the patient's. Only HIEs are steered."""
    configured = networks.connectors(environment, source)
    if source != "hie":
        return list(configured)
    return [
        connector
        for connector in configured
        if (wishes or {}).get(connector.name.lower(), True)
        and not _excludes(patient.hie, connector)
        and not _excludes(control, connector)
    ]


def _excludes(control: Mapping[str, Any] | None, connector: Connector) -> bool:
    return bool(((control or {}).get(connector.name.lower()) or {}).get("exclude"))
