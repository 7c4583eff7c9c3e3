"""The stages of an export: load, write the graphs, verify them, publish."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from diffusers import DiffusionPipeline

from export import manifest, onnx_files, tokenizers, verify
from export.cards import Choices, make_card
from export.checkpoint import Checkpoint
from export.configs import ENSEMBLE, ServingOptions, config_texts
from export.errors import from_os_error
from export.families import EXPORTERS
from export.graphs import Graph
from export.loading import load
from export.precision import QUANTIZED, Precision
from export.repository import Staging, kept_configs, staging
from tritone.card import ModelCard

Announce = Callable[[str], None]
"""Told the name of each stage as it begins."""

STAGES = 10
MODEL_FILE = "model.onnx"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRequest:
    """What to export, where to and how."""

    checkpoint: Checkpoint
    name: str
    repository: Path
    precision: Precision = "fp32"
    external_data: bool | None = None  # None: only where the weights are too large for one file
    choices: Choices = field(default_factory=Choices)
    serving: ServingOptions = field(default_factory=ServingOptions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What an export has put into the repository."""

    card: ModelCard
    version: int
    measured: verify.Measured
    kept_configs: list[str]  # models whose published config.pbtxt is not the one of this export


def export(request: ExportRequest, announce: Announce) -> Published:
    """Export a checkpoint, verify it, and publish it as the next version of a model.

    Raises:
        ExportError: anything that went wrong, in one sentence; the repository is as it was.
    """
    try:
        return _export(request, announce)
    except OSError as error:
        raise from_os_error(error) from error


def _export(request: ExportRequest, announce: Announce) -> Published:
    announce("loading the checkpoint")
    checkpoint = request.checkpoint
    pipeline = load(checkpoint)
    exporter = EXPORTERS[checkpoint.family.name]
    choices = request.choices.over(checkpoint.defaults)
    card = make_card(request.name, checkpoint.family, exporter.facts(pipeline), choices)
    configs = config_texts(card, request.serving)
    kept = kept_configs(request.repository, card, configs)
    with staging(request.repository, card, configs) as staged:
        graphs = exporter.graphs(pipeline, card, request.precision)
        _write_artifacts(request, staged, graphs, announce)
        tokenizers.write_tokenizer(pipeline.tokenizer, card, _artifact(staged, "tokenizer"))
        measured = _verify(request, staged, graphs, pipeline, announce)
        announce("hashing the artifacts")
        record = manifest.make_manifest(checkpoint, request.precision, measured, staged.folder)
        record.write(staged.version_folder(ENSEMBLE) / manifest.FILE)
        announce("publishing")
        staged.publish()
    return Published(card=card, version=staged.version, measured=measured, kept_configs=kept)


def _artifact(staged: Staging, component: str) -> Path:
    name = tokenizers.FILE if component == "tokenizer" else MODEL_FILE
    return staged.version_folder(component) / name


def _write_artifacts(
    request: ExportRequest, staged: Staging, graphs: list[Graph], announce: Announce
) -> None:
    # Triton wants every version folder to hold something, and git keeps no empty folder.
    (staged.version_folder("denoiser") / ".keep").touch()
    for graph in graphs:
        announce(f"exporting the {graph.component}")
        path = _artifact(staged, graph.component)
        onnx_files.write_onnx(graph, staged.card, path, external_data=request.external_data)
        if request.precision == "int8" and graph.component in QUANTIZED:
            onnx_files.quantize(path)


def _verify(
    request: ExportRequest,
    staged: Staging,
    graphs: list[Graph],
    pipeline: DiffusionPipeline,
    announce: Announce,
) -> verify.Measured:
    card, precision = staged.card, request.precision
    errors = {}
    for graph in graphs:
        announce(f"verifying the {graph.component}")
        path = _artifact(staged, graph.component)
        errors[graph.component] = verify.verify_component(
            graph, card, path, precision, max_batch=request.serving.max_batch
        )
    announce("verifying the whole pipeline")
    components = ("tokenizer", *(graph.component for graph in graphs))
    paths = {component: _artifact(staged, component) for component in components}
    reference = partial(EXPORTERS[card.family].reference, pipeline)
    end_to_end = verify.verify_end_to_end(paths, card, precision, reference)
    return verify.Measured(components=errors, end_to_end=end_to_end)
