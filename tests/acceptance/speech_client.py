"""A bare gRPC client of a model that speaks."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx2
import numpy as np
from numpy.typing import NDArray
from tritonclient.grpc.aio import InferenceServerClient, InferRequestedOutput

from ops.settings import Settings
from ops.stack import running_stack
from ops.triton.control import TritonControl
from tests.acceptance.client import tensor
from tritone import card
from tritone import speech_tensors as st
from tritone import tensors as t
from tritone.card import component_name

MODEL = "hibari"
SPEAKER = component_name(MODEL, card.SPEAKER)  # takes control requests
_CONTROL_TIMEOUT_S = 5.0


@dataclass
class Heard:
    """What came of one request."""

    chunks: list[NDArray[np.int16]] = field(default_factory=list)
    progress: list[tuple[int, int]] = field(default_factory=list)
    timings: list[str] = field(default_factory=list)
    arrivals_s: list[float] = field(default_factory=list)  # since the request was sent
    error: Exception | None = None

    @property
    def pcm(self) -> NDArray[np.int16]:
        return np.concatenate(self.chunks)

    @property
    def seconds(self) -> float:
        return sum(map(len, self.chunks)) / 24_000


class SpeechClient:
    """One connection. Make it inside a running event loop."""

    def __init__(self, url: str) -> None:
        self.triton = InferenceServerClient(url)

    async def __aenter__(self) -> "SpeechClient":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.triton.close()

    async def speak(
        self,
        text: str,
        *,
        seed: int = 1,
        timeout_s: float = 60.0,
        outputs: tuple[str, ...] = (t.PCM, t.PROGRESS),
        heard: Heard | None = None,
        model: str = MODEL,
        **parameters: str | int,
    ) -> Heard:
        """Return the whole answer; `heard`, if it is given, is filled on the way."""
        heard = heard or Heard()
        request: dict[str, Any] = {
            "model_name": model,
            "inputs": [tensor(st.TEXT, text.encode(), "STRING"), tensor(t.SEED, seed, "INT64")],
            "outputs": [InferRequestedOutput(name) for name in outputs],
            "parameters": parameters,
            "timeout": int(timeout_s * 1e6),
            "enable_empty_final_response": True,
        }
        begin = time.perf_counter()
        async for answer, error in self._answers(request, timeout_s + 5):
            if error is not None:
                heard.error = error
                continue
            if (pcm := answer.as_numpy(t.PCM)) is not None:
                heard.arrivals_s.append(time.perf_counter() - begin)
                heard.chunks.append(pcm[0, 0])
            if (progress := answer.as_numpy(t.PROGRESS)) is not None:
                heard.progress.append((int(progress[0, 0]), int(progress[0, 1])))
            if (timings := answer.as_numpy(st.TIMINGS)) is not None:
                heard.timings.append(timings.item().decode())
        return heard

    async def control(self, **parameters: str | int) -> tuple[int, int]:
        """Return the progress that a control request answers with."""
        request = {
            "model_name": SPEAKER,
            "inputs": [tensor(t.SEED, 0, "INT64")],  # Triton refuses a request without any
            "parameters": parameters,
        }
        async for answer, error in self._answers(request, _CONTROL_TIMEOUT_S):
            if error is not None:
                raise error
            done, total = answer.as_numpy(t.PROGRESS)[0].tolist()
            return done, total
        raise AssertionError("no answer")

    def _answers(self, request: dict[str, Any], timeout_s: float) -> AsyncIterator[Any]:
        async def requests() -> AsyncIterator[dict[str, Any]]:
            yield request

        answers: AsyncIterator[Any] = self.triton.stream_infer(requests(), stream_timeout=timeout_s)
        return answers


async def until_heard(heard: Heard, n_chunks: int = 1) -> None:
    """Return once so many chunks have come."""
    async with asyncio.timeout(30):
        while len(heard.chunks) < n_chunks:  # noqa: ASYNC110 -- filled by another task
            await asyncio.sleep(0.005)


async def say(settings: Settings, model: str, text: bytes, seed: int) -> bytes:
    """Return the PCM that a model of the running stack makes of a text."""
    stack = running_stack.find(settings.resolved_state_directory())
    assert stack is not None
    control = TritonControl(stack.triton)
    inputs = [tensor("text", text, "STRING"), tensor("seed", seed, "INT64")]
    try:
        answers = await control.ask(model, inputs, {}, 60.0)
    finally:
        await control.close()
    return b"".join(answer.as_numpy("pcm").tobytes() for answer in answers)


def speaks(address: str, voice: str) -> bool:
    """Return whether a voice speaks over our frontend."""
    body = {"model": "tts-1", "input": "Hello.", "voice": voice, "response_format": "pcm"}
    answer = httpx2.post(f"http://{address}/v1/audio/speech", json=body, timeout=60.0)
    return answer.status_code == httpx2.codes.OK and len(answer.content) > 0
