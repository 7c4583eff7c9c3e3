"""ElevenLabs: `/v1/history…` over the finished jobs of the key, whichever contract made them.

Source: https://elevenlabs.io/docs/api-reference/history and the requests of the official clients
0.2-2.78. As with the vendor, sounds that were answered at once are in no history: they are nowhere.
"""

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from frontend.audio.formats import FORMATS
from frontend.contracts.elevenlabs.archive import file_response, zip_response
from frontend.contracts.elevenlabs.envelope import ENVELOPE, HistoryItemNotFound
from frontend.contracts.elevenlabs.sound import credits_of, vendor_headers
from frontend.contracts.kit import openapi
from frontend.contracts.kit.app_parts import get_jobs, get_owner
from frontend.contracts.kit.body import Name, StrictBody, Text, checked, read_body
from frontend.contracts.kit.route import make_router
from frontend.errors import InvalidRequest, JobNotFound
from frontend.jobs.model import Job, JobFile, JobResult, JobStatus
from frontend.jobs.records import JobFilter
from frontend.jobs.service import Page

MAX_PAGE, MAX_DOWNLOAD = 1000, 100
_LAST_SECOND = 253_402_300_799  # of the year 9999
_SOUNDS = (None, "SFX", "Music")


class HistoryQuery(BaseModel):
    """Which items, page by page."""

    page_size: int = Field(100, ge=1, le=MAX_PAGE)
    start_after_history_item_id: Text | None = None
    voice_id: Text | None = Field(None, description="No item has a voice.")
    model_id: Text | None = None
    date_before_unix: int | None = Field(None, ge=0, le=_LAST_SECOND)
    date_after_unix: int | None = Field(None, ge=0, le=_LAST_SECOND)
    sort_direction: Literal["asc", "desc"] = "desc"
    search: Text | None = Field(None, description="In the text.")
    source: Text | None = Field(None, description="Sounds are `SFX` and `Music`.")


class DownloadBody(StrictBody):
    """Which items to download: one file, or a zip of several."""

    history_item_ids: Annotated[list[Name], Field(min_length=1, max_length=MAX_DOWNLOAD)]
    output_format: Literal["wav", "default"] | None = "default"


class HistoryItem(BaseModel):
    """A sound that was made."""

    history_item_id: str
    request_id: str
    voice_id: str = ""  # required by the Python client 0.x
    model_id: str
    text: str
    date_unix: int
    character_count_change_from: int = 0
    character_count_change_to: int
    content_type: str
    state: Literal["created"] = "created"
    source: Literal["SFX"] = "SFX"


class History(BaseModel):
    """A page of items."""

    history: list[HistoryItem]
    has_more: bool
    last_history_item_id: str | None
    scanned_until: int | None = Field(description="When the last item looked at was made.")


class Deleted(BaseModel):
    """It is gone."""

    status: Literal["ok"] = "ok"


def to_item(job: Job, result: JobResult) -> HistoryItem:
    """Return a finished job in the contract's words."""
    return HistoryItem(
        history_item_id=job.id,
        request_id=job.id,
        model_id=result.model,
        text=job.request.sound.prompt,
        date_unix=int(job.created_at.timestamp()),
        character_count_change_to=credits_of(result.seconds),
        content_type=_file(result).media_type,
    )


def _file(result: JobResult, name: str = "mp3") -> JobFile:
    """Return the file of a format, else the first."""
    return next((each for each in result.files if each.format == name), result.files[0])


router = make_router(ENVELOPE, "ElevenLabs")
_ERRORS = openapi.errors_of(ENVELOPE)
_AUDIO: openapi.Responses = {**openapi.audio_of(FORMATS.values()), **_ERRORS}


