"""`python -m benchmarks.instant_triton PORT`: a gRPC service that has every sound ready.

Triton's protocol as far as the frontend speaks it, for measuring the frontend alone.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import replace

import grpc
import numpy as np
from numpy.typing import NDArray
from tritonclient.grpc import service_pb2, service_pb2_grpc

from benchmarks.cards import STABLE_AUDIO_OPEN
from tritone import tensors
from tritone.card import CARD_PARAMETER
from tritone.pcm import to_int16
from tritone.spans import find_span

CARD = replace(STABLE_AUDIO_OPEN, name="instant", frame_bucket=64, default_seconds=5.0)
"""The shape of Stable Audio Open 1.0, with a length that follows the seconds asked for."""

_LOUDNESS = 0.1


def _noise() -> NDArray[np.int16]:
    """Return a window of sound, int16 [channels, samples]: falling towards high frequencies."""
    n_samples = CARD.max_frames * CARD.samples_per_frame
    white = np.random.default_rng(1).standard_normal((CARD.audio_channels, n_samples))
    spectrum = np.fft.rfft(white)
    pink = np.fft.irfft(spectrum / np.sqrt(np.arange(spectrum.shape[1]) + 1.0), n_samples)
    return to_int16((_LOUDNESS * pink / pink.std()).astype(np.float32))


class InstantTriton(service_pb2_grpc.GRPCInferenceServiceServicer):  # type: ignore[misc]
    """Answers every request at once, with a part of one sound."""

    def __init__(self) -> None:
        """Make the sound that every request gets a part of."""
        self._sound = _noise()

    async def RepositoryIndex(self, *_: object) -> service_pb2.RepositoryIndexResponse:
        """List the one model."""
        response = service_pb2.RepositoryIndexResponse()
        response.models.add(name=CARD.name, version="1", state="READY")
        return response

    async def ModelConfig(self, *_: object) -> service_pb2.ModelConfigResponse:
        """Return the card as Triton shows it: a parameter of the configuration."""
        response = service_pb2.ModelConfigResponse()
        response.config.platform = "ensemble"
        response.config.parameters[CARD_PARAMETER].string_value = CARD.to_json()
        return response

    async def ModelStreamInfer(
        self, requests: AsyncIterator[service_pb2.ModelInferRequest], _context: object
    ) -> AsyncIterator[service_pb2.ModelStreamInferResponse]:
        """Answer with as many samples as were asked for."""
        async for request in requests:
            names = [tensor.name for tensor in request.inputs]
            contents = dict(zip(names, request.raw_input_contents, strict=True))
            start, end = (
                float(np.frombuffer(contents[name], np.float32)[0])
                for name in (tensors.SECONDS_START, tensors.SECONDS_END)
            )
            asked = find_span(CARD, start, end)
            pcm = self._sound[:, : asked.first_sample + asked.n_samples]
            answer = service_pb2.ModelStreamInferResponse()
            answer.infer_response.model_version = "1"
            answer.infer_response.outputs.add(
                name=tensors.PCM, datatype="INT16", shape=[1, *pcm.shape]
            )
            answer.infer_response.raw_output_contents.append(pcm.tobytes())
            yield answer


async def serve(port: int) -> None:
    """Serve until killed."""
    server = grpc.aio.server(options=[("grpc.max_send_message_length", -1)])
    service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(InstantTriton(), server)
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
