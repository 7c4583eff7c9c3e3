"""Networks that are models of Triton, on a GPU: whoever asks them can read what they answer."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backends.denoiser.predict.bls import BlsTransformer
from backends.errors import Code, RequestFailed
from backends.speech.networks import find_phonemizer, open_network
from tests.backends import fake_pb_utils
from tests.backends.fake_pb_utils import Arrays, TritonError
from tests.backends.fakes import halve, request
from tests.cards import FLOW_CARD, GUIDED_SONG_CARD
from tritone.card import ModelCard
from tritone.piper_voice import PHONEMIZER
from tritone.placement import NETWORK, NETWORK_IN_PROCESS
from tritone.tensors import (
    DENOISED,
    GUIDANCE_SCALE,
    LATENTS,
    MOMENTUM,
    SIGMA,
    name_handed_on,
)

BACKENDS = Path(__file__).parents[2] / "backends"


@pytest.fixture(autouse=True)
def models(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, int], Any]:
    found: dict[tuple[str, int], Any] = {}
    monkeypatch.setattr(fake_pb_utils, "MODELS", found)
    return found


def step(card: ModelCard) -> Arrays:
    scales = np.ones((2, 1), np.float32)
    latents = np.ones((2, card.latent_channels, 25), np.float32)
    return request(card) | {LATENTS: latents, SIGMA: scales, GUIDANCE_SCALE: scales}


def test_a_step_is_read_from_a_transformer_on_a_gpu(
    card: ModelCard, models: dict[tuple[str, int], Any]
) -> None:
    models["a_transformer", 3] = lambda inputs: {DENOISED: halve(inputs), "another": inputs[SIGMA]}
    inputs = step(card)

    denoised = BlsTransformer("a_transformer", 3, card)(inputs)

    assert np.array_equal(denoised, halve(inputs))


def test_what_a_transformer_hands_on_replaces_what_it_got(
    models: dict[tuple[str, int], Any],
) -> None:
    inputs = step(FLOW_CARD)
    inputs[MOMENTUM] = np.ones_like(inputs[LATENTS])
    models["a_transformer", 1] = lambda given: {
        DENOISED: halve(given),
        name_handed_on(MOMENTUM): 3 * given[MOMENTUM],
    }
    BlsTransformer("a_transformer", 1, GUIDED_SONG_CARD)(inputs)
    assert (inputs[MOMENTUM] == 3).all()

    models["a_transformer", 1] = lambda given: {DENOISED: halve(given)}
    with pytest.raises(RequestFailed, match="answered without momentum_out"):
        BlsTransformer("a_transformer", 1, GUIDED_SONG_CARD)(inputs)


def test_an_error_of_the_transformer_keeps_its_code(
    card: ModelCard, models: dict[tuple[str, int], Any]
) -> None:
    models["a_transformer", 1] = lambda inputs: TritonError("busy", TritonError.UNAVAILABLE)

    with pytest.raises(RequestFailed, match="busy") as caught:
        BlsTransformer("a_transformer", 1, card)(step(card))

    assert caught.value.code == Code.UNAVAILABLE


def test_a_transformer_that_leaves_its_answer_out_is_said(
    card: ModelCard, models: dict[tuple[str, int], Any]
) -> None:
    models["a_transformer", 1] = lambda inputs: {}

    with pytest.raises(RequestFailed, match="answered without denoised"):
        BlsTransformer("a_transformer", 1, card)(step(card))


def test_a_wave_is_read_from_a_voice_on_a_gpu(models: dict[tuple[str, int], Any]) -> None:
    models["a_network", 1] = lambda inputs: {"wave": 2 * inputs["ids"]}
    parameters = {NETWORK: "a_network", NETWORK_IN_PROCESS: "false"}
    config = {"parameters": {key: {"string_value": each} for key, each in parameters.items()}}

    network = open_network({"model_version": "1"}, config)

    assert network({"ids": np.arange(3)})["wave"].tolist() == [0, 2, 4]


def test_phonemes_are_read_from_their_model(models: dict[tuple[str, int], Any]) -> None:
    def phonemize(inputs: Arrays) -> Arrays:
        text, voice = (inputs[name].item().decode() for name in ("text", "language"))
        return {"phonemes": np.array([f"{voice}:{text}".encode()], np.object_)}

    models["espeak", -1] = phonemize
    found = find_phonemizer({"parameters": {PHONEMIZER: {"string_value": "espeak"}}})
    assert found is not None
    assert found("perché", "it") == "it:perché"
    assert find_phonemizer({"parameters": {}}) is None


def test_an_engine_without_a_network_may_not_ask_one() -> None:
    network = open_network({"model_version": "1"}, {"parameters": {}})
    with pytest.raises(RequestFailed, match="has no network"):
        network({})


def test_models_are_asked_in_one_place_only() -> None:
    asking = [
        path.relative_to(BACKENDS).as_posix()
        for path in BACKENDS.rglob("*.py")
        if "pb_utils.InferenceRequest(" in path.read_text(encoding="utf-8")
    ]
    assert asking == ["triton.py"]
