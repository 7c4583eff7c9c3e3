from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
from numpy.typing import NDArray

from benchmarks.clips import Clip
from benchmarks.networks import Layout, Networks, Published, clips_per_s
from tritone.tensors import NEGATIVE_CONDITIONING

BUNDLED = Published(Path("model_repository"), "starter")
SHORT = Clip("", 0, seconds=1.0, steps=2)


def test_the_bundled_networks_take_what_they_are_fed() -> None:
    Networks(BUNDLED, 1).make(SHORT, latent_frames=25)


def test_every_worker_makes_its_share() -> None:
    per_s = clips_per_s(BUNDLED, SHORT, Layout(2, 1), n_clips=3, latent_frames=25)
    assert per_s > 0


def test_only_guided_steps_compute_the_negative_prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    networks, rows = Networks(BUNDLED, 1), []

    class Counting:
        def __init__(self, session: ort.InferenceSession) -> None:
            self.get_inputs, self._run = session.get_inputs, session.run

        def run(self, names: None, feed: dict[str, NDArray[np.float32]]) -> object:
            rows.append(len(feed[NEGATIVE_CONDITIONING]))
            return self._run(names, feed)

    monkeypatch.setattr(networks, "_transformer", Counting(networks._transformer))
    networks.make(replace(SHORT, steps=8), latent_frames=25)
    assert rows == [0, 0, 1, 1, 0, 0, 0, 0]
