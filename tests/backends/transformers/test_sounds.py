"""Runs of prompts: who shares one, who leaves it early, who is told what."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from backends.denoiser.job_queue import JobQueue
from backends.errors import Code, RequestFailed
from backends.transformers.sounds import LOOK_FRAMES, SoundMaker, make_job
from tests.backends.fakes import FakeMetrics
from tests.cards import STARTER_LIKE
from tritone.pcm import Pcm

CARD = replace(
    STARTER_LIKE, family="musicgen", samples_per_frame=160, frame_bucket=1, max_frames=1000
)
Watch = Callable[[int], None]


@dataclass
class Reply:
    sounds: list[Pcm] = field(default_factory=list)
    errors: list[RequestFailed] = field(default_factory=list)
    has_left: bool = False

    def is_cancelled(self) -> bool:
        return self.has_left

    def succeed(self, pcm: Pcm, progress: tuple[int, int]) -> None:
        assert progress[0] == progress[1]
        self.sounds.append(pcm)

    def fail(self, error: RequestFailed) -> None:
        self.errors.append(error)


def tensors(prompt: str, seconds: float, seed: int = 0) -> dict[str, Any]:
    return {
        "prompt": np.array([[prompt.encode()]], np.object_),
        "seconds_start": np.array([[0.0]], np.float32),
        "seconds_end": np.array([[seconds]], np.float32),
        "seed": np.array([[seed]], np.int64),
    }


class Bench:
    """A maker whose checkpoint is a function of the test's."""

    def __init__(self, generate: Callable[[Sequence[str], int, Watch], None] | None = None) -> None:
        self.runs: list[list[str]] = []
        self.queue: Any = JobQueue(FakeMetrics(), step_batch=3, max_jobs=8)
        self._generate = generate
        self.maker = SoundMaker(self._make, self.queue, FakeMetrics())

    def _make(
        self, prompts: Sequence[str], seeds: Sequence[int], n_frames: int, watch: Watch
    ) -> list[Any]:
        self.runs.append(list(prompts))
        if self._generate is not None:
            self._generate(prompts, n_frames, watch)
        return [np.full((1, n_frames * 160), 0.5) for _ in seeds]

    def ask(self, prompt: str, seconds: float) -> Reply:
        reply = Reply()
        self.queue.submit(make_job(CARD, tensors(prompt, seconds), prompt, reply), None)
        return reply


def test_prompts_of_one_length_share_a_run() -> None:
    bench = Bench()
    replies = [bench.ask(*each) for each in (("a", 1.0), ("b", 2.0), ("c", 1.0))]
    bench.maker.step()
    bench.maker.step()
    assert sorted(map(sorted, bench.runs)) == [["a", "c"], ["b"]]
    assert [reply.sounds[0].shape for reply in replies] == [(1, 16_000), (1, 32_000), (1, 16_000)]
    assert bench.queue.progress("a") == (100, 100)
    assert bench.queue.load == (0, 8)


def test_who_leaves_is_told_at_once_and_the_others_get_their_sound() -> None:
    def leave(prompts: Sequence[str], n_frames: int, watch: Watch) -> None:
        watch(1)
        assert bench.queue.progress("a") == (1, 100)
        bench.queue.cancel("a")
        watch(LOOK_FRAMES)
        assert first.errors[0].code == Code.CANCELLED

    bench = Bench(leave)
    first, second = bench.ask("a", 1.0), bench.ask("b", 1.0)
    bench.maker.step()
    assert not first.sounds
    assert len(first.errors) == len(second.sounds) == 1


def test_a_run_ends_when_the_last_one_has_left() -> None:
    def leave(prompts: Sequence[str], n_frames: int, watch: Watch) -> None:
        reply.has_left = True
        watch(LOOK_FRAMES)
        pytest.fail("nobody waits for this")

    bench = Bench(leave)
    reply = bench.ask("a", 1.0)
    bench.maker.step()
    assert [error.code for error in reply.errors] == [Code.CANCELLED]
    assert bench.queue.load == (0, 8)


def test_a_checkpoint_that_fails_costs_one_run() -> None:
    def fail(prompts: Sequence[str], n_frames: int, watch: Watch) -> None:
        if "bad" in prompts:
            raise ValueError("out of memory")

    bench = Bench(fail)
    bad = bench.ask("bad", 1.0)
    bench.maker.step()
    assert str(bad.errors[0]) == "the checkpoint failed: out of memory"
    good = bench.ask("good", 1.0)
    bench.maker.step()
    assert good.sounds


def test_what_is_left_at_the_end_is_refused() -> None:
    bench = Bench()
    reply = bench.ask("a", 1.0)
    bench.maker.abandon()
    assert [error.code for error in reply.errors] == [Code.UNAVAILABLE]


@pytest.mark.parametrize("change", [{"seed": None}, {"seconds_end": np.array([[99.0]])}])
def test_a_request_out_of_its_bounds_is_refused(change: dict[str, Any]) -> None:
    given = {key: value for key, value in (tensors("a", 1.0) | change).items() if value is not None}
    with pytest.raises(RequestFailed):
        make_job(CARD, given, "", Reply())
