"""The page at `/` and the files that it loads. It needs no key; what it asks for does."""

import gzip
import hashlib
import secrets
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fastapi import APIRouter, HTTPException, Request, Response

from frontend.http.security_headers import make_page_policy

PATH = "/"
_MEDIA_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
_HERE = Path(__file__).parent
FOLDERS = (_HERE / "static", _HERE / "vendor")
"""Ours, and what `fetch` brings. Files of the same name do not occur."""
_NONCE = b"NONCE"
_NONCE_BYTES = 16
_CHECK_ALWAYS = "no-cache"  # one version of the modules only: they import each other

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is sent."""

    packed: bytes  # by gzip
    media_type: str
    e_tag: str


@router.get(PATH)
def page() -> Response:
    """Return the page. Its nonce lets the drawing of waves bring its own style sheet."""
    nonce = secrets.token_urlsafe(_NONCE_BYTES)
    html = (_HERE / "static" / "index.html").read_bytes().replace(_NONCE, nonce.encode())
    headers = {"cache-control": "no-store", "content-security-policy": make_page_policy(nonce)}
    return Response(html, media_type="text/html", headers=headers)


@router.get("/playground/{name}")
def asset(name: str, request: Request) -> Response:
    """Return a script or a style sheet, or say that the browser has it already."""
    found = _find_asset(name)
    if found is None:
        raise HTTPException(404)
    headers = {"cache-control": _CHECK_ALWAYS, "etag": found.e_tag, "vary": "accept-encoding"}
    if found.e_tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    content = found.packed
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["content-encoding"] = "gzip"
    else:
        content = gzip.decompress(content)
    return Response(content, media_type=found.media_type, headers=headers)


def list_files() -> dict[str, Path]:
    """Return what may be served, by name."""
    return {
        path.name: path
        for folder in FOLDERS
        if folder.is_dir()
        for path in folder.iterdir()
        if path.suffix in _MEDIA_TYPES
    }


def _find_asset(name: str) -> Asset | None:
    path = list_files().get(name)
    return None if path is None else _read(path, path.stat().st_mtime_ns)


@cache
def _read(path: Path, _changed_ns: int) -> Asset:
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()[:32]
    return Asset(gzip.compress(content, mtime=0), _MEDIA_TYPES[path.suffix], f'W/"{digest}"')
