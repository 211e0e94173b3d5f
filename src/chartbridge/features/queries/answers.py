"""What networks of resources answered, kept apart by link, so that a link can be undone.

The chart is made of one object a network, the newest wording of each resource of all its links that are
believed. An answer of a link that was undone lies apart until the link is accepted again.
"""

from __future__ import annotations

import gzip
from typing import Any

import orjson

from chartbridge.db import Tenant
from chartbridge.features.patients import service as patients
from chartbridge.features.queries.models import TAKEN_IN, NetworkLink
from chartbridge.platform import Platform
from chartbridge.storage import keys

Resource = dict[str, Any]
EARLIER = "earlier"
"""In the place of a link: what was taken in before links were kept, of which nobody knows the link."""


def keep(platform: Platform, tenant: Tenant, link_id: str, resources: list[Resource]) -> None:
    """Add an answer to the link's earlier ones: the newest wording of each resource, none dropped, for a
    network may answer for a recent period only. Nothing when the link was undone meanwhile."""
    if not resources:
        return
    with platform.db.write(tenant) as session:
        link = session.get(NetworkLink, link_id)
        if link is None or not patients.hold_patient(session, link.patient_id):
            return
        platform.db.lock(session, "network-links", link.patient_id)
        session.refresh(link)
        if link.status not in TAKEN_IN:
            return
        _set_earlier_apart(platform, link)
        key = keys.network_answer(session.tenant, link.patient_id, link.source, link.connector, link.id)
        _put(platform, key, _merged(_read(platform, key), resources))
        _gather(platform, link, last=resources)
    patients.swept_if_gone(platform, tenant, link.patient_id)


def withdraw(platform: Platform, link: NetworkLink) -> None:
    """Take the link's answers out of what charts are made of, and those of which nobody knows the link."""
    _set_earlier_apart(platform, link)
    _move(platform, link, (link.id, EARLIER), back=False)


def restore(platform: Platform, link: NetworkLink, *, earlier: bool) -> None:
    """Undo ``withdraw``; of what nobody knows the link of only with ``earlier``, for it may have come through
    another link that stays undone."""
    _move(platform, link, (link.id, EARLIER) if earlier else (link.id,), back=True)


def _move(platform: Platform, link: NetworkLink, parts: tuple[str, ...], *, back: bool) -> None:
    """Both copies exist for a moment: a crash leaves one too many, which the next call removes."""
    tenant = _tenant(link)
    for part in parts:
        where = (tenant, link.patient_id, link.source, link.connector, part)
        source, target = keys.network_answer(*where), keys.withheld_answer(*where)
        if back:
            source, target = target, source
        content = _read(platform, source)
        if content:
            _put(platform, target, _merged(_read(platform, target), content))
            platform.store.delete(source)
    _gather(platform, link)


def _set_earlier_apart(platform: Platform, link: NetworkLink) -> None:
    """What an earlier version took in is an answer of its own."""
    folder = _folder(link)
    if next(iter(platform.store.keys(folder)), None) is None:
        earlier = _read(platform, _whole(link))
        if earlier:
            where = (_tenant(link), link.patient_id, link.source, link.connector)
            _put(platform, keys.network_answer(*where, EARLIER), earlier)


def _gather(platform: Platform, link: NetworkLink, last: list[Resource] | None = None) -> None:
    """Make the network's object anew of the answers that are there."""
    merged: list[Resource] = []
    for key in sorted(platform.store.keys(_folder(link)), key=lambda key: (EARLIER not in key, key)):
        merged = _merged(merged, _read(platform, key))
    merged = _merged(merged, last or [])
    if merged:
        _put(platform, _whole(link), merged)
    else:
        platform.store.delete(_whole(link))


def _merged(held: list[Resource], newer: list[Resource]) -> list[Resource]:
    newest = {(r["resourceType"], r["id"]): r for r in (*held, *newer)}
    return [newest[identity] for identity in sorted(newest)]


def _folder(link: NetworkLink) -> str:
    where = (_tenant(link), link.patient_id, link.source, link.connector)
    return keys.network_answer(*where, "any").rpartition("/")[0]


def _whole(link: NetworkLink) -> str:
    return keys.source_resources(_tenant(link), link.patient_id, link.source, link.connector)


def _tenant(link: NetworkLink) -> Tenant:
    return Tenant.parse(f"{link.environment}/{link.account_id}")


def _read(platform: Platform, key: str) -> list[Resource]:
    if platform.store.size(key) is None:
        return []
    content: list[Resource] = orjson.loads(gzip.decompress(platform.store.get(key)))
    return content


def _put(platform: Platform, key: str, resources: list[Resource]) -> None:
    platform.store.put(key, gzip.compress(orjson.dumps(resources), mtime=0), content_type="application/gzip")
