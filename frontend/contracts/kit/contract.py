"""What a contract's folder exports: everything that the rest of the frontend knows of it."""

from dataclasses import dataclass

from fastapi import APIRouter

from frontend.contracts.kit.envelope import Envelope
from frontend.jobs.webhook_bodies import WebhookBody


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """One REST contract."""

    envelope: Envelope
    routers: tuple[APIRouter, ...]
    root_paths: tuple[str, ...]
    """Beginnings of the paths that are this contract's at the root: where no route matches there,
    the answer is in its envelope."""
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
