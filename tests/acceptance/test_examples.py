"""Every program of `examples/` does what it says, against a real Triton."""

import io
import json
import os
import re
import shutil
import subprocess
import sys
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import httpx2
import jinja2
import pytest
import yaml

from ops.processes.ports import choose_ports
from tests.acceptance.conftest import ROOT
from tests.acceptance.drills import until
from tests.acceptance.stack import Stack

pytestmark = pytest.mark.triton

EXAMPLES = ROOT / "examples"
TIMEOUT_S = 60.0


def run(stack: Stack, folder: Path, *command: str, **environment: str) -> str:
    """Run a program in an empty folder and return its last line."""
    variables = {
        "PATH": os.environ["PATH"],
        "TRITONE_URL": f"http://{stack.address}",
        **environment,
    }
    done = subprocess.run(
        command,
        cwd=folder,
        env=variables,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return (done.stdout.splitlines() or [""])[-1]


def seconds_of(audio: bytes) -> float:
    with av.open(io.BytesIO(audio), "r") as container:
        stream = container.streams.audio[0]
        return float(sum(frame.samples for frame in container.decode(stream)) / stream.rate)


def test_every_example_is_in_the_table() -> None:
    page = (EXAMPLES / "README.md").read_text()
    files = {path.name for path in EXAMPLES.iterdir() if path.is_file()} - {"README.md"}
    assert set(re.findall(r"^\| `(\S+)` \|", page, re.MULTILINE)) == files


def test_the_shell_script(served: Stack, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    file = run(served, tmp_path, "sh", str(EXAMPLES / "sound.sh"), "a bell", "bell.wav")
    assert seconds_of((tmp_path / file).read_bytes()) == pytest.approx(5, abs=0.01)


def test_the_python_program(served: Stack, tmp_path: Path) -> None:
    file = run(served, tmp_path, sys.executable, str(EXAMPLES / "sound.py"))
    assert seconds_of((tmp_path / file).read_bytes()) == pytest.approx(5, abs=0.01)


def test_the_javascript_program(served: Stack, tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    file = run(served, tmp_path, node, str(EXAMPLES / "sound.mjs"))
    assert seconds_of((tmp_path / file).read_bytes()) == pytest.approx(5, abs=0.15)


def test_the_job_is_followed_to_its_file(served: Stack, tmp_path: Path) -> None:
    file = run(served, tmp_path, sys.executable, str(EXAMPLES / "job.py"), "a bell", "job.wav")
    assert seconds_of((tmp_path / file).read_bytes()) == pytest.approx(4, abs=0.01)


@contextmanager
def receiver(secret: str, folder: Path) -> Iterator[tuple[str, Path]]:
    """Run the example; yield its address and the file with what it printed."""
    port = str(choose_ports({"": 0})[""])
    printed = folder / "printed"
    with printed.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, str(EXAMPLES / "webhook_receiver.py"), port],
            env={"TRITONE_WEBHOOK_SECRET": secret},
            stdout=out,
            stderr=subprocess.DEVNULL,
        )
    url = f"http://127.0.0.1:{port}/"
    try:
        until(lambda: is_listening(url))
        yield url, printed
    finally:
        process.terminate()
        process.wait()


def is_listening(url: str) -> bool:
    try:
        httpx2.get(url)
    except httpx2.TransportError:
        return False
    return True


def test_the_receiver_prints_a_webhook_once_and_refuses_a_forged_one(
    served: Stack, tmp_path: Path
) -> None:
    with httpx2.Client(base_url=f"http://{served.address}", timeout=TIMEOUT_S) as http:
        secret = http.get("/webhook-secrets").json()["secrets"][0]
        with receiver(secret, tmp_path) as (url, printed):
            order = {"prompt": "rain", "seconds": 1, "steps": 2, "webhook_url": url}
            job_id = http.post("/jobs", json=order).json()["id"]
            until(lambda: job_id in printed.read_text())
            (delivery,) = http.get(f"/jobs/{job_id}/deliveries").json()["deliveries"]
            http.post(f"/deliveries/{delivery['id']}/redeliver")
            until(lambda: n_accepted(http, job_id) == 2)
            forged = {
                "webhook-id": "x",
                "webhook-timestamp": "1700000000",
                "webhook-signature": "v1,AAAA",
            }
            assert httpx2.post(url, content=b"{}", headers=forged).status_code == 400
    assert printed.read_text() == f"job.completed {job_id}\n"


def n_accepted(http: httpx2.Client, job_id: str) -> int:
    (delivery,) = http.get(f"/jobs/{job_id}/deliveries").json()["deliveries"]
    return sum(attempt["problem"] is None for attempt in delivery["attempts"])


def test_the_notebooks_cells(served: Stack, tmp_path: Path) -> None:
    notebook = json.loads((EXAMPLES / "sounds.ipynb").read_text())
    cells = ["".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "code"]
    assert "IPython" in cells[-1]  # shows a player; IPython is not installed here
    script = "\n\n".join([*cells[:-1], "print(len(set(sounds)))"])
    assert run(served, tmp_path, sys.executable, "-c", script) == "4"


def test_the_sounds_of_a_game(served: Stack, tmp_path: Path) -> None:
    sounds = EXAMPLES / "game_sounds.json"
    command = [sys.executable, str(EXAMPLES / "import_to_unreal.py"), str(sounds), str(tmp_path)]
    assert run(served, tmp_path, *command)
    for sound in json.loads(sounds.read_text()):
        with wave.open(str(tmp_path / f"{sound['name']}.wav")) as wav:
            assert wav.getnframes() / wav.getframerate() == pytest.approx(sound["seconds"], abs=0.1)
    assert run(served, tmp_path, *command) == ""  # everything is there


class Home:
    """As much of Home Assistant as the package needs: templates and `rest_command`."""

    def __init__(self, stack: Stack) -> None:
        package = yaml.safe_load((EXAMPLES / "home_assistant.yaml").read_text())
        self._commands = package["rest_command"]
        self.script = package["script"]["play_sound"]
        self.variables = {**self.script["variables"], "server": f"http://{stack.address}"}

    def render(self, template: Any) -> Any:  # noqa: ANN401 -- YAML
        if isinstance(template, dict):
            return {key: self.render(value) for key, value in template.items()}
        return jinja2.Template(template).render(self.variables)

    def act(self, action: dict[str, Any]) -> None:
        """Send the request of a `rest_command` and keep the answer as Home Assistant does."""
        command = self._commands[action["action"].removeprefix("rest_command.")]
        self.variables |= self.render(action["data"])
        answer = httpx2.request(
            command["method"],
            self.render(command["url"]),
            headers=self.render(command["headers"]) | {"content-type": "application/json"},
            content=self.render(command.get("payload", "")),
            timeout=TIMEOUT_S,
        )
        content = {"content": answer.json(), "status": answer.status_code}
        self.variables[action["response_variable"]] = content


def test_home_assistants_script_plays_the_sound(served: Stack) -> None:
    home = Home(served)
    submit, repeat, condition, play = home.script["sequence"]
    home.variables |= {"prompt": 'a "church" bell', "player": "media_player.kitchen"}
    home.act(submit)
    _, ask = repeat["repeat"]["sequence"]
    home.variables["repeat"] = {"index": 1}

    def is_over() -> bool:
        home.act(ask)
        return bool(home.render(repeat["repeat"]["until"]) == "True")

    until(is_over)
    assert home.render(condition["condition"]) == "True"
    file = httpx2.get(home.render(play["data"])["media_content_id"])
    assert seconds_of(file.content) == pytest.approx(5, abs=0.15)
