from pathlib import Path

from benchmarks.clips import Clip
from benchmarks.networks import Layout, Networks, Published, clips_per_s

BUNDLED = Published(Path("model_repository"), "starter")
SHORT = Clip("", 0, seconds=1.0, steps=2)


def test_the_bundled_networks_take_what_they_are_fed() -> None:
    Networks(BUNDLED, 1).make(SHORT, latent_frames=25)


def test_every_worker_makes_its_share() -> None:
    per_s = clips_per_s(BUNDLED, SHORT, Layout(2, 1), n_clips=3, latent_frames=25)
    assert per_s > 0
