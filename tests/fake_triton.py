"""A Triton server's gRPC service, as far as the frontend uses it, scripted by the test."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import grpc
import numpy as np
from tritonclient.grpc import service_pb2, service_pb2_grpc
from tritonclient.utils import np_to_triton_dtype, serialize_byte_tensor

from tritone.card import CARD_PARAMETER, Card
from tritone.pcm import Pcm
from tritone.probes import PROBE

Answers = AsyncIterator[service_pb2.ModelStreamInferResponse]


def pcm_answer(pcm: Pcm, version: str = "1") -> service_pb2.ModelStreamInferResponse:
    """Return the ensemble's answer with samples [1, channels, samples]."""
    answer = service_pb2.ModelStreamInferResponse()
    answer.infer_response.model_version = version
    answer.infer_response.outputs.add(name="pcm", datatype=_datatype(pcm), shape=pcm.shape)
    answer.infer_response.raw_output_contents.append(pcm.tobytes())
    return answer


def _datatype(pcm: Pcm) -> str:
    return str(np_to_triton_dtype(pcm.dtype))


def speech_answer(
    pcm: Pcm, progress: tuple[int, int], timings: str | None = None
) -> service_pb2.ModelStreamInferResponse:
    """Return a speaker's answer with one chunk, int16 [1, channels, samples]."""
    answer = pcm_answer(pcm)
    answer.infer_response.outputs.add(name="progress", datatype="INT32", shape=[1, 2])
    answer.infer_response.raw_output_contents.append(np.array(progress, np.int32).tobytes())
    if timings is not None:
        answer.infer_response.outputs.add(name="timings", datatype="BYTES", shape=[1, 1])
        text = serialize_byte_tensor(np.array([timings.encode()], np.object_)).item()
        answer.infer_response.raw_output_contents.append(text)
    return answer


def progress_answer(steps_done: int, steps: int) -> service_pb2.ModelStreamInferResponse:
    """Return the denoiser's answer to a control request."""
    answer = service_pb2.ModelStreamInferResponse()
    answer.infer_response.outputs.add(name="progress", datatype="INT32", shape=[1, 2])
    content = np.array([[steps_done, steps]], np.int32).tobytes()
    answer.infer_response.raw_output_contents.append(content)
    return answer


def error_answer(text: str) -> service_pb2.ModelStreamInferResponse:
    """Return an error as Triton puts it into a stream: text, no code."""
    return service_pb2.ModelStreamInferResponse(error_message=text)


class FakeTriton(service_pb2_grpc.GRPCInferenceServiceServicer):  # type: ignore[misc]
    """The servicer; `respond` answers generations, `abort` refuses every call."""

    def __init__(self) -> None:
        self.index: list[tuple[str, str, str]] = []  # name, version, state
        self.configs: dict[str, service_pb2.ModelConfigResponse] = {}
        self.respond: Callable[[service_pb2.ModelInferRequest], Answers] = self.silence
        self.inferred: list[service_pb2.ModelInferRequest] = []
        self.metadata: list[dict[str, str]] = []
        self.progress: service_pb2.ModelStreamInferResponse = progress_answer(-1, -1)
        self.cancelled: list[str] = []
        self.granted: int = 0  # chunks
        self.controls: list[service_pb2.ModelInferRequest] = []  # of denoisers and speakers
        self.n_probes = 0
        self.probe_error: str | None = None  # what a probe is answered with
        self.is_hung = False  # no probe is answered
        self.n_executions = 0  # of every model
        self.n_counts = 0  # how often somebody asked for it
        self.asked_configs: list[str] = []
        self.abort: Callable[[grpc.aio.ServicerContext], Awaitable[None]] | None = None

    def serve(self, card: Card, *, state: str = "READY", platform: str = "ensemble") -> None:
        """List a model that carries a card."""
        self.index.append((card.name, "1", state))
        response = service_pb2.ModelConfigResponse()
        response.config.platform = platform
        response.config.parameters[CARD_PARAMETER].string_value = card.to_json()
        self.configs[card.name] = response

    async def silence(self, _request: service_pb2.ModelInferRequest) -> Answers:
        """Never answer, like a backend whose process was killed."""
        await asyncio.Event().wait()
        yield error_answer("unreachable")  # pragma: no cover

    async def RepositoryIndex(
        self, _request: object, context: grpc.aio.ServicerContext
    ) -> service_pb2.RepositoryIndexResponse:
        if self.abort is not None:
            await self.abort(context)
        response = service_pb2.RepositoryIndexResponse()
        for name, version, state in self.index:
            response.models.add(name=name, version=version, state=state)
        return response

    async def ModelConfig(
        self, request: service_pb2.ModelConfigRequest, context: grpc.aio.ServicerContext
    ) -> service_pb2.ModelConfigResponse:
        self.asked_configs.append(request.name)
        if request.name not in self.configs:
            await context.abort(grpc.StatusCode.NOT_FOUND, "unknown model")
        return self.configs[request.name]

    async def ModelStatistics(
        self, request: service_pb2.ModelStatisticsRequest, _context: grpc.aio.ServicerContext
    ) -> service_pb2.ModelStatisticsResponse:
        self.n_counts += 1
        response = service_pb2.ModelStatisticsResponse()
        response.model_stats.add(name=request.name, execution_count=self.n_executions)
        return response

    async def ModelStreamInfer(
        self,
        requests: AsyncIterator[service_pb2.ModelInferRequest],
        context: grpc.aio.ServicerContext,
    ) -> Answers:
        async for request in requests:
            is_probe = "query" in request.parameters and (
                request.parameters["query"].string_param == PROBE
            )
            if is_probe:
                self.n_probes += 1
            elif {"cancel", "query", "grant"} & set(request.parameters):
                self.controls.append(request)
            if "cancel" in request.parameters:
                self.cancelled.append(request.parameters["cancel"].string_param)
                yield progress_answer(1, 2)
            elif "grant" in request.parameters:
                self.granted += request.parameters["chunks"].int64_param
                yield progress_answer(1, 2)
            elif is_probe and self.is_hung:
                await asyncio.Event().wait()
            elif is_probe and self.probe_error is not None:
                yield error_answer(self.probe_error)
            elif "query" in request.parameters:
                yield self.progress
            else:
                self.inferred.append(request)
                self.metadata.append(dict(context.invocation_metadata()))
                if self.abort is not None:
                    await self.abort(context)
                async for answer in self.respond(request):
                    yield answer
