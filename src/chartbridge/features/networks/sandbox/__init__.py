"""The sandbox network: five invented patients, served without any traffic.

In: a patient, known by first name alone. Out: for a persona (see ``persona.KEYS``) six documents
(C-CDA R2.1, three PDF, JPEG, TIFF), pharmacy fills and laboratory reports as FHIR R4; for anybody
else nothing. The data stand in ``personas/*.toml``. Never: network, clock, randomness, or a
resource that is not the same on every call.
"""

from __future__ import annotations

from chartbridge.features.networks.protocol import Connector
from chartbridge.features.networks.sandbox.connectors import SandboxHie, SandboxLab, SandboxPharmacy

__all__ = ["SandboxHie", "SandboxLab", "SandboxPharmacy", "connectors"]


def connectors() -> tuple[Connector, ...]:
    """One connector for each source of a network query."""
    return (SandboxHie(), SandboxPharmacy(), SandboxLab())
