"""The object that a contract's folder exports; the rest of the frontend uses nothing else."""

from dataclasses import dataclass

from fastapi import APIRouter

from frontend.contracts.kit.envelope import Envelope
from frontend.jobs.webhook_bodies import WebhookBody


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """One REST contract: its routes, its envelope, and what it owns at the root."""

    envelope: Envelope
    routers: tuple[APIRouter, ...]
    root_paths: tuple[str, ...]
    """Beginnings of the root paths that this contract owns. A request to such a path that matches
    no route is answered in this contract's envelope."""
    has_prefix: bool = True  # served under `/<name>` too
    webhook_body: WebhookBody | None = None  # None: the standard body

    @property
    def name(self) -> str:
        """Its name in paths, logs, metrics and jobs."""
        return self.envelope.name

    @property
    def router(self) -> APIRouter:
        """All of its routes in one router."""
        whole = APIRouter()
        for router in self.routers:
            whole.routes.extend(router.routes)
        return whole
