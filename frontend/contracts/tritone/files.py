"""`/files/{token}`: the finished files. No key: whoever has an unexpired link has the file."""

from email.utils import format_datetime

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from frontend.contracts.kit import openapi
from frontend.contracts.kit.app_parts import get_jobs
from frontend.contracts.kit.errors import NoSuchPath, RangeNotSatisfiable
from frontend.contracts.tritone.envelope import ENVELOPE
from frontend.errors import TritoneError
from frontend.storage.files import FILES_PATH, FileInfo, FileNotFound, FileStore
from frontend.storage.ranges import ByteRange, UnsatisfiableRange, byte_range
from frontend.storage.tokens import InvalidToken

_BINARY: dict[str, object] = {"content": {"application/octet-stream": {}}}
_PATH = f"{FILES_PATH}/{{token}}"

router = APIRouter(tags=["Files"])
_RESPONSES: openapi.Responses = {
    200: {"description": "The file.", **_BINARY},
    206: {"description": "A part of the file.", **_BINARY},
    304: {"description": "The file that `If-None-Match` names."},
    **openapi.errors_of(ENVELOPE),
}


@router.head(_PATH, include_in_schema=False)
@router.get(
    _PATH,
    response_class=Response,
    responses=_RESPONSES,
    openapi_extra=openapi.path_of("token"),
)
async def read_file(request: Request) -> Response:
    """Send a finished file, or the part that a `Range` asks for."""
    request.state.contract = ENVELOPE.name
    try:
        return await _answer(request, get_jobs(request).files)
    except TritoneError as error:
        return ENVELOPE.render(error, request)


async def _answer(request: Request, files: FileStore) -> Response:
    key, info = await _found(files, str(request.path_params["token"]))
    fixed = _headers(info)
    if _is_known(request, fixed):
        return Response(status_code=304, headers=fixed)
    try:
        part = byte_range(_asked_range(request, fixed), info.n_bytes)
    except UnsatisfiableRange:
        error = RangeNotSatisfiable(f"The file has {info.n_bytes} bytes.")
        response = ENVELOPE.render(error, request)
        response.headers["content-range"] = f"bytes */{info.n_bytes}"
        return response
    status, headers = _of_part(info, part)
    headers |= fixed
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers)
    return StreamingResponse(files.read(key, part), status, headers)


async def _found(files: FileStore, token: str) -> tuple[str, FileInfo]:
    try:
        key = files.key_of(token)
        return key, await files.head(key)
    except (InvalidToken, FileNotFound):
        raise NoSuchPath("There is no such file, or its link has expired.") from None


def _is_known(request: Request, headers: dict[str, str]) -> bool:
    """Return whether the client has the file already. Source: RFC 9110, section 13.1.2."""
    given = [each.strip() for each in request.headers.get("if-none-match", "").split(",")]
    return "*" in given or headers.get("etag") in [each.removeprefix("W/") for each in given]


def _asked_range(request: Request, headers: dict[str, str]) -> str | None:
    """Return the `Range`, unless `If-Range` names another file. Source: section 13.1.5."""
    condition = request.headers.get("if-range")
    is_this = condition in (None, headers.get("etag"), headers["last-modified"])
    return request.headers.get("range") if is_this else None


def _headers(info: FileInfo) -> dict[str, str]:
    headers = {
        "last-modified": format_datetime(info.modified_at, usegmt=True),
        "cache-control": "private, max-age=86400, immutable",
    }
    if info.e_tag is not None:
        headers["etag"] = f'"{info.e_tag.strip(chr(34))}"'
    return headers


def _of_part(info: FileInfo, part: ByteRange | None) -> tuple[int, dict[str, str]]:
    headers = {
        "content-type": info.media_type,
        "content-length": str(info.n_bytes if part is None else part.n_bytes),
        "accept-ranges": "bytes",
    }
    if part is None:
        return 200, headers
    return 206, headers | {"content-range": f"bytes {part.start}-{part.end - 1}/{info.n_bytes}"}
