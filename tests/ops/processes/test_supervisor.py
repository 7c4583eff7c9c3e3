import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from ops.errors import CannotStart
from ops.processes import supervisor
from ops.processes.supervisor import Pulse, Service, Supervisor
from tritone.tasks import end_tasks

TIMEOUT_S = 10.0
SLEEP = "import time; time.sleep(60)"
STUBBORN = (
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); open({ready!r}, 'w'); " + SLEEP
)


async def always() -> bool:
    return True


async def never() -> bool:
    return False


def service(code: str, **changes: object) -> Service:
    fields: dict[str, object] = {
        "name": "python",
        "command": lambda: [sys.executable, "-c", code],
        "environment": {},
        "is_ready": always,
        "clean_up": lambda: None,
        "start_timeout_s": TIMEOUT_S,
    }
    return Service(**{**fields, **changes})  # type: ignore[arg-type]


async def until(is_true: Callable[[], bool]) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        while not is_true():  # noqa: ASYNC110 -- another process's state
            await asyncio.sleep(0.01)


async def end(kept: Supervisor, run: asyncio.Task[None]) -> None:
    await end_tasks(run)  # it may be starting a process at this moment
    await kept.stop(TIMEOUT_S)


async def test_a_dead_service_is_cleaned_up_after_and_started_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(supervisor, "_FIRST_DELAY_S", 0.01)
    cleanings: list[bool] = []
    kept = Supervisor(service(SLEEP, clean_up=lambda: cleanings.append(True)))
    run = asyncio.create_task(kept.run())
    await kept.is_ready.wait()
    assert kept.child is not None
    first = kept.child.pid
    psutil.Process(first).kill()
    await until(lambda: kept.child is not None and kept.child.pid != first)
    await kept.is_ready.wait()
    assert cleanings == [True]
    await end(kept, run)


async def test_a_service_that_crashes_and_hangs_in_it_is_killed_and_started_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(supervisor, "_FIRST_DELAY_S", 0.01)
    monkeypatch.setattr(supervisor, "_LAST_WORDS_S", 0.01)
    once = tmp_path / "once"
    code = f"import os\nif not os.path.exists({str(once)!r}):\n  os.mkdir({str(once)!r})\n"
    kept = Supervisor(
        service(f"{code}  print('Signal (6) received', flush=True)\n{SLEEP}", last_words=("(6)",))
    )
    run = asyncio.create_task(kept.run())
    await until(lambda: kept.child is not None)
    first = kept.child
    await until(lambda: kept.child is not first)
    await kept.is_ready.wait()
    assert kept.pid is not None
    await end(kept, run)


async def test_a_service_that_falls_silent_is_killed_and_started_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(supervisor, "_FIRST_DELAY_S", 0.01)
    silent: set[int] = set()

    async def is_felt(_timeout_s: float) -> bool:
        return kept.child is not None and kept.child.pid not in silent

    kept = Supervisor(service(SLEEP, pulse=Pulse(is_felt=is_felt, timeout_s=0.3)))
    run = asyncio.create_task(kept.run())
    await kept.is_ready.wait()
    assert kept.child is not None
    first = kept.child.pid
    await asyncio.sleep(0.6)
    assert kept.child.pid == first  # it answers
    silent.add(first)
    await until(lambda: kept.child is not None and kept.child.pid != first)
    await end(kept, run)


