"""The stages of an export: load, write graphs, verify, publish."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from export.cards import Choices, make_card
from export.checkpoint import Checkpoint, open_checkpoint
from export.configs import ServingOptions, config_texts
from export.errors import ExportError, from_os_error
from export.families import EXPORTS
from export.graphs import Graph, Precision
from export.repository import Staging, kept_configs, staging
from tritone.card import ModelCard

Announce = Callable[[str], None]
"""Told the name of each stage as it begins."""

STAGES = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRequest:
    """What to export, where to and how."""

    source: str
    name: str
    repository: Path
    precision: Precision = "fp32"
    external_data: bool | None = None  # None: only where the weights are too large for one file
    choices: Choices = Choices()
    serving: ServingOptions = ServingOptions()


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What an export has put into the repository."""

    card: ModelCard
    version: int
    kept_configs: list[str]  # models whose published config.pbtxt differs from this export's


def export(request: ExportRequest, announce: Announce) -> Published:
    """Export a checkpoint and publish it as the next version of a model.

    Raises:
        ExportError: anything that went wrong, in one sentence; the repository is as it was.
    """
    try:
        return _export(request, announce)
    except OSError as error:
        raise from_os_error(error) from error


def _export(request: ExportRequest, announce: Announce) -> Published:
    announce("open the checkpoint")
    checkpoint = open_checkpoint(request.source)
    announce("load the pipeline")
    pipeline = checkpoint.load()
    family = EXPORTS[checkpoint.family.name]
    choices = request.choices.over(checkpoint.defaults)
    card = make_card(request.name, checkpoint.family, family.facts(pipeline), choices)
    configs = config_texts(card, request.serving)
    kept = kept_configs(request.repository, card, configs)
    with staging(request.repository, card, configs) as staged:
        graphs = family.graphs(pipeline, card, request.precision)
        _write_artifacts(staged, graphs, pipeline.tokenizer, announce)
        announce("publish")
        staged.publish()
    return Published(card=card, version=staged.version, kept_configs=kept)


def _write_artifacts(staged: Staging, graphs: list[Graph], tokenizer, announce: Announce) -> None:
    from export import onnx_files, tokenizers

    for graph in graphs:
        announce(f"export the {graph.component}")
        path = staged.version_folder(graph.component) / "model.onnx"
        onnx_files.write_onnx(graph, staged.card, path)
    tokenizers.write_tokenizer(
        tokenizer, staged.card, staged.version_folder("tokenizer") / tokenizers.FILE
    )
    (staged.version_folder("denoiser") / ".keep").touch()
    (staged.version_folder("") / "manifest.json").write_text("{}")
