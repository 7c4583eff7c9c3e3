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
from frontend.contracts.elevenlabs.archive import send_zip
from frontend.contracts.elevenlabs.envelope import ENVELOPE, HistoryItemNotFound
from frontend.contracts.elevenlabs.sound import add_vendor_headers, count_credits
from frontend.contracts.kit import openapi
from frontend.contracts.kit.app_parts import get_jobs, get_owner
from frontend.contracts.kit.body import read_body, read_query
from frontend.contracts.kit.fields import Integer, Name, RequestModel, StrictBody, Text
from frontend.contracts.kit.file_answer import send_file
from frontend.contracts.kit.route import make_router
from frontend.errors import FileNotFound, InvalidRequest, JobNotFound
from frontend.jobs.model import Job, JobFile, JobResult, JobStatus
from frontend.jobs.records import JobFilter
from frontend.jobs.service import Page
from frontend.jobs.views import file_name

MAX_PAGE, MAX_DOWNLOAD = 1000, 100
EXAMPLE = {"history_item_ids": ["3f0c2a9e-7a52-4c0e-9b1f-0a4a4f5d6c7b"]}
_DELETED = "The sound is deleted already."
_LAST_SECOND = 253_402_300_799  # of the year 9999
_SOURCES = {"sound": ("SFX", "Music"), "speech": ("TTS",)}  # by task
_MAX_TEXT = 1000  # characters of an item's text: a page stays small


class HistoryQuery(RequestModel):
    """A page of the history, with filters."""

    page_size: Integer = Field(100, ge=1, le=MAX_PAGE)
    start_after_history_item_id: Text | None = None
    voice_id: Text | None = Field(None, description="Finds what a voice of ours speaks.")
    model_id: Text | None = None
    date_before_unix: Integer | None = Field(None, ge=0, le=_LAST_SECOND)
    date_after_unix: Integer | None = Field(None, ge=0, le=_LAST_SECOND)
    sort_direction: Literal["asc", "desc"] = "desc"
    search: Text | None = Field(None, description="Words in what the list has of the text.")
    source: Text | None = Field(
        None, description="`SFX` and `Music` find sounds, `TTS` finds speech."
    )


class DownloadBody(StrictBody):
    """The items to download: one as a file, several as a zip."""

    history_item_ids: Annotated[list[Name], Field(min_length=1, max_length=MAX_DOWNLOAD)]
    output_format: Literal["wav", "default"] = "default"


class HistoryItem(BaseModel):
    """A finished sound or speech."""

    history_item_id: str
    request_id: str
    voice_id: str  # of speech; required by the Python client 0.x
    model_id: str
    text: str = Field(description=f"At most {_MAX_TEXT} characters of it.")
    date_unix: int
    character_count_change_from: int = 0
    character_count_change_to: int
    content_type: str
    state: Literal["created"] = "created"
    source: Literal["SFX", "TTS"]


class History(BaseModel):
    """A page of finished sounds."""

    history: list[HistoryItem]
    has_more: bool
    last_history_item_id: str | None
    scanned_until: int | None = Field(description="When the last item of the page was made.")


class Deleted(BaseModel):
    """The answer to a deletion."""

    status: Literal["ok"] = "ok"


def to_item(job: Job, result: JobResult) -> HistoryItem:
    """Translate a finished job into an item."""
    is_speech = job.request.task == "speech"
    return HistoryItem(
        history_item_id=job.id,
        request_id=job.id,
        model_id=result.model,
        voice_id=result.voice or "",
        text=job.request.text[:_MAX_TEXT],
        date_unix=int(job.created_at.timestamp()),
        character_count_change_to=(
            job.n_characters if is_speech else count_credits(result.seconds)
        ),
        content_type=_pick_file(result).media_type,
        source="TTS" if is_speech else "SFX",
    )


def _pick_file(result: JobResult, name: str = "mp3") -> JobFile:
    """Return the file of a format, or the first file where there is none of it."""
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
    query = read_query(request, HistoryQuery)
    page = await _fetch_page(request, query)
    found = [(job, job.result) for job in page.jobs if job.result is not None]
    last = page.jobs[-1] if page.jobs else None
    history = History(
        history=[to_item(*each) for each in found if _matches(*each, query)],
        has_more=page.cursor is not None,
        last_history_item_id=last.id if last else None,
        scanned_until=int(last.created_at.timestamp()) if last else None,
    )
    return JSONResponse(history.model_dump())


