"""`python -m export.engine`: TensorRT plans for a published model, built where it is served."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from export import screen
from export.errors import ExportError, from_os_error
from export.plans import MODEL_FILE, PlanMismatch, check_plan
from export.tensorrt_builder import (
    NETWORKS,
    EngineError,
    EngineOptions,
    Network,
    build_plan,
    gpu_architecture,
    load_tensorrt,
    make_profile,
)
from tritone.card import InvalidCard, ModelCard, component_name, read_card

__all__ = ["EngineError", "PlanMismatch", "app", "build_plan", "check_plan"]

app = typer.Typer(add_completion=False, rich_markup_mode="markdown", no_args_is_help=True)

Repository = Annotated[Path, typer.Argument(help="Triton model repository.")]
Name = Annotated[str, typer.Argument(help="Name of the published model.")]
Version = Annotated[int | None, typer.Option(help="Version (default: the newest).")]


def version_folder(repository: Path, model: str, component: str, version: int | None) -> Path:
    """Return the folder of one version of a network; None: the newest.

    Raises:
        EngineError: there is no such network or version.
    """
    model_folder = repository / component_name(model, component)
    published = [int(path.name) for path in model_folder.glob("*") if path.name.isdecimal()]
    number = max(published, default=0) if version is None else version
    if number not in published or not (model_folder / str(number) / MODEL_FILE).is_file():
        wanted = "" if version is None else f" version {version}"
        raise EngineError(f"there is no {model_folder.name}{wanted} in {repository}")
    return model_folder / str(number)


def published_card(repository: Path, model: str) -> ModelCard:
    """Return the card of a published model.

    Raises:
        EngineError: there is no such model, or not one of this release.
    """
    path = repository / model / "config.pbtxt"
    try:
        card = read_card(path.read_text(encoding="utf-8")) if path.is_file() else None
    except InvalidCard as error:
        raise EngineError(f"{model} in {repository}: {error}") from error
    if card is None:
        raise EngineError(f"there is no model {model} of ours in {repository}")
    return card


@app.callback()
def engine() -> None:
    """Build and check TensorRT plans for a published model.

    Run it inside the container image that serves, on the GPU that serves: a plan runs only with the
    TensorRT that built it and on the GPU architecture it was built on. `plan.json` beside the plan
    records both, and `check` refuses a plan that does not fit.

    Precision is that of the ONNX files: export with `--precision fp16` for half precision.

    To serve the plans, write `platform: "tensorrt_plan"` for `backend: "onnxruntime"` into the
    networks' `config.pbtxt`, and `transformer_in_process` false into the denoiser's.
    """


@app.command()
def build(  # noqa: PLR0913, PLR0917  # every parameter is an option of the command line
    repository: Repository,
    name: Name,
    version: Version = None,
    component: Annotated[Network | None, typer.Option(help="Network (default: all).")] = None,
    usual_batch: Annotated[int, typer.Option(min=1, help="Rows that plans are tuned for.")] = 4,
    max_batch: Annotated[int, typer.Option(min=1, help="Most rows of one execution.")] = 8,
    workspace_gib: Annotated[int, typer.Option(min=1, help="GPU memory for tactics, GiB.")] = 8,
    timing_cache: Annotated[
        Path | None, typer.Option(help="File that makes later builds on the same GPU quicker.")
    ] = None,
) -> None:
    """Build the plans of one version. Takes minutes per network."""
    options = EngineOptions(
        usual_batch=usual_batch,
        max_batch=max_batch,
        workspace_gib=workspace_gib,
        timing_cache=timing_cache,
    )
    with _one_sentence():
        card, architecture = published_card(repository, name), gpu_architecture()
        components = [component] if component else [*NETWORKS]
        with screen.progress(len(components)) as announce:
            for each in components:
                folder = version_folder(repository, name, each, version)
                announce(f"building the {each} for {architecture}")
                build_plan(folder, make_profile(card, each, options), options, architecture)


@app.command()
def check(repository: Repository, name: Name, version: Version = None) -> None:
    """Check that the plans of one version fit this TensorRT and this GPU."""
    with _one_sentence():
        found, architecture = load_tensorrt().__version__, gpu_architecture()
        for component in NETWORKS:
            folder = version_folder(repository, name, component, version)
            check_plan(folder, tensorrt_version=found, architecture=architecture)
            screen.say(f"{folder} fits TensorRT {found} on {architecture}")


@contextmanager
def _one_sentence() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        screen.show_error(from_os_error(error))
        raise typer.Exit(1) from None
    except ExportError as error:
        screen.show_error(error)
        raise typer.Exit(1) from None


if __name__ == "__main__":
    app(prog_name="python -m export.engine")
