"""A family's full-size files from text to samples, against diffusers' own pipeline.

The weights of the pipeline are drawn anew for each network that computes, and dropped before the
next one does: all at once would not fit into the memory that is allowed.
"""

import gc
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import get_args

import diffusers
import torch
from diffusers import DiffusionPipeline
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from torch import nn
from transformers import PreTrainedTokenizerFast

from export.families import EXPORTERS
from export.full_size_models import PARTS, full_size_card, make_pipeline
from export.graphs import release
from export.precision import Precision
from export.sessions import Open, open_network
from export.tokenizers import FILE, write_tokenizer
from export.trials import Files, Sounds, Trial, diffusers_card, make_trial
from export.verify import verify_end_to_end
from tritone.card import ModelCard
from tritone.families import FAMILIES

_END = "<|endoftext|>"


def main(family: str, precision: Precision, folder: Path, open_file: Open = open_network) -> None:
    """Compare the `model.onnx` of every network's folder with diffusers; write `results.json`.

    Raises:
        VerificationFailed: too far from diffusers, or two prompts gave one sound.
    """
    started = time.monotonic()
    pipeline = make_sleeping_pipeline(family)
    card = diffusers_card(full_size_card(family, pipeline))
    trial = make_trial(card)
    write_tokenizer(pipeline.tokenizer, card, folder / FILE)
    sounds = _ask_diffusers(family, pipeline, card, trial)
    asked = time.monotonic()
    del pipeline
    gc.collect()
    paths = {name: folder / name / "model.onnx" for name in PARTS}
    files = Files(paths | {"tokenizer": folder / FILE}, open_file)
    found = verify_end_to_end(files, card, precision, trial, sounds)
    measured = {
        **asdict(found),
        "latent_frames": trial.latent_frames,
        "reference_seconds": asked - started,
        "served_seconds": time.monotonic() - asked,
    }
    (folder / "results.json").write_text(json.dumps(measured))


def make_sleeping_pipeline(family: str) -> DiffusionPipeline:
    """Return diffusers' pipeline of a family; a network has weights only while it computes."""
    parts: dict[str, nn.Module] = {}
    for group in _TURNS:
        made = make_pipeline(family, group)
        for name in group:
            if hasattr(made, name):
                parts[name] = getattr(made, name)
                _sleep(parts[name])
    made = make_pipeline(family, ("vae",))  # small enough to stay awake
    pipeline_class = getattr(diffusers, FAMILIES[family].pipeline_class)
    pipeline: DiffusionPipeline = pipeline_class(
        **parts, vae=made.vae, scheduler=made.scheduler, tokenizer=make_tokenizer()
    )
    pipeline.set_progress_bar_config(disable=True)
    turns = _Turns(family, parts)
    for group in _TURNS:
        for name in group:
            if name in parts:
                parts[name].register_forward_pre_hook(partial(turns.begin, group))
    pipeline.vae.decoder.register_forward_pre_hook(partial(turns.begin, ()))
    return pipeline


def make_tokenizer() -> PreTrainedTokenizerFast:
    """Return a tokenizer whose every byte is a token: the published one is not at hand."""
    letters = [_END, *sorted(pre_tokenizers.ByteLevel.alphabet())]
    fast = Tokenizer(models.BPE(vocab={each: i for i, each in enumerate(letters)}, merges=[]))
    fast.add_special_tokens([_END])
    fast.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    fast.post_processor = processors.TemplateProcessing(
        single=f"$A {_END}", special_tokens=[(_END, 0)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=fast, padding_side="left", pad_token=_END, eos_token=_END
    )


_TURNS: tuple[tuple[str, ...], ...] = (PARTS["text_encoder"], ("transformer",))


class _Turns:
    """Whose turn it is to have weights."""

    def __init__(self, family: str, parts: dict[str, nn.Module]) -> None:
        self._family = family
        self._parts = parts
        self._awake: tuple[str, ...] = ()

    def begin(self, group: Sequence[str], _module: nn.Module, _inputs: object) -> None:
        """Give the parts of a group their weights, after those of the others were dropped."""
        if tuple(group) == self._awake:
            return
        for part in self._parts.values():
            _sleep(part)
        gc.collect()
        made = make_pipeline(self._family, tuple(group))
        for name in group:
            if name in self._parts:
                mine, drawn = self._parts[name].parameters(), getattr(made, name).parameters()
                for parameter, other in zip(mine, drawn, strict=True):
                    parameter.data = other.data
        self._awake = tuple(group)


def _sleep(part: nn.Module) -> None:
    # Only the weights: buffers are small, and read between the networks.
    for parameter in part.parameters():
        parameter.data = torch.empty(0, dtype=parameter.dtype)


def _ask_diffusers(
    family: str, pipeline: DiffusionPipeline, card: ModelCard, trial: Trial
) -> Sounds:
    sounds = EXPORTERS[family].reference(pipeline, card, trial)
    for part in pipeline.components.values():
        if isinstance(part, nn.Module):
            release(part)
    return sounds


if __name__ == "__main__":
    _, chosen_family, chosen_precision, chosen_folder = sys.argv
    for known in get_args(Precision):
        if known == chosen_precision:
            main(chosen_family, known, Path(chosen_folder))
