"""From curl to sound: the whole stack as `make serve` starts it."""

import io
import json
import socket
import wave
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import av
import httpx2
import numpy as np
import psutil
import pytest
from numpy.typing import NDArray

from tests.acceptance import drills
from tests.acceptance.conftest import copy_of
from tests.acceptance.stack import Stack, running

pytestmark = pytest.mark.triton

GENERATE = "/v1/audio/generate"
SOUND_GENERATION = "/v1/sound-generation"
ASK: dict[str, Any] = {
    "input": "rain falling on a tin roof",
    "audio_length": 1,
    "seed": 42,
    "num_inference_steps": 8,
}
PATIENCE_S = 60.0
until = partial(drills.until, timeout_s=PATIENCE_S)


@pytest.fixture
def http(served: Stack) -> Iterator[httpx2.Client]:
    with client_of(served) as client:
        yield client


def client_of(stack: Stack) -> httpx2.Client:
    return httpx2.Client(base_url=f"http://{stack.address}", timeout=PATIENCE_S)


def samples(audio: bytes) -> NDArray[np.int16]:
    with wave.open(io.BytesIO(audio)) as wav:
        frames = np.frombuffer(wav.readframes(wav.getnframes()), np.int16)
        return frames.reshape(-1, wav.getnchannels())


def decoded_seconds(audio: bytes) -> float:
    with av.open(io.BytesIO(audio), "r") as container:
        stream = container.streams.audio[0]
        n_samples = sum(frame.samples for frame in container.decode(stream))
        return float(n_samples / stream.rate)


def test_a_wav_has_the_length_asked_for_and_is_heard(http: httpx2.Client) -> None:
    answer = http.post(GENERATE, json=ASK | {"audio_length": 2.5})
    sound = samples(answer.content)
    assert len(sound) == 2.5 * int(answer.headers["x-tritone-sample-rate"])
    assert np.sqrt(np.mean((sound / 32768.0) ** 2)) > 0.001


@pytest.mark.parametrize("word", ["wav", "flac", "mp3", "aac", "opus"])
def test_every_format_decodes_to_the_length_asked_for(http: httpx2.Client, word: str) -> None:
    answer = http.post(GENERATE, json=ASK | {"response_format": word})
    assert answer.status_code == 200
    assert decoded_seconds(answer.content) == pytest.approx(1.0, abs=0.15)


def test_the_same_seed_is_the_same_sound_alone_and_under_load(http: httpx2.Client) -> None:
    alone = http.post(GENERATE, json=ASK).content

    def other(seed: int) -> bytes:
        return http.post(GENERATE, json=ASK | {"seed": seed, "input": f"bell {seed}"}).content

    with ThreadPoolExecutor(6) as pool:
        load = [pool.submit(other, seed) for seed in range(5)]
        repeated = pool.submit(lambda: http.post(GENERATE, json=ASK).content)
        assert repeated.result() == alone
        assert len({task.result() for task in load} | {alone}) == 6


def test_speed_stretches_time(http: httpx2.Client) -> None:
    answer = http.post(GENERATE, json=ASK | {"speed": 2.0})
    seconds = len(samples(answer.content)) / int(answer.headers["x-tritone-sample-rate"])
    assert seconds == pytest.approx(0.5, abs=0.01)


def test_both_owners_of_the_shared_path_are_served(http: httpx2.Client) -> None:
    vendor = http.post(
        SOUND_GENERATION,
        json={"text": "rain", "duration_seconds": 0.5},
        headers={"xi-api-key": "k"},
    )
    assert vendor.headers["content-type"] == "audio/mpeg"
    local = http.post(
        SOUND_GENERATION,
        json={"model_id": "sound-model", "text": "rain", "duration_seconds": 0.5, "bpm": 120},
    )
    assert local.headers["content-type"] == "audio/wav"
    assert "attachment" in local.headers["content-disposition"]


def test_localais_long_song_is_made_and_says_what_was_left_out(http: httpx2.Client) -> None:
    # The source document's last example, as printed.
    body = {
        "model_id": "sound-model",
        "text": "upbeat pop",
        "caption": "A funky Japanese disco track",
        "lyrics": "[Verse 1]\nDancing in the neon lights",
        "think": True,
        "bpm": 120,
        "duration_seconds": 225,
        "keyscale": "Ab major",
        "language": "ja",
        "timesignature": "4",
    }
    answer = http.post(SOUND_GENERATION, json=body)
    assert answer.status_code == 200, answer.text
    assert len(samples(answer.content)) == 225 * int(answer.headers["x-tritone-sample-rate"])
    notes = answer.headers["x-tritone-note"].split("; ")
    assert "extended" in notes
    assert "put into words: bpm, keyscale, timesignature" in notes
    assert "left out: lyrics, vocal_language" in notes
    assert "think ignored: the model does not plan" in notes


