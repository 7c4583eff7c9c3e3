"""Settings for tests: short times, webhooks allowed to this machine."""

from pathlib import Path
from typing import Any

from frontend.jobs.opening import Groups
from frontend.jobs.settings import JobSettings
from frontend.storage.settings import StorageSettings
from frontend.webhooks.settings import WebhookSettings


def make_groups(
    database_url: str,
    files: Path,
    *,
    jobs: dict[str, Any] | None = None,
    webhooks: dict[str, Any] | None = None,
) -> Groups:
    """Return the three groups with changes."""
    return Groups(
        jobs=JobSettings.model_validate(
            {
                "database_url": database_url,
                "max_connections": 8,
                "lease_s": 1.5,
                "poll_s": 0.1,
                "concurrency": 4,
                **(jobs or {}),
            }
        ),
        storage=StorageSettings.model_validate({"url": str(files)}),
        webhooks=WebhookSettings.model_validate(
            {
                "allow_networks": ["127.0.0.0/8"],
                "timeout_s": 2.0,
                "schedule_s": [0.2, 0.4, 0.8],
                **(webhooks or {}),
            }
        ),
    )
