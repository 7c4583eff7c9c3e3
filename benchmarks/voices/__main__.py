"""Judges the default voice and those that were added to this checkout; writes `starter/VOICES.md`.

`python -m benchmarks.voices`, or `make evaluate-voices`: about two minutes, and more for each heavy
voice. Of a model with many voices the first one of each language is judged.
"""

import asyncio
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import tritonclient.grpc.aio as grpc
from numpy.typing import NDArray

from benchmarks.machine import machine
from benchmarks.processes import family
from benchmarks.stack import Stack, running_stack
from benchmarks.voices.judge import Judge, count_errors, join, windows, words
from benchmarks.voices.picture import draw
from benchmarks.voices.sentences import FIRST_AUDIO_TEXT, PLAIN, SENTENCES
from benchmarks.voices.speaking import speak, throughput
from ops.polling import within
from ops.voices.installed import read_repositories
from tritone.card import CARD_PARAMETER, SpeechCard, Voice, from_json
from tritone.engines import DEFAULT_ENGINE

PAGE = Path("starter/VOICES.md")
ADDED = Path("run/added_voices")  # what `tritone voices add` wrote in this checkout
PICTURE = Path("starter/voices.png")

_FIRST_AUDIO_RUNS = 30
_CLIENTS = 8
_TEXTS_PER_CLIENT = 4
_PATIENCE_S = 30.0  # for the runs of a heavy voice
_LOAD_S = 300.0  # for the voices that were added
_HEAVY = 0.3  # processor seconds for a second of sound
_HEAVY_SENTENCES = 30  # at most, of a voice that takes so long
_TEN = 10  # seconds of sound a second: below it, their tenths matter


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What was measured of one voice."""

    voice: Voice
    n_sentences: int
    n_words: int
    n_errors: int
    first_s: list[float]  # one client
    lead_s: float  # of near silence before the first word, median
    cpu_s_per_s: float  # processor seconds of all of Triton for a second of sound
    real_time_factor: float  # seconds of waiting for a second of sound, one client
    sound_s_per_s: float  # with several clients
    first_of_many_s: list[float]


def main() -> None:
    """Start the stack, judge, write."""
    with tempfile.TemporaryDirectory(prefix="tritone-voices-") as state:
        if ADDED.is_dir():
            Path(state, ADDED.name).symlink_to(ADDED.absolute())
        with running_stack("voices", TRITONE_STATE_DIRECTORY=state) as stack:
            figures, example, sample_rate = asyncio.run(_judge_all(stack))
    draw(example, sample_rate, PLAIN[0], PICTURE)
    PAGE.write_text(_page(figures, stack.ready_s), encoding="utf-8")


async def _judge_all(stack: Stack) -> tuple[list[Figures], NDArray[np.float32], int]:
    """Return the figures of every voice, and one sentence of the first with its rate."""
    async with grpc.InferenceServerClient(stack.grpc_url) as client:
        await _wait_for(client, {each.model for each in read_repositories([ADDED])})
        cards = await _cards(client)
        figures = [
            await _judge(client, stack, card, voice)
            for card in cards
            for voice in _first_of_each_language(card)
        ]
        example = await speak(client, cards[0], PLAIN[0], cards[0].default_voice)
        return figures, example.waveform, cards[0].sample_rate


async def _wait_for(client: grpc.InferenceServerClient, added: set[str]) -> None:
    """Wait for the voices that were added: a stack is ready once its default voice is."""

    async def are_ready() -> bool:
        return added <= await _ready(client)

    if not await within(_LOAD_S, are_ready):
        missing = ", ".join(sorted(added - await _ready(client)))
        raise TimeoutError(f"the stack has not loaded {missing} within {_LOAD_S:.0f} s")


async def _ready(client: grpc.InferenceServerClient) -> set[str]:
    index = await client.get_model_repository_index()
    return {model.name for model in index.models if model.state == "READY"}


def _first_of_each_language(card: SpeechCard) -> Iterator[Voice]:
    for language in card.languages:
        if language.partition("-")[0] in SENTENCES:
            yield next(voice for voice in card.voices if voice.language == language)


async def _cards(client: grpc.InferenceServerClient) -> list[SpeechCard]:
    found = []
    for name in sorted(await _ready(client)):
        answer = await client.get_model_config(name)
        is_published = answer.config.platform == "ensemble"  # its speaker carries the card, too
        if is_published and CARD_PARAMETER in answer.config.parameters:
            card = from_json(answer.config.parameters[CARD_PARAMETER].string_value)
            found += [card] if isinstance(card, SpeechCard) else []
    return sorted(found, key=lambda card: card.engine != DEFAULT_ENGINE)


async def _judge(
    client: grpc.InferenceServerClient, stack: Stack, card: SpeechCard, voice: Voice
) -> Figures:
    language = voice.language.partition("-")[0]
    plain = SENTENCES[language]
    short = FIRST_AUDIO_TEXT if language == "en" else " ".join(plain[:3])
    begin_s = _processor_s(stack)
    warm = await speak(client, card, short, voice.id)
    used_s = _processor_s(stack) - begin_s
    is_heavy = used_s > _HEAVY * len(warm.waveform) / card.sample_rate
    plain = plain[:_HEAVY_SENTENCES] if is_heavy else plain
    firsts: list[float] = []
    begin_s = time.monotonic()
    while len(firsts) < _FIRST_AUDIO_RUNS and time.monotonic() - begin_s < _PATIENCE_S:
        firsts.append((await speak(client, card, short, voice.id)).first_s)
    begin_s = _processor_s(stack)
    spoken = [await speak(client, card, text, voice.id) for text in plain]
    used_s = _processor_s(stack) - begin_s
    sounds = [each.waveform for each in spoken]
    lengths = [len(sound) / card.sample_rate for sound in sounds]
    texts = [plain[0]] if is_heavy else [short * 2] * _TEXTS_PER_CLIENT
    rate, many = await throughput(client, card, voice.id, texts, _CLIENTS)
    judge, n_words, n_errors = Judge(), 0, 0
    for window in windows(lengths):
        said = words(" ".join(plain[i] for i in window))
        together = join([sounds[i] for i in window], card.sample_rate)
        heard = judge.hear(together, card.sample_rate, language)
        n_words += len(said)
        n_errors += count_errors(said, words(heard))
    return Figures(
        voice=voice,
        n_sentences=len(plain),
        n_words=n_words,
        n_errors=n_errors,
        first_s=firsts,
        lead_s=float(np.median([_lead_s(sound, card.sample_rate) for sound in sounds])),
        cpu_s_per_s=used_s / sum(lengths),
        real_time_factor=sum(each.total_s for each in spoken) / sum(lengths),
        sound_s_per_s=rate,
        first_of_many_s=many,
    )


def _processor_s(stack: Stack) -> float:
    """Return the processor time of Triton and its backends."""
    total = 0.0
    for process in family(stack.process):
        try:
            if "triton" in process.name():
                times = process.cpu_times()
                total += times.user + times.system
        except psutil.NoSuchProcess:
            continue
    return total


def _lead_s(sound: NDArray[np.float32], sample_rate: int) -> float:
    return float(np.argmax(np.abs(sound) > 0.01 * np.abs(sound).max())) / sample_rate


def _page(figures: list[Figures], ready_s: float) -> str:
    found = machine()
    heard = [["voice", "language", "licence", "sentences", "words", "word errors"]]
    timed = [
        [
            "voice",
            "first sound",
            "lead",
            "processor-s",
            "real-time factor",
            "rate of 8",
            "first of 8",
        ]
    ]
    for each in figures:
        voice = each.voice
        errors = f"**{100 * each.n_errors / each.n_words:.1f} %**"
        counts = [str(each.n_sentences), str(each.n_words), errors]
        heard.append([voice.id, voice.language, voice.license, *counts])
        speeds = [f"{each.cpu_s_per_s:.3f}", f"{each.real_time_factor:.3f}"]
        rate = f"{each.sound_s_per_s:.{0 if each.sound_s_per_s >= _TEN else 1}f}"
        first, many = _p50_p95(each.first_s), _p50_p95(each.first_of_many_s)
        timed.append([voice.id, first, f"{1000 * each.lead_s:.0f} ms", *speeds, rate, many])
    return f"""# The voices, judged

