"""What networks say of somebody who is not our patient never reaches anything that is shown of ours."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import orjson
import pytest

from chartbridge.errors import NotFoundError
from chartbridge.features.documents.models import Document
from chartbridge.features.networks.protocol import PatientIdentity, RemotePatient, Resource
from chartbridge.features.queries import links
from tests.queries import documents
from tests.queries.conftest import Install
from tests.queries.networks import Hie, Pharmacy, ccda, known, role
from tests.running import Caller, Json, World, wait_until
from tests.support import people
from tests.support.client import M
from tests.support.receiver import Receiver

pytestmark = pytest.mark.parametrize("world", ["sqlite", "postgres"], indirect=True, scope="module")

XML = {"a": "application/xml"}
ASTHMA = ("195967001", "Asthma")
TWIN = {"firstName": "Agnes"}


@dataclass
class Knowing(Hie):
    """A network of documents that knows the patient as somebody a little different, or as nobody's."""

    as_: Json | None = None
    gives_nothing: bool = False

    def discover(self, patient: PatientIdentity, *, timeout_s: float) -> list[RemotePatient]:
        if self.gives_nothing:
            return [RemotePatient("1.2.3", "r-1")]
        return [known(patient, **(self.as_ or {}))]


@dataclass
class Trusted(Knowing):
    is_trusted_matcher: Literal[True] = True


def query(api: Caller, patient: str, *sources: str) -> list[str]:
    """Messages of the errors of a network query."""
    return [error["message"] for error in api.query(patient, *(sources or ("hie",))).get("errors", [])]


def links_of(world: World, api: Caller, patient: str) -> list[links.NetworkLink]:
    with world.platform.db.read(world.tenant(api)) as session:
        return links.list_links(session, patient_id=patient)


def decide(world: World, api: Caller, decision: Any, link: links.NetworkLink) -> None:
    decision(world.platform, world.tenant(api), link.id, by="Dr. Vee")


def everything_shown(world: World, api: Caller, patient: str, receiver: Receiver) -> str:
    """All that anybody can get of the patient: chart, lists, search, messages with their links, export."""
    shown = [api.documents(patient), api.get(f"{M}/patient/{patient}/consolidated/count")]
    shown += [api.get(f"{M}/document", patientId=patient, content="asthma")]
    for message in receiver.received:
        shown.append(message.json)
        url = (message.json.get("payload") or {}).get("consolidatedDataUrl")
        if url:
            shown.append(api.fetch(url).json())
    answer = api.http.get(f"{M}/patient/{patient}/export")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        texts = []
        for name in archive.namelist():
            content = archive.read(name)
            whole = gzip.decompress(content) if name.endswith(".gz") else content
            texts.append(name + whole.decode("utf-8", "replace"))
        shown.append(texts)
        shown.append(orjson.loads(archive.read("chart.json")))
    return orjson.dumps(shown).decode().lower()


def test_a_twin_of_the_patient_is_not_taken_in(
    world: World, listening: Caller, receiver: Receiver, install: Install
) -> None:
    network = Knowing("ONE", {"a": ccda(*ASTHMA, about=role("Agnes"))}, types=XML, as_=TWIN)
    install(network)
    patient = listening.patient_id()
    assert query(listening, patient) == [
        "ONE: 1 of the network's patients did not match and were not taken in"
    ]
    assert network.fetched == []
    (link,) = links_of(world, listening, patient)
    assert (link.status, link.reasons[0]) == ("refused", "veto: given names unlike")
    receiver.wait_for("network-query.hie")
    shown = everything_shown(world, listening, patient, receiver)
    assert "asthma" not in shown
    assert "agnes" not in shown


def test_a_document_query_takes_no_twin_in_either(world: World, api: Caller, install: Install) -> None:
    install(Knowing("ONE", {"a": ccda(*ASTHMA)}, types=XML, as_=TWIN))
    patient = api.patient_id()
    assert documents.run(api, patient)["download"]["total"] == 0
    assert api.documents(patient) == []


def test_who_gives_nothing_to_compare_is_believed_only_as_a_trusted_matcher(
    world: World, api: Caller, install: Install
) -> None:
    install(
        Knowing("ANYBODY", {"a": b"text"}, gives_nothing=True),
        Trusted("TRUSTED", {"b": b"text"}, gives_nothing=True),
        Trusted("WRONG", {"c": b"text"}, as_=TWIN),
    )
    patient = api.patient_id()
    query(api, patient)
    assert [d["description"] for d in api.documents(patient)] == ["Document b"]
    states = {link.connector: (link.status, link.score) for link in links_of(world, api, patient)}
    assert states["ANYBODY"] == ("refused", None)
    assert states["TRUSTED"] == ("linked", None)
    assert states["WRONG"][0] == "refused", "what it does tell is compared like anybody's"


