"""The server as a client sees it: jobs, their events and files, and speech as it is made."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus

import httpx2

from ops.client.errors import ClientError, NoJobs, ServerBusy
from ops.client.job import Job, read_job
from ops.polling import Backoff

_SILENCE_S = 60.0  # events have a sign of life every 15 s
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 5.0  # between attempts to connect again
_ATTEMPTS = 8
_DATA = "data: "

Body = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Server:
    """One server. `http` knows its address and the key."""

    http: httpx2.AsyncClient

    async def submit(self, body: Body) -> Job:
        """Return the job that will make it.

        Raises:
            NoJobs: it takes none at present; it may still make what is waited for.
            ClientError: refused.
        """
        answer = await self._send("POST", "/jobs", body)
        if answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
            raise NoJobs(_message(answer))
        _require_success(answer)
        return read_job(answer.json())

    async def follow(self, job_id: str) -> AsyncIterator[Job]:
        """Yield a job at every change until it is over; a lost connection is opened again.

        Raises:
            ClientError: the server is gone for good.
        """
        pauses, n_left = Backoff(_FIRST_PAUSE_S, _LONGEST_PAUSE_S), _ATTEMPTS
        while n_left:
            try:
                async for job in self._events(job_id):
                    pauses.reset()
                    n_left = _ATTEMPTS
                    yield job
                    if job.is_over:
                        return
            except httpx2.TransportError:
                pass
            n_left -= 1
            await asyncio.sleep(pauses.next_s())
        raise ClientError(f"{self.http.base_url} went away; see `tritone ps`, then try again")

    async def cancel(self, job_id: str) -> None:
        """Let a job end at its next step."""
        await self._send("DELETE", f"/jobs/{job_id}")

    async def fetch(self, url: str) -> bytes:
        """Return a finished file. Links need no key, and may lead to another host."""
        with _one_line(self.http):
            is_same = httpx2.URL(url).host == self.http.base_url.host
            trusts = self.http.trust_env if is_same else True
            async with httpx2.AsyncClient(timeout=_SILENCE_S, trust_env=trusts) as http:
                answer = await http.get(url)
        _require_success(answer)
        return answer.content

    async def make(self, path: str, body: Body) -> tuple[bytes, Mapping[str, str]]:
        """Return audio that is waited for, and its headers."""
        answer = await self._send("POST", path, body, timeout_s=None)
        _require_success(answer)
        return answer.content, answer.headers

    async def stream(self, path: str, body: Body) -> AsyncIterator[bytes]:
        """Yield audio while it is made."""
        with _one_line(self.http):
            async with self.http.stream("POST", path, json=dict(body), timeout=None) as answer:
                if answer.is_error:
                    await answer.aread()
                _require_success(answer)
                async for chunk in answer.aiter_bytes():
                    yield chunk

    async def _events(self, job_id: str) -> AsyncIterator[Job]:
        path = f"/jobs/{job_id}/events"
        async with self.http.stream("GET", path, timeout=_SILENCE_S) as answer:
            if answer.is_error:
                await answer.aread()
            if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
                return  # for the moment
            _require_success(answer)
            async for line in answer.aiter_lines():
                if line.startswith(_DATA):
                    view = json.loads(line.removeprefix(_DATA))
                    if "status" in view:  # else it cannot tell any more: ask again
                        yield read_job(view)

    async def _send(
        self, method: str, path: str, body: Body | None = None, timeout_s: float | None = _SILENCE_S
    ) -> httpx2.Response:
        with _one_line(self.http):
            return await self.http.request(
                method, path, json=None if body is None else dict(body), timeout=timeout_s
            )


@contextmanager
def _one_line(http: httpx2.AsyncClient) -> Iterator[None]:
    try:
        yield
    except httpx2.TransportError as error:
        raise ClientError(
            f"{http.base_url} does not answer ({str(error) or type(error).__name__}); start a "
            "server with `tritone up`, or name another one with --url"
        ) from error


def _require_success(answer: httpx2.Response) -> None:
    if answer.is_success:
        return
    if answer.status_code == HTTPStatus.UNAUTHORIZED:
        raise ClientError(f"{_message(answer)} Give it with --key, or as TRITONE_KEY")
    if wait_s := answer.headers.get("retry-after"):
        raise ServerBusy(f"{_message(answer)} Try again in {wait_s} s")
    raise ClientError(_message(answer))


def _message(answer: httpx2.Response) -> str:
    """Return what the server says is wrong, in one line; contracts have two ways to say it."""
    try:
        body = answer.json()
        said = body["error"]["message"] if "error" in body else body["detail"][0]["msg"]
    except (ValueError, LookupError, TypeError):
        said = f"{answer.url.host} answered {answer.status_code} {answer.reason_phrase}"
    return " ".join(str(said).split())