Made by `make evaluate-voices`. The listener is Whisper base (int8, greedy). It hears the plain
sentences of `benchmarks/voices/sentences.py` and writes down words; every word that is changed,
added or left out is an error.

{_table(heard)}

Machine: {found["processor"]}, {found["cores"]} cores. The stack was ready after {ready_s:.1f} s.

{_table(timed)}

- First sound: from a request of three sentences to its first chunk, over gRPC, p50 / p95.
- Lead: what is left of the near silence before the first word; the network alone gives about 0.3 s.
- Processor-s: seconds of one core, of Triton and all its backends, for a second of sound.
- Real-time factor: seconds that one client waits for a second of sound.
- Of 8: with {_CLIENTS} clients, seconds of sound in a second, and their first sound.

![spectrogram]({PICTURE.name})

*“{PLAIN[0]}”*
"""


def _table(rows: list[list[str]]) -> str:
    ruled = [rows[0], ["---"] * len(rows[0]), *rows[1:]]
    return "\n".join(f"| {' | '.join(row)} |" for row in ruled)


def _p50_p95(seconds: list[float]) -> str:
    p50, p95 = np.percentile(seconds, [50, 95])
    if p95 >= 1.0:
        return f"{p50:.1f} / {p95:.1f} s"
    return f"{1000 * p50:.0f} / {1000 * p95:.0f} ms"


if __name__ == "__main__":
    main()
