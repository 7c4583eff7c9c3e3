"""One request to Triton and the stream of its answers."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import tritonclient.grpc.aio as triton

from frontend.triton.channel import Channel

_ANSWERS_AHEAD = 4  # read before somebody takes them
_STREAM_MARGIN_S = 2.0  # Triton's own answer to a missed deadline shall come first


@dataclass(frozen=True, slots=True, kw_only=True)
class InferRequest:
    """What one model is asked for."""

    model: str  # Triton's name
    inputs: Sequence[triton.InferInput]
    request_id: str
    timeout_s: float
    parameters: Mapping[str, str | int | bool]
    version: str = ""  # empty: whichever serves
    outputs: Sequence[str] = ()  # empty: all
    traceparent: str | None = None


async def stream_answers(
    client: triton.InferenceServerClient, request: InferRequest
) -> AsyncGenerator[triton.InferResult, None]:
    """Yield every answer to a request, then raise the first error among them.

    Read it to the end, also after an error: a stream that is left around its last answer makes
    Triton 24.10 keep the model for ever, so that it can never be unloaded.
    """

    async def requests() -> AsyncIterator[dict[str, Any]]:
        yield {
            "model_name": request.model,
            "model_version": request.version,
            "inputs": list(request.inputs),
            "outputs": [triton.InferRequestedOutput(name) for name in request.outputs] or None,
            "request_id": request.request_id,
            "timeout": int(request.timeout_s * 1e6),  # microseconds
            "parameters": dict(request.parameters),
        }

    parent = request.traceparent
    stream = client.stream_infer(
        requests(),
        stream_timeout=request.timeout_s + _STREAM_MARGIN_S,
        headers={"traceparent": parent} if parent else None,
    )
    failure = None
    try:
        async for answer, error in stream:
            failure = failure or error
            if error is None:
                yield answer
    finally:
        stream.cancel()
    if failure is not None:
        raise failure


class AnswerReader:
    """Reads all answers to one request, in a task of its own: also when its client has gone."""

    def __init__(self, client: triton.InferenceServerClient, request: InferRequest) -> None:
        """Ask nothing yet; `run` does."""
        self._client = client
        self._request = request
        self._answers: Channel[triton.InferResult] = Channel(_ANSWERS_AHEAD)
        self._failure: BaseException | None = None

    async def run(self) -> None:
        """Read until the stream ends. Cancelling it breaks the stream off."""
        try:
            async with aclosing(stream_answers(self._client, self._request)) as answers:
                async for answer in answers:
                    await self._answers.put(answer)
        except (Exception, asyncio.CancelledError) as error:
            self._failure = error
            raise
        finally:
            self._answers.end()

    async def take(self) -> triton.InferResult | None:
        """Return the next answer, or None at the end.

        Raises:
            InferenceServerException, grpc.RpcError: the stream ended with it.
        """
        answer = await self._answers.take()
        if answer is None and self._failure is not None:
            raise self._failure
        return answer

    def abandon(self) -> None:
        """Read on, but keep no answer; `take` tells the end."""
        self._answers.abandon()
