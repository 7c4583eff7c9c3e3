"""The reconciler over a scripted Triton and a scripted process table."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import psutil
import pytest
from tritonclient.grpc.model_config_pb2 import ModelConfig

from ops.errors import CannotStart, TritonCallFailed
from ops.triton import reconciler as module
from ops.triton.backend_processes import BackendProcess, DeadProcess, Look
from ops.triton.control import TritonControl
from ops.triton.reconciler import Host, Reconciler
from tritone.versions import CANDIDATE_PARAMETER

ENSEMBLE = 'platform: "ensemble" ensemble_scheduling {{ step [ {{ model_name: "{0}_decoder" }} ] }}'
DECODER = 'backend: "python" instance_group [ {{ count: 1 }} ]'
SERVER = 100


@dataclass
class FakeTriton:
    """Loads what its repository holds; one backend process for each decoder."""

    repository: Path
    states: dict[str, str] = field(default_factory=dict)
    processes: dict[str, int] = field(default_factory=dict)  # pid by model
    stopped: set[int] = field(default_factory=set)
    dead: list[DeadProcess] = field(default_factory=list)
    never_ends: bool = False  # a load: its backend process died
    n_accidents: int = 0  # loads whose backend process somebody ends
    loads: list[str] = field(default_factory=list)
    unloads: list[str] = field(default_factory=list)
    pid: int | None = SERVER
    is_reachable: bool = True
    restarts: int = 0
    next_pid: int = 1000

    async def index(self) -> dict[str, dict[str, str]]:
        if not self.is_reachable:
            raise TritonCallFailed("away")
        return {model: {"1": state} for model, state in self.states.items()}

    async def config(self, _model: str) -> ModelConfig:
        config = ModelConfig(backend="python")
        config.instance_group.add(count=1)
        return config if _model.endswith("_decoder") else ModelConfig(platform="ensemble")

    async def load(self, model: str) -> None:
        self.loads.append(model)
        if self.never_ends:
            await asyncio.Event().wait()
        if self.n_accidents:
            self.n_accidents -= 1
            self.dead.append(DeadProcess(f"{model}_decoder", module.now()))
            self.states |= {f"{model}_decoder": "UNAVAILABLE", model: "UNAVAILABLE"}
            raise TritonCallFailed(f"{model}: its backend process is gone")
        names = [model] if model.endswith("_decoder") else [f"{model}_decoder", model]
        for name in names:
            network = self.repository / name / "1" / "model.onnx"
            if network.is_file() and network.read_text() == "damaged":
                ensemble = name.removesuffix("_decoder")
                if self.states.get(name) != "READY":  # else it goes on calling it so
                    self.states |= {name: "UNAVAILABLE", ensemble: "UNAVAILABLE"}
                raise TritonCallFailed(f"{name}: no network\n at model.py")
            self.states[name] = "READY"
            if name.endswith("_decoder"):
                self.start_process(name)

    async def unload(self, model: str) -> None:
        self.unloads.append(model)
        self.states |= {model: "UNAVAILABLE", model.removesuffix("_decoder"): "UNAVAILABLE"}

    def start_process(self, model: str) -> None:
        self.next_pid += 1
        self.processes[model] = self.next_pid

    def kill(self, model: str) -> None:
        del self.processes[model]
        self.dead.append(DeadProcess(model, SERVER))  # it began long ago

    def restart(self) -> None:
        """Die; the supervisor's next one knows nothing."""
        self.restarts += 1
        self.pid = (self.pid or SERVER) + 1
        self.states, self.processes, self.dead, self.never_ends = {}, {}, [], False

    # The process table

    def look(self, _server_pid: int) -> Look:
        living = [
            BackendProcess(model, cast("psutil.Process", _Process(pid, self)), pid in self.stopped)
            for model, pid in self.processes.items()
        ]
        return Look(tuple(living), tuple(self.dead))

    def has_changed(self) -> bool:
        return False


@dataclass(frozen=True)
class _Process:
    pid: int
    triton: FakeTriton

    def kill(self) -> None:
        self.triton.stopped.discard(self.pid)
        for model, pid in list(self.triton.processes.items()):
            if pid == self.pid:
                self.triton.kill(model)


def publish(repository: Path, *names: str) -> None:
    for name in names:
        for folder, text in ((name, ENSEMBLE), (f"{name}_decoder", DECODER)):
            (repository / folder / "1").mkdir(parents=True)
            (repository / folder / "config.pbtxt").write_text(text.format(name))
        (repository / f"{name}_decoder" / "1" / "model.onnx").write_text("network")


