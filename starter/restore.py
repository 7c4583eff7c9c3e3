"""The diffusers folder of a served starter, out of the graphs that were exported from it.

The repository keeps what is served, not what it was exported from. Who wants to export the starter
in another precision, compare it with diffusers or train it on gets the folder back from here. The
weights differ from the original ones in rounding only, and each network is checked against its
graph before the folder is written.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from diffusers import AutoencoderOobleck
from diffusers.models.autoencoders.autoencoder_oobleck import Snake1d
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import PreTrainedTokenizerFast
from tritone.card import ModelCard, component_name, read_card
from tritone.pcm import limit_peak, to_int16

from starter.assemble import pipeline_of, write_folder
from starter.graph_weights import GraphWeights, Snake, Weight
from starter.networks import Condition, Denoiser, build_vae
from starter.recipe import Recipe
from starter.sampler import Settings, denoise
from starter.text import as_fast_tokenizer

Values = NDArray[np.float32] | NDArray[np.int16]

MAX_ERROR = 1e-4
"""Relative, of a network's answer: as much as the exporter allows a graph."""

_BETA_GUARD = 1e-9  # what the exporter adds before it takes the reciprocal


class NotRestored(RuntimeError):
    """The graphs are not those of this recipe; the message is one line that says what differs."""


@dataclass(frozen=True)
class Restored:
    """The parts of a served starter, and how far each network is from its graph."""

    settings: Settings
    tokenizer: PreTrainedTokenizerFast
    denoiser: Denoiser
    vae: AutoencoderOobleck
    errors: dict[str, float]  # relative


def restore(repository: Path, name: str, target: Path, recipe: Recipe) -> dict[str, float]:
    """Write the diffusers folder of a served starter; return each network's relative error.

    Raises:
        NotRestored: the graphs hold other networks than the recipe's.
    """
    parts = restore_parts(repository, name, recipe)
    pipeline = pipeline_of(parts.denoiser, parts.vae, parts.tokenizer, recipe)
    write_folder(pipeline, target, recipe, parts.settings)
    return parts.errors


def restore_parts(repository: Path, name: str, recipe: Recipe) -> Restored:
    """Return the networks of a served starter.

    Raises:
        NotRestored: the graphs hold other networks than the recipe's.
    """
    card = read_card((repository / name / "config.pbtxt").read_text(encoding="utf-8"))
    if card is None:
        raise NotRestored(f"{repository / name}/config.pbtxt carries no card of ours")
    graphs = _Graphs(repository, card)
    tokenizer = Tokenizer.from_file(str(graphs.file("tokenizer", "tokenizer.json")))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    try:
        denoiser = restore_denoiser(graphs, recipe, tokenizer.get_vocab_size())
        vae = restore_vae(graphs, recipe)
    except (RuntimeError, ValueError, StopIteration) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise NotRestored(f"{name} is not of this recipe: {reason}") from error
    errors = _errors(graphs, denoiser, vae)
    for component, distance in errors.items():
        if not distance <= MAX_ERROR:  # so that NaN is none, either
            raise NotRestored(f"the restored {component} differs from its graph by {distance:.2g}")
    settings = Settings(
        card.default_steps,
        card.default_guidance_scale,
        card.schedule.guidance_min_sigma,
        card.schedule.guidance_max_sigma,
    )
    fast = as_fast_tokenizer(tokenizer, recipe.text)
    return Restored(settings, fast, denoiser, vae, errors)


class _Graphs:
    """The files of a model's newest version, read when they are wanted."""

    def __init__(self, repository: Path, card: ModelCard) -> None:
        self._repository, self.card = repository, card

    def file(self, component: str, name: str = "model.onnx") -> Path:
        folder = self._repository / component_name(self.card.name, component)
        versions = [each for each in folder.glob("[0-9]*") if (each / name).is_file()]
        if not versions:
            raise NotRestored(f"{folder} holds no {name}: export the model as onnx first")
        return max(versions, key=lambda each: int(each.name)) / name

    def weights(self, component: str) -> GraphWeights:
        return GraphWeights(self.file(component))

    def session(self, component: str) -> onnxruntime.InferenceSession:
        return onnxruntime.InferenceSession(
            str(self.file(component)), providers=["CPUExecutionProvider"]
        )


