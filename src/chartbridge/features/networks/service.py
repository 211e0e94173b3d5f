"""Which networks a tenant can ask."""

from __future__ import annotations

from chartbridge.db import Environment
from chartbridge.features.networks import sandbox
from chartbridge.features.networks.protocol import Connector, Source

_CONNECTORS: dict[Environment, tuple[Connector, ...]] = {
    "sandbox": sandbox.connectors(),
    "production": (),  # an operator's networks; no connector to a real network exists yet
}


def connectors(environment: Environment, source: Source) -> tuple[Connector, ...]:
    """The connectors that serve ``source`` in an environment; none when it is not enabled there."""
    return tuple(c for c in _CONNECTORS[environment] if c.source == source)


def connector(environment: Environment, source: Source, name: str) -> Connector:
    """One connector by its name. Raises KeyError."""
    for candidate in connectors(environment, source):
        if candidate.name == name:
            return candidate
    raise KeyError(name)
