"""Answers that send a stored file: whole, a range of it, or 304 where the client has it."""

from email.utils import format_datetime

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from frontend.contracts.kit.envelope import Envelope
from frontend.contracts.kit.errors import RangeNotSatisfiable
from frontend.storage.files import FileInfo, FileStore
from frontend.storage.ranges import ByteRange, UnsatisfiableRange, parse_range


async def send_file(
    request: Request, files: FileStore, key: str, name: str, envelope: Envelope
) -> Response:
    """Return the answer that sends a file, or the part that a `Range` asks for.

    `name` is what a browser saves it under; `envelope` says that the range lies outside.

    Raises:
        FileNotFound: there is no such file, or not any more.
    """
    info = await files.head(key)
    headers = _describe(info, name)
    if _has_file(request, headers):
        return Response(status_code=304, headers=headers)
    try:
        part = parse_range(_get_range(request, headers), info.n_bytes)
    except UnsatisfiableRange:
        error = RangeNotSatisfiable(f"The file has {info.n_bytes} bytes.")
        response = envelope.render(error, request)
        response.headers["content-range"] = f"bytes */{info.n_bytes}"
        return response
    status, of_part = _describe_part(info, part)
    return StreamingResponse(files.read(key, part), status, headers | of_part)


def _has_file(request: Request, headers: dict[str, str]) -> bool:
    """Return whether the client has the file already. Source: RFC 9110, section 13.1.2."""
    given = [each.strip() for each in request.headers.get("if-none-match", "").split(",")]
    return "*" in given or headers.get("etag") in [each.removeprefix("W/") for each in given]


def _get_range(request: Request, headers: dict[str, str]) -> str | None:
    """Return the `Range`, unless `If-Range` names another file. Source: section 13.1.5."""
    condition = request.headers.get("if-range")
    is_this = condition in (None, headers.get("etag"), headers["last-modified"])
    return request.headers.get("range") if is_this else None


def _describe(info: FileInfo, name: str) -> dict[str, str]:
    headers = {
        "last-modified": format_datetime(info.modified_at, usegmt=True),
        "cache-control": "private, max-age=86400, immutable",
        "content-disposition": f'inline; filename="{name}"',  # browsers still play it
    }
    if info.e_tag is not None:
        headers["etag"] = f'"{info.e_tag.strip(chr(34))}"'
    return headers


def _describe_part(info: FileInfo, part: ByteRange | None) -> tuple[int, dict[str, str]]:
    headers = {
        "content-type": info.media_type,
        "content-length": str(info.n_bytes if part is None else part.n_bytes),
        "accept-ranges": "bytes",
    }
    if part is None:
        return 200, headers
    return 206, headers | {"content-range": f"bytes {part.start}-{part.end - 1}/{info.n_bytes}"}
