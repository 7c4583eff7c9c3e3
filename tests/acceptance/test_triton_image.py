"""What Triton's image would start, started here: its keeper and its flags, with a real Triton."""

import asyncio
import json
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest

from ops.processes.ports import LOOPBACK, choose_ports
from ops.settings import Settings, TritonSettings, copy_environment
from ops.triton.own_triton import prepare_server
from ops.triton.shared_memory import own_prefix
from ops.voices import publish_default_voice
from tests.acceptance.client import Ask, Client
from tests.acceptance.conftest import copy_of
from tests.acceptance.speech_client import SpeechClient
from tests.deploy.knowledge import DEPLOY, DOCKERFILES, stages
from tests.deploy.test_kubernetes import TRITON_PATHS

pytestmark = [pytest.mark.triton, pytest.mark.drill]

KEEPER = str(DEPLOY.parent / "ops" / "triton" / "keeper.py")
PATIENCE_S = 60.0
ASK = Ask()


def instruction(word: str) -> list[str]:
    lines = stages(DOCKERFILES["tritone-triton"])["final"]
    words: list[str] = json.loads(next(rest for each, rest in lines if each == word))
    return words


class Image:
    """The image's process on this machine: other paths and ports, otherwise the same command."""

    def __init__(
        self,
        repository: Path,
        folder: Path,
        *keeper_flags: str,
        more_backends: Mapping[str, Path] = MappingProxyType({}),  # files `model.py`, by name
    ) -> None:
        port = choose_ports({"": 0})[""]
        settings = Settings(
            model_repository=repository,
            state_directory=folder / "run",
            triton=TritonSettings(http_port=port),
        )
        self._resources = ExitStack()
        prefix = self._resources.enter_context(own_prefix())
        server = self._resources.enter_context(prepare_server(settings, prefix, logs_info=False))
        self.address, self.http_port = server.url, server.http_port
        for name, file in more_backends.items():
            target = server.backend_directory / name
            target.mkdir()
            shutil.copy(file, target)
        (
            *python_keeper,
            run,
            _,
        ) = instruction("ENTRYPOINT")[:4]
        assert (python_keeper, run) == (["python3", "/opt/tritone/keeper.py"], "run")
        flags = [*instruction("ENTRYPOINT")[4:], *instruction("CMD")]
        here = {
            "model-repository": repository,
            "backend-directory": server.backend_directory,
            "http-port": server.http_port,
            "grpc-port": server.grpc_port,
            "metrics-port": server.metrics_port,
            "allow-gpu-metrics": "false",
        }
        voices = publish_default_voice(folder / "voices")
        theirs = {f"--model-repository={path}" for path in ("/models", "/opt/tritone/voices")}
        assert theirs <= set(flags)
        flags = [flag for flag in flags if flag not in theirs]
        flags += [f"--{name}={value}" for name, value in here.items()]
        flags.append(f"--model-repository={voices}")
        flags.append(
            f"--backend-config=python,shm-region-prefix-name={server.shared_memory_prefix}"
        )
        self._keeper = [sys.executable, KEEPER, "--http-port", str(self.http_port), *keeper_flags]
        self._log = (folder / "log").open("w+")
        self.process = subprocess.Popen(
            [*self._keeper, "run", str(server.home / "bin" / "tritonserver"), *flags],
            env=server.environment(copy_environment()),
            stderr=self._log,
        )

    @property
    def log(self) -> str:
        self._log.seek(0)
        return self._log.read()

    def probe(self, verb: str) -> subprocess.CompletedProcess[str]:
        """Run a probe."""
        command = [*self._keeper, verb]
        return subprocess.run(command, check=False, capture_output=True, text=True)

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while self.status("/v2/health/ready") != 200:
            assert self.process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.1)

    def status(self, path: str) -> int:
        """Return the status of a path of Triton's HTTP API; 0: nobody answers."""
        try:
            with urllib.request.urlopen(f"http://{LOOPBACK}:{self.http_port}{path}") as response:
                return int(response.status)
        except OSError:
            return 0

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(PATIENCE_S)
        self._log.close()
        self._resources.close()


@pytest.fixture
def image(repository: Path, tmp_path: Path) -> Iterator[Image]:
    image = Image(copy_of(repository, tmp_path / "models"), tmp_path)
    try:
        image.wait_until_ready()
        yield image
    finally:
        image.end()


async def test_it_serves_every_model_answers_its_probes_and_drains(
    image: Image, model: str
) -> None:
    assert image.probe("alive").returncode == 0, image.probe("alive").stderr
    while (asked := image.probe("ready")).returncode:  # until it has made a sound
        assert "no sound was made" in asked.stderr
        await asyncio.sleep(0.1)
    assert all(image.status(path) == 200 for path in TRITON_PATHS)
    async with SpeechClient(image.address) as voice:
        heard = await voice.speak("The image speaks.")
    assert heard.error is None
    assert heard.seconds > 0.5
    async with Client(image.address, model) as client:
        asks = [replace(ASK, seed=seed, steps=60) for seed in range(6)]
        jobs = [asyncio.create_task(client.generate(ask, job_id=f"job-{ask.seed}")) for ask in asks]
        while await client.control("query", f"job-{len(jobs) - 1}") == [-1, -1]:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        image.process.send_signal(signal.SIGTERM)
        sounds = await asyncio.gather(*jobs)
    assert all(len(sound) for sound in sounds)
    assert await asyncio.to_thread(image.process.wait, PATIENCE_S) == 0
    assert "keeper: drained" in image.log
    assert image.probe("alive").returncode == 1
    print(f"SIGTERM with {len(jobs)} passes under way: all {len(sounds)} ended, status 0")  # noqa: T201
