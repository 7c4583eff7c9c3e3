"""MusicGPT: sound generation under each of its documented paths, `byId`, `byUser`, the webhook.

Sources: https://docs.musicgpt.com/api-documentation/endpoint/soundgenerator (paths, bodies,
webhook), .../getById, and what the official clients (PyPI 0.0.0, npm 1.0.1) and the vendor's n8n
node send and need.
"""

from datetime import MAXYEAR, UTC, datetime, timedelta

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from frontend.audio.formats import FORMATS
from frontend.contracts.kit import openapi
from frontend.contracts.kit.app_parts import get_jobs, get_owner
from frontend.contracts.kit.body import make_body_error, read_query
from frontend.contracts.kit.forms import MULTIPART, URLENCODED, read_json_or_form
from frontend.contracts.kit.job_submission import (
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
    Found,
    Listed,
    SoundBody,
    Valid,
)
from frontend.contracts.musicgpt.conversions import (
    NO_CONVERSION,
    STATUSES,
    count_credits,
    swap_id,
    to_conversion,
)
from frontend.contracts.musicgpt.envelope import ENVELOPE
from frontend.errors import JobNotFound
from frontend.jobs.records import JobFilter
from frontend.sounds.request import GenerationRequest
from tritone.card import ModelCard

BASE = "/api/public/v1"
SUBMIT_PATHS = (
    f"{BASE}/sound_generator",
    f"{BASE}/SoundGenerator",
    f"{BASE}/generate_sound",
    "/sound_generator",
)
WORDS = {"seconds": "audio_length"}
EXAMPLE = {"prompt": "Rain on a tin roof", "audio_length": 5}

DELIVERED = (FORMATS["mp3"], FORMATS["wav"])
ESTIMATE = "credit_estimate"  # a label: repeated requests get it when the model is away, too


def to_order(body: SoundBody, card: ModelCard) -> JobOrder:
    """Translate a body into an order; the vendor always gives mp3 and wav."""
    return JobOrder(
        contract=ENVELOPE.name,
        wanted=GenerationRequest(
            prompt=body.prompt,
            model=card.name,
            seconds=None if body.audio_length is None else float(body.audio_length),
        ),
        formats=DELIVERED,
        words=WORDS,
        webhook_url=body.webhook_url,
        labels={
            **({"user_id": body.user_id} if body.user_id else {}),
            ESTIMATE: str(count_credits(body.audio_length or card.default_seconds)),
        },
        notes=body.notes,
    )


router = make_router(ENVELOPE, "MusicGPT")
_ERRORS = openapi.errors_of(ENVELOPE)


async def generate_sound(request: Request) -> Response:
    """Accept a request for a sound; `byId` and the webhook tell when it is ready."""
    body = await read_json_or_form(request, SoundBody)
    job = await submit_job(request, body, lambda: to_order(body, resolve_model(request, None)))
    accepted = Accepted(
        task_id=job.id,
        conversion_id=swap_id(job.id),
        eta=await get_jobs(request).service.load.eta_s(job),
        credit_estimate=float(job.request.labels.get(ESTIMATE, 0)),
        status=STATUSES[job.status],
    )
    return JSONResponse(accepted.model_dump(), headers=make_note_headers(job.notes))


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
    """Show the state of a sound, with links to its files once it is finished."""
    query = read_query(request, ByIdQuery)
    job = await find_job(request, _choose_id(query), ENVELOPE.name)
    conversion = to_conversion(job, await link_files(request, job))
    found = Found(conversion=conversion)
    return JSONResponse(found.model_dump(), headers=make_note_headers(job.notes))


def _choose_id(query: ByIdQuery) -> str:
    ids = {query.task_id} if query.task_id else set()
    if query.conversion_id:
        ids.add(swap_id(query.conversion_id))
    if not ids:
        raise make_body_error("task_id or conversion_id is required", "missing", "query", "task_id")
    if len(ids) > 1:
        raise JobNotFound(NO_CONVERSION)
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
    """Translate a query into a filter; `end_text` is `endDate` as the client wrote it."""
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
    """Confirm that the API key is valid; the vendor's n8n node asks for it."""
    return Valid()
