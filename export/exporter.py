"""The stages of an export: load, write the graphs, verify them, publish."""

import shutil
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from diffusers import DiffusionPipeline
from torch import nn

from export import manifest, onnx_files, tokenizers, verify
from export.adapters import fuse_adapter
from export.cards import Choices, make_card
from export.checkpoint import Checkpoint
from export.configs import ENSEMBLE, ServingOptions, config_texts
from export.errors import ExportError, from_os_error
from export.families import EXPORTERS
from export.fingerprints import take_fingerprint
from export.graphs import release
from export.lint import advise
from export.loading import load
from export.precision import Precision
from export.repository import Staging, find_noise, list_kept_configs, staging
from export.trials import Files, Sounds, Trial, diffusers_card, make_trial
from tritone.card import COMPONENTS, ModelCard
from tritone.first_line import first_line
from tritone.plans import NETWORKS
from tritone.words import WORDS_FILE

Announce = Callable[[str], None]
"""Told the name of each stage as it begins."""

STAGES = 12
MODEL_FILE = "model.onnx"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRequest:
    """What to export, where to and how."""

    checkpoint: Checkpoint
    name: str
    repository: Path
    precision: Precision = "fp32"
    external_data: bool | None = None  # None: only where the weights are too large for one file
    fuses_attention: bool = False  # as one operator of a newer opset
    choices: Choices = field(default_factory=Choices)
    serving: ServingOptions = field(default_factory=ServingOptions)
    adapter: Path | None = None  # a LoRA file, fused into the transformer

    @property
    def opset(self) -> int:
        """The version of ONNX's operators."""
        return onnx_files.choose_opset(self.precision, fuses_attention=self.fuses_attention)


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What an export has put into the repository."""

    card: ModelCard
    version: int
    measured: verify.Measured
    kept_configs: list[str]  # models whose published config.pbtxt is not the one of this export
    on_gpus: list[str]  # what GPU engines lack for its networks, and what to do


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What PyTorch and diffusers say, to be compared with what the files say."""

    cases: dict[str, list[verify.Case]]
    trial: Trial
    sounds: Sounds


def export(request: ExportRequest, announce: Announce) -> Published:
    """Export a checkpoint, verify it, and publish it as the next version of a model.

    Raises:
        ExportError: anything that went wrong, in one sentence; the repository is as it was.
    """
    stages = [""]

    def note_stage(name: str) -> None:
        stages.append(name)
        announce(name)

    try:
        return _export(request, note_stage)
    except ExportError:
        raise
    except OSError as error:
        raise from_os_error(error) from error
    except Exception as error:  # any: what a checkpoint does to torch and ONNX is not foreseeable
        said = f"{stages[-1]} failed: {first_line(error)}; nothing was published"
        raise ExportError(said, detail=traceback.format_exc()) from error


def _export(request: ExportRequest, announce: Announce) -> Published:
    announce("loading the checkpoint")
    pipeline = load(request.checkpoint)
    if request.adapter is not None:
        fuse_adapter(pipeline, request.adapter)
    card = _card(request, pipeline)
    configs = partial(config_texts, card, request.serving)
    kept = list_kept_configs(request.repository, card, configs(1))
    with staging(request.repository, card, configs) as staged:
        truth = _write_artifacts(request, staged, pipeline, announce)
        _release_weights(pipeline)  # from here on they are in the files
        measured = _verify(request, staged, truth, announce)
        announce("taking the fingerprint")
        fingerprint = take_fingerprint(Files(_artifacts(staged)), card, request.precision)
        announce("hashing the artifacts")
        findings = manifest.Findings(measured, fingerprint, request.opset)
        record = manifest.make_manifest(
            request.checkpoint, request.precision, findings, staged.folder, request.adapter
        )
        record.write(staged.version_folder(ENSEMBLE) / manifest.FILE)
        announce("publishing")
        advice = advise({each: _artifact(staged, each) for each in NETWORKS})
        staged.publish()
    return Published(
        card=card,
        version=staged.version,
        measured=measured,
        kept_configs=kept,
        on_gpus=advice,
    )


def _release_weights(pipeline: DiffusionPipeline) -> None:
    for component in pipeline.components.values():
        if isinstance(component, nn.Module):
            release(component)


def _card(request: ExportRequest, pipeline: DiffusionPipeline) -> ModelCard:
    family = request.checkpoint.family
    choices = request.choices.over(request.checkpoint.defaults)
    facts = EXPORTERS[family.name].facts(pipeline)
    noise = find_noise(request.repository, request.name)
    return make_card(request.name, family, facts, choices, noise)


def _write_artifacts(
    request: ExportRequest, staged: Staging, pipeline: DiffusionPipeline, announce: Announce
) -> Truth:
    card, exporter = staged.card, EXPORTERS[staged.card.family]
    # Triton wants every version folder to hold something, and git keeps no empty folder.
    (staged.version_folder("denoiser") / ".keep").touch()
    tokenizers.write_tokenizer(pipeline.tokenizer, card, _artifact(staged, "tokenizer"))
    words = request.checkpoint.folder / WORDS_FILE
    if words.is_file():
        shutil.copy(words, staged.version_folder("tokenizer"))
    announce("asking PyTorch")
    graphs = exporter.graphs(pipeline, card, request.precision)
    truth = Truth(
        cases={
            graph.component: verify.ask_pytorch(graph, card, request.serving.max_batch)
            for graph in graphs
        },
        trial=make_trial(card),
        sounds=exporter.reference(pipeline, diffusers_card(card), make_trial(card)),
    )
    for graph in graphs:
        announce(f"exporting the {graph.component}")
        path = _artifact(staged, graph.component)
        onnx_files.write_onnx(
            graph, card, path, external_data=request.external_data, opset=request.opset
        )
        onnx_files.finish(path, graph.component, request.precision)
        release(graph.module)  # it may be a copy, in half precision
    return truth


def _verify(
    request: ExportRequest, staged: Staging, truth: Truth, announce: Announce
) -> verify.Measured:
    paths = _artifacts(staged)
    errors = {}
    for component, cases in truth.cases.items():
        announce(f"verifying the {component}")
        errors[component] = verify.verify_component(
            component, cases, paths[component], request.precision
        )
    announce("verifying the whole pipeline")
    end_to_end = verify.verify_end_to_end(
        Files(paths), diffusers_card(staged.card), request.precision, truth.trial, truth.sounds
    )
    return verify.Measured(components=errors, end_to_end=end_to_end)


def _artifacts(staged: Staging) -> dict[str, Path]:
    return {name: _artifact(staged, name) for name in COMPONENTS if name != "denoiser"}


def _artifact(staged: Staging, component: str) -> Path:
    name = tokenizers.FILE if component == "tokenizer" else MODEL_FILE
    return staged.version_folder(component) / name
