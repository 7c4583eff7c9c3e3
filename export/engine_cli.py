"""`python -m export engine`: the options, the progress on the screen, and the exit code."""

from pathlib import Path
from typing import Annotated

import typer

from export import screen
from export.engine import STAGES, BuiltVersion, Engine, build_version
from export.errors import EngineError, ExportError, from_os_error
from export.plans import check_plan
from export.profiles import NETWORKS, EngineOptions
from export.published import find_source
from export.tensorrt_library import TRITON_BACKENDS
from tritone.card import component_name
from tritone.gpu import NoGpu
from tritone.plans import plan_of

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


@app.command()
def engine(  # noqa: PLR0913, PLR0917  # every parameter is an option of the command line
    repository: Annotated[Path, typer.Argument(help="Triton model repository.")],
    name: Annotated[str, typer.Argument(help="Name of the published model.")],
    version: Annotated[
        int | None, typer.Option(help="Version (default: the newest with ONNX files).")
    ] = None,
    usual_batch: Annotated[int, typer.Option(min=1, help="Rows that plans are tuned for.")] = 4,
    max_batch: Annotated[int, typer.Option(min=1, help="Most rows of one execution.")] = 8,
    workspace_gib: Annotated[int, typer.Option(min=1, help="GPU memory for tactics, GiB.")] = 8,
    tf32: Annotated[
        bool, typer.Option("--tf32", help="Multiply float32 with 10 bits: faster, not exact.")
    ] = False,
    timing_cache: Annotated[
        Path | None, typer.Option(help="File that makes later builds on the same GPU quicker.")
    ] = None,
    triton_backends: Annotated[
        Path, typer.Option(help="Triton's backends, whose TensorRT the plans are for.")
    ] = TRITON_BACKENDS,
    check: Annotated[
        bool, typer.Option("--check", help="Build nothing: do a version's plans fit this machine?")
    ] = False,
) -> None:
    """Build TensorRT plans of a version's networks, as a new version of the model.

    Run it inside the container image that serves, on the GPU that serves: a plan runs only with
    the TensorRT that built it and on such a GPU as it was built on. Takes minutes per network.

    A network that TensorRT does not take stays an ONNX file. Each plan is compared with its ONNX
    file, and the whole with the version's fingerprint; what differs is not published. Precision is
    that of the ONNX files: export with `--precision fp16`, or `bf16`, for half precision.

    Then: `tritone models promote NAME VERSION`, and `tritone models rollback NAME`.
    """
    options = EngineOptions(
        usual_batch=usual_batch,
        max_batch=max_batch,
        workspace_gib=workspace_gib,
        tf32=tf32,
        timing_cache=timing_cache,
    )
    try:
        found = Engine.open(triton_backends)
        if check:
            _check(repository, name, version, found)
            return
        source = find_source(repository, name, version)
        with screen.progress(STAGES) as announce:
            built = build_version(source, found, options, announce)
    except OSError as error:
        screen.show_error(from_os_error(error))
        raise typer.Exit(1) from None
    except NoGpu as error:
        screen.show_error(EngineError(str(error)))
        raise typer.Exit(1) from None
    except ExportError as error:
        screen.show_error(error)
        raise typer.Exit(1) from None
    _show(built, name)


def _check(repository: Path, name: str, version: int | None, found: Engine) -> None:
    folders = [
        folder
        for component in NETWORKS
        for folder in (repository / component_name(name, plan_of(component))).glob("[0-9]*")
        if version is None or folder.name == str(version)
    ]
    if not folders:
        wanted = "" if version is None else f" in version {version}"
        raise ExportError(f"there are no plans of {name}{wanted} in {repository}")
    for folder in sorted(folders):
        check_plan(folder, tensorrt=found.release, device=found.device)
        screen.say(f"{folder} fits TensorRT {found.release} on {found.device.name}")


def _show(built: BuiltVersion, name: str) -> None:
    screen.say(f"published version {built.version} of {name}")
    for component, record in built.plans.items():
        screen.say(
            f"{component}: TensorRT {record.tensorrt} on {record.gpu}, {record.error:.1e} off"
        )
    for component, lacks in built.lacks.items():
        screen.say(f"{component}: stays an ONNX file; TensorRT lacks {', '.join(map(str, lacks))}")
    if built.is_timing_cache_foreign:
        screen.say("the timing cache was of another GPU or release, and is written anew")
    screen.say(f"then: tritone models promote {name} {built.version}")
