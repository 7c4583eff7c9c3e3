"""MusicGPT: sound generation under each of its documented paths, `byId`, `byUser`, the webhook.

Sources: https://docs.musicgpt.com/api-documentation/endpoint/soundgenerator (paths, bodies,
webhook), .../getById, and what the official clients (PyPI 0.0.0, npm 1.0.1) and the vendor's n8n
node send and need.
"""

from datetime import MAXYEAR, UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from frontend.audio.formats import FORMATS
from frontend.contracts.kit import openapi
from frontend.contracts.kit.app_parts import get_jobs, get_owner
from frontend.contracts.kit.body import malformed, read_query
from frontend.contracts.kit.forms import MULTIPART, URLENCODED, read_json_or_form
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
from frontend.contracts.kit.words import in_words
from frontend.contracts.musicgpt.bodies import (
    SOUND,
    Accepted,
    ByIdQuery,
    ByUserQuery,
    Conversion,
    Found,
    Listed,
    SoundBody,
    Status,
    Valid,
)
from frontend.contracts.musicgpt.envelope import ENVELOPE
from frontend.errors import JobNotFound
from frontend.jobs.model import Job, JobResult, JobStatus
from frontend.jobs.records import JobFilter
from frontend.jobs.views import FileUrls
from frontend.sounds.request import GenerationRequest
from tritone.card import ModelCard

BASE = "/api/public/v1"
SUBMIT_PATHS = (
    f"{BASE}/sound_generator",
    f"{BASE}/SoundGenerator",
    f"{BASE}/generate_sound",
    "/sound_generator",
)
SOUND_IN_WEBHOOKS = "Sound Creator"
CREDITS_PER_SECOND = 0.198  # five seconds, their clients' default, cost the 0.99 of their sample

WORDS = {"seconds": "audio_length"}
EXAMPLE = {"prompt": "Rain on a tin roof", "audio_length": 5}

STATUSES: dict[JobStatus, Status] = {
    JobStatus.QUEUED: "IN_QUEUE",
    JobStatus.RUNNING: "IN_PROGRESS",
    JobStatus.COMPLETED: "COMPLETED",
    JobStatus.ERROR: "FAILED",
    JobStatus.CANCELLED: "FAILED",
}
_MESSAGES: dict[JobStatus, str] = {
    JobStatus.COMPLETED: "Audio Generation Completed Successfully",
    JobStatus.CANCELLED: CANCELLED_MESSAGE,
}


ESTIMATE = "credit_estimate"  # a label: repeated requests get it when the model is away, too


def to_order(body: SoundBody, card: ModelCard) -> JobOrder:
    """Return the body in our words, for a model. Their results are mp3 and wav, always."""
    return JobOrder(
        contract=ENVELOPE.name,
        wanted=GenerationRequest(
            prompt=body.prompt,
            model=card.name,
            seconds=None if body.audio_length is None else float(body.audio_length),
        ),
        formats=(FORMATS["mp3"], FORMATS["wav"]),
        words=WORDS,
        webhook_url=body.webhook_url,
        labels={
            **({"user_id": body.user_id} if body.user_id else {}),
            ESTIMATE: str(count_credits(body.audio_length or card.default_seconds)),
        },
    )


_NO_CONVERSION = "There is no such conversion."
_MASK = 0x5F3A9C1E_7B24_0D68_0E91_C47A2B50D39F  # leaves version and variant alone


def swap_id(one: str) -> str:
    """Return the conversion id of a task id, and the task id of a conversion id.

    A job has one id and this contract two: the second is the first in disguise, so that both find
    the job without an index.

    Raises:
        JobNotFound: neither.
    """
    try:
        return str(UUID(int=UUID(one).int ^ _MASK))
    except ValueError:
        raise JobNotFound(_NO_CONVERSION) from None


def count_credits(seconds: float) -> float:
    """Return the credits for a sound."""
    return round(CREDITS_PER_SECOND * seconds, 2)


def to_conversion(job: Job, urls: FileUrls) -> Conversion:
    """Return a job in the contract's words."""
    paths = _list_paths(job.result, urls)
    message = _describe(job)
    return Conversion(
        task_id=job.id,
        conversion_id=swap_id(job.id),
        status=STATUSES[job.status],
        status_msg=message,
        message=message,
        audio_url=paths.get("mp3"),
        conversion_path=paths.get("mp3"),
        conversion_path_wav=paths.get("wav"),
        conversion_duration=job.result.seconds if job.result else None,
        conversion_cost=count_credits(job.result.seconds) if job.result else None,
        createdAt=job.created_at.isoformat(),
        updatedAt=job.updated_at.isoformat(),
    )


