"""Settings and webhook status; served at ``/settings`` and, as an alias, below ``/medical/v1``."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse

from chartbridge.db import Tenant
from chartbridge.features.accounts import service as accounts
from chartbridge.features.webhooks import service
from chartbridge.features.webhooks.addresses import check_url
from chartbridge.features.webhooks.schemas import (
    Access,
    AccountSettingsDto,
    MedicalRecordFilter,
    SettingsUpdate,
    WebhookStatus,
)
from chartbridge.http.body import JsonRoute
from chartbridge.http.context import CurrentPlatform, CurrentTenant

router = APIRouter(prefix="/settings", route_class=JsonRoute, tags=["Settings"])


@router.get("", summary="Get settings")
def get_settings(platform: CurrentPlatform, tenant: CurrentTenant) -> AccountSettingsDto:
    with platform.db.write(tenant) as session:
        return _dto(tenant, accounts.settings(session))


@router.post("", summary="Update settings")
def update_settings(
    platform: CurrentPlatform, tenant: CurrentTenant, body: SettingsUpdate
) -> AccountSettingsDto:
    url = None
    if body.webhookUrl:
        url = check_url(body.webhookUrl, allow_private=service.private_addresses_allowed(platform, tenant))
    with platform.db.write(tenant) as session:
        account = accounts.settings(session)
        if "webhookUrl" in body.model_fields_set and accounts.set_webhook_url(account, url):
            session.flush()
            service.send_ping(platform, session)
        if "mrFilters" in body.model_fields_set:
            filters = body.mrFilters
            accounts.set_mr_filters(
                account, None if filters is None else [f.model_dump(exclude_none=True) for f in filters]
            )
        return _dto(tenant, account)


@router.get("/mapi-access", summary="Tell whether the account may use the Medical API")
def mapi_access(_tenant: CurrentTenant) -> Access:
    return Access(hasMapiAccess=True)


@router.get("/webhook", summary="Tell whether messages arrive")
def webhook_status(platform: CurrentPlatform, tenant: CurrentTenant) -> WebhookStatus:
    with platform.db.read(tenant) as session:
        account = accounts.find_settings(session)
        count = service.counts(session)
    return WebhookStatus(
        webhookEnabled=account is not None and account.webhook_enabled,
        webhookStatusDetail=account.webhook_status_detail if account else None,
        webhookRequestsProcessing=count.processing,
        webhookRequestsFailed=count.failed,
    )


@router.post("/webhook/retry", summary="Send all failed messages again", response_class=PlainTextResponse)
def retry(platform: CurrentPlatform, tenant: CurrentTenant) -> str:
    with platform.db.write(tenant) as session:
        service.retry_failed(platform, session)
    return "OK"


def _dto(tenant: Tenant, account: accounts.AccountSettings) -> AccountSettingsDto:
    filters = account.mr_filters
    return AccountSettingsDto(
        id=tenant.account_id,
        webhookUrl=account.webhook_url,
        webhookKey=account.webhook_key,
        mrFilters=None if filters is None else [MedicalRecordFilter.model_validate(f) for f in filters],
    )
