"""Asks a running Triton to speak, and says what it cost."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tritonclient.grpc.aio as grpc
from numpy.typing import NDArray

from tritone import speech_tensors as st
from tritone import tensors as t
from tritone.card import SpeechCard

_TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True)
class Spoken:
    """The answer to one text."""

    waveform: NDArray[np.float32]  # [samples]
    first_s: float  # from the request to the first chunk
    total_s: float  # to the last one


async def speak(
    client: grpc.InferenceServerClient, card: SpeechCard, text: str, voice: str
) -> Spoken:
    """Return a text as the voice speaks it."""

    async def requests() -> AsyncIterator[dict[str, Any]]:
        yield {
            "model_name": card.name,
            "inputs": [_scalar(st.TEXT, text), _scalar(st.VOICE, voice)],
            "outputs": [grpc.InferRequestedOutput(t.PCM)],
            "timeout": int(_TIMEOUT_S * 1e6),
        }

    chunks, arrivals = [], []
    begin = time.perf_counter()
    async for answer, error in client.stream_infer(requests(), stream_timeout=_TIMEOUT_S):
        if error is not None:
            raise error
        arrivals.append(time.perf_counter() - begin)
        chunks.append(answer.as_numpy(t.PCM)[0, 0])
    waveform = np.concatenate(chunks).astype(np.float32) / 32767
    return Spoken(waveform, arrivals[0], arrivals[-1])


async def throughput(
    client: grpc.InferenceServerClient,
    card: SpeechCard,
    voice: str,
    texts: Sequence[str],
    n_clients: int,
) -> tuple[float, list[float]]:
    """Return seconds of sound made in a second, and the times to the first chunk."""
    begin = time.perf_counter()

    async def one() -> list[Spoken]:
        return [await speak(client, card, text, voice) for text in texts]

    spoken = [
        each for made in await asyncio.gather(*(one() for _ in range(n_clients))) for each in made
    ]
    elapsed = time.perf_counter() - begin
    sound_s = sum(len(each.waveform) for each in spoken) / card.sample_rate
    return sound_s / elapsed, [each.first_s for each in spoken]


def _scalar(name: str, value: str) -> grpc.InferInput:
    made = grpc.InferInput(name, [1, 1], "BYTES")
    made.set_data_from_numpy(np.array([[value.encode()]], np.object_))
    return made
