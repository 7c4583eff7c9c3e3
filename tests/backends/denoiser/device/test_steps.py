"""Steps whose jobs live on a device give what steps on the host give, whoever shares them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from backends.denoiser.device.step_graph import StepShape
from backends.denoiser.device.steps import DeviceSteps
from backends.denoiser.scheduler import Scheduler
from tests.backends.denoiser.device.networks import (
    open_lane,
    schedule_on_device,
    schedule_on_host,
    write_network,
)
from tests.backends.fakes import FakeMetrics, FakeReply, job
from tests.cards import STARTER_LIKE
from tritone.card import ModelCard
from tritone.noise import COUNTER
from tritone.tensors import CONDITIONING

FRAMES = 25  # of a sound of a second
STEP_BATCH = 3  # steps of 1, 2 and 3 rows: two slots of six are taken by nobody at once
SEEDS = range(8)

SCHEDULES = {
    "the ODE": replace(STARTER_LIKE.schedule, eta=0.0),
    "fresh noise": replace(STARTER_LIKE.schedule, eta=1.0),
    "guided now and then": replace(STARTER_LIKE.schedule, guidance_max_sigma=20.0),
}


@pytest.fixture(params=list(SCHEDULES))
def card(request: pytest.FixtureRequest) -> ModelCard:
    return replace(STARTER_LIKE, schedule=SCHEDULES[request.param], noise=COUNTER)


@pytest.fixture
def both(card: ModelCard, tmp_path: Path) -> tuple[Scheduler, Scheduler]:
    path = write_network(tmp_path, card)
    on_device = schedule_on_device(open_lane(path, card, FRAMES, STEP_BATCH), FakeMetrics())
    return on_device, schedule_on_host(path, card, FakeMetrics(), STEP_BATCH)


def submit(scheduler: Scheduler, card: ModelCard, seed: int, **changes: float) -> FakeReply:
    made, reply = job(card, f"{seed}", seed=seed, steps=4 + seed % 3, **changes)
    made.conditioning[CONDITIONING] = made.conditioning[CONDITIONING] * np.float32(seed)
    scheduler.submit(made)
    return reply


def test_jobs_that_come_and_go_get_the_bits_that_they_get_on_the_host(
    card: ModelCard, both: tuple[Scheduler, Scheduler]
) -> None:
    sounds = []
    for scheduler in both:
        replies = []
        for seed in SEEDS:  # more than there are slots, of unlike lengths and guidance
            changes = {"guidance_scale": 1.0 if seed % 2 else 3.0, "seconds_end": 1.0}
            replies.append(submit(scheduler, card, seed, **changes))
            scheduler.step()
        for _ in range(40):
            scheduler.step()
        sounds.append([reply.latents for reply in replies])
    for mine, theirs in zip(*sounds, strict=True):
        assert mine is not None
        np.testing.assert_array_equal(mine, theirs)


def test_a_job_that_gives_way_for_long_goes_on_where_it_was(
    card: ModelCard, tmp_path: Path
) -> None:
    path = write_network(tmp_path, card)
    steps = open_lane(path, card, FRAMES, 1).steps  # two slots
    jobs = [job(card, f"{seed}", seed=seed, steps=6)[0] for seed in range(5)]
    alone = open_lane(path, card, FRAMES, 1).steps
    others = [job(card, f"{seed}", seed=seed, steps=6)[0] for seed in range(5)]
    for _ in range(6):
        for each in jobs:  # in turn, so each has lost its slot when it comes again
            assert steps.take([each], lambda *_: None) == [None]
    for each in others:
        for _ in range(6):
            assert alone.take([each], lambda *_: None) == [None]
    for each, other in zip(jobs, others, strict=True):
        np.testing.assert_array_equal(each.trajectory.latents, other.trajectory.latents)


def test_a_job_that_is_not_finite_fails_alone(
    card: ModelCard, both: tuple[Scheduler, Scheduler]
) -> None:
    sounds = []
    for scheduler in both:
        bad, _ = made = job(card, "bad", steps=4, guidance_scale=3.0)
        bad.conditioning[CONDITIONING] = bad.conditioning[CONDITIONING] * np.float32(np.inf)
        good = submit(scheduler, card, 2, guidance_scale=3.0)
        scheduler.submit(bad)
        other = submit(scheduler, card, 5, guidance_scale=3.0)
        for _ in range(8):
            scheduler.step()
        assert made[1].error is not None
        assert "not finite" in str(made[1].error)
        sounds.append([good.latents, other.latents])
    for mine, theirs in zip(*sounds, strict=True):
        assert mine is not None
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize(("is_cheap_apart", "calls"), [(True, [1, 2]), (False, [3])])
def test_guided_jobs_step_apart_where_that_was_faster_at_warm_up(
    tmp_path: Path, *, is_cheap_apart: bool, calls: list[int]
) -> None:
    opened = open_lane(write_network(tmp_path, STARTER_LIKE), STARTER_LIKE, FRAMES, 3)
    seconds = {
        shape: shape.rows * (2.0 if shape.is_guided else 1.0) + (0.0 if is_cheap_apart else 9.0)
        for shape in opened.seconds
    }
    steps = DeviceSteps(opened.steps.slots, opened.steps.steps, seconds)
    scales = (3.0, 1.0, 1.0)
    jobs = [job(STARTER_LIKE, f"{i}", guidance_scale=s)[0] for i, s in enumerate(scales)]
    rows: list[int] = []
    assert steps.take(jobs, lambda n, _: rows.append(n)) == [None] * 3
    assert rows == calls


def test_a_network_that_wants_one_batch_of_all_inputs_guides_every_row(tmp_path: Path) -> None:
    path = write_network(tmp_path, STARTER_LIKE, one_batch=True)
    opened = open_lane(path, STARTER_LIKE, FRAMES, 1)
    assert {shape for shape in opened.seconds if shape.frames == FRAMES} == {
        StepShape(FRAMES, 1, is_guided=True)
    }
    mine, theirs = (job(STARTER_LIKE, guidance_scale=1.0) for _ in range(2))
    host = schedule_on_host(path, STARTER_LIKE, FakeMetrics(), 1)
    host.submit(theirs[0])
    for _ in range(4):
        assert opened.steps.take([mine[0]], lambda *_: None) == [None]
        host.step()
    assert theirs[1].latents is not None
    np.testing.assert_array_equal(mine[0].trajectory.latents, theirs[1].latents)


def test_a_step_never_moves_what_it_reads_and_writes(tmp_path: Path) -> None:
    opened = open_lane(write_network(tmp_path, STARTER_LIKE), STARTER_LIKE, FRAMES, 2)
    before = {shape: step.addresses for shape, step in opened.steps.steps.items()}
    jobs = [job(STARTER_LIKE, f"{i}", steps=3, guidance_scale=float(1 + i))[0] for i in range(5)]
    for pair in ([0], [1, 2], [0, 1], [3, 4], [0, 2], [1], [3]):
        opened.steps.take([jobs[i] for i in pair], lambda *_: None)
    assert {shape: step.addresses for shape, step in opened.steps.steps.items()} == before
    shared = {
        frozenset(step[name] for name in ("state", "slots_of_conditioning"))
        for step in before.values()
    }
    assert len(shared) == 1  # every step of a length works on the very same slots
