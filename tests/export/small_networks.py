"""A published model whose networks take no time: few nodes, the real borders, plausible answers."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from export.configs import ENSEMBLE, ServingOptions, config_texts, model_name
from export.fingerprints import take_fingerprint
from export.profiles import NETWORKS, Network
from export.trials import Files
from tritone import tensors
from tritone.card import ModelCard
from tritone.fingerprints import PROMPTS
from tritone.tensors import TensorSpec

_ELEMENTS = {
    "FP32": TensorProto.FLOAT,
    "INT64": TensorProto.INT64,
    "INT16": TensorProto.INT16,
}
_FULL_SCALE = 32767.0


def publish(repository: Path, card: ModelCard) -> Path:
    """Publish version 1; return the repository."""
    for component, text in config_texts(card, ServingOptions()).items():
        folder = repository / model_name(card, component)
        (folder / "1").mkdir(parents=True)
        (folder / "config.pbtxt").write_text(text)
    (repository / model_name(card, "denoiser") / "1" / ".keep").touch()
    tokens = repository / model_name(card, "tokenizer") / "1" / "tokenizer.json"
    _make_tokenizer(card).save(str(tokens))
    for network in NETWORKS:
        path = repository / model_name(card, network) / "1" / "model.onnx"
        onnx.save(make_network(network, card), str(path))
    fingerprint_anew(repository, card)
    return repository


def fingerprint_anew(repository: Path, card: ModelCard) -> None:
    """Write the manifest of version 1 as its files are now."""
    paths = {
        each: repository / model_name(card, each) / "1" / "model.onnx" for each in NETWORKS
    } | {"tokenizer": repository / model_name(card, "tokenizer") / "1" / "tokenizer.json"}
    fingerprint = take_fingerprint(Files(paths), card, "fp32")
    manifest = {"precision": "fp32", "measured": {}, "fingerprint": asdict(fingerprint)}
    path = repository / model_name(card, ENSEMBLE) / "1" / "manifest.json"
    path.write_text(json.dumps(manifest))


def make_network(network: Network, card: ModelCard) -> onnx.ModelProto:
    """Return one network."""
    io = NETWORKS[network](card)
    nodes, constants = _MAKERS[network](card)
    graph = helper.make_graph(
        nodes,
        network,
        [_value(spec) for spec in io.inputs],
        [_value(spec) for spec in io.outputs],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def _value(spec: TensorSpec) -> onnx.ValueInfoProto:
    dims = ["batch", *("frames" if dim < 0 else dim for dim in spec.dims)]
    return helper.make_tensor_value_info(spec.name, _ELEMENTS[spec.dtype], dims)


Made = tuple[list[onnx.NodeProto], dict[str, NDArray[np.generic]]]


def _weights(*shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(0).standard_normal(shape, np.float32)


def _text_encoder(card: ModelCard) -> Made:
    node = helper.make_node
    size = card.conditioning_tokens * card.conditioning_dim
    nodes = [
        node("Cast", [tensors.INPUT_IDS], ["ids"], to=TensorProto.FLOAT),
        node("MatMul", ["ids", "words"], ["flat"]),
        node("Sin", ["flat"], ["waves"]),
        node("Reshape", ["waves", "shape"], ["both"]),
        node("Gather", ["both", "first"], [tensors.CONDITIONING], axis=1),
        node("Gather", ["both", "second"], [tensors.NEGATIVE_CONDITIONING], axis=1),
        node("MatMul", [tensors.SECONDS_END, "times"], [tensors.GLOBAL_CONDITIONING]),
    ]
    return nodes, {
        "words": _weights(card.prompt_tokens, size),
        "shape": np.array([0, 2, card.conditioning_tokens, card.conditioning_dim]),
        "first": np.array(0),
        "second": np.array(1),
        "times": _weights(1, card.global_dim),
    }


def _transformer(card: ModelCard) -> Made:
    node = helper.make_node
    nodes = [
        node("Add", [tensors.SIGMA, "one"], ["level"]),
        node("Unsqueeze", ["level", "last"], ["levels"]),
        node("Div", [tensors.LATENTS, "levels"], ["scaled"]),
        node("ReduceMean", [tensors.CONDITIONING, "all"], ["mean"], keepdims=1),
        node("Add", ["scaled", "mean"], [tensors.DENOISED]),
    ]
    return nodes, {
        "one": np.array(1.0, np.float32),
        "last": np.array([2]),
        "all": np.array([1, 2]),
    }


def _vae_decoder(card: ModelCard) -> Made:
    node = helper.make_node
    shape = [0, 0, card.audio_channels, card.samples_per_frame]
    nodes = [
        node("Transpose", [tensors.LATENTS], ["frames_first"], perm=[0, 2, 1]),
        node("MatMul", ["frames_first", "waves"], ["flat"]),
        node("Reshape", ["flat", "apart"], ["parts"]),
        node("Transpose", ["parts"], ["channels_first"], perm=[0, 2, 1, 3]),
        node("Reshape", ["channels_first", "joined"], ["wide"]),
        node("Tanh", ["wide"], ["sound"]),
        node("Mul", ["sound", "full_scale"], ["loud"]),
        node("Round", ["loud"], ["whole"]),
        node("Cast", ["whole"], [tensors.PCM], to=TensorProto.INT16),
    ]
    return nodes, {
        "waves": 0.1 * _weights(card.latent_channels, card.audio_channels * card.samples_per_frame),
        "apart": np.array(shape),
        "joined": np.array([0, card.audio_channels, -1]),
        "full_scale": np.array(_FULL_SCALE, np.float32),
    }


_MAKERS = {
    "text_encoder": _text_encoder,
    "transformer": _transformer,
    "vae_decoder": _vae_decoder,
}


def _make_tokenizer(card: ModelCard) -> Tokenizer:
    words = sorted({word for prompt in PROMPTS for word in prompt.split()})
    made = Tokenizer(WordLevel({word: i for i, word in enumerate(["?", *words])}, unk_token="?"))
    made.pre_tokenizer = Whitespace()
    made.enable_truncation(card.prompt_tokens)
    made.enable_padding(length=card.prompt_tokens)
    return made
