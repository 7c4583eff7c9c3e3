"""A tiny model of songs, exported and served by a real Triton."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any
from wave import open as open_wave

import httpx2
import numpy as np
import psutil
import pytest
from numpy.typing import NDArray

from export.cards import Choices
from export.checkpoint import Checkpoint, open_checkpoint
from export.comparing import relative_error
from export.configs import ServingOptions
from export.exporter import ExportRequest, Published, export
from export.loading import load
from export.references import ace_step
from export.trials import make_trial
from tests import checkpoints
from tests.acceptance.drills import tell, until
from tests.acceptance.stack import Stack, running
from tests.adapters import attach, write_adapter
from tests.frontend.contracts.test_source_examples import JSON, LOCALAI
from tritone.pcm import to_int16

pytestmark = [
    pytest.mark.triton,
    pytest.mark.export,
    pytest.mark.drill,
    pytest.mark.timeout(1800),  # two exports are part of the first test
]

DISCO: dict[str, Any] = {"model_id": "song", "text": "disco", "bpm": 120, "duration_seconds": 4}
SONG, JAZZ = "song", "jazz"
PATIENCE_S = 1200.0
PROCESSES = ("tokenizer", "text_encoder", "denoiser", "vae_decoder")
COPIES = 6  # of the whole sound: what the decoder holds beside one tile
LYRICS = ("la la la", "do re mi fa", "", "neon lights, neon nights")


@dataclass(frozen=True)
class Songs:
    """Two models of one checkpoint: as it is, and with an adapter."""

    checkpoint: Checkpoint
    adapter: Path
    published: dict[str, Published]
    models: Path


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Songs:
    folder = tmp_path_factory.mktemp("songs")
    checkpoint = open_checkpoint(str(checkpoints.ace_step(folder / "checkpoint")))
    adapter = write_adapter(load(checkpoint), folder / "adapter")
    published = {}
    for name, file in ((SONG, None), (JAZZ, adapter)):
        request = ExportRequest(
            checkpoint=checkpoint,
            name=name,
            repository=folder / "models",
            choices=Choices(seconds=4.0),
            serving=ServingOptions(step_batch=4, lanes=1),
            adapter=file,
        )
        published[name] = export(request, lambda _stage: None)
        assert published[name].measured.end_to_end.latents_error < 1e-4
        assert published[name].measured.end_to_end.pcm_error < 1e-4
    return Songs(checkpoint, adapter, published, folder / "models")


@pytest.fixture(scope="module")
def singing(songs: Songs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    variables = {
        "TRITONE_JOBS__EMBEDDED": "false",
        "TRITONE_TIMEOUT_S": f"{PATIENCE_S:g}",
        "TRITONE_DEFAULT_MODEL": SONG,
    }
    with running(songs.models, tmp_path_factory.mktemp("stack"), "--quiet", **variables) as stack:
        ready = f"http://{stack.address}/readyz"  # once either is served
        until(lambda: set(httpx2.get(ready).json()["models"]) == {SONG, JAZZ})
        yield stack


def ask(stack: Stack, body: str | dict[str, Any]) -> tuple[NDArray[np.int16], httpx2.Headers]:
    url = f"http://{stack.address}/localai/v1/sound-generation"
    if isinstance(body, str):
        answer = httpx2.post(url, content=body, headers=JSON, timeout=PATIENCE_S)
    else:
        answer = httpx2.post(url, json=body, timeout=PATIENCE_S)
    assert answer.status_code == 200, answer.text
    return samples_of(answer.content), answer.headers


def samples_of(content: bytes) -> NDArray[np.int16]:
    with open_wave(BytesIO(content)) as file:
        assert (file.getframerate(), file.getnchannels()) == (48_000, 2)
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    return samples.reshape(-1, 2)


def test_localais_disco_example_as_printed_is_made(singing: Stack) -> None:
    samples, headers = ask(singing, LOCALAI["advanced"])
    assert len(samples) == 225 * 48_000
    assert headers["x-tritone-note"] == "think ignored: the model does not plan"
    assert np.abs(samples[-48_000:].astype(int)).max() > 0


@pytest.mark.parametrize(
    "other", [{"bpm": 60}, {"lyrics": "la"}, {"keyscale": "C minor"}, {"timesignature": "3"}]
)
def test_every_field_is_heard(other: dict[str, Any], singing: Stack) -> None:
    seed = {"seed": 1}
    one, _ = ask(singing, DISCO | seed)
    another, _ = ask(singing, DISCO | seed | other)
    assert not np.array_equal(one, another)


def test_songs_that_share_steps_are_those_made_alone(singing: Stack) -> None:
    bodies = [
        {"input": "disco", "audio_length": 4, "seed": 7, "extra_params": {"lyrics": each or "x"}}
        for each in LYRICS
    ]
    post = partial(httpx2.post, f"http://{singing.address}/v1/audio/generate", timeout=PATIENCE_S)
    alone = [post(json=body).content for body in bodies]
    with ThreadPoolExecutor(len(bodies)) as pool:
        together = [each.content for each in pool.map(lambda body: post(json=body), bodies)]
    for one, other in zip(alone, together, strict=True):
        a, b = (np.frombuffer(each[44:], np.int16).astype(np.float64) for each in (one, other))
        assert np.linalg.norm(a - b) <= 1e-4 * np.linalg.norm(a)  # a last bit of int16, at most


def test_an_adapter_is_a_model_of_its_own_chosen_by_name(singing: Stack, songs: Songs) -> None:
    card = songs.published[SONG].card
    frames = 2 * card.frame_bucket  # what is denoised is then what is delivered
    trial = replace(
        make_trial(card),
        prompts=("a waltz",),
        negative_prompts=("",),
        controls={"lyrics": "rain on the roof"},
        latent_frames=frames,
        seconds=frames * card.samples_per_frame / card.sample_rate,
        steps=card.default_steps,
        seed=7,
    )
    made = {}
    for name in (SONG, JAZZ):
        body = {"model": name, "input": trial.prompts[0], "audio_length": trial.seconds, "seed": 7}
        answer = httpx2.post(
            f"http://{singing.address}/v1/audio/generate",
            json=body | {"extra_params": trial.controls},
            timeout=PATIENCE_S,
        )
        assert answer.status_code == 200, answer.text
        assert answer.headers["x-tritone-model"] == name
        made[name] = samples_of(answer.content)
        pipeline = load(songs.checkpoint)
        if name == JAZZ:
            attach(pipeline, songs.adapter)  # beside the weights: not as the exporter does it
        sounds = ace_step(pipeline, card, trial)
        expected = to_int16(card.spec.level(sounds.waveforms))[0].T
        assert relative_error(made[name], expected) < 1e-4
    assert relative_error(made[JAZZ], made[SONG]) > 1e-2


def test_ten_minutes_are_made_in_bounded_memory(singing: Stack) -> None:
    peaks = []
    for seconds in (60, 600):
        began = time.monotonic()
        samples, _ = ask(singing, DISCO | {"duration_seconds": seconds, "seed": 1})
        took = time.monotonic() - began
        assert len(samples) == seconds * 48_000
        assert 20 * np.log10(np.abs(samples.astype(int)).max() / 32767) <= -1 + 0.01
        assert np.abs(samples[-48_000:].astype(int)).max() > 0
        peaks.append(read_peaks(singing))
        said = ", ".join(f"{name} {peak / 1e6:,.0f} MB" for name, peak in peaks[-1].items())
        tell(f"{seconds} s made in {took:.0f} s; peak memory: {said}")
    short, long = peaks
    sound_bytes = 540 * 48_000 * 2 * 4  # what the second is longer, in float32
    grown = long["song_vae_decoder"] - short["song_vae_decoder"]
    assert grown < COPIES * sound_bytes


def read_peaks(stack: Stack) -> dict[str, int]:
    """Return the largest resident set that each process had, in bytes."""
    parts = {f"song_{each}": stack.stub(f"song_{each}") for each in PROCESSES}
    found = {name: peak_of(process) for name, process in parts.items()}
    up = psutil.Process(stack.process.pid)
    known = {stack.triton().pid, *(each.pid for each in stack.triton().children())}
    for child in up.children(recursive=True):
        if child.pid not in known:
            found[f"{child.name()} {child.pid}"] = peak_of(child)
    return found | {"tritonserver": peak_of(stack.triton())}


def peak_of(process: psutil.Process) -> int:
    """Return the largest resident set that a process had, in bytes."""
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024
