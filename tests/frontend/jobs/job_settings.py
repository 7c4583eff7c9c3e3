"""Settings for tests: short times, webhooks allowed to this machine."""

from pathlib import Path
from typing import Any

from frontend.jobs.settings import JobSettings
from frontend.jobs.startup import JobSystemSettings
from frontend.storage.settings import StorageSettings
from frontend.webhooks.settings import WebhookSettings


def make_job_settings(
    database_url: str,
    files: Path,
    *,
    jobs: dict[str, Any] | None = None,
    webhooks: dict[str, Any] | None = None,
) -> JobSystemSettings:
    """Return the three job_settings with changes."""
    return JobSystemSettings(
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
