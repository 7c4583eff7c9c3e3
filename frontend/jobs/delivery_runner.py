"""One attempt at one webhook. Nothing here decides which one is next."""

import uuid
from datetime import UTC, datetime

import structlog
from opentelemetry.trace import SpanKind

from frontend.jobs.deliveries import Settlement
from frontend.jobs.startup import JobSystem
from frontend.observe import tracing
from frontend.webhooks.model import AttemptOutcome, Delivery, DeliveryStatus
from frontend.webhooks.schedule import choose_pause_s
from frontend.webhooks.sending import Sender
from frontend.webhooks.signature import make_signature_headers
from frontend.webhooks.urls import get_host

_LEASE_SLACK_S = 5.0  # of a delivery, beyond the time that sending may take
_OUTCOMES = {
    DeliveryStatus.DELIVERED: "delivered",
    DeliveryStatus.PENDING: "retried",
    DeliveryStatus.GAVE_UP: "gave_up",
}

_log = structlog.get_logger(__name__)


class DeliveryRunner:
    """Signs, sends, judges and writes down."""

    def __init__(self, system: JobSystem, sender: Sender) -> None:
        """`sender` is shared by all attempts."""
        self._deliveries = system.deliveries
        self._settings = system.settings.webhooks
        self._secrets = system.webhook_secrets
        self._sender = sender
        self._metrics = system.metrics

    async def run(self, delivery_id: str) -> None:
        """Make one attempt, unless the webhook is over or somebody else is at it."""
        claim_id = str(uuid.uuid4())
        lease_s = self._settings.timeout_s + _LEASE_SLACK_S
        delivery = await self._deliveries.claim(delivery_id, claim_id, lease_s)
        if delivery is None:
            return
        await self._deliveries.settle(delivery_id, claim_id, await self._attempt(delivery))

    async def _attempt(self, delivery: Delivery) -> Settlement:
        headers = make_signature_headers(
            self._secrets(delivery.owner), delivery.id, datetime.now(UTC), delivery.body
        )
        with tracing.span("webhook", kind=SpanKind.CLIENT, parent=delivery.traceparent) as span:
            outcome = await self._sender.send(delivery.url, headers, delivery.body)
            settlement = self._judge(delivery, outcome)
            span.set_attribute("tritone.outcome", _OUTCOMES[settlement.status])
        self._metrics.webhook_seconds.observe(outcome.seconds)
        self._metrics.webhook_attempts.labels(_OUTCOMES[settlement.status]).inc()
        _log.info(
            "webhook attempted",
            delivery_id=delivery.id,
            job_id=delivery.job_id,
            host=get_host(delivery.url),
            status_code=outcome.status_code,
            problem=outcome.problem,
            outcome=settlement.status.value,
        )
        return settlement

    def _judge(self, delivery: Delivery, outcome: AttemptOutcome) -> Settlement:
        if outcome.is_accepted:
            return Settlement(status=DeliveryStatus.DELIVERED, outcome=outcome)
        pause_s = choose_pause_s(outcome, delivery.tries + 1, self._settings.schedule_s)
        if pause_s is None:
            return Settlement(status=DeliveryStatus.GAVE_UP, outcome=outcome)
        return Settlement(status=DeliveryStatus.PENDING, delay_s=pause_s, outcome=outcome)
