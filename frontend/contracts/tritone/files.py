"""`/files/{token}`: the finished files. No key: whoever has an unexpired link has the file."""

from fastapi import APIRouter, Request, Response

from frontend.contracts.kit import openapi
from frontend.contracts.kit.app_parts import get_jobs
from frontend.contracts.kit.errors import NoSuchPath
from frontend.contracts.kit.file_answer import send_file
from frontend.contracts.tritone.envelope import ENVELOPE
from frontend.errors import FileNotFound, TritoneError
from frontend.storage.files import FILES_PATH, FileStore

_NAME_CHARS = 8  # of a file's random name, to tell downloads apart
_BINARY: dict[str, object] = {"content": {"application/octet-stream": {}}}
_RESPONSES: openapi.Responses = {
    200: {"description": "The file.", **_BINARY},
    206: {"description": "A part of the file.", **_BINARY},
    304: {"description": "The file that `If-None-Match` names."},
    **openapi.errors_of(ENVELOPE),
}

router = APIRouter(tags=["Files"])


@router.get(
    f"{FILES_PATH}/{{token}}",
    response_class=Response,
    responses=_RESPONSES,
    openapi_extra=openapi.path_of("token"),
)
async def read_file(request: Request) -> Response:
    """Send a finished file, or the part that a `Range` asks for."""
    request.state.contract = ENVELOPE.name
    try:
        return await _send(request, get_jobs(request).files)
    except TritoneError as error:
        return ENVELOPE.render(error, request)


async def _send(request: Request, files: FileStore) -> Response:
    try:
        key = files.key_of(str(request.path_params["token"]))
        return await send_file(request, files, key, name_download(key), ENVELOPE)
    except FileNotFound:
        raise NoSuchPath("There is no such file, or its link has expired.") from None


def name_download(key: str) -> str:
    """Return the name to save a file under, such as `tritone-x7Gf02ab.mp3`."""
    stem, _, extension = key.rpartition("/")[2].rpartition(".")
    return f"tritone-{stem[:_NAME_CHARS]}.{extension}"
