"""A bare gRPC client of a published model: what the frontend does, without the frontend."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tritonclient.grpc.aio import InferenceServerClient, InferInput
from tritonclient.utils import np_to_triton_dtype

from tritone import tensors as t

CONTROL_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One sound to make."""

    prompt: str = "rain falling on a tin roof"
    negative_prompt: str = ""
    seconds_start: float = 0.0
    seconds_end: float = 1.0
    seed: int = 1
    steps: int = 10
    guidance_scale: float = 7.0

    def inputs(self) -> list[InferInput]:
        """Return the ensemble's input tensors."""
        return [*self.texts(), *self.span(), *self.sampling()]

    def texts(self) -> list[InferInput]:
        """Return the tokenizer's input tensors."""
        return [
            tensor(t.PROMPT, self.prompt.encode(), "STRING"),
            tensor(t.NEGATIVE_PROMPT, self.negative_prompt.encode(), "STRING"),
        ]

    def span(self) -> list[InferInput]:
        """Return the part of the window that is asked for."""
        return [
            tensor(t.SECONDS_START, self.seconds_start, "FP32"),
            tensor(t.SECONDS_END, self.seconds_end, "FP32"),
        ]

    def sampling(self) -> list[InferInput]:
        """Return how to sample."""
        return [
            tensor(t.SEED, self.seed, "INT64"),
            tensor(t.STEPS, self.steps, "INT32"),
            tensor(t.GUIDANCE_SCALE, self.guidance_scale, "FP32"),
        ]


def tensor(name: str, value: bytes | float, dtype: t.DType) -> InferInput:
    """Return a scalar as an input of batch 1."""
    return array_input(name, np.array([[value]], t.NUMPY_DTYPES[dtype]))


def array_input(name: str, array: NDArray[Any]) -> InferInput:
    """Return an array as an input."""
    made = InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype))
    made.set_data_from_numpy(array)
    return made


class Client:
    """One connection. Make it inside a running event loop."""

    def __init__(self, url: str, model: str) -> None:
        self.triton = InferenceServerClient(url)
        self.model = model

    async def __aenter__(self) -> "Client":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.triton.close()

    async def generate(
        self,
        ask: Ask,
        *,
        job_id: str = "",
        timeout_s: float = 60.0,
        parameters: dict[str, str | int] | None = None,
    ) -> NDArray[np.int16]:
        """Return PCM, int16 [audio_channels, samples]."""
        answer = await self.stream(
            {
                "model_name": self.model,
                "inputs": ask.inputs(),
                "parameters": {t.JOB_ID: job_id or uuid.uuid4().hex, **(parameters or {})},
                "timeout": int(timeout_s * 1e6),
            },
            timeout_s + 5,
        )
        pcm: NDArray[np.int16] = answer[t.PCM][0]
        return pcm

    async def latents(self, ask: Ask) -> NDArray[np.float32]:
        """Return what the decoder would get, float32 [latent_channels, frames]: finer than PCM."""
        tokens = await self._infer("tokenizer", ask.texts())
        conditioning = await self._infer("text_encoder", [*tokens, *ask.span()])
        answer = await self.stream(
            {
                "model_name": f"{self.model}_denoiser",
                "inputs": [*conditioning, *ask.span(), *ask.sampling()],
            },
            CONTROL_TIMEOUT_S * 12,
        )
        latents: NDArray[np.float32] = answer[t.LATENTS][0]
        return latents

    async def _infer(self, component: str, inputs: list[InferInput]) -> list[InferInput]:
        answer = await self.triton.infer(f"{self.model}_{component}", inputs)
        names = {output.name for output in answer.get_response().outputs} - {t.TEXT_USE}
        return [array_input(name, answer.as_numpy(name)) for name in names]

    async def control(self, verb: str, job_id: str) -> list[int]:
        """Return [steps done, steps in all]."""
        answer = await self.stream(
            {
                "model_name": f"{self.model}_denoiser",
                "inputs": [tensor(t.STEPS, 1, "INT32")],  # Triton refuses a request without any
                "parameters": {verb: job_id},
            },
            CONTROL_TIMEOUT_S,
        )
        progress: list[int] = answer[t.PROGRESS][0].tolist()
        return progress

    async def until_running(self, job_id: str) -> None:
        """Return once a job has taken a step."""
        while (await self.control(t.QUERY, job_id))[0] < 1:  # noqa: ASYNC110 -- remote state
            await asyncio.sleep(0.005)

    async def stream(self, request: dict[str, Any], timeout_s: float) -> dict[str, NDArray[Any]]:
        """Return the output tensors of one request by name."""

        async def requests() -> AsyncIterator[dict[str, Any]]:
            yield {**request, "enable_empty_final_response": True}

        outputs: dict[str, NDArray[Any]] = {}
        failure: Exception | None = None
        # Read to its end, also after the final response: in Triton 24.10 a stream that is left
        # early can hold its model for ever, which then neither unloads nor drains.
        async for answer, error in self.triton.stream_infer(requests(), stream_timeout=timeout_s):
            if error is not None:
                failure = error
                continue
            outputs |= {o.name: answer.as_numpy(o.name) for o in answer.get_response().outputs}
        if failure is not None:
            raise failure
        return outputs
