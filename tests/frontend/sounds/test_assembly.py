import numpy as np
import pytest

from frontend.sounds.assembly import assemble
from frontend.sounds.plan import Limits, Plan, make_plan
from frontend.sounds.request import GenerationRequest
from tests.fakes import sine
from tritone.card import ModelCard
from tritone.pcm import Pcm


def planned(card: ModelCard, seconds: float, *, loop: bool = False) -> tuple[Plan, list[Pcm]]:
    request = GenerationRequest(prompt="rain", seconds=seconds, loop=loop, seed=0)
    plan = make_plan(request, card, Limits(max_prompt_chars=100, max_seconds=600.0))
    clips = [sine(card, p.span.n_samples, 300.0 + 100 * p.seed) for p in plan.passes]
    return plan, clips


@pytest.mark.parametrize("seconds", [0.01, 0.3, 5.0, 9.9, 10.0, 10.001, 12.0, 33.3, 37.0, 225.0])
@pytest.mark.parametrize("loop", [False, True])
def test_the_length_is_exact(card: ModelCard, seconds: float, *, loop: bool) -> None:
    plan, clips = planned(card, seconds, loop=loop)
    assert assemble(clips, plan).shape == (1, round(seconds * card.sample_rate))


def test_a_loop_has_no_seam(card: ModelCard) -> None:
    plan, clips = planned(card, 3.001, loop=True)
    loop = assemble(clips, plan)[0].astype(np.int32)
    largest_step = np.abs(np.diff(loop)).max()
    assert abs(loop[0] - loop[-1]) <= largest_step


def test_an_extended_sound_has_every_segment(card: ModelCard) -> None:
    plan, clips = planned(card, 20.0)
    sound = assemble(clips, plan)[0].astype(np.float64)
    spectrum = np.abs(np.fft.rfft(sound))
    hz = np.fft.rfftfreq(len(sound), 1 / card.sample_rate)
    for segment in range(len(clips)):
        near = np.abs(hz - (300 + 100 * segment)) < 1
        assert spectrum[near].max() > 0.1 * spectrum.max()
