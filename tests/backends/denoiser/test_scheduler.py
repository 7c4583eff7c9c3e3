import threading

import numpy as np
import pytest

from backends.denoiser.known_jobs import REMEMBERED_ENDS
from backends.denoiser.predict.rows import Predict, Predictors
from backends.errors import Code, RequestFailed
from backends.progress import UNKNOWN_JOB
from backends.tensors import Tensors
from tests.backends.fakes import FakeClock, FakeMetrics, FakeReply, halve, job, make_scheduler
from tritone.card import ModelCard
from tritone.sampling import Latents
from tritone.tensors import GUIDANCE_SCALE

TIMEOUT_S = 10.0


class Stand:
    """A scheduler whose steps are taken by hand."""

    def __init__(
        self,
        card: ModelCard,
        *,
        step_batch: int = 8,
        max_pending: int = 8,
        lanes: int = 1,
        predict: Predict = halve,
    ) -> None:
        self.card = card
        self.metrics = FakeMetrics()
        self.clock = FakeClock()
        self.scheduler = make_scheduler(
            Predictors(lanes, predict, predict),
            self.metrics,
            step_batch=step_batch,
            max_pending=max_pending,
            clock=self.clock,
        )

    def submit(
        self, job_id: str = "job", timeout_s: float | None = None, **changes: float
    ) -> FakeReply:
        made, reply = job(self.card, job_id, **changes)
        self.scheduler.submit(made, timeout_s)
        return reply

    def step(self, times: int = 1) -> None:
        for _ in range(times):
            self.scheduler.step()


def test_a_job_ends_after_its_last_step(card: ModelCard) -> None:
    stand = Stand(card)
    reply = stand.submit(steps=4)
    stand.step(3)
    assert reply.latents is None
    stand.step()
    assert reply.latents is not None
    assert reply.latents.shape == (8, 25)
    assert reply.latents.dtype == np.float32


def test_jobs_join_and_leave_a_running_batch(card: ModelCard) -> None:
    stand = Stand(card)
    long = stand.submit(steps=6)
    stand.step(2)
    short = stand.submit(steps=2)
    stand.step(4)
    assert short.latents is not None
    assert long.latents is not None
    assert stand.metrics.step_rows == [1, 1, 2, 2, 1, 1]


def test_neighbours_never_change_a_result(card: ModelCard) -> None:
    alone = Stand(card)
    expected = alone.submit(seed=42, steps=5)
    alone.step(5)
    stand = Stand(card)
    for seed in range(3):
        stand.submit(seed=seed, steps=3 + seed)
    stand.step(2)
    reply = stand.submit(seed=42, steps=5)
    stand.step(5)
    assert reply.latents is not None
    assert expected.latents is not None
    np.testing.assert_array_equal(reply.latents, expected.latents)


def test_lengths_of_different_buckets_step_in_batches_of_their_own(card: ModelCard) -> None:
    stand = Stand(card)
    replies = [stand.submit(seconds_end=seconds, steps=2) for seconds in (1.0, 3.0, 0.5)]
    stand.step(2)
    assert [reply.latents is not None for reply in replies] == [True, False, True]
    stand.step(2)
    assert stand.metrics.step_rows == [2, 2, 1, 1]


def test_no_more_jobs_than_rows_step_at_once(card: ModelCard) -> None:
    stand = Stand(card, step_batch=2)
    replies = [stand.submit(steps=2) for _ in range(5)]
    stand.step()
    assert (stand.metrics.active, stand.metrics.pending) == (2, 3)
    stand.step(5)
    assert all(reply.latents is not None for reply in replies)
    assert stand.metrics.step_rows == [2, 2, 2, 2, 1, 1]


def test_a_full_queue_is_unavailable(card: ModelCard) -> None:
    stand = Stand(card, step_batch=1, max_pending=2)
    for _ in range(3):
        stand.submit()
    with pytest.raises(RequestFailed, match="denoiser queue is full") as failure:
        stand.submit()
    assert failure.value.code is Code.UNAVAILABLE
    stand.step(4)
    stand.submit()


def test_a_cancelled_job_frees_its_row_before_the_next_step(card: ModelCard) -> None:
    stand = Stand(card, step_batch=1)
    first = stand.submit("first", steps=100)
    stand.submit("second", steps=1)
    stand.step(3)
    assert stand.scheduler.cancel("first") == (3, 100)
    stand.step()
    assert first.error is not None
    assert first.error.code is Code.CANCELLED
    assert len(stand.metrics.step_rows) == 4
    assert stand.scheduler.progress("second") == (1, 1)  # it has gone through
    assert (stand.metrics.n_cancelled, stand.metrics.n_failed) == (1, 0)


def test_a_job_that_waits_can_be_cancelled(card: ModelCard) -> None:
    stand = Stand(card, step_batch=1)
    stand.submit("first", steps=100)
    second = stand.submit("second")
    stand.scheduler.cancel("second")
    stand.step()
    assert second.error is not None
    assert stand.metrics.pending == 0


def test_a_cancel_may_overtake_its_job(card: ModelCard) -> None:
    stand = Stand(card)
    assert stand.scheduler.cancel("late") == UNKNOWN_JOB
    with pytest.raises(RequestFailed, match="cancelled before the first step") as failure:
        stand.submit("late")
    assert failure.value.code is Code.CANCELLED
    assert stand.metrics.n_cancelled == 1
    stand.submit("late")  # remembered once


def test_a_client_that_has_gone_frees_its_row(card: ModelCard) -> None:
    stand = Stand(card)
    reply = stand.submit(steps=100)
    stand.step()
    reply.client_is_gone = True
    stand.clock.now += 1.0  # it is asked now and then
    stand.step()
    assert len(stand.metrics.step_rows) == 1
    assert stand.metrics.active == 0


