"""Our own API: jobs of any contract, their events and webhooks, and the finished files."""

from frontend.contracts.kit.contract import Contract
from frontend.contracts.tritone import cards, files, jobs, webhooks
from frontend.contracts.tritone.envelope import ENVELOPE

CONTRACT = Contract(
    envelope=ENVELOPE,
    routers=(cards.router, jobs.router, webhooks.router, files.router),
    root_paths=("/cards", "/jobs", "/deliveries", "/webhook-secrets", "/files"),
    has_prefix=False,
)
