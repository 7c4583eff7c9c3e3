import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import cast

import psutil

from ops.errors import TritonCallFailed
from ops.triton.backend_directory import STUB
from ops.triton.control import TritonControl
from ops.triton.healing import StubWatch, heal, heal_forever, touch

TIMEOUT_S = 10.0


class FakeControl:
    """Keeps what is loaded."""

    def __init__(self, error: Exception | None = None) -> None:
        self.loaded: list[str] = []
        self.error = error

    async def is_ready(self, _models: list[str]) -> bool:
        return True

    async def load(self, model: str) -> None:
        self.loaded.append(model)
        if self.error is not None:
            raise self.error


def control(fake: FakeControl) -> TritonControl:
    return cast("TritonControl", fake)  # what of it `heal` uses


def start_stub(model: str) -> subprocess.Popen[bytes]:
    # Named like Triton's stub, with its arguments.
    command = [f"/somewhere/{STUB}", "-c", "import time; time.sleep(60)", f"{model}_0_0", "DEFAULT"]
    return subprocess.Popen(command, executable=sys.executable)


def wait_for_zombie(process: subprocess.Popen[bytes]) -> None:
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)


def test_a_killed_backend_process_is_noticed_once() -> None:
    stub, other = start_stub("rain_denoiser"), start_stub("rain_tokenizer")
    try:
        watch = StubWatch(os.getpid())
        while not set(watch.models()) >= {"rain_denoiser", "rain_tokenizer"}:
            watch.dead_models()
        stub.kill()
        wait_for_zombie(stub)
        assert until_dead(watch) == ["rain_denoiser"]
        assert watch.dead_models() == []
        assert other.poll() is None
    finally:
        for process in (stub, other):
            process.kill()
            process.wait()


def test_a_new_backend_process_is_found_beside_known_ones() -> None:
    first = start_stub("rain_denoiser")
    watch, others = StubWatch(os.getpid()), []
    try:
        until_known(watch, "rain_denoiser")
        others.append(start_stub("rain_tokenizer"))
        until_known(watch, "rain_tokenizer")
        others[0].kill()
        wait_for_zombie(others[0])
        assert until_dead(watch) == ["rain_tokenizer"]
        others.append(start_stub("rain_tokenizer"))  # healed: found at the next look
        time.sleep(0.1)
        watch.dead_models()
        assert "rain_tokenizer" in watch.models()
    finally:
        for process in (first, *others):
            process.kill()
            process.wait()


def until_known(watch: StubWatch, model: str) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while model not in watch.models():
        assert time.monotonic() < deadline
        watch.dead_models()


def until_dead(watch: StubWatch) -> list[str]:
    deadline = time.monotonic() + TIMEOUT_S
    while not (dead := watch.dead_models()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return dead


async def test_a_backend_process_that_died_before_it_was_seen_is_missed(tmp_path: Path) -> None:
    stub = start_stub("rain_denoiser")
    fake = FakeControl()
    try:
        stub.kill()  # as when Triton has just started it
        wait_for_zombie(stub)
        models = {"rain_denoiser"}  # of the Triton before
        healing = asyncio.create_task(heal_forever(os.getpid(), [tmp_path], control(fake), models))
        async with asyncio.timeout(TIMEOUT_S):
            while not fake.loaded:  # noqa: ASYNC110 -- another task's state
                await asyncio.sleep(0.01)
        await asyncio.sleep(1.0)
        healing.cancel()
    finally:
        stub.kill()
        stub.wait()
    assert fake.loaded == ["rain_denoiser"]  # once


def test_an_orderly_end_is_not_a_death() -> None:
    stub = start_stub("rain_denoiser")
    watch = StubWatch(os.getpid())
    until_known(watch, "rain_denoiser")
    stub.terminate()
    wait_for_zombie(stub)
    assert watch.dead_models() == []
    stub.wait()  # reaped, as Triton does, a moment later, when it unloads a model
    time.sleep(0.5)
    assert watch.dead_models() == []


def test_healing_changes_the_files_times_and_loads(tmp_path: Path) -> None:
    file = tmp_path / "rain" / "1" / "model.onnx"
    file.parent.mkdir(parents=True)
    file.write_text("weights")
    os.utime(file, (1, 1))
    fake = FakeControl()
    asyncio.run(heal("rain", [tmp_path], control(fake)))
    assert file.stat().st_mtime > 1
    assert file.read_text() == "weights"
    assert fake.loaded == ["rain"]


def test_a_failed_healing_is_survived(tmp_path: Path) -> None:
    asyncio.run(heal("rain", [tmp_path], control(FakeControl(TritonCallFailed("no")))))


def test_a_version_folder_without_files_is_touched_itself(tmp_path: Path) -> None:
    (tmp_path / "1").mkdir()
    touch(tmp_path)
    assert list((tmp_path / "1").iterdir()) == []


def test_watching_a_server_that_has_gone_ends() -> None:
    process = subprocess.Popen(["sleep", "0"])
    process.wait()
    try:
        StubWatch(process.pid).dead_models()
    except psutil.NoSuchProcess:
        return
    raise AssertionError("no error")