@dataclass
class Bench:
    """A reconciler, its scripted surroundings and a clock that we turn."""

    triton: FakeTriton
    reconciler: Reconciler
    clock: list[float]

    async def turn(self, until: Callable[[], bool], limit_s: float = 30.0) -> float:
        """Reconcile every 0.2 s of the clock until something holds; return how long it took."""
        began = self.clock[0]
        while not until():
            assert self.clock[0] - began < limit_s, "not within the limit"
            await self.reconciler.reconcile()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            self.clock[0] += 0.2
        return self.clock[0] - began

    async def settle(self) -> None:
        while not await self.reconciler.is_settled():
            await self.reconciler.reconcile()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            self.clock[0] += 0.2

    def serves(self, *models: str) -> bool:
        """Return whether each of the models could make a sound."""
        return all(
            self.triton.states.get(name) == "READY" for m in models for name in (m, f"{m}_decoder")
        ) and all(f"{m}_decoder" in self.triton.processes for m in models)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    publish(tmp_path, "rain")
    clock = [1_000_000.0]
    monkeypatch.setattr(module, "now", lambda: clock[0])
    triton = FakeTriton(tmp_path)
    host = Host(pid=lambda: triton.pid, restart=triton.restart)
    reconciler = Reconciler([tmp_path], cast("TritonControl", triton), host)
    monkeypatch.setattr(reconciler, "processes", triton)
    monkeypatch.setattr(reconciler._troubles, "_clock", lambda: clock[0])
    return Bench(triton, reconciler, clock)


async def test_what_is_published_is_loaded(bench: Bench) -> None:
    await bench.settle()
    assert bench.serves("rain")
    assert bench.triton.loads == ["rain"]


async def test_a_killed_backend_process_is_replaced(bench: Bench) -> None:
    await bench.settle()
    bench.triton.kill("rain_decoder")
    assert await bench.turn(lambda: bench.serves("rain")) < 2
    assert bench.triton.loads == ["rain", "rain_decoder"]


async def test_a_backend_process_that_nobody_saw_alive_is_missed_all_the_same(bench: Bench) -> None:
    bench.triton.states = {"rain": "READY", "rain_decoder": "READY"}  # and no process
    assert await bench.turn(lambda: bench.serves("rain")) < 2


async def test_an_orderly_end_is_no_death(bench: Bench) -> None:
    await bench.settle()
    pid = bench.triton.processes.pop("rain_decoder")
    await bench.reconciler.reconcile()
    bench.triton.states["rain_decoder"] = "UNLOADING"
    bench.clock[0] += 1
    await bench.reconciler.reconcile()
    bench.triton.processes["rain_decoder"] = pid
    bench.triton.states["rain_decoder"] = "READY"
    bench.clock[0] += 1
    await bench.reconciler.reconcile()
    assert bench.triton.loads == ["rain"]


async def test_a_stopped_backend_process_is_killed_and_replaced(bench: Bench) -> None:
    await bench.settle()
    pid = bench.triton.processes["rain_decoder"]
    bench.triton.stopped.add(pid)
    took_s = await bench.turn(lambda: bench.triton.processes.get("rain_decoder", pid) != pid)
    assert 3 <= took_s < 6


async def test_a_triton_whose_load_can_never_end_is_restarted(bench: Bench) -> None:
    triton = bench.triton
    triton.states = {"rain": "LOADING", "rain_decoder": "LOADING"}
    await bench.reconciler.reconcile()
    triton.dead.append(DeadProcess(None, bench.clock[0]))
    assert await bench.turn(lambda: triton.restarts == 1) < 5
    assert await bench.turn(lambda: bench.serves("rain")) < 2


async def test_a_reload_that_can_never_end_costs_a_restart(bench: Bench) -> None:
    await bench.settle()
    triton = bench.triton
    triton.never_ends = True
    triton.kill("rain_decoder")
    await bench.turn(lambda: triton.loads == ["rain", "rain_decoder"])
    triton.dead.append(DeadProcess("rain_decoder", bench.clock[0]))  # Triton says READY all along
    assert await bench.turn(lambda: triton.restarts == 1) < 5
    assert await bench.turn(lambda: bench.serves("rain")) < 2


async def test_a_long_load_is_left_alone(bench: Bench) -> None:
    triton = bench.triton
    triton.dead.append(DeadProcess(None, bench.clock[0] - 60))  # of a model that was unloaded
    triton.states = {"rain": "LOADING", "rain_decoder": "LOADING"}
    for _ in range(200):
        await bench.reconciler.reconcile()
        bench.clock[0] += 0.2
    assert triton.restarts == 0


async def test_a_restarted_triton_gets_its_models_again(bench: Bench) -> None:
    await bench.settle()
    bench.triton.restart()
    assert not await bench.reconciler.is_settled()
    assert await bench.turn(lambda: bench.serves("rain")) < 2


async def test_nothing_is_done_while_triton_is_away(bench: Bench) -> None:
    await bench.settle()
    bench.triton.is_reachable = False
    bench.triton.kill("rain_decoder")
    for _ in range(10):
        await bench.reconciler.reconcile()
        bench.clock[0] += 0.2
    assert bench.triton.loads == ["rain"]
    bench.triton.is_reachable = True
    assert await bench.turn(lambda: bench.serves("rain")) < 2


