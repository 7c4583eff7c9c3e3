"""A tiny base checkpoint of ACE-Step, exported and served by a real Triton: guided, with codes."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

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

pytestmark = [
    pytest.mark.triton,
    pytest.mark.export,
    pytest.mark.drill,
    pytest.mark.timeout(1800),  # two exports are part of the first test
]

SONG: dict[str, Any] = {"input": "disco", "num_inference_steps": 8, "seed": 7}
CODES = "".join(f"<|audio_code_{number}|>" for number in range(0, 64_000, 6400))


@pytest.fixture(scope="module", params=[True, False], ids=["in-process", "over-triton"])
def singing(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("songs")
    made = checkpoints.ace_step(folder / "checkpoint", is_turbo=False, knows_codes=True)
    asked = ExportRequest(
        checkpoint=open_checkpoint(str(made)),
        name="base",
        repository=folder / "models",
        choices=Choices(seconds=4.0),
        serving=ServingOptions(step_batch=4, lanes=1, in_process=request.param),
    )
    published = export(asked, lambda _stage: None)
    assert published.measured.end_to_end.latents_error < 1e-4
    assert published.measured.end_to_end.pcm_error < 1e-4
    variables = {"TRITONE_JOBS__EMBEDDED": "false", "TRITONE_TIMEOUT_S": "240"}
    with running(folder / "models", folder, "--quiet", **variables) as stack:
        yield stack


def ask(stack: Stack, body: dict[str, Any]) -> NDArray[np.float64]:
    url = f"http://{stack.address}/v1/audio/generate"
    answer = httpx2.post(url, json=SONG | body, timeout=300)
    assert answer.status_code == 200, answer.text
    return np.frombuffer(answer.content[44:], np.int16).astype(np.float64)


def test_guided_songs_that_share_steps_are_those_made_alone(singing: Stack) -> None:
    bodies: list[dict[str, Any]] = [
        {"guidance_scale": 7.0, "audio_length": 2},
        {"guidance_scale": 1.0, "audio_length": 2, "extra_params": {"lyrics": "la la"}},
        {"guidance_scale": 3.0, "extra_params": {"audio_codes": CODES}},
    ]
    make = partial(ask, singing)
    alone = [make(body) for body in bodies]
    with ThreadPoolExecutor(len(bodies)) as pool:
        together = list(pool.map(make, bodies))
    for one, other in zip(alone, together, strict=True):
        assert np.linalg.norm(one - other) <= 1e-4 * np.linalg.norm(one)


def test_a_song_is_as_long_as_its_codes_which_are_heard(singing: Stack) -> None:
    following = ask(singing, {"extra_params": {"audio_codes": CODES}})
    assert len(following) == 2 * 2 * 48_000  # ten codes, five a second, stereo
    half = ask(singing, {"extra_params": {"audio_codes": CODES, "strength": 0.5}})
    assert np.linalg.norm(following - half) > 1e-3 * np.linalg.norm(half)
    free = ask(singing, {"audio_length": 2})
    assert np.linalg.norm(following - free) > 1e-2 * np.linalg.norm(free)


def test_bad_codes_are_refused_before_any_step(singing: Stack) -> None:
    body = SONG | {"extra_params": {"audio_codes": "<|audio_code_64000|>"}}
    answer = httpx2.post(f"http://{singing.address}/v1/audio/generate", json=body, timeout=60)
    assert answer.status_code == 400
    assert "0 to 63999" in answer.json()["error"]["message"]
