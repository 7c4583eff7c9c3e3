"""The tokenizer must give what transformers gives, for each family's kind of tokenizer."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer, models

from backends.errors import Code, RequestFailed
from backends.tokenizer.encoding import PromptEncoder
from tritone import tensors
from tritone.card import ModelCard

HfTokenizer = Callable[..., dict[str, list[int]]]

N_TOKENS = 12

PROMPTS = [
    pytest.param("rain falling on a tin roof", id="plain"),
    pytest.param("a church bell " * 20, id="longer than the window"),
    pytest.param("", id="empty"),
    pytest.param("  two  spaces ", id="spaces"),
    pytest.param("déjà-vu 雨 \U0001f327 \x00", id="out of vocabulary"),
    pytest.param("</s> <pad>", id="special tokens"),
]


@pytest.fixture(scope="module", params=["right", "left"])
def reference(request: pytest.FixtureRequest) -> HfTokenizer:
    checkpoints = pytest.importorskip("tests.checkpoints", reason="needs the export extras")
    made: HfTokenizer = checkpoints.tokenizer(max_tokens=N_TOKENS, padding_side=request.param)
    return made


@pytest.fixture
def tokens_card(card: ModelCard) -> ModelCard:
    return replace(card, prompt_tokens=N_TOKENS, family="stable_audio_3")


@pytest.fixture
def tokenizer_file(reference: HfTokenizer, tokens_card: ModelCard, tmp_path: Path) -> Path:
    from export.tokenizers import write_tokenizer

    write_tokenizer(reference, tokens_card, tmp_path / "tokenizer.json")
    return tmp_path / "tokenizer.json"


def request_of(prompt: bytes, negative: bytes) -> dict[str, object]:
    return {tensors.PROMPT: prompt, tensors.NEGATIVE_PROMPT: negative}


@pytest.mark.export
@pytest.mark.parametrize("prompt", PROMPTS)
def test_tokens_equal_those_of_transformers(
    reference: HfTokenizer, tokens_card: ModelCard, tokenizer_file: Path, prompt: str
) -> None:
    expected = reference(prompt, padding="max_length", max_length=N_TOKENS, truncation=True)
    encoder = PromptEncoder(tokens_card, tokenizer_file)
    found = encoder.encode([request_of(prompt.encode(), b"noise")])
    ids, mask = found[tensors.INPUT_IDS], found[tensors.ATTENTION_MASK]
    assert ids.dtype == mask.dtype == np.int64
    assert ids.shape == mask.shape == (1, 2, N_TOKENS)
    np.testing.assert_array_equal(ids[0, 0], expected["input_ids"])
    np.testing.assert_array_equal(mask[0, 0], expected["attention_mask"])


@pytest.mark.export
@pytest.mark.parametrize(("family", "kept"), [("stable_audio", 0), ("stable_audio_3", 1)])
def test_an_empty_negative_is_what_the_family_says(
    tokens_card: ModelCard, tokenizer_file: Path, family: str, kept: int
) -> None:
    encoder = PromptEncoder(replace(tokens_card, family=family), tokenizer_file)
    found = encoder.encode([request_of(b"rain", b""), request_of(b"rain", b"hiss")])
    mask = found[tensors.ATTENTION_MASK]
    assert mask[0, 1].sum() == kept  # the end token of ""
    assert mask[1, 1].sum() > 1
    assert mask[0, 0].sum() == mask[1, 0].sum() > 1


@pytest.mark.export
def test_bytes_that_are_not_utf8_are_an_invalid_argument(
    tokens_card: ModelCard, tokenizer_file: Path
) -> None:
    encoder = PromptEncoder(tokens_card, tokenizer_file)
    with pytest.raises(RequestFailed, match="negative_prompt is not UTF-8") as failure:
        encoder.encode([request_of(b"rain", b"\xff\xfe")])
    assert failure.value.code is Code.INVALID_ARG


def test_a_file_that_does_not_pad_does_not_load(tokens_card: ModelCard, tmp_path: Path) -> None:
    Tokenizer(models.WordLevel({"<pad>": 0}, unk_token="<pad>")).save(str(tmp_path / "t.json"))
    with pytest.raises(ValueError, match="export the model again"):
        PromptEncoder(tokens_card, tmp_path / "t.json")
