"""Searching Jane's chart and the contents of her documents."""

from __future__ import annotations

from typing import Any

import pytest

from chartbridge.features.documents import texts
from chartbridge.features.records import search_task
from chartbridge.jobs.pool import PoolTaskError
from tests.documents.stored import store
from tests.records.conftest import Charted
from tests.running import Caller, Json, World, wait_until
from tests.support import people
from tests.support.client import M

pytestmark = pytest.mark.parametrize("world", ["sqlite", "postgres"], indirect=True, scope="module")


def search(api: Caller, patient: str, query: str | None = None) -> tuple[int, list[Json]]:
    """The count, and the resources behind the URL; none without a URL."""
    answer = api.get(f"{M}/patient/{patient}/consolidated/search", query=query)
    if "url" not in answer:
        return answer["resourceCount"], []
    bundle = api.fetch(answer["url"]).json()
    assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "searchset")
    assert bundle["total"] == len(bundle["entry"]) == answer["resourceCount"]
    resources = [entry["resource"] for entry in bundle["entry"]]
    assert resources[-1]["resourceType"] == "Patient"
    return answer["resourceCount"], resources


def kinds(resources: list[Json]) -> set[str]:
    return {str(resource["resourceType"]) for resource in resources}


def whole(jane: Charted) -> list[Json]:
    bundle = jane.api.get(f"{M}/patient/{jane.patient}/consolidated")
    return [entry["resource"] for entry in bundle["entry"]]


def names(resources: list[Json]) -> set[tuple[str, str]]:
    return {(resource["resourceType"], resource["id"]) for resource in resources}


def test_an_empty_query_finds_everything(jane: Charted) -> None:
    count, resources = search(jane.api, jane.patient)
    everything = whole(jane)
    assert count == len(everything)
    assert names(resources) == names(everything)
    assert search(jane.api, jane.patient, "  ")[0] == count


def some_condition(jane: Charted) -> tuple[Json, str]:
    """A condition of the chart, and a long word that says what it is."""
    for resource in whole(jane):
        words = (
            str(resource.get("code", {}).get("text") or "").split()
            if resource["resourceType"] == "Condition"
            else []
        )
        for word in words:
            if len(word) >= 8 and word.isalpha():
                return resource, word
    raise AssertionError("Jane has no condition with a long word")


def test_a_word_is_found_with_typing_errors(jane: Charted) -> None:
    condition, word = some_condition(jane)
    for query in (word, word.upper(), word[:-1], word[0] + word[2] + word[1] + word[3:]):
        count, resources = search(jane.api, jane.patient, query)
        assert ("Condition", condition["id"]) in names(resources), query
        assert 1 < count < len(whole(jane))


def test_what_is_found_brings_along_what_it_refers_to(jane: Charted) -> None:
    _, word = some_condition(jane)
    _, resources = search(jane.api, jane.patient, word)
    chart = names(whole(jane))
    present = names(resources)

    def references(value: Any) -> set[str]:
        if isinstance(value, dict):
            own = {value["reference"]} if isinstance(value.get("reference"), str) else set()
            return own.union(*map(references, value.values()))
        return set().union(*map(references, value)) if isinstance(value, list) else set()

    for reference in references(resources):
        kind, _, id = reference.partition("/")
        assert (kind, id) in present or (kind, id) not in chart, reference


def test_nothing_found_has_no_url(jane: Charted) -> None:
    answer = jane.api.get(f"{M}/patient/{jane.patient}/consolidated/search", query="qqzzxxyyvv")
    assert answer == {"resourceCount": 0}
    assert search(jane.api, jane.patient, "!!!") == (0, [])


def test_documents_are_found_by_what_stands_in_them(world: World) -> None:
    api = world.caller()
    patient = api.patient_id(people.stranger())
    ids = store(
        world, api, patient, {"first": ("text/plain", b"walrus tusk"), "other": ("text/plain", b"seal")}
    )
    count, resources = search(api, patient, "walrus")
    assert count == 2
    assert names(resources) == {("DocumentReference", ids["first"]), ("Patient", patient)}
    assert search(api, patient, "+walrus +seal")[0] == 0
    assert search(api, patient, "walrus seal")[0] == 3
    assert search(api, patient, "sea")[0] == 0, "a part of a word"
    assert search(api, patient, "sea*")[0] == 2


def test_a_chart_is_brought_up_to_date_first(world: World) -> None:
    api = world.caller()
    patient = api.patient_id(people.stranger())
    assert search(api, patient)[0] == 0, "the Patient alone is nothing found"
    store(world, api, patient, {"new": ("text/plain", b"walrus")})
    assert search(api, patient)[0] == 2


def test_results_go_with_the_patient(world: World) -> None:
    api = world.caller()
    patient = api.patient_id(people.stranger())
    store(world, api, patient, {"new": ("text/plain", b"walrus")})
    url = api.get(f"{M}/patient/{patient}/consolidated/search")["url"]
    key = url.partition("?")[0].partition("/storage/")[2]
    assert key.startswith(f"{world.tenant(api)}/{patient}/results/"), "in the folder that is purged"
    assert world.platform.store.size(key)
    assert api.http.delete(f"{M}/patient/{patient}").status_code == 204
    wait_until(lambda: world.platform.store.size(key) is None, "the result is gone")


@pytest.mark.parametrize("query", ["x" * 1001, " ".join(f"w{n}" for n in range(101))])
def test_a_query_out_of_bounds_is_refused(jane: Charted, query: str) -> None:
    path = f"{M}/patient/{jane.patient}/consolidated/search"
    assert "at most" in jane.api.get(path, status=400, query=query)["detail"]


def test_the_refresh_job_reads_texts_ahead_of_a_search(world: World) -> None:
    """Reading is the documents' own business: a search after it reads nothing."""
    api = world.caller()
    patient = api.patient_id(people.stranger())
    ids = store(world, api, patient, {"new": ("text/plain", b"walrus")})
    texts.extract_stored(world.platform, world.tenant(api), list(ids.values()))
    assert search(api, patient, "walrus")[0] == 2


def test_a_search_that_ends_its_process_is_answered_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    api = world.caller()
    patient = api.patient_id(people.stranger())
    store(world, api, patient, {"new": ("text/plain", b"walrus")})
    run: Any = world.platform.cpu.run

    def end_process(function: Any, *arguments: Any) -> Any:
        if function is search_task.find:
            raise PoolTaskError("ended its process")
        return run(function, *arguments)

    path = f"{M}/patient/{patient}/consolidated/search"
    with monkeypatch.context() as patch:
        patch.setattr(world.platform.cpu, "run", end_process)
        detail = api.get(path, status=503, query="walrus")["detail"]
        assert detail == "The chart could not be searched: that ended its process"
    assert api.get(path, query="walrus")["resourceCount"] == 2
