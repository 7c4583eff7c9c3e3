"""Writes voices of VITS' kind as Piper's files, compared with the original. Knows no library.

`tritone voices add FILE.onnx` then imports them as it does Piper's own.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
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

from export.errors import VerificationFailed, from_os_error

TOLERANCE = 1e-4
"""Of samples, against the original with the noise that the graph drew."""

_LENGTHS = (7, 45)  # of ids: a graph with a fixed length takes one of them only
_OPSET = 15
DURATIONS = "frames_of_phonemes"
"""The second output of a graph that tells durations."""
_INPUTS = ("input", "input_lengths", "scales", "sid")


@dataclass(frozen=True, slots=True, kw_only=True)
class PiperGraph:
    """A voice of some library, with Piper's inputs."""

    graph: nn.Module
    """int64 [1, n], int64 [1], float32 [3] (of the noise, of the length, of the durations' noise)
    and, where there are speakers, int64 [1], to float32 [1, 1, samples]; where it tells durations,
    to those, too: float32 [1, n], in units of equally many samples."""
    n_ids: int
    scales: tuple[float, float, float]
    n_speakers: int  # 0: the graph takes none
    config: dict[str, Any]  # as Piper writes it
    tells_durations: bool = False


def remove_parametrizations(model: nn.Module) -> None:
    """Make constants of what is computed from weights, as weight norm is."""
    for module in model.modules():
        if parametrize.is_parametrized(module, "weight"):
            parametrize.remove_parametrizations(module, "weight")


def make_config(  # noqa: PLR0913 -- each is a field of Piper's
    *,
    sample_rate: int,
    language: str,
    espeak_voice: str,
    ids: dict[str, list[int]],
    scales: tuple[float, float, float],
    speakers: dict[str, int],
    kind: str = "",
) -> dict[str, Any]:
    """Return a configuration as Piper writes it; without an espeak voice it reads letters.

    `kind` is how LocalAI's `backend` names voices of that library; empty: as Piper's.
    """
    noise_scale, length_scale, noise_w = scales
    return {
        "audio": {"sample_rate": sample_rate},
        "language": {"code": language.replace("-", "_")},
        "phoneme_type": "espeak" if espeak_voice else "text",
        "espeak": {"voice": espeak_voice} if espeak_voice else {},
        "inference": {
            "noise_scale": noise_scale,
            "length_scale": length_scale,
            "noise_w": noise_w,
        },
        "phoneme_id_map": {"^": [], "_": [], "$": []} | ids,
        "num_speakers": max(1, len(speakers)),
        "speaker_id_map": speakers,
        "kind": kind,
    }


def write_voice(voice: PiperGraph, target: Path) -> float:
    """Write a voice's `.onnx` and `.onnx.json`; return how far it is from the original.

    Raises:
        ExportError: it does not sound as the original does, or the files cannot be written.
    """
    graph = voice.graph.eval()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _write_graph(voice, graph, target)
        error = max(_compare(voice, graph, target, n) for n in _LENGTHS)
        if not error <= TOLERANCE:
            target.unlink()
            raise VerificationFailed(
                f"the graph is {error:.1e} off the original, more than {TOLERANCE:g}"
            )
        config = json.dumps(voice.config, indent=1, ensure_ascii=False)
        target.with_name(f"{target.name}.json").write_text(config, encoding="utf-8")
    except OSError as failed:
        raise from_os_error(failed) from failed
    return error


def _arguments(voice: PiperGraph, n: int) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(n)
    ids = torch.randint(1, voice.n_ids, (1, n), generator=generator)
    speaker = (torch.tensor([voice.n_speakers - 1]),) if voice.n_speakers else ()
    return ids, torch.tensor([n]), torch.tensor(voice.scales), *speaker


def _write_graph(voice: PiperGraph, graph: nn.Module, target: Path) -> None:
    arguments = _arguments(voice, _LENGTHS[0])
    # By tracing: the length of the sound depends on what the graph computes.
    torch.onnx.export(
        graph,
        arguments,
        str(target),
        dynamo=False,
        opset_version=_OPSET,
        input_names=list(_INPUTS[: len(arguments)]),
        output_names=["output", DURATIONS][: 1 + voice.tells_durations],
        dynamic_axes={
            "input": {1: "phonemes"},
            "output": {2: "samples"},
            DURATIONS: {1: "phonemes"},
        },
    )
    written = onnx.load(target)
    for node in written.graph.node:  # paths of this machine
        node.doc_string = ""
    onnx.save(written, target)


def _compare(voice: PiperGraph, graph: nn.Module, target: Path, n: int) -> float:
    """Return the largest difference of a sample between a graph and its original."""
    tapped = onnx.load(target)
    drawn = [each.output[0] for each in tapped.graph.node if each.op_type == "RandomNormalLike"]
    for name in drawn:
        tapped.graph.output.append(onnx.ValueInfoProto(name=name))
    session = ort.InferenceSession(tapped.SerializeToString(), providers=["CPUExecutionProvider"])
    arguments = _arguments(voice, n)
    inputs = {name: each.numpy() for name, each in zip(_INPUTS, arguments, strict=False)}
    found, *noise = session.run(["output", *drawn], inputs)
    with torch.no_grad(), _Replay(noise):
        made = graph(*arguments)
    expected = (made[0] if voice.tells_durations else made).numpy()
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
