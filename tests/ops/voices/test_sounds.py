"""A checkpoint that makes sounds is published as an ensemble of one part."""

import json
from pathlib import Path

import pytest

from ops.settings import Settings
from ops.triton.published import PublishedModel, list_published_models
from ops.voices.added import AddedVoices
from ops.voices.adding import Licence, add_checkpoint, remove
from ops.voices.sounds import make_card
from ops.voices.transformers import NoCheckpoint, read_checkpoint
from tritone.card import ModelCard, read_card
from tritone.checkpoints import FILE

CONFIG = {
    "model_type": "musicgen",
    "audio_encoder": {"sampling_rate": 32_000, "upsampling_ratios": [8, 5, 4, 4]},
    "decoder": {"audio_channels": 1},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "musicgen-small"
    made.mkdir()
    (made / "config.json").write_text(json.dumps(CONFIG))
    return made


def test_it_is_served_as_any_other_model_of_sounds(folder: Path, tmp_path: Path) -> None:
    settings = Settings(model_repository=tmp_path / "models", state_directory=tmp_path / "state")
    added = add_checkpoint(settings, str(folder), None, "en-US", Licence(is_accepted=True))
    repository = AddedVoices.of_state(tmp_path / "state").folder
    part = "musicgen-small_denoiser"
    assert list_published_models(repository) == [PublishedModel("musicgen-small", (part,), ())]
    card = read_card((repository / "musicgen-small" / "config.pbtxt").read_text())
    assert card == added.card
    assert isinstance(card, ModelCard)
    assert (card.samples_per_frame, card.max_frames, card.window_seconds) == (640, 1500, 30.0)
    published = json.loads((repository / part / "1" / FILE).read_text())
    assert published["source"] == str(folder)
    assert remove(settings, "musicgen-small")
    assert not list(repository.iterdir())


def test_one_that_does_not_say_what_it_makes_is_refused(folder: Path) -> None:
    (folder / "config.json").write_text(
        json.dumps(CONFIG | {"audio_encoder": {"sampling_rate": 32_000}})
    )
    with pytest.raises(NoCheckpoint, match="does not say what it makes"):
        make_card(read_checkpoint(str(folder)), None)
