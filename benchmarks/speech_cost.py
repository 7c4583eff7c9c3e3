"""`python -m benchmarks speech-cost`: where the processor time of speech goes.

Eight clients listen to the default voice. What the processes of the stack use is compared with what
the voice alone uses for the same passages: reading (G2P), the network, the synthesis of its
spectrum; and with what the encoder alone uses. The rest is the product's own.
"""

import asyncio
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from typing import TypeVar

import httpx2
import numpy as np
import onnxruntime as ort
from hibari import dsp
from numpy.typing import NDArray

from backends.speech.english import EnglishReader, load_vocabulary
from backends.speech.script import cut_passages
from benchmarks.processor_time import LOAD, seconds_by_role
from benchmarks.progress import say
from benchmarks.report import Table, write
from benchmarks.speech import LONG, N_CLIENTS
from benchmarks.stack import Stack, running_stack
from frontend.audio.encoders import encode
from frontend.audio.formats import FORMATS
from ops.voices.publishing import default_voice
from tritone.pcm import Pcm, to_int16
from tritone.speech_tensors import IDS, SPEED

MUST_REACH = 0.15
_FRAMES = 6  # outputs of the network that the synthesis takes
_RATE = dsp.SR
_TIMEOUT_S = 120.0
_SILENCE_S = 0.3  # at each end of a passage

T = TypeVar("T")
Rows = tuple[tuple[str | float, ...], ...]


