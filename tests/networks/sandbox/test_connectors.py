from __future__ import annotations

import json
from dataclasses import replace

import pytest

from chartbridge.features.networks.protocol import (
    Connector,
    ConnectorError,
    DocumentConnector,
    RemoteDocument,
    RemotePatient,
    ResourceConnector,
)
from chartbridge.features.networks.sandbox import SandboxHie, SandboxLab, SandboxPharmacy, connectors
from tests.networks.sandbox.support import PERSONAS, identity, remote


def test_there_is_one_connector_for_each_source_of_a_network_query() -> None:
    assert [(one.name, one.source) for one in connectors()] == [
        ("SANDBOX", "hie"),
        ("SANDBOX", "pharmacy"),
        ("SANDBOX", "lab"),
    ]


def test_each_connector_keeps_the_protocol_of_its_kind() -> None:
    hie, pharmacy, lab = connectors()
    assert isinstance(hie, DocumentConnector)
    assert isinstance(pharmacy, ResourceConnector)
    assert isinstance(lab, ResourceConnector)


@pytest.mark.parametrize("first_name", ["Jane", "jane", " JANE ", "Jane Marie"])
def test_a_persona_is_known_by_first_name_alone(first_name: str) -> None:
    assert SandboxHie().discover(identity(first_name), timeout_s=5) == [remote("jane")]


@pytest.mark.parametrize("first_name", ["Janet", "Mary Jane", "", "  ", "Jan"])
def test_nobody_else_is_known(first_name: str) -> None:
    for connector in connectors():
        assert connector.discover(identity(first_name), timeout_s=5) == []


@pytest.mark.parametrize("key", PERSONAS)
def test_every_source_knows_the_persona_by_the_same_identifier(key: str) -> None:
    found = [connector.discover(identity(key), timeout_s=5) for connector in connectors()]
    assert found[0] == found[1] == found[2]


def test_personas_have_different_identifiers() -> None:
    assert len({(remote(key).assigning_authority, remote(key).id) for key in PERSONAS}) == len(PERSONAS)


def _ask(connector: Connector, patient: RemotePatient) -> object:
    if isinstance(connector, SandboxHie):
        return connector.list_documents(patient, timeout_s=5)
    assert isinstance(connector, SandboxPharmacy | SandboxLab)
    return list(connector.resources(patient, subject_id="p-1", timeout_s=5))


@pytest.mark.parametrize("connector", connectors(), ids=lambda connector: connector.source)
def test_a_patient_of_another_network_is_refused(connector: Connector) -> None:
    stranger = RemotePatient("1.2.3", remote("jane").id)
    with pytest.raises(ConnectorError) as refused:
        _ask(connector, stranger)
    assert not refused.value.retryable


def test_a_document_of_one_persona_is_not_handed_to_another() -> None:
    hie = SandboxHie()
    of_jane = hie.list_documents(remote("jane"), timeout_s=5)[0]
    with pytest.raises(ConnectorError):
        hie.fetch(remote("chris"), of_jane, timeout_s=5)


def test_a_document_of_another_community_is_not_found() -> None:
    hie = SandboxHie()
    document = replace(hie.list_documents(remote("jane"), timeout_s=5)[0], home_community_id="1.2.3")
    with pytest.raises(ConnectorError):
        hie.fetch(remote("jane"), document, timeout_s=5)


def test_what_is_listed_survives_a_checkpoint() -> None:
    hie = SandboxHie()
    for document in hie.list_documents(remote("kyla"), timeout_s=5):
        again = RemoteDocument.from_json(json.loads(json.dumps(document.to_json())))
        assert again == document
        assert hie.fetch(remote("kyla"), again, timeout_s=5)
