"""Asking services of this machine over HTTP."""

import asyncio
import json
import urllib.error
import urllib.request
from contextlib import suppress
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse
from typing import Any

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def open_directly(url: str, timeout_s: float) -> HTTPResponse:
    """Open a URL of a service of ours, whatever `http_proxy` says; raises what urllib raises."""
    response: HTTPResponse = _DIRECT.open(url, timeout=timeout_s)
    return response


async def answers_ok(url: str, timeout_s: float) -> bool:
    """Return whether a GET is answered with 200 in time."""
    return await asyncio.to_thread(_answers_ok, url, timeout_s)


async def fetch_json(url: str, timeout_s: float) -> Any:  # noqa: ANN401 -- JSON
    """Return the body of a GET, whatever its status; None: there is no such answer."""
    return await asyncio.to_thread(_fetch_json, url, timeout_s)


def _fetch_json(url: str, timeout_s: float) -> Any:  # noqa: ANN401 -- JSON
    try:
        with open_directly(url, timeout_s) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        with suppress(OSError, ValueError):
            return json.load(error)
    except (OSError, HTTPException, ValueError):
        return None
    return None


def _answers_ok(url: str, timeout_s: float) -> bool:
    try:
        with open_directly(url, timeout_s) as response:
            return bool(response.status == HTTPStatus.OK)
    except (OSError, HTTPException):
        return False
