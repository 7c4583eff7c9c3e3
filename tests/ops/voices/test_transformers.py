"""Checkpoints of transformers are published by their small files alone: no torch is loaded."""

import json
from pathlib import Path
from typing import Any

import pytest

from ops.settings import Settings
from ops.voices.adding import CannotAdd, Licence, add_checkpoint
from ops.voices.transformers import (
    NoCheckpoint,
    is_checkpoint,
    make_publication,
    read_checkpoint,
)
from tritone.card import SpeechCard
from tritone.checkpoints import FILE


def write(folder: Path, **files: Any) -> Path:  # noqa: ANN401
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    return folder


def settings_of(folder: Path) -> Settings:
    return Settings(model_repository=folder / "models", state_directory=folder / "state")


@pytest.fixture
def bark(tmp_path: Path) -> Path:
    presets = {"repo_or_path": "x", "v2/en_speaker_6": {}, "v2/de_speaker_1": {}}
    config = {"model_type": "bark", "codec_config": {"sampling_rate": 24_000}}
    return write(tmp_path / "bark small", config=config, speaker_embeddings_path=presets)


def test_the_presets_are_the_voices(bark: Path) -> None:
    publication = make_publication(read_checkpoint(str(bark)), None, "en-US", "MIT")
    voices = [(voice.id, voice.language) for voice in publication.card.voices]
    assert voices == [
        ("bark_small-v2_en_speaker_6", "en-US"),
        ("bark_small-v2_de_speaker_1", "de"),
    ]
    assert publication.card.sample_rate == 24_000
    published = json.loads(publication.files[FILE])
    assert published["source"] == str(bark)
    assert published["voices"]["bark_small-v2_de_speaker_1"] == "v2/de_speaker_1"


@pytest.mark.parametrize(
    ("licence", "is_free"),
    [
        ("mit", True),
        ("apache-2.0", True),
        ("cc-by-4.0", True),
        ("cc-by-nc-4.0", False),
        ("other", False),
        ("", False),
    ],
)
def test_a_licence_that_restricts_or_is_not_known_must_be_accepted(
    bark: Path, tmp_path: Path, licence: str, is_free: bool
) -> None:
    if licence:
        (bark / "README.md").write_text(f"---\nlicense: {licence}\ntags: []\n---\n# Bark\n")
    assert read_checkpoint(str(bark)).is_free == is_free
    if not is_free:
        with pytest.raises(CannotAdd, match="say --accept-licence"):
            add_checkpoint(settings_of(tmp_path), str(bark), None, "en-US", Licence())
    given = Licence(is_accepted=not is_free)
    card = add_checkpoint(settings_of(tmp_path), str(bark), "one", "en-US", given).card
    assert isinstance(card, SpeechCard)
    assert {voice.license for voice in card.voices} == {licence or "unknown"}


def test_the_rate_may_stand_with_the_processor(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "dia",
        config={"model_type": "dia"},
        processor_config={"feature_extractor": {"sampling_rate": 44_100}},
    )
    found = read_checkpoint(str(folder))
    assert found.sample_rate == 44_100
    card = make_publication(found, None, "en-US", None).card
    assert [voice.id for voice in card.voices] == ["dia-S1", "dia-S2"]


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({}, "no config.json"),
        ({"config": {"model_type": "bert"}}, "of the type bert"),
        ({"config": {"model_type": "dia"}}, "at which rate"),
    ],
)
def test_what_is_not_served_is_refused_in_a_sentence(
    tmp_path: Path, files: dict[str, Any], why: str
) -> None:
    with pytest.raises(NoCheckpoint, match=why):
        read_checkpoint(str(write(tmp_path / "x", **files)))


def test_a_folder_or_a_name_of_the_hub_is_a_checkpoint(tmp_path: Path) -> None:
    assert is_checkpoint(str(tmp_path))
    assert is_checkpoint("suno/bark-small")
    assert not is_checkpoint("kokoro")
