"""The images are built from our Dockerfile, and run: in a chroot, by the user that they name."""

import io
import json
import os
import subprocess
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest

from ops.processes.ports import choose_ports
from tests.acceptance.drills import open_folder, until
from tests.deploy.knowledge import stages
from tests.deploy.oci import DOCKERFILE, Builder, Container

pytestmark = [
    pytest.mark.drill,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(os.geteuid() != 0, reason="a chroot needs root"),
]


@pytest.fixture(scope="module")
def builder() -> Iterator[Builder]:
    with open_folder() as folder:
        builder = Builder(folder)
        builder.make_base()
        yield builder
        builder.remove_all()


def said(target: str, instruction: str) -> list[str]:
    """Return the command that the Dockerfile gives for an instruction."""
    rest = [rest for word, rest in stages(DOCKERFILE)[target] if word == instruction][-1]
    command: list[str] = json.loads(rest[rest.index("[") :])
    return command


class Product:
    """The product in a container."""

    def __init__(self, container: Container, target: str) -> None:
        """Choose a port of ours: a chroot has the network of the machine."""
        self._container, self._target = container, target
        self.port = choose_ports({"port": 0})["port"]
        self.environment = {"TRITONE_PORT": str(self.port), "TRITONE_HOST": "127.0.0.1"}

    def is_healthy(self) -> bool:
        """Run the image's own health check."""
        check = said(self._target, "HEALTHCHECK")
        check[-1] = check[-1].replace("8080", str(self.port))
        try:
            self._container.run(check, self.environment, timeout_s=30)
        except subprocess.CalledProcessError:
            return False
        return True

    def ask(self, path: str, body: dict[str, Any] | None = None) -> httpx2.Response:
        """Get a path, or post a body to it, and expect success."""
        method, address = "POST" if body else "GET", f"http://127.0.0.1:{self.port}{path}"
        answer = httpx2.request(method, address, json=body, timeout=60)
        assert answer.is_success, answer.text
        return answer


def seconds_of(answer: httpx2.Response) -> float:
    with wave.open(io.BytesIO(answer.content)) as sound:
        return float(sound.getnframes() / sound.getframerate())


def users_of(port: int) -> set[int]:
    listening = [each for each in psutil.net_connections("tcp") if each.status == "LISTEN"]
    pids = {each.pid for each in listening if each.laddr and each.laddr[1] == port}
    return {psutil.Process(pid).uids().real for pid in pids if pid}


def test_the_whole_stack_runs_from_its_image_and_keeps_its_jobs(
    builder: Builder, tmp_path: Path
) -> None:
    builder.build("stack")
    container = builder.make_container("stack")
    product = Product(container, "stack")
    command = said("stack", "CMD")
    log = tmp_path / "log"
    with container.running(command, product.environment, log):
        until(product.is_healthy)
        assert users_of(product.port) == {10001}
        ask = {"input": "rain", "audio_length": 2, "response_format": "wav"}
        assert seconds_of(product.ask("/v1/audio/generate", ask)) == 2
        until(lambda: not product.ask("/readyz?verbose").json()["away"])  # the voice loads last
        ask = {"model": "tts-1", "voice": "alloy", "input": "Hello.", "response_format": "wav"}
        assert seconds_of(product.ask("/v1/audio/speech", ask)) > 0.3
        job = product.ask("/jobs", {"prompt": "rain"}).json()["id"]
        until(lambda: product.ask(f"/jobs/{job}").json()["status"] == "completed")
    assert "Traceback" not in log.read_text()
    with container.running(command, product.environment, log):
        until(product.is_healthy)
        file = product.ask(f"/jobs/{job}").json()["result"]["files"][0]["url"]
        assert product.ask(file[file.index("/files") :]).content


def test_a_frontend_starts_from_its_image(builder: Builder, tmp_path: Path) -> None:
    builder.build("frontend")
    container = builder.make_container("frontend")
    product = Product(container, "frontend")
    with container.running(said("frontend", "CMD"), product.environment, tmp_path / "log"):
        until(product.is_healthy)
        assert users_of(product.port) == {10001}
