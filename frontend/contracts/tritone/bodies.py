"""Models of our own answers: jobs, webhook deliveries and secrets.

`frontend.jobs.views` makes it; `tests/frontend/contracts/tritone/test_jobs.py` compares the two.
"""

from typing import Literal

from pydantic import BaseModel, Field


class FileView(BaseModel):
    """One file of a finished job."""

    url: str = Field(description="Needs no key, and expires.")
    format: str
    content_type: str
    file_name: str
    file_size: int


class ResultView(BaseModel):
    """What was made, with every setting that was used."""

    seconds: float
    sample_rate: int
    model: str
    model_version: str
    seed: int
    steps: int | None = Field(description="null for speech.")
    guidance_scale: float | None = Field(description="null for speech.")
    voice: str | None = Field(description="null for sounds.")
    notes: list[str]
    files: list[FileView]


class FailureView(BaseModel):
    """Why a job failed."""

    name: str
    message: str


class SoundRequestView(BaseModel):
    """The sound that was asked for; null stands for the model's default."""

    task: Literal["sound"]
    prompt: str
    model: str | None
    negative_prompt: str | None
    seconds: float | None
    seconds_start: float
    steps: int | None
    guidance_scale: float | None
    seed: int | None
    loop: bool
    controls: dict[str, str | bool | int | float]
    formats: list[str]
    webhook_url: str | None


class SpeechRequestView(BaseModel):
    """The speech that was asked for; null stands for a default."""

    task: Literal["speech"]
    text: str = Field(description="Its first 1,000 characters.")
    characters: int = Field(description="Length of the whole text.")
    model: str | None
    voice: str | None
    language: str | None
    speed: float
    seed: int | None
    formats: list[str]
    webhook_url: str | None


class JobView(BaseModel):
    """The state of a job. Webhooks leave out `request`."""

    id: str
    status: Literal["queued", "running", "completed", "error", "cancelled"]
    contract: str
    labels: dict[str, str]
    created_at: str
    started_at: str | None
    finished_at: str | None
    attempt: int = Field(description="How many times work on it has started.")
    cancel_requested: bool
    position: int | None = Field(description="Number of jobs before it in the queue.")
    steps_done: int | None = Field(description="Of speech: sentences that are spoken.")
    steps: int | None
    error: FailureView | None
    result: ResultView | None
    request: SoundRequestView | SpeechRequestView = Field(discriminator="task")


class JobPage(BaseModel):
    """A page of jobs, the newest first."""

    jobs: list[JobView]
    cursor: str | None = Field(description="For the next page; null on the last one.")


class AttemptView(BaseModel):
    """One attempt to deliver a webhook."""

    at: str
    status_code: int | None = Field(description="null where there was no answer.")
    problem: str | None = Field(description="null where the receiver accepted it.")
    seconds: float


class DeliveryView(BaseModel):
    """One webhook and its attempts."""

    id: str = Field(description="The header `webhook-id` of every attempt.")
    job_id: str
    event: str
    url: str
    status: Literal["pending", "delivered", "gave_up"]
    next_at: str | None = Field(description="Time of the next attempt.")
    created_at: str
    attempts: list[AttemptView]


class DeliveryList(BaseModel):
    """The webhooks of a job, the oldest first."""

    deliveries: list[DeliveryView]


class WebhookSecrets(BaseModel):
    """The secrets of the caller's webhook signatures, the newest first."""

    secrets: list[str]
