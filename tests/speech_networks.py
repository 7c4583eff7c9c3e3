"""Small networks with the tensors of the real ones: each phoneme is a tone of its own."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from tritone.kokoro_files import MAX_PHONEMES, STYLE_SIZE

_UNIT = 600  # samples of a unit of Kokoro's durations
_UNITS = 4.0  # of each phoneme at a speed of 1


def kokoro_network() -> bytes:
    """Return a network as Kokoro's: the style's first number is the loudness."""
    frequencies = (2 * np.pi / 24_000 * 110 * 2 ** (np.arange(200) / 36)).astype(np.float32)
    constants: dict[str, NDArray[Any]] = {
        "frequencies": frequencies,
        "units": np.array([_UNITS], np.float32),
        "unit": np.array([_UNIT], np.int64),
        "first": np.array([0], np.int64),
        "one": np.array([1], np.int64),
        "all": np.array([-1], np.int64),
        "axis": np.array(0, np.int64),
    }
    node = helper.make_node
    nodes = [
        node("Gather", ["frequencies", "tokens"], ["steps"]),  # [1, n]
        node("Div", ["units", "speed"], ["exact"]),
        node("Round", ["exact"], ["duration"]),  # [1]
        node("Shape", ["tokens"], ["shape"]),
        node("Expand", ["duration", "shape"], ["/encoder/Round_output_0"]),
        node("Cast", ["duration"], ["n_units"], to=TensorProto.INT64),
        node("Mul", ["n_units", "unit"], ["n_samples"]),
        node("Reshape", ["steps", "column"], ["steps_column"]),
        node("Slice", ["shape", "one", "two"], ["n"]),
        node("Concat", ["n", "n_samples"], ["square"], axis=0),
        node("Expand", ["steps_column", "square"], ["spread"]),
        node("Reshape", ["spread", "all"], ["flat"]),
        node("CumSum", ["flat", "axis"], ["phase"]),
        node("Sin", ["phase"], ["tone"]),
        node("Slice", ["style", "first", "one", "one"], ["gain"]),
        node("Reshape", ["gain", "all"], ["loudness"]),
        node("Mul", ["tone", "loudness"], ["audio"]),
    ]
    constants |= {"two": np.array([2], np.int64), "column": np.array([-1, 1], np.int64)}
    return _model(
        nodes,
        constants,
        [
            _value("tokens", TensorProto.INT64, [1, "n"]),
            _value("style", TensorProto.FLOAT, [1, STYLE_SIZE]),
            _value("speed", TensorProto.FLOAT, [1]),
        ],
        [_value("audio", TensorProto.FLOAT, ["samples"])],
    )


def kokoro_style(loudness: float = 0.3) -> bytes:
    """Return the file of a voice."""
    return np.full((MAX_PHONEMES, STYLE_SIZE), loudness, np.float32).tobytes()


def piper_network(
    *, is_random: bool = True, fixed_length: int | None = None, has_speakers: bool = False
) -> bytes:
    """Return a network as Piper's: phonemes to lengths to frames of 256 samples to a sound.

    Random, it draws its lengths and a part of its sound, as VITS does; else each phoneme has 1,024
    samples and no tensor says so. With a fixed length it takes so many ids only. The second of two
    speakers is twice as loud as the first.
    """
    lengths = _random_lengths() if is_random else _equal_lengths()
    noise = _noise() if is_random else []
    last = "samples" if is_random else "plain"
    output = "voiced" if has_speakers else "output"
    end = [helper.make_node("Reshape", [last, "as_lengths"], [output])]
    speaker = [_value("sid", TensorProto.INT64, ["batch"])] if has_speakers else []
    return _model(
        [*lengths, *_frames(), *noise, *end, *(_speakers() if has_speakers else [])],
        _PIPER_CONSTANTS,
        [
            _value("input", TensorProto.INT64, ["batch", fixed_length or "n"]),
            _value("input_lengths", TensorProto.INT64, ["batch"]),
            _value("scales", TensorProto.FLOAT, [3]),
            *speaker,
        ],
        [_value("output", TensorProto.FLOAT, ["batch", 1, "time"])],
    )


_PIPER_CONSTANTS: dict[str, NDArray[Any]] = {
    "steps": (2 * np.pi / 22_050 * 110 * 2 ** (np.arange(256) / 36)).astype(np.float32),
    "zero": np.array(0, np.int64),
    "one": np.array(1, np.int64),
    "two": np.array(2, np.int64),
    "last": np.array(-1, np.int64),
    "zero_list": np.array([0], np.int64),
    "one_list": np.array([1], np.int64),
    "last_list": np.array([-1], np.int64),
    "two_channels": np.array([1, 2], np.int64),
    "four_channels": np.array([1, 4], np.int64),
    "as_column": np.array([-1, 1], np.int64),
    "as_lengths": np.array([1, 1, -1], np.int64),
    "frame": np.array([256], np.int64),
    "mean_length": np.array(4.0, np.float32),
    "nothing": np.array(0.0, np.float32),
    "third": np.array(0.3, np.float32),
}


def _mean_length() -> list[onnx.NodeProto]:
    node = helper.make_node
    return [
        node("Shape", ["input"], ["shape"]),
        node("Gather", ["shape", "last"], ["n"], axis=0),
        node("Unsqueeze", ["n", "zero_list"], ["n_list"]),
        node("Gather", ["scales", "one"], ["length_scale"], axis=0),
        node("Mul", ["mean_length", "length_scale"], ["length"]),
    ]


def _equal_lengths() -> list[onnx.NodeProto]:
    node = helper.make_node
    return [
        *_mean_length(),
        node("Expand", ["length", "n_list"], ["flat_lengths"]),
        node("Reshape", ["flat_lengths", "as_lengths"], ["lengths"]),
    ]


def _random_lengths() -> list[onnx.NodeProto]:
    node = helper.make_node
    return [
        *_mean_length(),
        node("Gather", ["scales", "two"], ["noise_w"], axis=0),
        node("Concat", ["two_channels", "n_list"], ["length_noise_shape"], axis=0),
        node("ConstantOfShape", ["length_noise_shape"], ["length_noise_like"]),
        node("RandomNormalLike", ["length_noise_like"], ["length_noise"], name="length_noise"),
        node("ReduceSum", ["length_noise", "one_list"], ["length_noise_sum"]),  # [1, 1, n]
        node("Mul", ["length_noise_sum", "noise_w"], ["jitter"]),
        node("Abs", ["jitter"], ["longer"]),
        node("Add", ["longer", "length"], ["exact"]),
        node("Ceil", ["exact"], ["lengths"]),
    ]


def _frames() -> list[onnx.NodeProto]:
    """Return what makes a tone of lengths: each frame belongs to as many ids as have ended."""
    node = helper.make_node
    return [
        node("Reshape", ["lengths", "last_list"], ["list"]),
        node("Cast", ["list"], ["units"], to=TensorProto.INT64),
        node("CumSum", ["units", "zero"], ["ends"]),
        node("Gather", ["ends", "last"], ["n_frames"], axis=0),
        node("Range", ["zero", "n_frames", "one"], ["times"]),
        node("Reshape", ["times", "as_column"], ["times_column"]),
        node("GreaterOrEqual", ["times_column", "ends"], ["have_ended"]),
        node("Cast", ["have_ended"], ["have_ended_int"], to=TensorProto.INT64),
        node("ReduceSum", ["have_ended_int", "last_list"], ["owners"], keepdims=0),
        node("Reshape", ["input", "last_list"], ["ids"]),
        node("Gather", ["ids", "owners"], ["ids_of_frames"], axis=0),
        node("Gather", ["steps", "ids_of_frames"], ["steps_of_frames"], axis=0),
        node("Unsqueeze", ["n_frames", "zero_list"], ["n_frames_list"]),
        node("Concat", ["n_frames_list", "frame"], ["square"], axis=0),
        node("Reshape", ["steps_of_frames", "as_column"], ["column"]),
        node("Expand", ["column", "square"], ["spread"]),
        node("Reshape", ["spread", "last_list"], ["steps_of_samples"]),
        node("CumSum", ["steps_of_samples", "zero"], ["phase"]),
        node("Sin", ["phase"], ["loud"]),
        node("Mul", ["loud", "third"], ["tone"]),
        node("ReduceSum", ["input_lengths"], ["total"], keepdims=0),  # used, as in the real ones
        node("Cast", ["total"], ["total_float"], to=TensorProto.FLOAT),
        node("Mul", ["total_float", "nothing"], ["without_effect"]),
        node("Add", ["tone", "without_effect"], ["plain"]),
    ]


def _noise() -> list[onnx.NodeProto]:
    node = helper.make_node
    return [
        node("Gather", ["scales", "zero"], ["noise_scale"], axis=0),
        node("Concat", ["four_channels", "n_frames_list"], ["noise_shape"], axis=0),
        node("ConstantOfShape", ["noise_shape"], ["noise_like"]),
        node("RandomNormalLike", ["noise_like"], ["noise"], name="noise"),
        node("ReduceMean", ["noise"], ["noise_mean"], axes=[0, 1], keepdims=0),
        node("Reshape", ["noise_mean", "as_column"], ["noise_column"]),
        node("Expand", ["noise_column", "square"], ["noise_spread"]),
        node("Reshape", ["noise_spread", "last_list"], ["noise_samples"]),
        node("Mul", ["noise_samples", "noise_scale"], ["loud_noise"]),
        node("Mul", ["loud_noise", "third"], ["soft_noise"]),
        node("Add", ["plain", "soft_noise"], ["samples"]),
    ]


def _speakers() -> list[onnx.NodeProto]:
    node = helper.make_node
    return [
        node("Add", ["sid", "one_list"], ["number"]),
        node("Cast", ["number"], ["gain"], to=TensorProto.FLOAT),
        node("Mul", ["voiced", "gain"], ["output"]),
    ]


def write_piper_voice(folder: Path, network: bytes, card: str = "", **config: object) -> Path:
    """Write a Piper voice as people download it; return its `.onnx` file."""
    file = folder / "it_IT-tono-medium.onnx"
    file.write_bytes(network)
    letters = " !',-.?abcdefghijklmnopqrstuvwxyzˈːəɹ\u0300"
    ids = {letter: [number] for number, letter in enumerate(letters, start=3)}
    described = {
        "audio": {"sample_rate": 22_050},
        "espeak": {"voice": "it"},
        "phoneme_type": "text",
        "inference": {"noise_scale": 0.667, "length_scale": 1, "noise_w": 0.8},
        "phoneme_id_map": {"_": [0], "^": [1], "$": [2], **ids},
        "speaker_id_map": {},
        **config,
    }
    file.with_name(f"{file.name}.json").write_text(json.dumps(described))
    if card:
        (folder / "MODEL_CARD").write_text(card)
    return file


def _value(name: str, type_: int, dims: Sequence[int | str]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, type_, dims)


def _model(
    nodes: Sequence[onnx.NodeProto],
    constants: dict[str, NDArray[Any]],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
) -> bytes:
    initializers = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    graph = helper.make_graph(nodes, "tones", inputs, outputs, initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