async def test_a_broken_model_is_not_everybodys_outage(
    bench: Bench, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    publish(tmp_path, "fire")
    (tmp_path / "fire_decoder" / "1" / "model.onnx").write_text("damaged")
    publish(tmp_path, "wind")
    (tmp_path / "wind_decoder" / "config.pbtxt").unlink()
    await bench.settle()
    assert bench.serves("rain")
    assert "fire cannot be loaded: fire_decoder: no network" in caplog.messages


async def test_a_network_that_was_damaged_and_restored_is_served_again(
    bench: Bench, tmp_path: Path
) -> None:
    await bench.settle()
    network = tmp_path / "rain_decoder" / "1" / "model.onnx"
    network.write_text("damaged")
    bench.triton.kill("rain_decoder")
    await bench.turn(lambda: bench.triton.states["rain_decoder"] == "UNAVAILABLE")
    assert bench.triton.unloads == ["rain_decoder"]  # dead: now Triton says why it does not load
    for _ in range(300):  # a minute
        await bench.reconciler.reconcile()
        await asyncio.sleep(0)
        bench.clock[0] += 0.2
    assert len(bench.triton.loads) < 20, "it is tried again and again"
    network.write_text("network")
    assert await bench.turn(lambda: bench.serves("rain")) < 3


async def test_a_model_that_is_published_later_is_loaded(bench: Bench, tmp_path: Path) -> None:
    await bench.settle()
    publish(tmp_path, "fire")
    assert await bench.turn(lambda: bench.serves("rain", "fire")) < 3


async def test_a_trial_that_an_operator_ends_is_not_begun_again(
    bench: Bench, tmp_path: Path
) -> None:
    trial = tmp_path / "rain@2"
    trial.mkdir()
    (trial / "config.pbtxt").write_text(
        (tmp_path / "rain" / "config.pbtxt").read_text()
        + f' parameters {{ key: "{CANDIDATE_PARAMETER}" value {{ string_value: "rain" }} }}'
    )
    await bench.settle()
    assert bench.triton.states["rain@2"] == "READY"
    bench.triton.states["rain@2"] = "UNAVAILABLE"
    loads = list(bench.triton.loads)
    for _ in range(50):
        await bench.reconciler.reconcile()
        bench.clock[0] += 0.2
    assert bench.triton.loads == loads


async def test_a_model_that_is_away_for_a_moment_is_left_alone(bench: Bench) -> None:
    await bench.settle()
    for _ in range(5):
        bench.triton.states["rain"] = "UNAVAILABLE"
        for _ in range(3):
            await bench.reconciler.reconcile()
            bench.clock[0] += 0.2
        bench.triton.states["rain"] = "READY"
        await bench.reconciler.reconcile()
    assert bench.triton.loads == ["rain"]
    bench.triton.states["rain"] = "UNAVAILABLE"
    assert 1 < await bench.turn(lambda: bench.serves("rain")) < 3


async def test_a_start_without_one_whole_model_says_why(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "rain_decoder" / "1" / "model.onnx").write_text("damaged")
    with pytest.raises(CannotStart, match="no model can be loaded: rain: rain_decoder: no network"):
        await bench.settle()


async def test_one_accident_in_the_first_load_does_not_end_the_start(bench: Bench) -> None:
    bench.triton.n_accidents = 1
    await bench.settle()
    assert bench.serves("rain")


async def test_a_model_whose_process_dies_in_each_load_is_hopeless(bench: Bench) -> None:
    bench.triton.n_accidents = 2
    with pytest.raises(CannotStart, match="no model can be loaded: rain: rain: its backend"):
        await bench.settle()


async def test_files_that_cannot_be_touched_cost_a_restart(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.settle()

    def refuse(*_: object) -> None:
        raise PermissionError("read-only")

    monkeypatch.setattr(module, "touch", refuse)
    bench.triton.kill("rain_decoder")
    await bench.turn(lambda: bench.triton.restarts == 1)
    assert await bench.turn(lambda: bench.serves("rain")) < 3


async def test_a_mistake_of_ours_ends_no_healing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_QUICK_PERIOD_S", 0.01)
    look, calls = bench.triton.look, []

    def fail_once(pid: int) -> Look:
        calls.append(pid)
        if len(calls) == 1:
            raise RuntimeError("a mistake")
        return look(pid)

    monkeypatch.setattr(bench.triton, "look", fail_once)
    run = asyncio.create_task(bench.reconciler.run())
    async with asyncio.timeout(10):
        while not await bench.reconciler.is_settled():  # noqa: ASYNC110 -- another task's state
            await asyncio.sleep(0.01)
    run.cancel()
    assert bench.serves("rain")
