"""`/docs`: Swagger UI from our own package, so that it works without the internet."""

import gzip
from functools import cache
from importlib.resources import files

from fastapi import APIRouter, HTTPException, Request, Response

PATH = "/docs"
_ASSETS = {  # served name: file and media type
    "swagger-ui-bundle.js": ("swagger-ui-bundle.js.gz", "text/javascript"),
    "swagger-ui.css": ("swagger-ui.css.gz", "text/css"),
    "start.js": ("start.js", "text/javascript"),
}
_KEEP_S = 86_400

router = APIRouter(include_in_schema=False)


@router.get(PATH)
def page() -> Response:
    """Return the page; a browser reads the document from `/openapi.json` itself."""
    return Response(_content("index.html"), media_type="text/html")


@router.get(f"{PATH}/{{name}}")
def asset(name: str, request: Request) -> Response:
    """Return a script or a style sheet, packed where the client unpacks it."""
    if name not in _ASSETS:
        raise HTTPException(404)
    file, media_type = _ASSETS[name]
    headers = {"cache-control": f"public, max-age={_KEEP_S}", "vary": "accept-encoding"}
    content = _content(file)
    if file.endswith(".gz"):
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["content-encoding"] = "gzip"
        else:
            content = gzip.decompress(content)
    return Response(content, media_type=media_type, headers=headers)


@cache
def _content(file: str) -> bytes:
    return files(__name__).joinpath(file).read_bytes()
