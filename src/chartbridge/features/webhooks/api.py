"""Settings and webhook status; served at ``/settings`` and, as an alias, below ``/medical/v1``."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse

from chartbridge.db import Tenant
from chartbridge.features.accounts import service as accounts
from chartbridge.features.webhooks import circuit, samples, service
from chartbridge.features.webhooks.addresses import check_url
from chartbridge.features.webhooks.retrying import start_retry
from chartbridge.features.webhooks.schemas import (
    Access,
    AccountSettingsDto,
    MedicalRecordFilter,
    SampleAnswer,
    SamplePayload,
    SettingsUpdate,
    WebhookStatus,
)
from chartbridge.http.body import JsonRoute
from chartbridge.http.context import CurrentCaller, CurrentPlatform, CurrentTenant
from chartbridge.http.errors import answers
from chartbridge.http.ratelimit import limits_in_force
from chartbridge.ids import timestamp
from chartbridge.platform import Platform

router = APIRouter(prefix="/settings", route_class=JsonRoute, tags=["Settings"])


@router.get("", summary="Get settings", operation_id="getSettings")
def get_settings(platform: CurrentPlatform, tenant: CurrentTenant) -> AccountSettingsDto:
    """Where messages go, the key that verifies them, and what the medical record summary shows. Each
    environment of an account has settings of its own; they are made with defaults at first use."""
    with platform.db.write(tenant) as session:
        return _dto(platform, tenant, accounts.settings(session))


@router.post(
    "",
    summary="Update settings",
    operation_id="updateSettings",
    responses=answers({400: "an unknown key, a URL that may not be used, or incomplete filters"}),
)
def update_settings(
    platform: CurrentPlatform, tenant: CurrentTenant, body: SettingsUpdate
) -> AccountSettingsDto:
    """The first webhook URL brings a `webhookKey`; another URL keeps it; clearing the URL removes both,
    and the next URL brings a new key: that is how to rotate it. Setting a URL has a `ping` sent."""
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
        return _dto(platform, tenant, account)


@router.get(
    "/mapi-access", summary="Tell whether the account may use the Medical API", operation_id="getMapiAccess"
)
def mapi_access(caller: CurrentCaller) -> Access:
    """A key whose account may not is refused with 403 by every operation below `/medical/v1`."""
    return Access(hasMapiAccess=caller.medical_api_enabled)


@router.get("/webhook", summary="Tell whether messages arrive", operation_id="getWebhookStatus")
def webhook_status(platform: CurrentPlatform, tenant: CurrentTenant) -> WebhookStatus:
    """Messages go on being sent while `webhookEnabled` is false; one that arrives turns it true. After many
    failures in a row `webhookCircuit` opens: the receiver is then asked with one message at a time, at
    `webhookRetryAt`, and the others wait, without using up attempts."""
    with platform.db.read(tenant) as session:
        account = accounts.find_settings(session)
        count = service.counts(session)
        receiver = circuit.state(session)
    return WebhookStatus(
        webhookEnabled=account is not None and account.webhook_enabled,
        webhookStatusDetail=service.status_detail(account, receiver),
        webhookRequestsProcessing=count.processing,
        webhookRequestsFailed=count.failed,
        webhookCircuit=receiver.name,
        webhookRetryAt=timestamp(receiver.retry_at) if receiver.retry_at else None,
    )


@router.post(
    "/webhook/retry",
    summary="Send all failed messages again",
    operation_id="retryWebhookRequests",
    response_class=PlainTextResponse,
)
def retry(platform: CurrentPlatform, tenant: CurrentTenant) -> str:
    """Answers at once. The messages that have failed by now are then sent again, oldest first, with the
    same id, time and content; presigned URLs in them are made anew. Takes no body."""
    start_retry(platform, tenant)
    return "OK"


@router.post(
    "/webhook/sample-payload",
    summary="Send a test event",
    operation_id="sendSampleWebhook",
    responses=answers(
        {
            400: "no `meta.type`, no webhook URL set, or not in the sandbox",
            413: "more than 256 KB",
        }
    ),
)
def send_sample(platform: CurrentPlatform, tenant: CurrentTenant, body: SamplePayload) -> SampleAnswer:
    """Sandbox only. Sends the body as it is to the webhook URL, signed like any message, waits for the
    answer and tells it. A receiver that is down or refuses is told here too: that is no error of this
    operation. Nothing is stored, and a test event is not repeated."""
    result = samples.send_sample(platform, tenant, body.as_given())
    return SampleAnswer(
        status=result.status,
        webhookResponse=result.answer,
        url=result.url,
        durationMillis=result.duration_ms,
        detail=result.detail,
    )


def _dto(platform: Platform, tenant: Tenant, account: accounts.AccountSettings) -> AccountSettingsDto:
    filters = account.mr_filters
    return AccountSettingsDto(
        id=tenant.account_id,
        webhookUrl=account.webhook_url,
        webhookKey=account.webhook_key,
        mrFilters=None if filters is None else [MedicalRecordFilter.model_validate(f) for f in filters],
        rateLimits=limits_in_force(account.rate_limits or {}, platform.settings.rate_limits),
    )