def test_what_is_in_doubt_waits_for_a_person(world: World, api: Caller, install: Install) -> None:
    in_doubt: Json = {"dob": None, "address": []}
    network = Knowing(
        "ONE", {"a": ccda(*ASTHMA, about=role("Jayne", born="19690210"))}, types=XML, as_=in_doubt
    )
    install(network)
    patient = api.patient_id(people.jane(contact=[{"phone": "6025550143"}]))
    network.as_ = in_doubt | {"contact": [{"phone": "6025550143"}]}
    assert len(query(api, patient)) == 1
    (link,) = links_of(world, api, patient)
    assert (link.status, network.fetched) == ("review", [])
    decide(world, api, links.accept, link)
    assert query(api, patient) == [], (
        "a document with the network's identifier is hers, whatever else it says"
    )
    assert len(api.documents(patient)) == 1
    (link,) = links_of(world, api, patient)
    assert (link.status, link.decided_by, link.decision) == ("accepted", "Dr. Vee", "review")


def test_a_document_about_another_person_is_not_kept(
    world: World, listening: Caller, receiver: Receiver, install: Install
) -> None:
    foreign = {
        "twin": ccda(*ASTHMA, about=role("Agnes")),
        "namesake": ccda(*ASTHMA, about=role(born="19531121")),
        "both": ccda(*ASTHMA, about=role() + "</recordTarget><recordTarget>" + role("Agnes")),
    }
    nobody = "<patientRole><id nullFlavor='NI'/></patientRole>"
    hers = {"hers": ccda(), "bare": ccda("73211009", "Diabetes", about=nobody)}
    types = dict.fromkeys((*foreign, *hers), "application/xml")
    install(Hie("ONE", {**foreign, **hers}, types=types))
    patient = listening.patient_id()
    assert query(listening, patient) == ["3 of 5 documents were not taken in: they are about another patient"]
    assert {d["description"] for d in listening.documents(patient)} == {"Document hers", "Document bare"}
    receiver.wait_for("network-query.hie")
    shown = everything_shown(world, listening, patient, receiver)
    assert "hypertension" in shown
    assert "diabetes" in shown
    assert "asthma" not in shown
    with world.platform.db.read(world.tenant(listening)) as session:
        failed = session.query(Document).filter(Document.status == "failed").all()
    assert sorted({row.unique_id for row in failed}) == sorted(foreign)
    assert all((row.failure or "").startswith("patient mismatch: ") and row.sha256 is None for row in failed)


def test_a_foreign_document_of_a_document_query_is_an_error(api: Caller, install: Install) -> None:
    install(Hie("ONE", {"a": ccda(*ASTHMA, about=role("Agnes"))}, types=XML))
    patient = api.patient_id()
    assert documents.run(api, patient)["download"] == documents.phase("completed", 1, 0, 1)
    assert api.documents(patient) == []


def test_a_document_that_turns_out_to_be_foreign_takes_its_earlier_copy_with_it(
    world: World, listening: Caller, receiver: Receiver, install: Install
) -> None:
    network = Hie("ONE", {"a": ccda(*ASTHMA)}, types=XML)
    install(network)
    patient = listening.patient_id()
    query(listening, patient)
    network.contents["a"] = ccda(*ASTHMA, about=role("Agnes"))
    listening.query(patient, "hie", override=True)
    receiver.received.clear()
    assert "asthma" not in everything_shown(world, listening, patient, receiver)


class Foreign(Pharmacy):
    """A pharmacy whose answer is about somebody else."""

    extra: Resource

    def resources(self, patient: RemotePatient, *, subject_id: str, timeout_s: float) -> Iterable[Resource]:
        yield from super().resources(patient, subject_id=subject_id, timeout_s=timeout_s)
        yield self.extra


@pytest.mark.parametrize(
    "extra",
    [
        {"resourceType": "Patient", "id": "x", "name": [{"given": ["Agnes"], "family": "Smith"}]},
        {"resourceType": "Patient", "id": "x", "birthDate": "1953-11-21"},
        {"resourceType": "Observation", "id": "x", "subject": {"reference": "Patient/somebody-else"}},
    ],
    ids=["name", "birth", "subject"],
)
def test_an_answer_about_another_person_is_not_taken_in_at_all(
    world: World, listening: Caller, receiver: Receiver, install: Install, extra: Resource
) -> None:
    network = Foreign(["asthma inhaler"])
    network.extra = extra
    install(network)
    patient = listening.patient_id()
    assert len(query(listening, patient, "pharmacy")) == 1
    (link,) = links_of(world, listening, patient)
    assert link.status == "review"
    assert link.reasons[0].startswith("answer ")
    assert "asthma" not in everything_shown(world, listening, patient, receiver)


