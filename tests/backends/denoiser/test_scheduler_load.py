"""The scheduler under load, on a clock that only steps move: a step costs time by its frames."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backends.denoiser.job import Job
from backends.denoiser.predict.rows import Predictors
from backends.errors import RequestFailed
from backends.tensors import Tensors
from tests.backends.fakes import FakeClock, FakeMetrics, FakeReply, halve, job, make_scheduler
from tritone.card import ModelCard
from tritone.sampling import Latents
from tritone.tensors import LATENTS
from tritone.turns import BACKGROUND, INTERACTIVE

SECONDS_PER_FRAME = 0.001
_SHORT, _LONG = 1.0, 4.0  # seconds of sound: 25 and 100 frames, or 25 and 100 ms a step


@dataclass
class Timed(FakeReply):
    """Notes when it was answered, and how often."""

    clock: Callable[[], float] = lambda: 0.0
    answered_at: float = 0.0
    n_answers: int = 0

    def succeed(self, job: Job) -> None:
        super().succeed(job)
        self._note()

    def fail(self, error: RequestFailed) -> None:
        super().fail(error)
        self._note()

    def _note(self) -> None:
        self.answered_at, self.n_answers = self.clock(), self.n_answers + 1


@dataclass(frozen=True)
class Ask:
    at: float
    seconds: float = _SHORT
    steps: int = 4
    owner: str = ""
    priority: int = INTERACTIVE
    timeout_s: float | None = None

    @property
    def work_s(self) -> float:
        return self.steps * 25 * self.seconds * SECONDS_PER_FRAME


class Rig:
    """One lane, stepped by hand; `results` has every ask and its reply, None where refused."""

    def __init__(self, card: ModelCard, *, step_batch: int = 1) -> None:
        self.card = card
        self.clock = FakeClock()
        self.clock.now = 0.0
        self.metrics = FakeMetrics()
        self.n_row_steps = 0
        self.scheduler = make_scheduler(
            Predictors(1, self._predict, self._predict),
            self.metrics,
            step_batch=step_batch,
            max_pending=1000,
            clock=self.clock,
        )
        self.results: list[tuple[Ask, Timed | None]] = []

    def _predict(self, inputs: Tensors) -> Latents:
        rows, _, frames = inputs[LATENTS].shape
        self.clock.now += rows * frames * SECONDS_PER_FRAME
        self.n_row_steps += rows
        return halve(inputs)

    def run(self, asks: list[Ask]) -> list[tuple[Ask, Timed | None]]:
        coming = sorted(asks, key=lambda ask: ask.at)
        while coming or self.metrics.active or self.metrics.pending:
            if coming and not (self.metrics.active or self.metrics.pending):
                self.clock.now = max(self.clock.now, coming[0].at)
            while coming and coming[0].at <= self.clock.now:
                self._submit(coming.pop(0))
            self.scheduler.step()
        return self.results

    def _submit(self, ask: Ask) -> None:
        made, _ = job(self.card, seconds_end=ask.seconds, steps=ask.steps)
        made.reply = reply = Timed(clock=self.clock)
        made.owner, made.priority = ask.owner, ask.priority
        # Its clock began when it came, which may have been in the middle of a step.
        timeout_s = None if ask.timeout_s is None else ask.timeout_s - (self.clock.now - ask.at)
        if timeout_s is not None and timeout_s <= 0:  # Triton itself refuses it
            self.results.append((ask, None))
            return
        try:
            self.scheduler.submit(made, timeout_s)
        except RequestFailed:
            self.results.append((ask, None))
        else:
            self.results.append((ask, reply))


ASKS = st.lists(
    st.builds(
        Ask,
        at=st.floats(0.0, 5.0),
        seconds=st.sampled_from([_SHORT, _LONG]),
        steps=st.integers(1, 6),
        owner=st.sampled_from(["", "a", "b"]),
        priority=st.sampled_from([INTERACTIVE, BACKGROUND]),
        timeout_s=st.none() | st.floats(0.05, 5.0),
    ),
    max_size=25,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asks=ASKS, step_batch=st.integers(1, 4))
def test_each_accepted_job_is_answered_once_and_not_after_its_deadline(
    card: ModelCard, asks: list[Ask], step_batch: int
) -> None:
    longest_step_s = step_batch * 25 * _LONG * SECONDS_PER_FRAME
    for ask, reply in Rig(card, step_batch=step_batch).run(asks):
        if reply is None:
            continue
        assert reply.n_answers == 1
        assert (reply.latents is None) != (reply.error is None)
        if ask.timeout_s is not None:
            # Answers come between steps: late by the step in which the deadline passed.
            assert reply.answered_at <= ask.at + ask.timeout_s + longest_step_s + 1e-6


@settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25
)
@given(step_batch=st.integers(1, 4))
def test_no_length_starves_another(card: ModelCard, step_batch: int) -> None:
    # Short sounds keep coming faster than they can be made; one long one came first of all.
    shorts = [Ask(at=0.05 * i, seconds=_SHORT, owner="shorts") for i in range(100)]
    long = Ask(at=0.01, seconds=_LONG, owner="long")
    results = dict(Rig(card, step_batch=step_batch).run([*shorts, long]))
    reply = results[long]
    assert reply is not None
    assert reply.latents is not None
    most_s = 2 * (long.work_s + step_batch * shorts[0].work_s)  # its half share, and whoever runs
    assert reply.answered_at <= most_s


def poisson(rate: float, n: int, seed: int) -> list[float]:
    return list(np.cumsum(np.random.default_rng(seed).exponential(1 / rate, n)))


def test_at_twice_the_capacity_nearly_all_work_ends_in_time(card: ModelCard) -> None:
    work_s = Ask(at=0.0).work_s  # 0.1 s
    asks = [Ask(at=at, timeout_s=1.0) for at in poisson(2 / work_s, 1000, seed=1)]
    rig = Rig(card)
    results = rig.run(asks)
    good = [a for a, reply in results if reply is not None and reply.latents is not None]
    assert len(good) * work_s > 0.95 * rig.clock.now  # all the time went into sounds in time
    assert rig.n_row_steps < 1.02 * sum(ask.steps for ask in good)  # nearly none for late ones


def test_a_job_that_cannot_be_in_time_is_refused_at_once(card: ModelCard) -> None:
    rig = Rig(card)
    rig.run([Ask(at=0.0, steps=10)])  # now the step_times is known: 25 ms a step
    n_row_steps = rig.n_row_steps
    (_, (_, refused)) = rig.run([Ask(at=1.0, steps=10, timeout_s=0.2)])
    assert refused is None
    assert rig.n_row_steps == n_row_steps
    assert rig.metrics.n_failed == 1


def test_a_job_that_can_no_longer_be_in_time_is_ended_early(card: ModelCard) -> None:
    rig = Rig(card)
    rig.run([Ask(at=0.0, steps=1)])
    first, second = Ask(at=1.0, steps=40), Ask(at=1.01, steps=40, timeout_s=1.2)
    results = dict(rig.run([first, second])[1:])
    reply = results[second]
    assert reply is not None
    assert reply.error is not None
    assert "deadline exceeded at step 0/40" in str(reply.error)
    assert reply.answered_at < 1.01 + 1.2 - 0.9  # not when the deadline was over: long before


def test_equal_sounds_are_made_one_after_the_other(card: ModelCard) -> None:
    """When they take turns at every step, each ends about when the last one does."""
    asks = [Ask(at=0.0, steps=10) for _ in range(8)]
    results = Rig(card).run(asks)
    ends = [reply.answered_at for _, reply in results if reply is not None]
    in_turns = [0.25 * (8 - (7 - i) / 10) for i in range(8)]  # the same work in turns
    assert sum(ends) < 0.6 * sum(in_turns)
    assert max(ends) <= max(in_turns) + 1e-6
