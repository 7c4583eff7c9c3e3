"""`tokenizer.json` alone does what the pipeline's tokenizer does."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from diffusers import StableAudio3Pipeline, StableAudioPipeline

from export.errors import InvalidCheckpoint
from export.tokenizers import tokenize, write_tokenizer
from tritone import tensors
from tritone.card import ModelCard

pytestmark = pytest.mark.export

TEXTS = ("rain on a tin roof", "", "x", "Überraschung, 128 bpm! " * 20)


@pytest.fixture(params=["stable_audio", "stable_audio_3"])
def case(
    request: pytest.FixtureRequest,
    card: ModelCard,
    pipeline: StableAudioPipeline,
    pipeline_3: StableAudio3Pipeline,
) -> tuple[StableAudioPipeline | StableAudio3Pipeline, ModelCard]:
    pipelines = {"stable_audio": pipeline, "stable_audio_3": pipeline_3}
    return pipelines[request.param], replace(card, family=request.param)


def test_ids_and_masks_are_those_of_the_pipeline(
    case: tuple[StableAudioPipeline, ModelCard], tmp_path: Path
) -> None:
    pipe, card = case
    path = tmp_path / "tokenizer.json"
    write_tokenizer(pipe.tokenizer, card, path)

    for text in TEXTS:
        found = tokenize(path, card, {"prompt": text, "negative_prompt": "noise"})
        expected = pipe.tokenizer(
            [text, "noise"],
            padding="max_length",
            max_length=card.prompt_tokens,
            truncation=True,
            return_tensors="np",
        )
        assert np.array_equal(found[tensors.INPUT_IDS], expected.input_ids[None])
        assert np.array_equal(found[tensors.ATTENTION_MASK], expected.attention_mask[None])


def test_no_negative_prompt_is_what_the_family_says(
    case: tuple[StableAudioPipeline, ModelCard], tmp_path: Path
) -> None:
    pipe, card = case
    path = tmp_path / "tokenizer.json"
    write_tokenizer(pipe.tokenizer, card, path)

    found = tokenize(path, card, {"prompt": "rain", "negative_prompt": ""})

    assert found[tensors.ATTENTION_MASK][0, 1].any() == (card.family == "stable_audio_3")


def test_a_slow_tokenizer_is_refused(card: ModelCard, tmp_path: Path) -> None:
    with pytest.raises(InvalidCheckpoint, match="no fast version"):
        write_tokenizer(SimpleNamespace(), card, tmp_path / "tokenizer.json")