def webhook_body(job: Job, urls: FileUrls) -> dict[str, Any]:
    """Return what a receiver is told: the printed body and the one of the general page, in one."""
    conversion = to_conversion(job, urls)
    of_each = {
        "conversion_paths": conversion.conversion_path,
        "conversion_paths_wav": conversion.conversion_path_wav,
        "conversion_durations": conversion.conversion_duration,
    }
    return {
        "success": job.status is JobStatus.COMPLETED,
        **conversion.model_dump(),
        "conversion_type": SOUND_IN_WEBHOOKS,
        **{
            name: {} if value is None else {conversion.conversion_id: value}
            for name, value in of_each.items()
        },
    }


def _list_paths(result: JobResult | None, urls: FileUrls) -> dict[str, str]:
    return {} if result is None else {file.format: urls[file.key] for file in result.files}


def _describe(job: Job) -> str:
    if job.failure is not None:
        return job.failure.message
    return _MESSAGES.get(job.status, "")


router = make_router(ENVELOPE, "MusicGPT")
_ERRORS = openapi.errors_of(ENVELOPE)


async def generate_sound(request: Request) -> Response:
    """Accept a sound to be made."""
    body = await read_json_or_form(request, SoundBody)
    job = await submit_job(request, body, lambda: to_order(body, resolve_model(request, None)))
    accepted = Accepted(
        task_id=job.id,
        conversion_id=swap_id(job.id),
        eta=await get_jobs(request).service.load.eta_s(job),
        credit_estimate=float(job.request.labels.get(ESTIMATE, 0)),
        status=STATUSES[job.status],
    )
    return JSONResponse(accepted.model_dump(), headers=make_note_headers(body.notes))


for _path in SUBMIT_PATHS:
    router.add_api_route(
        _path,
        generate_sound,
        methods=["POST"],
        response_model=Accepted,
        responses=_ERRORS,
        openapi_extra=openapi.body_of(
            SoundBody, EXAMPLE, media_types=("application/json", URLENCODED, MULTIPART)
        ),
    )


@router.get(
    f"{BASE}/byId",
    response_model=Found,
    responses=_ERRORS,
    openapi_extra=openapi.query_of(ByIdQuery),
)
async def find_by_id(request: Request) -> Response:
    """Tell where a sound is, and link to it once there is one."""
    query = read_query(request, ByIdQuery)
    job = await find_job(request, _choose_id(query), ENVELOPE.name)
    conversion = to_conversion(job, await link_files(request, job))
    return JSONResponse(Found(conversion=conversion).model_dump())


def _choose_id(query: ByIdQuery) -> str:
    ids = {query.task_id} if query.task_id else set()
    if query.conversion_id:
        ids.add(swap_id(query.conversion_id))
    if not ids:
        raise malformed("task_id or conversion_id is required", "missing", "query", "task_id")
    if len(ids) > 1:
        raise JobNotFound(_NO_CONVERSION)
    return ids.pop()


@router.get(
    f"{BASE}/byUser",
    response_model=Listed,
    responses=_ERRORS,
    openapi_extra=openapi.query_of(ByUserQuery),
)
async def list_by_user(request: Request) -> Response:
    """List the sounds of this key, the newest first."""
    query = read_query(request, ByUserQuery)
    if query.conversionType not in {None, SOUND}:
        return JSONResponse(Listed(conversions=[], LastEvaluatedKey=None).model_dump())
    which = to_filter(query, request.query_params.get("endDate"), get_owner(request))
    with in_words({"cursor": "LastEvaluatedKey"}):
        page = await get_jobs(request).service.list(which, query.LastEvaluatedKey, query.limit)
    conversions = [to_conversion(job, await link_files(request, job)) for job in page.jobs]
    return JSONResponse(Listed(conversions=conversions, LastEvaluatedKey=page.cursor).model_dump())


def to_filter(query: ByUserQuery, end_text: str | None, owner: str) -> JobFilter:
    """Return the query in our words; `end_text` is `endDate` as it was written."""
    end = _assume_utc(query.endDate)
    is_day = end_text is not None and len(end_text) == len("2026-11-21")
    if end is not None and is_day and end.year < MAXYEAR:
        end += timedelta(days=1)
    return JobFilter(
        owner=owner,
        contract=ENVELOPE.name,
        labels={"user_id": query.user_id} if query.user_id else {},
        created_from=_assume_utc(query.startDate),
        created_until=end,
        oldest_first=query.sortOrder == "asc",
    )


def _assume_utc(moment: datetime | None) -> datetime | None:
    if moment is None or moment.tzinfo is not None:
        return moment
    return moment.replace(tzinfo=UTC)


@router.get(BASE, response_model=Valid, responses=_ERRORS)
async def test_key() -> Valid:
    """Tell that the key is right, as the vendor's n8n node asks."""
    return Valid()