def test_a_job_is_accepted_worked_off_and_its_file_fetched(http: httpx2.Client) -> None:
    order = {"model": "stable-audio", "prompt": "lo-fi rain", "seconds_total": 2, "steps": 8}
    accepted = http.post("/v2/generate/audio", json=order)
    assert accepted.status_code == 201, accepted.text
    job = {"generation_id": accepted.json()["id"]}
    until(lambda: http.get("/v2/generate/audio", params=job).json()["status"] == "completed")
    file = http.get("/v2/generate/audio", params=job).json()["audio_file"]
    assert decoded_seconds(http.get(file["url"]).content) == pytest.approx(2.0, abs=0.01)


def test_a_client_that_goes_away_frees_its_row(served: Stack, http: httpx2.Client) -> None:
    cancelled = served.metric("tritone_denoiser_cancelled_total")
    body = json.dumps(ASK | {"num_inference_steps": 1000, "audio_length": 3}).encode()
    host, port = served.address.rsplit(":", 1)
    with socket.create_connection((host, int(port))) as leaving:
        leaving.sendall(
            b"POST /v1/audio/generate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
        )
        until(lambda: served.metric("tritone_denoiser_active") == 1)
    until(lambda: served.metric("tritone_denoiser_active") == 0)
    assert served.metric("tritone_denoiser_cancelled_total") == cancelled + 1
    assert http.post(GENERATE, json=ASK).status_code == 200


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        pytest.param(GENERATE, b"{", 422, id="broken-json"),
        pytest.param(GENERATE, b'{"input": "\\ud800"}', 422, id="lone-surrogate"),
        pytest.param(GENERATE, b'{"input": "x", "audio_length": 1e400}', 422, id="overflow"),
        pytest.param(GENERATE, b'{"input": "x", "guidance_scale": NaN}', 422, id="nan"),
        pytest.param(GENERATE, b'{"input": "x", "model": "no-such"}', 404, id="unknown-model"),
        pytest.param(GENERATE, b'{"input": "x", "audio_start": 5000}', 400, id="past-the-window"),
        pytest.param(GENERATE, b"[" * 100_000, 422, id="deep-nesting"),
        pytest.param(SOUND_GENERATION, b'{"text": 5}', 422, id="vendor-wrong-type"),
        pytest.param(SOUND_GENERATION, b'{"text": "x", "bpm": "fast"}', 400, id="local-wrong-type"),
    ],
)
def test_bad_input_gets_its_contracts_status_and_the_server_goes_on(
    http: httpx2.Client, path: str, body: bytes, status: int
) -> None:
    answer = http.post(path, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == status, answer.text
    assert set(answer.json()) & {"detail", "error"}
    assert http.get("/readyz").status_code == 200


def test_a_dead_triton_is_503_and_the_frontend_recovers_by_itself(
    served: Stack, http: httpx2.Client
) -> None:
    frontend = frontend_of(served).pid
    served.triton().kill()
    until(lambda: http.get("/readyz").status_code == 503)
    refused = http.post(GENERATE, json=ASK)
    assert refused.status_code == 503
    assert int(refused.headers["retry-after"]) >= 1
    until(lambda: http.post(GENERATE, json=ASK).status_code == 200)
    assert frontend_of(served).pid == frontend


def frontend_of(stack: Stack) -> psutil.Process:
    children = psutil.Process(stack.process.pid).children()
    return next(child for child in children if "frontend" in child.cmdline())


@pytest.fixture
def small_stack(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Stack]:
    """A stack with two slots and room for two to wait."""
    monkeypatch.setenv("TRITONE_ADMISSION__MAX_IN_FLIGHT", "2")
    monkeypatch.setenv("TRITONE_ADMISSION__MAX_WAITING", "2")
    with running(copy_of(repository, tmp_path / "models"), tmp_path) as stack:
        yield stack


def test_a_full_server_says_when_to_come_back_and_a_stopping_one_ends_what_it_took(
    small_stack: Stack,
) -> None:
    slow = ASK | {"num_inference_steps": 50, "audio_length": 3}
    with client_of(small_stack) as http, ThreadPoolExecutor(12) as pool:
        asked = [pool.submit(http.post, GENERATE, json=slow | {"seed": i}) for i in range(8)]
        until(
            lambda: sum(task.done() for task in asked) >= 4
        )  # what does not fit is refused at once
        vendor = http.post(SOUND_GENERATION, json={"text": "rain"})
        assert vendor.status_code == 429
        assert small_stack.stop() == 0
        answers = [task.result() for task in asked]
    refused = [answer for answer in answers if answer.status_code == 503]
    made = [answer for answer in answers if answer.status_code == 200]
    assert (len(refused), len(made)) == (4, 4)
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
    assert all(len(samples(answer.content)) for answer in made)
