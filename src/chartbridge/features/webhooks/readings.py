"""What waits to be sent, and receivers that fail, for the metrics."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client.core import GaugeMetricFamily, Metric
from sqlalchemy import case, func, select

from chartbridge.features.webhooks.models import WebhookCircuit, WebhookDelivery
from chartbridge.ids import utcnow
from chartbridge.platform import Platform


def outbox(platform: Platform) -> Iterable[Metric]:
    """Of the whole installation, by one statement."""
    now = utcnow()
    is_due = WebhookDelivery.due_at <= now
    is_open = WebhookCircuit.retry_at.is_not(None)
    counts = select(
        func.count().label("every"),
        func.coalesce(func.sum(case((is_due, 1), else_=0)), 0).label("due"),
        func.min(case((is_open, None), else_=WebhookDelivery.due_at)).label("since"),
        select(func.count()).select_from(WebhookCircuit).where(is_open).scalar_subquery().label("open"),
    ).join_from(
        WebhookDelivery, WebhookCircuit, WebhookCircuit.tenant == WebhookDelivery.tenant, isouter=True
    )
    with platform.db.glance(None) as session:
        row = session.execute(counts).one()
    waiting = GaugeMetricFamily(
        "chartbridge_webhooks",
        "Webhooks on their way: due now, or to be tried later.",
        labels=["state"],
    )
    waiting.add_metric(["due"], int(row.due))
    waiting.add_metric(["later"], int(row.every) - int(row.due))
    yield waiting
    late_s = 0.0 if row.since is None else (now - row.since).total_seconds()
    yield GaugeMetricFamily(
        "chartbridge_webhooks_oldest_due_seconds",
        "How long a webhook has been due that is not sent yet, receivers that are left alone excepted.",
        value=max(0.0, late_s),
    )
    yield GaugeMetricFamily(
        "chartbridge_webhook_circuits_open",
        "Receivers that failed so often that they are left alone for a while.",
        value=int(row.open),
    )
