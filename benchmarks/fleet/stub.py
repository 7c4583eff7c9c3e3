"""A stub Triton: real gRPC, no networks. Two lanes make clips in the time that was measured."""

import asyncio
from collections.abc import AsyncIterator

import grpc
import numpy as np
from numpy.typing import NDArray
from tritonclient.grpc import service_pb2, service_pb2_grpc

from benchmarks.fleet.clock import SlowClock
from benchmarks.fleet.plan import CARD, LANES, MAX_JOBS, Illness, pass_s
from tritone import tensors
from tritone.card import CARD_PARAMETER, component_name
from tritone.refusals import QUEUE_FULL
from tritone.spans import find_span

SLOWER = 5.0
_DENOISER = component_name(CARD.name, "denoiser")


class StubTriton(service_pb2_grpc.GRPCInferenceServiceServicer):  # type: ignore[misc]
    """Speaks as much of Triton's protocol as a frontend does."""

    def __init__(self, clock: SlowClock, components: tuple[str, ...] = (_DENOISER,)) -> None:
        """Be healthy."""
        self.illness: Illness | None = None
        self.n_made = 0
        self.busy_s = 0.0
        self.n_calls = 0
        self._clock = clock
        self._components = components
        self._lanes = asyncio.Semaphore(LANES)
        self._n_jobs = 0

    async def RepositoryIndex(self, *_: object) -> service_pb2.RepositoryIndexResponse:
        """List the model and its components."""
        self.n_calls += 1
        response = service_pb2.RepositoryIndexResponse()
        for name in (CARD.name, *self._components):
            response.models.add(name=name, version="1", state="READY")
        return response

    async def ModelConfig(
        self, request: service_pb2.ModelConfigRequest, _context: object
    ) -> service_pb2.ModelConfigResponse:
        """Return the card of the model, and a component's bare configuration."""
        self.n_calls += 1
        response = service_pb2.ModelConfigResponse()
        response.config.name = request.name
        if request.name == CARD.name:
            response.config.platform = "ensemble"
            response.config.parameters[CARD_PARAMETER].string_value = CARD.to_json()
        return response

    async def ModelStreamInfer(
        self,
        requests: AsyncIterator[service_pb2.ModelInferRequest],
        _context: grpc.aio.ServicerContext,
    ) -> AsyncIterator[service_pb2.ModelStreamInferResponse]:
        """Answer a question with the load, and a request with its clip."""
        async for request in requests:
            self.n_calls += 1
            if {tensors.QUERY, tensors.CANCEL} & set(request.parameters):
                yield _progress(self._n_jobs, MAX_JOBS)
            elif self.illness == "fails":
                yield service_pb2.ModelStreamInferResponse(
                    error_message="onnx runtime error: CUDA error 700"
                )
            elif self._n_jobs >= MAX_JOBS:
                yield service_pb2.ModelStreamInferResponse(error_message=QUEUE_FULL)
            else:
                yield await self._make(request)

    async def _make(
        self, request: service_pb2.ModelInferRequest
    ) -> service_pb2.ModelStreamInferResponse:
        start, end = _span_of(request)
        seconds = pass_s(end - start) * (SLOWER if self.illness == "slow" else 1.0)
        self._n_jobs += 1
        try:
            async with self._lanes:
                await self._clock.sleep(seconds)
                self.busy_s += seconds
        finally:
            self._n_jobs -= 1
        self.n_made += 1
        asked = find_span(CARD, start, end)
        pcm = np.zeros((1, 1, asked.first_sample + asked.n_samples), np.int16)
        return _pcm(pcm)


def _span_of(request: service_pb2.ModelInferRequest) -> tuple[float, float]:
    names = [tensor.name for tensor in request.inputs]
    contents = dict(zip(names, request.raw_input_contents, strict=True))
    start, end = (
        float(np.frombuffer(contents[name], np.float32)[0])
        for name in (tensors.SECONDS_START, tensors.SECONDS_END)
    )
    return start, end


def _pcm(pcm: NDArray[np.int16]) -> service_pb2.ModelStreamInferResponse:
    answer = service_pb2.ModelStreamInferResponse()
    answer.infer_response.model_version = "1"
    answer.infer_response.outputs.add(name=tensors.PCM, datatype="INT16", shape=pcm.shape)
    answer.infer_response.raw_output_contents.append(pcm.tobytes())
    return answer


def _progress(n_jobs: int, most: int) -> service_pb2.ModelStreamInferResponse:
    answer = service_pb2.ModelStreamInferResponse()
    answer.infer_response.outputs.add(name=tensors.PROGRESS, datatype="INT32", shape=[1, 2])
    content = np.array([[n_jobs, most]], np.int32).tobytes()
    answer.infer_response.raw_output_contents.append(content)
    return answer
