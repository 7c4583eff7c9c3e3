"""Every class that is served, in its true architecture, with tiny random weights."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tritone.checkpoints import ARCHITECTURES, Checkpoint

torch = pytest.importorskip("torch")

TEXTS = ("Hello there, all of you.", "Rain.", "A longer text, which says more than the others do.")
SEEDS = (3, 4, 5)
FRAMES = 8

pytestmark = [pytest.mark.export, pytest.mark.filterwarnings("ignore")]

Make = Callable[[Sequence[str], Sequence[int]], list[Any]]


def open_tiny(model_type: str, folder: Path) -> Make:
    from backends.transformers.generators import open_generator
    from tests.tiny_transformers import write_checkpoint

    write_checkpoint(model_type, folder)
    generator = open_generator(Checkpoint(source=str(folder), model_type=model_type))
    extra: tuple[Any, ...] = ("",)
    if ARCHITECTURES[model_type].task == "sound":
        extra = (FRAMES, lambda _: None)
    return lambda texts, seeds: generator.generate(texts, seeds, *extra)


@pytest.mark.parametrize("model_type", ARCHITECTURES)
def test_a_text_sounds_the_same_alone_and_among_others(model_type: str, tmp_path: Path) -> None:
    make = open_tiny(model_type, tmp_path)
    together = make(TEXTS, SEEDS)
    for text, seed, sound in zip(TEXTS, SEEDS, together, strict=True):
        (alone,) = make([text], [seed])
        assert sound.size > 0
        np.testing.assert_allclose(sound, alone, atol=1e-5)
    (other,) = make(TEXTS[:1], [99])
    assert not np.array_equal(other, together[0])