def restore_denoiser(graphs: _Graphs, recipe: Recipe, vocabulary: int) -> Denoiser:
    """Return text encoder, conditioning and transformer with the graphs' weights."""
    torch.manual_seed(0)  # weights that no graph holds, since nobody hears them
    denoiser = Denoiser(recipe, vocabulary).eval()
    rows = {
        **_text_rows(denoiser, graphs.weights("text_encoder"), recipe),
        **_transformer_rows(denoiser, graphs.weights("transformer")),
    }
    shared = "text_encoder.encoder.embed_tokens.weight"
    rows["text_encoder.shared.weight"] = rows[shared]
    _load(denoiser, rows)
    return denoiser


def _text_rows(denoiser: Denoiser, weights: GraphWeights, recipe: Recipe) -> dict[str, Weight]:
    encoder, projection = denoiser.text_encoder, denoiser.projection_model
    tokens = recipe.text.tokens

    def run() -> None:
        projection(None, torch.zeros(1), torch.zeros(1))
        encoder(torch.zeros(1, tokens, dtype=torch.long))

    conditioners = ("start_number_conditioner", "end_number_conditioner")
    frequencies = weights.of_shape(1, recipe.text.width)
    attention = encoder.encoder.block[0].layer[0].SelfAttention
    bias = next(weights.of_shape(1, recipe.text.heads, tokens, tokens))
    return {
        **_under("text_encoder.", weights.select("text_encoder.")),
        **_under("projection_model.", weights.select("projection.")),
        **{
            f"projection_model.{each}.time_positional_embedding.0.weights": next(frequencies)[0]
            for each in conditioners
        },
        **_linears(denoiser, run, weights),
        _name_of(denoiser, attention.relative_attention_bias): _bias_table(attention, bias[0]),
    }


def _bias_table(attention: Any, bias: Weight) -> Weight:  # noqa: ANN401 -- T5's, without types
    """Return the table [buckets, heads] behind T5's position bias [heads, tokens, tokens].

    Buckets of distances that so few tokens never have stay as they are: nobody can hear them.
    """
    weight = attention.relative_attention_bias.weight.data
    table = weight.clone()
    weight.copy_(torch.arange(len(weight)).unsqueeze(1).expand_as(weight))  # each names its bucket
    tokens = bias.shape[-1]
    used = attention.compute_bias(tokens, tokens)[0, 0].round().long()
    table[used.flatten()] = torch.from_numpy(bias.reshape(len(bias), -1).T.copy())
    filled: Weight = table.numpy()
    return filled


def _transformer_rows(denoiser: Denoiser, weights: GraphWeights) -> dict[str, Weight]:
    transformer = denoiser.transformer
    sizes = transformer.config

    def run() -> None:
        condition = Condition(
            torch.zeros(1, 1, dtype=torch.long), torch.ones(1, 1, dtype=torch.long), torch.ones(1)
        )
        noise = torch.zeros(1, sizes.in_channels, 1)
        denoiser.velocity(noise, torch.ones(1), denoiser.encode(condition))

    time_projection = transformer.time_proj.weight
    return {
        **_under("transformer.", weights.select("transformer.")),
        **_linears(denoiser, run, weights, inside=transformer),
        "transformer.time_proj.weight": next(weights.of_shape(1, len(time_projection)))[0],
    }


def _linears(
    module: nn.Module,
    run: Callable[[], None],
    weights: GraphWeights,
    inside: nn.Module | None = None,
) -> dict[str, Weight]:
    called = _list_called(inside or module, (nn.Linear,), run)
    names = [_name_of(module, layer) for layer in called]
    return dict(zip(names, weights.linears(), strict=True))


def restore_vae(graphs: _Graphs, recipe: Recipe) -> AutoencoderOobleck:
    """Return the autoencoder with the decoder's graph's weights."""
    torch.manual_seed(0)  # the unused encoder
    vae = build_vae(recipe).eval()
    decoder, weights = vae.decoder, graphs.weights("vae_decoder")
    kinds = (nn.Conv1d, nn.ConvTranspose1d, Snake1d)
    called = _list_called(
        decoder, kinds, lambda: decoder(torch.zeros(1, recipe.latent.channels, 2))
    )
    convolutions, snakes = iter(weights.convolutions()), iter(weights.snakes())
    for layer in called:
        rows = (
            _snake(next(snakes)) if isinstance(layer, Snake1d) else _split_norm(*next(convolutions))
        )
        layer.load_state_dict({name: torch.from_numpy(row) for name, row in rows.items()})
    return vae


