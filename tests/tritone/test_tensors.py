"""The border tensors of neighbouring models fit together."""

import pytest

from tests.cards import CODE_CARD, FLOW_CARD, GUIDED_SONG_CARD, OPEN_CARD, SONG_CARD
from tritone import tensors
from tritone.card import ModelCard


@pytest.fixture(
    params=[OPEN_CARD, FLOW_CARD, SONG_CARD, CODE_CARD, GUIDED_SONG_CARD], ids=lambda c: c.name
)
def card(request: pytest.FixtureRequest) -> ModelCard:
    return request.param  # type: ignore[no-any-return]


def names(specs: tuple[tensors.TensorSpec, ...]) -> set[str]:
    return {spec.name for spec in specs}


def test_each_hop_gets_what_earlier_hops_give(card: ModelCard) -> None:
    known = names(tensors.ensemble(card).inputs)
    for hop in (tensors.tokenizer, tensors.text_encoder, tensors.denoiser, tensors.vae_decoder):
        io = hop(card)
        assert names(io.inputs) <= known, hop.__name__
        known |= names(io.outputs)
    assert names(tensors.ensemble(card).outputs) <= known


def test_the_transformer_takes_the_text_encoders_conditioning(card: ModelCard) -> None:
    inputs = {spec.name: spec for spec in tensors.transformer(card).inputs}
    blended = names(tensors.list_blended(card))
    for spec in tensors.text_encoder(card).outputs:
        assert (spec.name in blended) or inputs[spec.name] == spec


def test_what_a_second_prediction_takes_ends_at_the_denoiser(card: ModelCard) -> None:
    blended = names(tensors.list_blended(card))
    assert blended <= names(tensors.denoiser(card).inputs)
    assert not blended & names(tensors.transformer(card).inputs)


def test_guidance_tensors_exist_only_with_guidance(
    open_card: ModelCard, flow_card: ModelCard
) -> None:
    guided = names(tensors.transformer(open_card).inputs)
    plain = names(tensors.transformer(flow_card).inputs)
    assert {tensors.GUIDANCE_SCALE, tensors.NEGATIVE_CONDITIONING} <= guided
    assert not {tensors.GUIDANCE_SCALE, tensors.NEGATIVE_CONDITIONING} & plain


def test_every_denoiser_input_is_optional(card: ModelCard) -> None:
    assert all(spec.optional for spec in tensors.denoiser(card).inputs)
