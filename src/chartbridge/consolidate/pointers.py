"""References of the sources as those of the chart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from chartbridge.consolidate.identity import PATIENT_ELEMENTS
from chartbridge.consolidate.references import key_of, relative_key, rewrite, target_type_and_id, urn_id
from chartbridge.consolidate.sources import Entry
from chartbridge.fhir.references import Resource


class Pointers:
    """Turns the references of source resources into those of the chart.

    pinned: ids that several types share and that a `urn:uuid:` reference names. Which resource is meant
    can't be known, so the reference stays as it is and what it may lead to must stay too.
    targets: by `Type/id`, what each resource refers to in the chart.
    """

    def __init__(self, entries: Mapping[str, Entry], patient_ids: set[str], patient_reference: str) -> None:
        self._known = entries
        self._by_id: defaultdict[str, list[str]] = defaultdict(list)
        for key, entry in entries.items():
            self._by_id[entry.resource["id"]].append(key)
        self._patient_ids = patient_ids
        self._patient_reference = patient_reference
        self.pinned: set[str] = set()
        self.targets: dict[str, list[str]] = {}
        self._seen: dict[str, None] = {}

    def localise(self, resource: Resource) -> Resource:
        """The resource with `Type/id` for each reference that leads to the chart, its Patient included."""
        self._seen = {}
        local = dict(rewrite(resource, self._change))
        self.targets[key_of(resource)] = list(self._seen)
        holders = [local]
        if "contained" in local:
            local["contained"] = [dict(held) for held in local["contained"]]
            holders += local["contained"]
        patients = {f"#{held.get('id')}" for held in holders[1:] if held.get("resourceType") == "Patient"}
        about = {subject["reference"] for holder in holders for subject in _subjects(holder)} & patients
        for holder in holders:
            for name in PATIENT_ELEMENTS:
                if name in holder:
                    holder[name] = self._to_patient(holder[name], name)
        if about:
            local = dict(rewrite(local, lambda ref: self._patient_reference if ref in about else ref))
            kept = [held for held in local.pop("contained") if f"#{held.get('id')}" not in about]
            if kept:
                local["contained"] = kept
        return local

    def _change(self, reference: str) -> str:
        urn = urn_id(reference)
        if urn is not None:
            return self._patient_reference if urn in self._patient_ids else self._meant_by(urn, reference)
        target = target_type_and_id(reference)
        if target is not None and target[0] == "Patient" and target[1] in self._patient_ids:
            return self._patient_reference
        relative = relative_key(reference)
        if relative is None or relative not in self._known:
            return reference
        self._seen[relative] = None
        return relative

    def _meant_by(self, urn: str, reference: str) -> str:
        keys = self._by_id.get(urn, ())
        if len(keys) > 1:
            self.pinned.add(urn)
        if len(keys) != 1:
            return reference
        self._seen[keys[0]] = None
        return keys[0]

    def _to_patient(self, value: Any, name: str) -> Any:
        if isinstance(value, list):
            return [self._to_patient(item, name) for item in value]
        if not isinstance(value, dict) or not isinstance(value.get("reference"), str):
            return value
        reference = value["reference"]
        target = target_type_and_id(reference)
        if reference.startswith("#"):
            is_patient = False
        elif name != "subject":
            is_patient = True
        else:
            is_patient = target[0] == "Patient" if target else urn_id(reference) is not None
        return {**value, "reference": self._patient_reference} if is_patient else value


def _subjects(holder: Resource) -> Iterator[Resource]:
    for name in PATIENT_ELEMENTS:
        value = holder.get(name)
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict) and isinstance(item.get("reference"), str):
                yield item