@router.get(
    "/v1/history",
    response_model=History,
    responses=_ERRORS,
    openapi_extra=openapi.query_of(HistoryQuery),
)
async def list_history(request: Request) -> Response:
    """List the sounds that jobs made, the newest first."""
    given = {name: text for name, text in request.query_params.items() if text}
    query = checked(HistoryQuery, given, "query")
    page = await _page(request, query)
    items = [to_item(job, job.result) for job in page.jobs if job.result is not None]
    last = page.jobs[-1] if page.jobs else None
    history = History(
        history=[item for item in items if _matches(item, query)],
        has_more=page.cursor is not None,
        last_history_item_id=last.id if last else None,
        scanned_until=int(last.created_at.timestamp()) if last else None,
    )
    return JSONResponse(history.model_dump())


async def _page(request: Request, query: HistoryQuery) -> Page:
    if query.voice_id or query.source not in _SOUNDS:
        return Page(jobs=(), cursor=None)
    cursor = None
    if query.start_after_history_item_id:
        before, _ = await _finished(request, query.start_after_history_item_id)
        cursor = str(before.seq)
    which = JobFilter(
        owner=get_owner(request),
        statuses=(JobStatus.COMPLETED,),
        created_from=_moment(query.date_after_unix),
        created_until=_moment(query.date_before_unix),
        oldest_first=query.sort_direction == "asc",
    )
    return await get_jobs(request).service.list(which, cursor, query.page_size)


def _moment(unix: int | None) -> datetime | None:
    return None if unix is None else datetime.fromtimestamp(unix, UTC)


def _matches(item: HistoryItem, query: HistoryQuery) -> bool:
    is_model = query.model_id is None or item.model_id == query.model_id
    return is_model and (query.search or "").casefold() in item.text.casefold()


async def _finished(request: Request, item_id: str) -> tuple[Job, JobResult]:
    try:
        job = await get_jobs(request).service.get(item_id, get_owner(request))
    except JobNotFound:
        raise _not_found() from None
    if job.result is None:
        raise _not_found()
    return job, job.result


def _not_found() -> HistoryItemNotFound:
    return HistoryItemNotFound("There is no such item in the history.")


@router.get("/v1/history/{history_item_id}", response_model=HistoryItem, responses=_ERRORS)
async def show_item(request: Request, history_item_id: str) -> Response:
    """Tell of one sound."""
    return JSONResponse(to_item(*await _finished(request, history_item_id)).model_dump())


@router.delete("/v1/history/{history_item_id}", response_model=Deleted, responses=_ERRORS)
async def delete_item(request: Request, history_item_id: str) -> Response:
    """Delete a sound, its files and its job."""
    job, result = await _finished(request, history_item_id)
    jobs = get_jobs(request)
    await jobs.service.delete(job.id, get_owner(request))
    await jobs.files.delete([file.key for file in result.files])
    return JSONResponse(Deleted().model_dump())


@router.get("/v1/history/{history_item_id}/audio", response_class=Response, responses=_AUDIO)
async def send_audio(request: Request, history_item_id: str) -> Response:
    """Send a sound."""
    _, result = await _finished(request, history_item_id)
    files = get_jobs(request).files
    return await file_response(files, _file(result), vendor_headers(request, {}))


@router.post(
    "/v1/history/download",
    response_class=Response,
    responses=_AUDIO,
    openapi_extra=openapi.body_of(DownloadBody),
)
async def download(request: Request) -> Response:
    """Send a sound, or a zip of several."""
    body = await read_body(request, DownloadBody)
    found = [await _finished(request, each) for each in dict.fromkeys(body.history_item_ids)]
    chosen = {job.id: _chosen(result, body) for job, result in found}
    files = get_jobs(request).files
    if len(chosen) == 1:
        (file,) = chosen.values()
        return await file_response(files, file, vendor_headers(request, {}))
    return await zip_response(files, chosen)


def _chosen(result: JobResult, body: DownloadBody) -> JobFile:
    file = _file(result, "wav" if body.output_format == "wav" else "mp3")
    if body.output_format == "wav" and file.format != "wav":
        raise InvalidRequest("A sound was not made as wav.", field="output_format")
    return file
