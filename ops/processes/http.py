"""Asking services of this machine over HTTP."""

import asyncio
import urllib.request
from http import HTTPStatus
from http.client import HTTPException


async def answers_ok(url: str, timeout_s: float) -> bool:
    """Return whether a GET is answered with 200 in time."""
    return await asyncio.to_thread(_answers_ok, url, timeout_s)


def _answers_ok(url: str, timeout_s: float) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=timeout_s) as response:  # noqa: S310 -- our own
            return bool(response.status == HTTPStatus.OK)
    except (OSError, HTTPException):
        return False