async def _fetch_page(request: Request, query: HistoryQuery) -> Page:
    cursor = None
    if query.start_after_history_item_id:
        before, _ = await _find_finished(request, query.start_after_history_item_id)
        cursor = str(before.seq)
    which = JobFilter(
        owner=get_owner(request),
        statuses=(JobStatus.COMPLETED,),
        created_from=_parse_time(query.date_after_unix),
        created_until=_parse_time(query.date_before_unix),
        oldest_first=query.sort_direction == "asc",
    )
    return await get_jobs(request).service.list(which, cursor, query.page_size)


def _parse_time(unix: int | None) -> datetime | None:
    return None if unix is None else datetime.fromtimestamp(unix, UTC)


def _matches(job: Job, result: JobResult, query: HistoryQuery) -> bool:
    return (
        (query.source is None or query.source in _SOURCES[job.request.task])
        and query.voice_id in {None, result.voice}
        and query.model_id in {None, result.model}
        and (query.search or "").casefold() in job.request.text.casefold()
    )


async def _find_finished(request: Request, item_id: str) -> tuple[Job, JobResult]:
    try:
        job = await get_jobs(request).service.get(item_id, get_owner(request))
    except JobNotFound:
        raise _make_not_found() from None
    if job.result is None:
        raise _make_not_found()
    return job, job.result


def _make_not_found() -> HistoryItemNotFound:
    return HistoryItemNotFound("There is no such item in the history.")


@router.get("/v1/history/{history_item_id}", response_model=HistoryItem, responses=_ERRORS)
async def show_item(request: Request, history_item_id: str) -> Response:
    """Show one sound."""
    return JSONResponse(to_item(*await _find_finished(request, history_item_id)).model_dump())


@router.delete("/v1/history/{history_item_id}", response_model=Deleted, responses=_ERRORS)
async def delete_item(request: Request, history_item_id: str) -> Response:
    """Delete a sound, its files and its job."""
    job, result = await _find_finished(request, history_item_id)
    jobs = get_jobs(request)
    await jobs.service.delete(job.id, get_owner(request))
    await jobs.files.delete([file.key for file in result.files])
    return JSONResponse(Deleted().model_dump())


@router.get("/v1/history/{history_item_id}/audio", response_class=Response, responses=_AUDIO)
async def send_audio(request: Request, history_item_id: str) -> Response:
    """Send the audio of a sound, or the part that a `Range` asks for."""
    job, result = await _find_finished(request, history_item_id)
    return await _send_file(request, job, _pick_file(result))


@router.post(
    "/v1/history/download",
    response_class=Response,
    responses=_AUDIO,
    openapi_extra=openapi.body_of(DownloadBody, EXAMPLE),
)
async def download(request: Request) -> Response:
    """Send a sound, or a zip of several."""
    body = await read_body(request, DownloadBody)
    found = [await _find_finished(request, each) for each in dict.fromkeys(body.history_item_ids)]
    if len(found) == 1:
        ((job, result),) = found
        return await _send_file(request, job, _choose_file(result, body))
    chosen = {job.id: _choose_file(result, body) for job, result in found}
    try:
        return await send_zip(get_jobs(request).files, chosen)
    except FileNotFound:
        raise JobNotFound(_DELETED) from None


async def _send_file(request: Request, job: Job, file: JobFile) -> Response:
    files, name = get_jobs(request).files, file_name(job, file)
    try:
        response = await send_file(request, files, file.key, name, ENVELOPE)
    except FileNotFound:
        raise JobNotFound(_DELETED) from None
    response.headers.update(add_vendor_headers(request, {}))
    return response


def _choose_file(result: JobResult, body: DownloadBody) -> JobFile:
    file = _pick_file(result, "wav" if body.output_format == "wav" else "mp3")
    if body.output_format == "wav" and file.format != "wav":
        raise InvalidRequest("A sound was not made as wav.", field="output_format")
    return file