async def test_a_service_that_keeps_dying_is_started_ever_more_rarely(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(supervisor, "_FIRST_DELAY_S", 0.01)
    delays: list[float] = []
    sleep = asyncio.sleep

    async def record(delay_s: float) -> None:
        # Patched for all: whatever else lives in this loop sleeps as it did.
        if asyncio.current_task() is not run:
            return await sleep(delay_s)
        delays.append(delay_s)
        return await sleep(0)

    kept = Supervisor(service("", is_ready=always))
    monkeypatch.setattr("ops.processes.supervisor.asyncio.sleep", record)
    run = asyncio.create_task(kept.run())
    async with asyncio.timeout(TIMEOUT_S):
        while len(delays) < 5:
            await sleep(0.01)
    await end(kept, run)
    assert delays[:5] == [0.01, 0.02, 0.04, 0.08, 0.16]


async def test_a_service_that_is_stopped_is_killed_and_started_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(supervisor, "_FIRST_DELAY_S", 0.01)
    monkeypatch.setattr(supervisor, "_LOOK_S", 0.05)
    kept = Supervisor(service(SLEEP))
    run = asyncio.create_task(kept.run())
    await kept.is_ready.wait()
    first = kept.pid
    psutil.Process(first).suspend()
    await until(lambda: kept.pid not in {None, first})
    await end(kept, run)


async def test_a_service_that_is_killed_in_its_very_first_start_is_started_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(supervisor, "_FIRST_DELAY_S", 0.01)
    killed: list[int] = []

    async def is_ready() -> bool:
        if kept.pid is not None and not killed:
            killed.append(kept.pid)
            psutil.Process(kept.pid).kill()
            return False
        return kept.pid not in {None, *killed}

    kept = Supervisor(service(SLEEP, is_ready=is_ready))
    run = asyncio.create_task(kept.run())
    async with asyncio.timeout(TIMEOUT_S):
        await kept.is_ready.wait()
    assert killed
    await end(kept, run)


async def test_a_service_whose_settings_are_bad_is_not_started_again(tmp_path: Path) -> None:
    starts = tmp_path / "starts"
    code = f"open({str(starts)!r}, 'a').write('.'); raise SystemExit(2)"
    kept = Supervisor(service(code, is_ready=never))
    with pytest.raises(CannotStart, match="python ended with code 2 before it was ready"):
        await kept.run()
    assert starts.read_text() == "."


async def test_a_service_that_can_never_be_ready_says_so_itself() -> None:
    async def refuse() -> bool:
        raise CannotStart("no model can be loaded")

    kept = Supervisor(service(SLEEP, is_ready=refuse))
    with pytest.raises(CannotStart, match="no model can be loaded"):
        await kept.run()
    assert kept.pid is None


async def test_a_service_that_never_starts_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "_FIRST_DELAY_S", 0.01)
    kept = Supervisor(service("raise SystemExit(3)", is_ready=never))
    with pytest.raises(CannotStart, match="python ended with code 3 before it was ready"):
        await kept.run()
    await kept.stop(TIMEOUT_S)


async def test_a_service_that_never_gets_ready_is_an_error() -> None:
    kept = Supervisor(service(SLEEP, is_ready=never, start_timeout_s=0.2))
    with pytest.raises(CannotStart, match=r"not ready within 0\.2 s"):
        await kept.run()
    await kept.stop(TIMEOUT_S)


async def test_a_service_that_lives_and_waits_for_another_is_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(supervisor, "_FIRST_DELAY_S", 0.01)
    asked: list[float] = []
    is_other_there = True

    async def is_ready() -> bool:
        return is_other_there

    async def is_felt(timeout_s: float) -> bool:
        asked.append(timeout_s)
        return True

    pulse = Pulse(is_felt=is_felt, timeout_s=60)
    kept = Supervisor(service(SLEEP, is_ready=is_ready, start_timeout_s=0.1, pulse=pulse))
    run = asyncio.create_task(kept.run())
    await kept.is_ready.wait()
    is_other_there = False
    first = kept.pid
    psutil.Process(first).kill()
    await until(lambda: kept.pid not in {None, first})
    second = kept.pid
    asked.clear()
    await until(lambda: len(asked) > 3)
    assert kept.pid == second
    is_other_there = True
    await kept.is_ready.wait()
    await end(kept, run)


async def test_a_service_that_does_not_leave_is_killed(tmp_path: Path) -> None:
    marker = tmp_path / "ready"

    async def is_ready() -> bool:
        return marker.exists()

    kept = Supervisor(service(STUBBORN.format(ready=str(marker)), is_ready=is_ready))
    run = asyncio.create_task(kept.run())
    await kept.is_ready.wait()
    run.cancel()
    assert kept.child is not None
    await kept.stop(0.2)
    assert not psutil.pid_exists(kept.child.pid)


async def test_the_whole_group_of_a_service_ends_with_it(tmp_path: Path) -> None:
    marker = tmp_path / "pid"
    code = (
        "import pathlib, subprocess, time\n"
        "child = subprocess.Popen(['sleep', '60'])\n"
        f"pathlib.Path({str(marker)!r}).write_text(str(child.pid))\n"
        "time.sleep(60)"
    )
    kept = Supervisor(service(code, environment={"PATH": "/usr/bin:/bin"}))
    run = asyncio.create_task(kept.run())
    await until(lambda: marker.exists() and bool(marker.read_text()))
    grandchild = psutil.Process(int(marker.read_text()))
    await end(kept, run)
    await until(lambda: not grandchild.is_running() or grandchild.status() == psutil.STATUS_ZOMBIE)


async def test_lines_of_a_service_are_shown_with_its_name_unless_hidden(
    capsys: pytest.CaptureFixture[str],
) -> None:
    shown: list[str] = []

    async def has_spoken() -> bool:
        shown.append(capsys.readouterr().err)
        return "hello" in "".join(shown)

    code = f"print('harmless noise'); print('hello', flush=True); {SLEEP}"
    kept = Supervisor(service(code, is_ready=has_spoken, hides=("noise",)))
    run = asyncio.create_task(kept.run())
    await kept.is_ready.wait()
    await end(kept, run)
    assert "".join(shown) == "python   | hello\n"