def _split_norm(weight: Weight, bias: Weight | None) -> dict[str, Weight]:
    norm = np.sqrt((weight.astype(np.float64) ** 2).sum(axis=(1, 2), keepdims=True))
    rows = {"weight_v": weight, "weight_g": norm.astype(np.float32)}
    return rows if bias is None else {**rows, "bias": bias}


def _snake(snake: Snake) -> dict[str, Weight]:
    beta = 1.0 / snake.inverse_beta.astype(np.float64) - _BETA_GUARD
    return {"alpha": np.log(snake.alpha), "beta": np.log(beta).astype(np.float32)}


def _list_called(
    module: nn.Module, kinds: tuple[type[nn.Module], ...], run: Callable[[], object]
) -> list[nn.Module]:
    """Return the layers of some kinds in the order of their calls."""
    order: list[nn.Module] = []

    def note(layer: nn.Module, *_: object) -> None:
        order.append(layer)

    layers = [layer for layer in module.modules() if isinstance(layer, kinds)]
    hooks = [layer.register_forward_hook(note) for layer in layers]
    with torch.no_grad():
        run()
    for hook in hooks:
        hook.remove()
    return order


def _name_of(module: nn.Module, layer: nn.Module) -> str:
    return next(f"{name}.weight" for name, each in module.named_modules() if each is layer)


def _under(prefix: str, rows: dict[str, Weight]) -> dict[str, Weight]:
    return {prefix + name: row for name, row in rows.items()}


def _load(module: nn.Module, rows: dict[str, Weight]) -> None:
    module.load_state_dict({name: torch.from_numpy(np.array(row)) for name, row in rows.items()})


@torch.no_grad()
def _errors(graphs: _Graphs, denoiser: Denoiser, vae: AutoencoderOobleck) -> dict[str, float]:
    """Return the relative errors of the restored networks, on one question of chance."""
    generator = torch.Generator().manual_seed(1)
    card = graphs.card
    ids = torch.randint(2, 400, (1, 2, card.prompt_tokens), generator=generator)
    seconds = torch.full((1, 1), card.default_seconds)
    texts = _answers(
        graphs.session("text_encoder"),
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        seconds_start=torch.zeros(1, 1),
        seconds_end=seconds,
    )
    condition = Condition(ids[:, 0], torch.ones_like(ids[:, 0]), seconds[:, 0])
    tokens, embedding = denoiser.encode(condition)
    latents = torch.randn((1, card.latent_channels, card.frame_bucket), generator=generator)
    step = _answers(
        graphs.session("transformer"),
        latents=latents,
        sigma=torch.ones(1, 1),
        guidance_scale=torch.ones(1, 1),  # up to 1 the prompt alone decides
        conditioning=tokens,
        negative_conditioning=tokens,
        global_conditioning=embedding[:, 0],
    )
    expected = denoise(denoiser, latents, 1.0, ((tokens, embedding), 1.0))
    pcm = _answers(graphs.session("vae_decoder"), latents=latents)
    sound = to_int16(limit_peak(vae.decode(latents).sample.numpy()))
    return {
        "text_encoder": _relative(texts[0], tokens.numpy()),
        "transformer": _relative(step[0], expected.numpy()),
        # One step of int16 is rounding: a sample may lie on either side of a half.
        "vae_decoder": _relative(pcm[0], sound, slack=1.0),
    }


def _answers(session: onnxruntime.InferenceSession, **tensors: Tensor) -> list[Any]:
    answers: list[Any] = session.run(None, {name: each.numpy() for name, each in tensors.items()})
    return answers


def _relative(answer: Values, expected: Values, slack: float = 0.0) -> float:
    want = expected.astype(np.float64)
    beyond = np.maximum(np.abs(answer - want) - slack, 0.0)
    return float(np.linalg.norm(beyond) / np.linalg.norm(want))