@dataclass(slots=True)
class Alone:
    """Processor seconds for one text, each part in one thread with no server around it."""

    reading_s: float = 0.0
    network_s: float = 0.0
    synthesis_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Processor milliseconds for a second of sound."""

    audio_format: str
    roles: dict[str, float]  # of each process of the stack
    reading: float
    network: float
    synthesis: float
    encoder: float

    @property
    def total(self) -> float:
        """All processes of the stack."""
        return sum(self.roles.values())

    @property
    def rest(self) -> float:
        """What neither the voice nor the encoder uses."""
        return self.total - self.reading - self.network - self.synthesis - self.encoder


def measure(*, quick: bool) -> None:
    """Measure two formats; write where the time goes."""
    n_each = 1 if quick else 6
    with running_stack("speech_cost") as stack:
        used = {form: asyncio.run(_serve(stack, form, n_each)) for form in ("pcm", "mp3")}
    alone, pcm = _speak_alone(1 if quick else 6)
    costs = [_cost(form, found, alone, pcm) for form, found in used.items()]
    shares = tuple(
        (f"{cost.audio_format}: outside voice and encoder", cost.rest / cost.total, MUST_REACH)
        for cost in costs
    )
    parts = ("reading", "network", "synthesis", "encoder", "rest", "total")
    rows: Rows = tuple(
        (c.audio_format, *(float(getattr(c, part)) for part in parts)) for c in costs
    )
    roles = sorted({role for cost in costs for role in cost.roles})
    by_role: Rows = tuple((role, *(c.roles.get(role, 0.0) for c in costs)) for role in roles)
    tables = [
        Table("Processor ms for a second of speech", ("format", *parts), rows),
        Table("The same by process", ("process", *(c.audio_format for c in costs)), by_role),
        Table("Share", ("what", "measured", "at most"), shares),
    ]
    write("speech_cost", [asdict(cost) for cost in costs], tables, quick=quick)


async def _serve(stack: Stack, form: str, n_each: int) -> tuple[dict[str, float], int]:
    """Return the processor seconds of each process, and how many texts they took."""
    say(f"speech-cost: {form}")
    body = {"model": "tts-1", "voice": "heart", "input": LONG, "response_format": form}
    async with httpx2.AsyncClient(
        base_url=stack.url, timeout=_TIMEOUT_S, trust_env=False
    ) as client:

        async def listen(n: int) -> None:
            for _ in range(n):
                (await client.post("/v1/audio/speech", json=body)).raise_for_status()

        async with asyncio.timeout(_TIMEOUT_S):  # a stack is ready before its voices are
            while (await client.post("/v1/audio/speech", json=body)).is_error:  # noqa: ASYNC110
                await asyncio.sleep(0.2)
        await listen(2)  # warm
        before = seconds_by_role(stack.process)
        await asyncio.gather(*(listen(n_each) for _ in range(N_CLIENTS)))
        after = seconds_by_role(stack.process)
    used = {role: after[role] - before.get(role, 0.0) for role in after if role != LOAD}
    return used, N_CLIENTS * n_each


def _speak_alone(n_times: int) -> tuple[Alone, Pcm]:
    """Return what the voice uses for the text, as a mean, and the sound."""
    made = default_voice()
    if made is None or made.network is None:
        raise RuntimeError("the default voice is not installed")
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session, reader = ort.InferenceSession(made.network, options), EnglishReader(load_vocabulary())
    n_cores = len(os.sched_getaffinity(0))  # busy, as they are while it is served
    with ThreadPoolExecutor(n_cores) as pool:
        turns = [pool.submit(_speak_once, reader, session) for _ in range((n_times + 1) * n_cores)]
    measured = [each.result() for each in turns[n_cores:]]  # the first ones are warm-up
    reading_s, network_s, synthesis_s = (
        sum(values) / len(measured)
        for values in zip(
            *((used.reading_s, used.network_s, used.synthesis_s) for used, _ in measured),
            strict=True,
        )
    )
    return Alone(reading_s, network_s, synthesis_s), measured[0][1]


def _speak_once(reader: EnglishReader, session: ort.InferenceSession) -> tuple[Alone, Pcm]:
    used, sounds = Alone(), []
    for passage in cut_passages(LONG):
        reading, seconds = _timed(partial(reader.read, passage.pieces, normalizes=True))
        used.reading_s += seconds
        if reading is None:
            continue
        feed = {IDS: reading.ids[np.newaxis], SPEED: np.ones(1, np.float32)}
        answer, seconds = _timed(partial(session.run, None, feed))
        used.network_s += seconds
        frames = [each[0] for each in answer[:_FRAMES]]
        shape = (frames[0].shape[0], 2 * frames[0].shape[1])
        noise = _Drawn(np.random.default_rng(0).standard_normal(shape, np.float32))
        waveform, seconds = _timed(partial(dsp.synth, *frames, noise))
        used.synthesis_s += seconds
        sounds.append(trim_ends(waveform))
    return used, np.concatenate(sounds)[np.newaxis]


def trim_ends(waveform: NDArray[np.float32]) -> NDArray[np.int16]:
    """Return the samples without about as much silence as the speaker leaves out."""
    silence = round(_SILENCE_S * _RATE)
    return to_int16(waveform[silence:-silence])


class _Drawn:
    """Noise that costs nothing: the speaker has it in a table, too."""

    def __init__(self, noise: NDArray[np.float32]) -> None:
        self._noise = noise

    def standard_normal(self, shape: object, dtype: object) -> NDArray[np.float32]:
        """Return the noise; it is the caller's to change."""
        return self._noise


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    begin = time.thread_time()
    return work(), time.thread_time() - begin


def _cost(form: str, found: tuple[dict[str, float], int], alone: Alone, pcm: Pcm) -> Cost:
    used, n_texts = found
    _, encoding_s = _timed(lambda: encode(pcm, _RATE, FORMATS[form]))
    audio_s = pcm.shape[1] / _RATE
    served_s = n_texts * audio_s
    return Cost(
        audio_format=form,
        roles={role: 1e3 * seconds / served_s for role, seconds in used.items()},
        reading=1e3 * alone.reading_s / audio_s,
        network=1e3 * alone.network_s / audio_s,
        synthesis=1e3 * alone.synthesis_s / audio_s,
        encoder=1e3 * encoding_s / audio_s,
    )