def test_a_cancel_that_comes_while_the_client_is_checked_is_kept(card: ModelCard) -> None:
    stand = Stand(card)

    class CancelledMeanwhile(FakeReply):
        def is_cancelled(self) -> bool:
            stand.scheduler.cancel("job")
            return False

    made, _ = job(card, "job", steps=100)
    made.reply = reply = CancelledMeanwhile()
    stand.scheduler.submit(made)
    stand.step()
    assert reply.error is not None
    assert reply.error.code is Code.CANCELLED


def test_a_deadline_ends_a_job_wherever_it_is(card: ModelCard) -> None:
    stand = Stand(card, step_batch=1)
    active = stand.submit("active", timeout_s=5.0, steps=100)
    pending = stand.submit("pending", timeout_s=5.0)
    patient = stand.submit("patient", steps=1)
    stand.step(2)
    stand.clock.now += 5.1
    stand.step()
    assert active.error is not None
    assert str(active.error) == "deadline exceeded at step 2/100"
    assert pending.error is not None
    assert patient.latents is not None
    assert (stand.metrics.n_cancelled, stand.metrics.n_failed) == (0, 2)


def test_progress_counts_steps(card: ModelCard) -> None:
    stand = Stand(card)
    stand.submit("job", steps=10)
    assert stand.scheduler.progress("job") == (0, 10)
    stand.step(3)
    assert stand.scheduler.progress("job") == (3, 10)


def test_a_job_that_ended_is_still_known_for_a_while(card: ModelCard) -> None:
    stand = Stand(card)
    stand.submit("job", steps=2)
    stand.step(2)
    assert stand.scheduler.progress("job") == (2, 2)
    for i in range(REMEMBERED_ENDS):
        stand.submit(f"later {i}", steps=1)
        stand.step()
    assert stand.scheduler.progress("job") == UNKNOWN_JOB


@pytest.mark.parametrize("job_id", ["another", ""])
def test_an_unknown_job_is_said_to_be_unknown(card: ModelCard, job_id: str) -> None:
    stand = Stand(card)
    reply = stand.submit("")
    assert stand.scheduler.progress(job_id) == UNKNOWN_JOB
    assert stand.scheduler.cancel(job_id) == UNKNOWN_JOB
    stand.step(4)
    assert reply.latents is not None


def test_a_job_that_is_no_longer_finite_fails_alone(card: ModelCard) -> None:
    def predict(inputs: Tensors) -> Latents:
        return np.where(inputs[GUIDANCE_SCALE][:, :, np.newaxis] > 1, np.nan, halve(inputs))

    stand = Stand(card, predict=predict)
    bad = stand.submit(guidance_scale=2.0)
    good = stand.submit(steps=2)
    stand.step(2)
    assert bad.error is not None
    assert bad.error.code is Code.INTERNAL
    assert good.latents is not None
    assert stand.metrics.n_failed == 1


def test_a_bug_costs_the_jobs_in_flight_but_not_the_scheduler(card: ModelCard) -> None:
    calls = 0

    def predict(inputs: Tensors) -> Latents:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise KeyError("a bug")
        return halve(inputs)

    stand = Stand(card, predict=predict)
    thread = threading.Thread(target=stand.scheduler.run)
    lost = stand.submit()
    thread.start()
    while lost.error is None:
        pass
    later = stand.submit()
    stand.scheduler.stop()
    thread.join(TIMEOUT_S)
    assert lost.error.code is Code.INTERNAL
    assert later.latents is not None


def test_lanes_step_different_jobs_at_the_same_time(card: ModelCard) -> None:
    meeting = threading.Barrier(2, timeout=TIMEOUT_S)  # broken unless both lanes compute at once

    def together(inputs: Tensors) -> Latents:
        meeting.wait()
        return halve(inputs)

    stand = Stand(card, step_batch=1, lanes=2, predict=together)
    expected = Stand(card)
    replies = [stand.submit(f"{seed}", seed=seed, steps=3) for seed in range(4)]
    alone = [expected.submit(f"{seed}", seed=seed, steps=3) for seed in range(4)]
    expected.step(3)
    lanes = [threading.Thread(target=stand.scheduler.run) for _ in range(2)]
    for lane in lanes:
        lane.start()
    stand.scheduler.stop()
    for lane in lanes:
        lane.join(TIMEOUT_S)
    for reply, other in zip(replies, alone, strict=True):
        assert reply.latents is not None
        assert other.latents is not None
        np.testing.assert_array_equal(reply.latents, other.latents)


def test_a_lane_that_is_alone_uses_the_transformer_for_that(card: ModelCard) -> None:
    calls: list[str] = []

    def named(name: str) -> Predict:
        def predict(inputs: Tensors) -> Latents:
            calls.append(name)
            return halve(inputs)

        return predict

    stand = Stand(card, step_batch=1)
    both = Predictors(2, named("alone"), named("beside"))
    stand.scheduler = make_scheduler(both, stand.metrics, step_batch=1, max_pending=8)
    stand.submit("first", steps=2)
    stand.step()
    stand.submit("second", steps=1)
    stand.step(2)
    assert calls == ["alone", "beside", "alone"]


def test_stopping_ends_the_accepted_jobs_and_refuses_new_ones(card: ModelCard) -> None:
    stand = Stand(card, step_batch=1)
    replies = [stand.submit(steps=20) for _ in range(3)]
    thread = threading.Thread(target=stand.scheduler.run)
    thread.start()
    stand.scheduler.stop()
    with pytest.raises(RequestFailed, match="stopping"):
        stand.submit()
    thread.join(TIMEOUT_S)
    assert not thread.is_alive()
    assert all(reply.latents is not None for reply in replies)
