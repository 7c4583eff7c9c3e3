"""One broken model, and single faults: the rest serves on, and what was broken is mended.

`test_healing_matrix.py` has every fault at every moment of the life cycle.
"""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest

from tests.acceptance.chaos import victims
from tests.acceptance.conftest import copy_of
from tests.acceptance.drills import Jobs, open_folder, status_of, tell, until
from tests.acceptance.stack import Stack, running

pytestmark = pytest.mark.triton

PROMISE_S = 30.0  # until a sound, once the cause is gone
SETTINGS = {
    "TRITONE_JOBS__LEASE_S": "4",
    "TRITONE_JOBS__MAX_ATTEMPTS": "10",
    "TRITONE_TIMEOUT_S": "20",
}


def publish_copy(models: Path, model: str, name: str) -> None:
    """Publish a model once more, under another name."""
    for folder in list(models.iterdir()):
        if folder.name == model or folder.name.startswith(f"{model}_"):
            target = models / folder.name.replace(model, name, 1)
            shutil.copytree(folder, target)
            config = target / "config.pbtxt"
            config.write_text(config.read_text().replace(f'"{model}', f'"{name}'))


@pytest.fixture(scope="module")
def damaged(repository: Path, model: str) -> Iterator[Stack]:
    """A good model beside a damaged and an incomplete one."""
    with open_folder() as folder:
        models = copy_of(repository, folder / "models")
        publish_copy(models, model, "bad")
        (models / "bad_vae_decoder" / "1" / "model.onnx").write_bytes(b"not a network")
        publish_copy(models, model, "half")
        shutil.rmtree(models / "half_text_encoder")
        with running(models, folder, **SETTINGS) as stack:
            assert stack.address
            yield stack
            assert stack.stop() == 0


def readyz(stack: Stack) -> tuple[int, dict[str, object]]:
    answer = httpx2.get(f"http://{stack.address}/readyz?verbose", timeout=5.0)
    return answer.status_code, answer.json()


def tritone(stack: Stack, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a command beside a stack."""
    environment = psutil.Process(stack.process.pid).environ()
    command = [str(Path(sys.executable).with_name("tritone")), *arguments]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def list_rows(stack: Stack) -> dict[str, dict[str, Any]]:
    """Return what `tritone models list` says of each model."""
    rows = json.loads(tritone(stack, "models", "list", "--json").stdout)
    return {row["model"]: row for row in rows}


def find_reason(stack: Stack, model: str) -> str:
    """Return why a model is broken, as `tritone models list` says; empty: it does not say."""
    return str(list_rows(stack).get(model, {}).get("reason") or "")


def find_away(stack: Stack, model: str) -> str:
    """Return why a model is away, as `/readyz` says; empty: it does not say."""
    away = readyz(stack)[1]["away"]
    assert isinstance(away, dict)
    return str(away.get(model, ""))


def sounds_again(stack: Stack, model: str) -> float:
    """Return after how many seconds there is a sound."""
    took_s = until(lambda: status_of(stack.address, 10.0, model=model) == 200, PROMISE_S)
    until(lambda: readyz(stack)[0] == 200, PROMISE_S)  # the others come back by themselves
    return took_s


def test_broken_models_are_named_and_the_good_one_serves(damaged: Stack, model: str) -> None:
    assert status_of(damaged.address, model=model) == 200
    # The good one serves before the others were tried; while they are tried again, nobody knows why
    # they failed, for a moment.
    until(lambda: "bad_vae_decoder" in find_away(damaged, "bad"), PROMISE_S)
    until(lambda: "half_text_encoder" in find_away(damaged, "half"), PROMISE_S)
    assert readyz(damaged)[0] == 200
    until(lambda: "bad cannot be loaded" in damaged.log, PROMISE_S)
    until(lambda: "half_text_encoder is missing" in damaged.log, PROMISE_S)
    until(lambda: list_rows(damaged).get(model, {}).get("state") == "serving", PROMISE_S)
    until(lambda: "bad_vae_decoder" in find_reason(damaged, "bad"), PROMISE_S)
    until(lambda: "half_text_encoder is missing" in find_reason(damaged, "half"), PROMISE_S)


def test_a_restart_of_triton_beside_broken_models_is_no_crash_loop(
    damaged: Stack, model: str
) -> None:
    damaged.triton().kill()
    tell(f"Triton killed beside broken models: a sound after {sounds_again(damaged, model):.1f} s")
    assert damaged.log.count("triton has died") == 1


def test_a_model_that_is_mended_is_served(damaged: Stack, model: str) -> None:
    network = f"{model}_vae_decoder/1/model.onnx"
    whole = (damaged.repository / network).read_bytes()
    (damaged.repository / network.replace(model, "bad", 1)).write_bytes(whole)
    tell(f"a mended model: a sound after {sounds_again(damaged, 'bad'):.1f} s")


def test_a_network_that_is_damaged_and_restored_is_served_again(damaged: Stack, model: str) -> None:
    network = damaged.repository / f"{model}_vae_decoder" / "1" / "model.onnx"
    whole = network.read_bytes()
    # Both good ones: while one is left, a sound can be made.
    for name in (model, "bad"):
        file = damaged.repository / f"{name}_vae_decoder" / "1" / "model.onnx"
        file.write_bytes(b"not a network")
        damaged.stub(f"{name}_vae_decoder").kill()
    until(lambda: readyz(damaged)[0] == 503, 10.0)
    time.sleep(3)  # longer than any answer is kept
    assert status_of(damaged.address, model=model) == 503
    assert readyz(damaged)[0] == 503
    for name in (model, "bad"):
        (damaged.repository / f"{name}_vae_decoder" / "1" / "model.onnx").write_bytes(whole)
    tell(f"a restored network: a sound after {sounds_again(damaged, model):.1f} s")


@pytest.mark.parametrize("kind", ["worker", "database"])
def test_what_is_stopped_is_replaced(damaged: Stack, kind: str) -> None:
    (stopped,) = victims(kind, (damaged,))
    stopped.suspend()
    took_s = until(
        lambda: [each.pid for each in victims(kind, (damaged,))] not in ([], [stopped.pid]),
        PROMISE_S,
    )
    jobs = Jobs(damaged.address)

    def is_accepted() -> bool:
        jobs.submit(1)
        return bool(jobs.accepted)

    until(is_accepted, PROMISE_S)
    jobs.until_over(PROMISE_S)
    assert set(jobs.refused) <= {503}
    tell(f"a stopped {kind} is replaced after {took_s:.1f} s")


def test_a_second_stack_in_the_same_folder_is_told_who_runs_there(
    damaged: Stack, model: str
) -> None:
    (database,) = victims("database", (damaged,))
    second = tritone(damaged, "up")
    assert second.returncode == 1
    assert f"is in use by `tritone up`, process {damaged.process.pid}, since " in second.stderr
    assert database.is_running()
    assert status_of(damaged.address, model=model) == 200
    doctor = tritone(damaged, "doctor")
    assert f"is in use by `tritone up`, process {damaged.process.pid}" in doctor.stdout
    assert "BAD  port" not in doctor.stdout


def test_the_processes_of_the_stack_are_listed(damaged: Stack, model: str) -> None:
    listed = json.loads(tritone(damaged, "ps", "--json").stdout)
    names = {each["name"] for each in listed}
    wanted = {"tritone up", "triton", "frontend", "worker", "database", f"{model}_denoiser"}
    assert wanted <= names
    port = int(damaged.address.rpartition(":")[2])
    assert [each["name"] for each in listed if port in each["ports"]] == ["frontend"]
