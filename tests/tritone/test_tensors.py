"""The border tensors of neighbouring models fit together."""

import pytest

from tritone import tensors
from tritone.card import ModelCard


@pytest.fixture(params=["open_card", "flow_card"])
def card(request: pytest.FixtureRequest) -> ModelCard:
    return request.getfixturevalue(request.param)  # type: ignore[no-any-return]


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
    for spec in tensors.text_encoder(card).outputs:
        assert inputs[spec.name] == spec


def test_guidance_tensors_exist_only_with_guidance(
    open_card: ModelCard, flow_card: ModelCard
) -> None:
    guided = names(tensors.transformer(open_card).inputs)
    plain = names(tensors.transformer(flow_card).inputs)
    assert {tensors.GUIDANCE_SCALE, tensors.NEGATIVE_CONDITIONING} <= guided
    assert not {tensors.GUIDANCE_SCALE, tensors.NEGATIVE_CONDITIONING} & plain


def test_every_denoiser_input_is_optional(card: ModelCard) -> None:
    assert all(spec.optional for spec in tensors.denoiser(card).inputs)
