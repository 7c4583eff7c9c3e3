"""AI/ML API: `POST` and `GET /v2/generate/audio`.

Source: https://docs.aimlapi.com/api-references/music-models/stability-ai/stable-audio (its two
printed examples), and the schema published beside it for what the page leaves out.
"""

from typing import Literal

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from frontend.audio.formats import FORMATS
from frontend.contracts.aimlapi.envelope import ENVELOPE
from frontend.contracts.kit import openapi
from frontend.contracts.kit.body import read_body, read_query
from frontend.contracts.kit.fields import Integer, Name, Prompt, RequestModel, StrictBody, Text
from frontend.contracts.kit.job_submission import (
    CANCELLED_MESSAGE,
    JobOrder,
    find_job,
    link_files,
    resolve_model,
    submit_job,
)
from frontend.contracts.kit.notes import make_note_headers
from frontend.contracts.kit.route import make_router
from frontend.jobs.model import Job, JobStatus
from frontend.jobs.views import FileUrls, file_name
from frontend.sounds.request import GenerationRequest
from tritone.card import ModelCard
from tritone.limits import MAX_STEPS

PATH = "/v2/generate/audio"
DEFAULT_SECONDS, LONGEST_S = 30.0, 47.0
TOKENS_PER_STEP = 252

WORDS = {"seconds": "seconds_total"}
EXAMPLE = {"model": "stable-audio", "prompt": "Rain on a tin roof", "seconds_total": 5}
DELIVERED = (FORMATS["wav"],)

Status = Literal["queued", "generating", "completed", "error"]
# The vendor's clients stop asking at any other word.
STATUSES: dict[JobStatus, Status] = {
    JobStatus.QUEUED: "queued",
    JobStatus.RUNNING: "generating",
    JobStatus.COMPLETED: "completed",
    JobStatus.ERROR: "error",
    JobStatus.CANCELLED: "error",
}


class AudioBody(StrictBody):
    """A sound to be made."""

    model: Name = Field(description="`stable-audio`, or any served model.")
    prompt: Prompt = Field(description="The sound, in words.")
    seconds_start: float | None = Field(
        None, ge=0, le=LONGEST_S, description="Where in a longer recording the clip would begin."
    )
    seconds_total: float | None = Field(
        None, ge=1, le=LONGEST_S, description="Length of the clip; 30 if absent."
    )
    steps: Integer | None = Field(
        None, ge=1, le=MAX_STEPS, description="Denoising steps; the model's own number if absent."
    )


class GenerationQuery(RequestModel):
    """The generation to look up."""

    generation_id: Text = Field(description="The id that `POST` returned.")


class Accepted(BaseModel):
    """The answer to an accepted request."""

    id: str
    generation_id: str = Field(description="The same as `id`.")
    status: Status


class AudioFile(BaseModel):
    """A finished file."""

    url: str
    content_type: str
    file_name: str
    file_size: int


class GenerationError(BaseModel):
    """Why a generation failed, or that it was cancelled."""

    name: str
    message: str


class Usage(BaseModel):
    """The price in the vendor's tokens."""

    credits_used: int = Field(description="252 tokens for each step.")


class Meta(BaseModel):
    """Facts about a finished generation."""

    usage: Usage


class Generation(BaseModel):
    """The state of a generation, and its file once it is completed."""

    id: str
    status: Status
    audio_file: AudioFile | None
    error: GenerationError | None
    meta: Meta | None


def to_order(body: AudioBody, card: ModelCard) -> JobOrder:
    """Translate a body into an order for a model.

    The contract allows 47 for the start and for the length: a start that leaves too little room for
    the length is moved forward. A default length is never longer than what the model can make.
    """
    most = LONGEST_S if card.extendable else card.window_seconds
    seconds = body.seconds_total or min(DEFAULT_SECONDS, most)
    asked, room = body.seconds_start or 0.0, max(0.0, card.window_seconds - seconds)
    moved = (f"seconds_start moved to {room:g}: the clip must end in the model's window",)
    return JobOrder(
        contract=ENVELOPE.name,
        wanted=GenerationRequest(
            prompt=body.prompt,
            model=card.name,
            seconds=seconds,
            seconds_start=min(asked, room),
            steps=body.steps,
        ),
        formats=DELIVERED,
        words=WORDS,
        labels={"model": body.model},
        notes=(*body.notes, *(moved if asked > room else ())),
    )


def make_id(job: Job) -> str:
    """Return a job's id in the contract's form, `<uuid>:<model>`."""
    return f"{job.id}:{job.request.labels['model']}"


def to_generation(job: Job, urls: FileUrls) -> Generation:
    """Translate a job into a generation."""
    return Generation(
        id=make_id(job),
        status=STATUSES[job.status],
        audio_file=_show_file(job, urls),
        error=_show_error(job),
        meta=_show_meta(job),
    )


def _show_file(job: Job, urls: FileUrls) -> AudioFile | None:
    if job.result is None:
        return None
    file = job.result.files[0]
    return AudioFile(
        url=urls[file.key],
        content_type=file.media_type,
        file_name=file_name(job, file),
        file_size=file.n_bytes,
    )


def _show_error(job: Job) -> GenerationError | None:
    if job.failure is not None:
        return GenerationError(name=job.failure.name, message=job.failure.message)
    if job.status is JobStatus.CANCELLED:
        return GenerationError(name="Cancelled", message=CANCELLED_MESSAGE)
    return None


def _show_meta(job: Job) -> Meta | None:
    if job.result is None:
        return None
    return Meta(usage=Usage(credits_used=TOKENS_PER_STEP * (job.result.steps or 0)))


router = make_router(ENVELOPE, "AI/ML API")


@router.post(
    PATH,
    status_code=201,
    response_model=Accepted,
    responses=openapi.errors_of(ENVELOPE),
    openapi_extra=openapi.body_of(AudioBody, EXAMPLE),
)
async def generate_audio(request: Request) -> Response:
    """Accept a request for a sound; `GET` with its id tells when it is ready."""
    body = await read_body(request, AudioBody)
    job = await submit_job(
        request, body, lambda: to_order(body, resolve_model(request, body.model))
    )
    accepted = Accepted(id=make_id(job), generation_id=make_id(job), status=STATUSES[job.status])
    return JSONResponse(accepted.model_dump(), 201, make_note_headers(job.notes))


@router.get(
    PATH,
    response_model=Generation,
    responses=openapi.errors_of(ENVELOPE),
    openapi_extra=openapi.query_of(GenerationQuery),
)
async def fetch_audio(request: Request) -> Response:
    """Show the state of a generation, with a link to its file once it is completed."""
    query = read_query(request, GenerationQuery)
    job_id = query.generation_id.partition(":")[0]
    job = await find_job(request, job_id, ENVELOPE.name)
    generation = to_generation(job, await link_files(request, job))
    return JSONResponse(generation.model_dump(), headers=make_note_headers(job.notes))
