"""A tiny model of songs, exported and served by a real Triton."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from io import BytesIO
from typing import Any
from wave import open as open_wave

import httpx2
import numpy as np
import pytest
from numpy.typing import NDArray

from export.cards import Choices
from export.checkpoint import open_checkpoint
from export.configs import ServingOptions
from export.exporter import ExportRequest, export
from tests import checkpoints
from tests.acceptance.stack import Stack, running
from tests.frontend.contracts.test_source_examples import JSON, LOCALAI

pytestmark = [pytest.mark.triton, pytest.mark.export, pytest.mark.drill]

DISCO: dict[str, Any] = {"model_id": "song", "text": "disco", "bpm": 120, "duration_seconds": 4}
LYRICS = ("la la la", "do re mi fa", "", "neon lights, neon nights")


@pytest.fixture(scope="module")
def singing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("songs")
    request = ExportRequest(
        checkpoint=open_checkpoint(str(checkpoints.ace_step(folder / "checkpoint"))),
        name="song",
        repository=folder / "models",
        choices=Choices(seconds=4.0),
        serving=ServingOptions(step_batch=4, lanes=1),
    )
    published = export(request, lambda _stage: None)
    assert published.measured.end_to_end.latents_error < 1e-4
    assert published.measured.end_to_end.pcm_error < 1e-4
    variables = {"TRITONE_JOBS__EMBEDDED": "false", "TRITONE_TIMEOUT_S": "240"}
    with running(folder / "models", folder, "--quiet", **variables) as stack:
        yield stack


def ask(stack: Stack, body: str | dict[str, Any]) -> tuple[NDArray[np.int16], httpx2.Headers]:
    url = f"http://{stack.address}/localai/v1/sound-generation"
    if isinstance(body, str):
        answer = httpx2.post(url, content=body, headers=JSON, timeout=300)
    else:
        answer = httpx2.post(url, json=body, timeout=300)
    assert answer.status_code == 200, answer.text
    with open_wave(BytesIO(answer.content)) as file:
        assert (file.getframerate(), file.getnchannels()) == (48_000, 2)
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    return samples.reshape(-1, 2), answer.headers


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
    post = partial(httpx2.post, f"http://{singing.address}/v1/audio/generate", timeout=300)
    alone = [post(json=body).content for body in bodies]
    with ThreadPoolExecutor(len(bodies)) as pool:
        together = [each.content for each in pool.map(lambda body: post(json=body), bodies)]
    for one, other in zip(alone, together, strict=True):
        a, b = (np.frombuffer(each[44:], np.int16).astype(np.float64) for each in (one, other))
        assert np.linalg.norm(a - b) <= 1e-4 * np.linalg.norm(a)  # a last bit of int16, at most
