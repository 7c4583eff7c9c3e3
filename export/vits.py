"""Exports VITS voices of transformers (MMS among them) as Piper's files.

`python -m export.vits FOLDER FILE.onnx`; `tritone voices add FILE.onnx` then imports them as it
does Piper's own. What is exported is run beside the original, with the noise that the graph drew,
before its configuration is written.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.utils import parametrize
from torch.overrides import TorchFunctionMode
from transformers import AutoTokenizer, VitsModel

from export.errors import ExportError, InvalidCheckpoint, VerificationFailed, from_os_error

TOLERANCE = 1e-4
"""Of samples, against the original with the noise that the graph drew."""

_LENGTHS = (7, 45)  # of ids: a graph with a fixed length takes one of them only
_OPSET = 15
_INPUTS = ("input", "input_lengths", "scales", "sid")


class Graph(nn.Module):
    """A voice with Piper's inputs: ids, their number, and three scales."""

    def __init__(self, model: Any) -> None:  # noqa: ANN401 -- transformers' own
        super().__init__()
        self.model = model

    def forward(
        self,
        ids: torch.Tensor,  # int64 [1, n]
        lengths: torch.Tensor,  # int64 [1]
        scales: torch.Tensor,  # float32 [3]: of the noise, of the length, of the durations' noise
        speaker: torch.Tensor | None = None,  # int64 [1]
    ) -> torch.Tensor:
        """Return float32 [1, 1, samples]."""
        self.model.noise_scale, self.model.noise_scale_duration = scales[0], scales[2]
        mask = (torch.arange(ids.shape[1])[None] < lengths[:, None]).to(ids.dtype)
        made = self.model(
            ids, attention_mask=mask, speaking_rate=1.0 / scales[1], speaker_id=speaker
        )
        waveform: torch.Tensor = made.waveform.unsqueeze(1)
        return waveform


def export_voice(folder: Path, target: Path, language: str) -> float:
    """Write a voice's `.onnx` and `.onnx.json`; return how far it is from the original.

    Raises:
        ExportError: it is none that can be exported, or it does not sound as the original does.
    """
    model, tokenizer = _load(folder)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _write_graph(model, target)
        error = max(_compare(model, target, n) for n in _LENGTHS)
        if not error <= TOLERANCE:
            target.unlink()
            raise VerificationFailed(
                f"the graph is {error:.1e} off the original, more than {TOLERANCE:g}"
            )
        config = json.dumps(_config(model, tokenizer, language), indent=1, ensure_ascii=False)
        target.with_name(f"{target.name}.json").write_text(config, encoding="utf-8")
    except OSError as failed:
        raise from_os_error(failed) from failed
    return error


def _load(folder: Path) -> tuple[Any, Any]:
    try:
        model = VitsModel.from_pretrained(folder).eval()
        tokenizer = AutoTokenizer.from_pretrained(folder)
    except (OSError, ValueError) as error:
        raise InvalidCheckpoint(f"{folder} is no VITS voice of transformers: {error}") from error
    if tokenizer.is_uroman:
        raise InvalidCheckpoint(
            f"{folder} reads its language in Roman letters, which nothing here writes"
        )
    for module in model.modules():
        if parametrize.is_parametrized(module, "weight"):
            parametrize.remove_parametrizations(module, "weight")
    return model, tokenizer


def _arguments(model: Any, n: int) -> tuple[torch.Tensor, ...]:  # noqa: ANN401
    generator = torch.Generator().manual_seed(n)
    ids = torch.randint(1, model.config.vocab_size, (1, n), generator=generator)
    config = model.config
    length = 1.0 / config.speaking_rate
    scales = torch.tensor([config.noise_scale, length, config.noise_scale_duration])
    speaker = (torch.tensor([1]),) if model.config.num_speakers > 1 else ()
    return ids, torch.tensor([n]), scales, *speaker