def test_undoing_a_link_withdraws_what_came_through_it_and_accepting_brings_it_back(
    world: World, listening: Caller, receiver: Receiver, install: Install
) -> None:
    network = Hie("ONE", {"a": ccda(*ASTHMA), "b": b"asthma"}, types=XML)
    other = Hie("TWO", {"c": ccda()}, types={"c": "application/xml"})
    install(network, other, Pharmacy(["asthma inhaler"]))
    patient = listening.patient_id()
    assert query(listening, patient, "hie", "pharmacy") == []
    receiver.received.clear()
    before = chart_of(listening, patient)
    assert "asthma" in everything_shown(world, listening, patient, receiver)
    for link in links_of(world, listening, patient):
        if link.connector != "TWO":
            decide(world, listening, links.undo, link)
    for _ in range(2):
        receiver.received.clear()
        shown = everything_shown(world, listening, patient, receiver)
        assert "asthma" not in shown
        assert "hypertension" in shown
        assert [d["description"] for d in listening.documents(patient)] == ["Document c"]
        query(listening, patient, "hie", "pharmacy")
    fetched = list(network.fetched)
    for link in links_of(world, listening, patient):
        if link.status == "undone":
            decide(world, listening, links.accept, link)
            assert [entry["status"] for entry in links_of_id(world, listening, link.id).history] == [
                "undone",
                "accepted",
            ]
    wait_until(lambda: len(converted(world, listening, patient)) == 2, "the document is converted again")
    assert chart_of(listening, patient) == before
    assert len(listening.get(f"{M}/document", patientId=patient, content="asthma")["documents"]) == 2
    assert network.fetched == fetched, "nothing had to be fetched again"


def chart_of(api: Caller, patient: str) -> list[tuple[str, str]]:
    """Types and ids of the resources of the chart as it is now."""
    archive = zipfile.ZipFile(io.BytesIO(api.http.get(f"{M}/patient/{patient}/export").content))
    entries = orjson.loads(archive.read("chart.json"))["entry"]
    return sorted((entry["resource"]["resourceType"], entry["resource"]["id"]) for entry in entries)


def links_of_id(world: World, api: Caller, link_id: str) -> links.NetworkLink:
    with world.platform.db.read(world.tenant(api)) as session:
        found = session.get(links.NetworkLink, link_id)
    assert found is not None
    return found


def converted(world: World, api: Caller, patient: str) -> list[str]:
    with world.platform.db.read(world.tenant(api)) as session:
        rows = session.query(Document).filter(
            Document.patient_id == patient, Document.conversion == "converted"
        )
        return [row.id for row in rows if row.status == "stored"]


def test_a_link_that_is_undone_while_its_documents_come_lets_none_in(
    world: World, api: Caller, install: Install
) -> None:
    network = Hie("ONE", {"a": ccda(*ASTHMA)}, types=XML)
    install(network)
    patient = api.patient_id()
    network.while_fetching = lambda: decide(world, api, links.undo, links_of(world, api, patient)[0])
    query(api, patient)
    assert api.documents(patient) == []


def test_a_document_that_another_link_offers_too_comes_through_that_one(
    world: World, api: Caller, install: Install
) -> None:
    class Two(Hie):
        def discover(self, patient: PatientIdentity, *, timeout_s: float) -> list[RemotePatient]:
            return [known(patient), known(patient, "r-2")]

    install(Two("ONE", {"a": b"text"}))
    patient = api.patient_id()
    query(api, patient)
    (first,) = [link for link in links_of(world, api, patient) if link.remote_patient_id == "r-1"]
    decide(world, api, links.undo, first)
    assert api.documents(patient) == []
    query(api, patient)
    assert len(api.documents(patient)) == 1


def test_a_link_that_comparison_no_longer_bears_out_brings_nothing_more_and_waits_for_a_person(
    world: World, api: Caller, install: Install
) -> None:
    network = Knowing("ONE", {"a": b"first"})
    install(network)
    patient = api.patient_id()
    query(api, patient)
    network.as_, network.contents = TWIN, {"a": b"first", "b": b"second"}
    query(api, patient)
    assert [link.status for link in links_of(world, api, patient)] == ["review"]
    assert [d["description"] for d in api.documents(patient)] == ["Document a"]


def test_another_tenant_neither_sees_nor_decides(world: World, api: Caller, install: Install) -> None:
    install(Hie("ONE", {"a": b"text"}))
    patient = api.patient_id()
    query(api, patient)
    (link,) = links_of(world, api, patient)
    stranger = world.caller()
    assert links_of(world, stranger, patient) == []
    for decision in (links.undo, links.accept):
        with pytest.raises(NotFoundError):
            decide(world, stranger, decision, link)
    assert links_of(world, api, patient)[0].status == "linked"


def test_links_are_exported_and_deleted_with_the_patient(world: World, api: Caller, install: Install) -> None:
    install(Hie("ONE", {"a": b"text"}))
    patient = api.patient_id()
    query(api, patient)
    answer = api.http.get(f"{M}/patient/{patient}/export")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        (row,) = archive.read("rows/network_links.jsonl").decode().splitlines()
    told = orjson.loads(row)
    assert (told["remote_patient_id"], told["status"]) == ("r-1", "linked")
    assert "jane" not in row.lower(), "nothing of the demographics is kept"
    api.delete(f"{M}/patient/{patient}")
    assert links_of(world, api, patient) == []


def test_somebody_who_is_only_called_like_a_persona_still_gets_the_sandboxs_data(
    world: World, api: Caller
) -> None:
    patient = api.patient_id(people.stranger(firstName="Kyla"))
    assert query(api, patient, "hie", "pharmacy", "lab") == []
    assert len(api.documents(patient)) == 6
    assert {link.score for link in links_of(world, api, patient)} == {None}
