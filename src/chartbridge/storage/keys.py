"""Where each kind of object lies. Every key begins with the tenant: ``<environment>/<account>/``."""

from __future__ import annotations

from chartbridge.db.tenancy import Tenant


def patient_folder(tenant: Tenant, patient_id: str) -> str:
    """The folder below which everything about one patient lies."""
    return f"{tenant}/{patient_id}"


def document(tenant: Tenant, patient_id: str, file_name: str) -> str:
    """A document's raw bytes; ``file_name`` is the contract's, whose last part names the file."""
    return f"{patient_folder(tenant, patient_id)}/documents/{file_name.rsplit('/', 1)[-1]}"


def upload(tenant: Tenant, patient_id: str, document_id: str) -> str:
    """What an upload's URL names: the document whose file is to come. No object lies there."""
    return f"{patient_folder(tenant, patient_id)}/uploads/{document_id}"


def parse_upload(key: str) -> tuple[Tenant, str, str] | None:
    """Back from ``upload``: tenant, patient and document; None for a key of another kind."""
    match key.split("/"):
        case [environment, account_id, patient_id, "uploads", document_id]:
            try:
                return Tenant.parse(f"{environment}/{account_id}"), patient_id, document_id
            except ValueError:
                return None
    return None


def bulk_imports(tenant: Tenant) -> str:
    """The folder of the folders of bulk imports."""
    return f"{tenant}/bulk"


def bulk_folder(tenant: Tenant, import_id: str) -> str:
    """The folder below which the files of one bulk import lie."""
    return f"{bulk_imports(tenant)}/{import_id}"


def bulk_upload(tenant: Tenant, import_id: str) -> str:
    """What the URL for an import's file names. No object lies there."""
    return f"{bulk_folder(tenant, import_id)}/upload"


def parse_bulk_upload(key: str) -> tuple[Tenant, str] | None:
    """Back from ``bulk_upload``: tenant and import; None for a key of another kind."""
    match key.split("/"):
        case [environment, account_id, "bulk", import_id, "upload"]:
            try:
                return Tenant.parse(f"{environment}/{account_id}"), import_id
            except ValueError:
                return None
    return None


def bulk_sources(tenant: Tenant, import_id: str) -> str:
    """The folder of the files that were sent for an import."""
    return f"{bulk_folder(tenant, import_id)}/sources"


def bulk_source(tenant: Tenant, import_id: str, upload_id: str) -> str:
    """One of them: of uploads at the same time each has its own, and one of them becomes the import's."""
    return f"{bulk_sources(tenant, import_id)}/{upload_id}.csv"


def bulk_result(tenant: Tenant, import_id: str) -> str:
    """What became of each row of an import, as CSV."""
    return f"{bulk_folder(tenant, import_id)}/result.csv"


def rendering(tenant: Tenant, patient_id: str, file_name: str, sha256: str, version: str, kind: str) -> str:
    """The document of that content as ``html`` or ``pdf``, as the viewer of that version shows it."""
    name = f"{file_name.rsplit('/', 1)[-1]}.{sha256[:16]}-{version}.{kind}"
    return f"{patient_folder(tenant, patient_id)}/renderings/{name}"


def conversion(tenant: Tenant, patient_id: str, sha256: str, converter_version: str) -> str:
    """What the converter made of a document with that content."""
    return f"{patient_folder(tenant, patient_id)}/conversions/{sha256}-{converter_version}.json.gz"


def source_resources(tenant: Tenant, patient_id: str, source: str, connector: str) -> str:
    """Resources that a pharmacy or laboratory network last gave."""
    return f"{patient_folder(tenant, patient_id)}/resources/{source}-{connector}.json.gz"


def network_answer(tenant: Tenant, patient_id: str, source: str, connector: str, link_id: str) -> str:
    """What such a network gave through one link; ``source_resources`` is made of them."""
    return f"{patient_folder(tenant, patient_id)}/answers/{source}-{connector}/{link_id}.json.gz"


def withheld_answer(tenant: Tenant, patient_id: str, source: str, connector: str, link_id: str) -> str:
    """The same while the link is undone."""
    return f"{patient_folder(tenant, patient_id)}/withheld/{source}-{connector}/{link_id}.json.gz"


def brief(tenant: Tenant, patient_id: str) -> str:
    """What a language model last wrote of the chart, or why nothing of it is used."""
    return f"{patient_folder(tenant, patient_id)}/briefs/model.json"


def snapshot(tenant: Tenant, patient_id: str, snapshot_id: str) -> str:
    """An immutable snapshot of the chart."""
    return f"{patient_folder(tenant, patient_id)}/charts/{snapshot_id}.json.gz"


def search_index(tenant: Tenant, patient_id: str, snapshot_id: str) -> str:
    """The words of a snapshot, by which it is searched."""
    return f"{patient_folder(tenant, patient_id)}/search/{snapshot_id}.json.gz"


def query_result(tenant: Tenant, patient_id: str, request_id: str, extension: str) -> str:
    """What a consolidated query or a network query made for download."""
    return f"{patient_folder(tenant, patient_id)}/results/{request_id}.{extension}"
