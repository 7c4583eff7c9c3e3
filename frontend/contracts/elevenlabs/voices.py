"""ElevenLabs: the voices that are installed, and the premade ones that they stand in for.

Source: https://elevenlabs.io/docs/api-reference/voices. Clients find a voice by its name or its id;
premade voices are listed, too, so that a client that looks for "Rachel" finds her.
"""

from collections.abc import Iterable
from typing import Any, Literal

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from frontend.contracts.elevenlabs.envelope import ENVELOPE, CannotClone
from frontend.contracts.kit import openapi
from frontend.contracts.kit.app_parts import get_speaker
from frontend.contracts.kit.body import validate
from frontend.contracts.kit.fields import Integer, RequestModel, Text
from frontend.contracts.kit.route import make_router
from frontend.errors import InvalidRequest, UnknownVoice, UnsupportedLanguage
from frontend.speech.request import SpeechRequest
from frontend.speech.speaker import Speaker
from frontend.speech.voices import InstalledVoice, choose_voice
from tritone.voices import ELEVENLABS_VOICES

_MAX_PAGE, _MAX_IDS = 100, 100
_OWN_TYPES = (None, "default", "non-community")  # values of `voice_type` that mean premade voices


class VoiceSettings(BaseModel):
    """How a voice speaks; only the speed has an effect here."""

    stability: float = 0.5
    similarity_boost: float = 0.75
    style: float = 0.0
    use_speaker_boost: bool = True
    speed: float = 1.0


class ListedVoice(BaseModel):
    """One voice."""

    voice_id: str
    name: str
    category: Literal["premade"] = "premade"
    labels: dict[str, str]
    description: str
    preview_url: str | None = None
    available_for_tiers: list[str] = []
    settings: VoiceSettings = VoiceSettings()
    samples: list[str] = []
    high_quality_base_model_ids: list[str]
    is_owner: bool = False
    is_legacy: bool = False
    created_at_unix: int = 0


class VoiceList(BaseModel):
    """Every voice."""

    voices: list[ListedVoice]


class VoicePage(VoiceList):
    """Some voices, and how to get more."""

    has_more: bool
    total_count: int
    next_page_token: str | None = None


class VoiceSearch(RequestModel):
    """Which voices to list."""

    next_page_token: Text | None = None
    page_size: Integer = Field(10, ge=1, le=_MAX_PAGE)
    search: Text | None = Field(None, description="In name, description and labels.")
    sort: Literal["created_at_unix", "name"] | None = None
    sort_direction: Literal["asc", "desc"] = "asc"
    voice_type: Text | None = None
    category: Text | None = None
    voice_ids: list[Text] = Field(default_factory=list, max_length=_MAX_IDS)


router = make_router(ENVELOPE, "ElevenLabs")
_ERRORS = openapi.errors_of(ENVELOPE)


@router.get("/v1/voices", response_model=VoiceList, responses=_ERRORS)
async def list_voices(request: Request) -> Response:
    """List every voice."""
    voices = VoiceList(voices=_list_all(get_speaker(request)))
    return JSONResponse(voices.model_dump())


@router.get(
    "/v2/voices",
    response_model=VoicePage,
    responses=_ERRORS,
    openapi_extra=openapi.query_of(VoiceSearch),
)
async def search_voices(request: Request) -> Response:
    """List voices page by page."""
    search = validate(VoiceSearch, _read_repeated(request), "query", strict=False)
    found = list(_filter(_list_all(get_speaker(request)), search))
    if search.sort == "name":
        found.sort(key=lambda voice: voice.name.lower(), reverse=search.sort_direction == "desc")
    start = _parse_token(search.next_page_token)
    end = start + search.page_size
    page = VoicePage(
        voices=found[start:end],
        has_more=end < len(found),
        total_count=len(found),
        next_page_token=str(end) if end < len(found) else None,
    )
    return JSONResponse(page.model_dump())


@router.get("/v1/voices/settings/default", response_model=VoiceSettings, responses=_ERRORS)
async def show_default_settings() -> Response:
    """Tell the settings of a voice that has none of its own."""
    return JSONResponse(VoiceSettings().model_dump())


@router.get(
    "/v1/voices/{voice_id}",
    response_model=ListedVoice,
    responses=_ERRORS,
    openapi_extra=openapi.path_of("voice_id"),
)
async def show_voice(request: Request) -> Response:
    """Tell of one voice."""
    return JSONResponse(_find(request).model_dump())


@router.get(
    "/v1/voices/{voice_id}/settings",
    response_model=VoiceSettings,
    responses=_ERRORS,
    openapi_extra=openapi.path_of("voice_id"),
)
async def show_settings(request: Request) -> Response:
    """Tell the settings of one voice."""
    return JSONResponse(_find(request).settings.model_dump())


@router.post("/v1/voices/add", responses=_ERRORS)
async def add_voice(_request: Request) -> Response:
    """Refuse to clone a voice: `tritone voices engines` says what can."""
    raise CannotClone("This path clones no voice; `tritone voices engines` says what can.")


def _list_all(speaker: Speaker) -> list[ListedVoice]:
    installed = speaker.voices()
    own = [_list_voice(each, each.voice.id, each.voice.name) for each in installed]
    if not installed:
        return []
    premade = [
        _list_voice(stand, voice_id, known.name)
        for voice_id, known in ELEVENLABS_VOICES.items()
        if (stand := _find_stand_in(speaker, voice_id)) is not None
    ]
    return own + premade


def _find_stand_in(speaker: Speaker, voice_id: str) -> InstalledVoice | None:
    try:
        return choose_voice(SpeechRequest(text="", voice=voice_id), speaker.models())
    except UnsupportedLanguage:
        return None


def _list_voice(installed: InstalledVoice, voice_id: str, name: str) -> ListedVoice:
    voice = installed.voice
    stands_in = "" if voice_id == voice.id else f" Spoken by {voice.name}."
    return ListedVoice(
        voice_id=voice_id,
        name=name,
        labels={"gender": voice.gender, "language": voice.language, "license": voice.license},
        description=voice.description + stands_in,
        high_quality_base_model_ids=[installed.card.name],
    )


def _find(request: Request) -> ListedVoice:
    voice_id = str(request.path_params["voice_id"])
    voices = _list_all(get_speaker(request))
    for voice in voices:
        if voice.voice_id.lower() == voice_id.lower():
            return voice
    raise UnknownVoice(voice_id, [voice.voice_id for voice in voices], field="voice_id")


def _filter(voices: Iterable[ListedVoice], search: VoiceSearch) -> Iterable[ListedVoice]:
    wanted = (search.search or "").lower()
    for voice in voices:
        text = " ".join((voice.name, voice.description, *voice.labels.values())).lower()
        is_listed = not search.voice_ids or voice.voice_id in search.voice_ids
        is_of_category = search.category is None or voice.category == search.category
        is_of_type = search.voice_type in _OWN_TYPES
        if wanted in text and is_listed and is_of_category and is_of_type:
            yield voice


def _parse_token(token: str | None) -> int:
    if token is None:
        return 0
    if not (token.isascii() and token.isdigit() and len(token) <= 9):  # noqa: PLR2004
        raise InvalidRequest("The page token is not one of ours.", field="next_page_token")
    return int(token)


def _read_repeated(request: Request) -> dict[str, Any]:
    query: dict[str, Any] = dict(request.query_params)
    for name in ("voice_ids", "voice_ids[]"):
        if name in query:
            query["voice_ids"] = request.query_params.getlist(name)
    return query
