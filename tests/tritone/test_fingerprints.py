import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from tritone.card import ModelCard
from tritone.fingerprints import (
    Fingerprint,
    InvalidFingerprint,
    distance,
    questions,
    take,
)
from tritone.pcm import Pcm


@pytest.fixture
def pcm() -> Pcm:
    """Noise, int16 [2, 80,000]."""
    random = np.random.default_rng(1)
    return random.integers(-20_000, 20_000, (2, 80_000), dtype=np.int16)


@pytest.fixture
def fingerprint(card: ModelCard, pcm: Pcm) -> Fingerprint:
    return Fingerprint(questions=questions(card), samples=(take(pcm), take(-pcm)), tolerance=0.01)


def test_a_fingerprint_survives_json(fingerprint: Fingerprint) -> None:
    assert Fingerprint.from_dict(json.loads(json.dumps(asdict(fingerprint)))) == fingerprint


@pytest.mark.parametrize("missing", ["questions", "samples", "tolerance"])
def test_a_record_that_lacks_something_is_refused(fingerprint: Fingerprint, missing: str) -> None:
    fields = asdict(fingerprint)
    del fields[missing]
    with pytest.raises(InvalidFingerprint):
        Fingerprint.from_dict(fields)


def test_samples_that_are_no_base64_are_refused(fingerprint: Fingerprint) -> None:
    with pytest.raises(InvalidFingerprint):
        Fingerprint.from_dict({**asdict(fingerprint), "samples": ["?"]})


def test_the_same_sound_is_at_no_distance_and_another_one_is_far(pcm: Pcm) -> None:
    other = np.random.default_rng(2).integers(-20_000, 20_000, pcm.shape, dtype=np.int16)
    assert distance(take(pcm), take(pcm)) == 0.0
    assert distance(take(pcm + np.int16(1)), take(pcm)) < 1e-3
    assert distance(take(other), take(pcm)) > 1.0
    assert distance(take(pcm * 0), take(pcm)) == pytest.approx(1.0)


def test_sounds_of_two_lengths_are_infinitely_far_apart(pcm: Pcm) -> None:
    assert distance(take(pcm[:, :100]), take(pcm)) == float("inf")


def test_a_fingerprint_is_short_whatever_the_sound(pcm: Pcm) -> None:
    assert len(take(pcm)) < 2_000
    assert len(take(pcm[:, :10])) == len(take(pcm[:, 5:15]))


def test_the_questions_lie_within_the_window(card: ModelCard) -> None:
    # 0.7 s is above its nearest float32: rounded, it would leave the window.
    for seconds in (0.7, 5.0, 47.0):
        window = replace(card, max_frames=7, samples_per_frame=1600, default_seconds=seconds)
        assert questions(window).seconds <= window.window_seconds
    assert questions(card).seconds == card.default_seconds
    assert questions(card).steps == 4
    assert questions(replace(card, default_steps=2)).steps == 2
