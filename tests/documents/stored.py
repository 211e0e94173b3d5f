"""Documents of a test's own, stored as a network's are."""

from __future__ import annotations

from collections.abc import Mapping

from chartbridge.features.documents import service
from chartbridge.features.networks.protocol import RemoteDocument, RemotePatient
from tests.running import Caller, World


def store(
    world: World, api: Caller, patient_id: str, files: Mapping[str, tuple[str, bytes]]
) -> dict[str, str]:
    """Ids by name of documents of those types and bytes; a name is the document's description."""
    tenant = world.tenant(api)
    offered = [
        RemoteDocument("1.2.3", name, name, mime_type, created=f"2024-01-{day:02}T00:00:00Z")
        for day, (name, (mime_type, _)) in enumerate(files.items(), start=1)
    ]
    with world.platform.db.write(tenant) as session:
        ids = service.record_found(session, patient_id, "hie", "SANDBOX", RemotePatient("1", "2"), offered)
    for document_id, (_, data) in zip(ids, files.values(), strict=True):
        service.store_bytes(world.platform, tenant, document_id, data)
    return dict(zip(files, ids, strict=True))