def _write_graph(model: Any, target: Path) -> None:  # noqa: ANN401
    arguments = _arguments(model, _LENGTHS[0])
    # By tracing: the length of the sound depends on what the graph computes.
    torch.onnx.export(
        Graph(model).eval(),
        arguments,
        str(target),
        dynamo=False,
        opset_version=_OPSET,
        input_names=list(_INPUTS[: len(arguments)]),
        output_names=["output"],
        dynamic_axes={"input": {1: "phonemes"}, "output": {2: "samples"}},
    )
    graph = onnx.load(target)
    for node in graph.graph.node:  # paths of this machine
        node.doc_string = ""
    onnx.save(graph, target)


def _compare(model: Any, target: Path, n: int) -> float:  # noqa: ANN401
    """Return the largest difference of a sample between a graph and its original."""
    tapped = onnx.load(target)
    drawn = [each.output[0] for each in tapped.graph.node if each.op_type == "RandomNormalLike"]
    for name in drawn:
        tapped.graph.output.append(onnx.ValueInfoProto(name=name))
    session = ort.InferenceSession(tapped.SerializeToString(), providers=["CPUExecutionProvider"])
    arguments = _arguments(model, n)
    inputs = {name: each.numpy() for name, each in zip(_INPUTS, arguments, strict=False)}
    found, *noise = session.run(["output", *drawn], inputs)
    with torch.no_grad(), _Replay(noise):
        expected = Graph(model).eval()(*arguments).numpy()
    if found.shape != expected.shape:
        return float("inf")
    return float(np.abs(found - expected).max(initial=0.0))


class _Replay(TorchFunctionMode):
    """While it is entered, `torch.randn` and `randn_like` return given noise, in its order."""

    def __init__(self, noise: Sequence[NDArray[np.float32]]) -> None:
        super().__init__()
        self._noise = iter(noise)

    def __torch_function__(
        self,
        func: Any,  # noqa: ANN401 -- torch's own signature
        types: Any,  # noqa: ANN401
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        if func in (torch.randn, torch.randn_like):
            return torch.from_numpy(next(self._noise).copy())
        return func(*args, **(kwargs or {}))


def _config(model: Any, tokenizer: Any, language: str) -> dict[str, Any]:  # noqa: ANN401
    """Return the configuration as Piper writes it: which ids each letter or phoneme has."""
    vocabulary = {key: value for key, value in tokenizer.get_vocab().items() if len(key) == 1}
    blank = [0] if tokenizer.add_blank else []  # stands before each id, and at the end
    ids = {key: [*blank, value] for key, value in vocabulary.items()}
    speakers = model.config.num_speakers
    return {
        "audio": {"sample_rate": model.config.sampling_rate},
        "language": {"code": language.replace("-", "_")},
        "phoneme_type": "espeak" if tokenizer.phonemize else "text",
        "espeak": {"voice": "en-us"} if tokenizer.phonemize else {},
        "inference": {
            "noise_scale": model.config.noise_scale,
            "length_scale": 1.0 / model.config.speaking_rate,
            "noise_w": model.config.noise_scale_duration,
        },
        "phoneme_id_map": {"^": [], "_": [], "$": blank} | ids,
        "num_speakers": speakers,
        "speaker_id_map": {str(i): i for i in range(speakers)} if speakers > 1 else {},
    }


def main(arguments: Sequence[str]) -> int:
    """Export the voice of a folder: FOLDER FILE.onnx [LANGUAGE]."""
    try:
        folder, target, *language = arguments
        error = export_voice(Path(folder), Path(target), language[0] if language else "en-US")
    except ValueError:
        print("usage: python -m export.vits FOLDER FILE.onnx [LANGUAGE]")  # noqa: T201
        return 2
    except ExportError as failed:
        print(f"export: {failed}")  # noqa: T201
        return 1
    print(f"{target} is {error:.1e} off the original; add it: tritone voices add {target}")  # noqa: T201
    return 0


if __name__ == "__main__":
    import sys

    sys.exit(main(sys.argv[1:]))
