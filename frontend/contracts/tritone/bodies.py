"""A job as our own routes, events and webhooks show it, as models for /docs.

`frontend.jobs.views` makes it; `tests/frontend/contracts/tritone/test_jobs.py` compares the two.
"""

from typing import Literal

from pydantic import BaseModel, Field


class FileView(BaseModel):
    """One file of a finished job."""

    url: str = Field(description="Works for some time, for whoever has it.")
    format: str
    content_type: str
    file_name: str
    file_size: int


class ResultView(BaseModel):
    """What was made, and the choices that were made for it."""

    seconds: float
    sample_rate: int
    model: str
    model_version: str
    seed: int
    steps: int
    guidance_scale: float
    notes: list[str]
    files: list[FileView]


class FailureView(BaseModel):
    """Why there is no sound."""

    name: str
    message: str


class RequestView(BaseModel):
    """What was asked for; null: left to the model."""

    prompt: str
    model: str | None
    negative_prompt: str | None
    seconds: float | None
    seconds_start: float
    steps: int | None
    guidance_scale: float | None
    seed: int | None
    loop: bool
    formats: list[str]
    webhook_url: str | None


class JobView(BaseModel):
    """A job as it was a moment ago. Webhooks leave out `request`."""

    id: str
    status: Literal["queued", "running", "completed", "error", "cancelled"]
    contract: str
    labels: dict[str, str]
    created_at: str
    started_at: str | None
    finished_at: str | None
    attempt: int = Field(description="How often it was begun.")
    cancel_requested: bool
    position: int | None = Field(description="Jobs before it in the queue.")
    steps_done: int | None
    steps: int | None
    error: FailureView | None
    result: ResultView | None
    request: RequestView


class JobPage(BaseModel):
    """Some jobs, the newest first."""

    jobs: list[JobView]
    cursor: str | None = Field(description="Of the next page; null: these were the last.")


class AttemptView(BaseModel):
    """One attempt to deliver a webhook."""

    at: str
    status_code: int | None = Field(description="null: there was no answer.")
    problem: str | None = Field(description="null: the receiver accepted it.")
    seconds: float


class DeliveryView(BaseModel):
    """One webhook on its way."""

    id: str = Field(description="The header `webhook-id` of every attempt.")
    job_id: str
    event: str
    url: str
    status: Literal["pending", "delivered", "gave_up"]
    next_at: str | None = Field(description="Of the next attempt.")
    created_at: str
    attempts: list[AttemptView]


class DeliveryList(BaseModel):
    """The webhooks of a job, the oldest first."""

    deliveries: list[DeliveryView]


class WebhookSecrets(BaseModel):
    """What the caller's receivers check signatures with, the newest first."""

    secrets: list[str]
