"""`python -m export.full_size`: do the published architectures export, in full, on this machine?

Builds Stable Audio Open 1.0, Stable Audio 3 medium and ACE-Step 1.5 turbo with random weights, one
network at a time in a process of its own, exports and verifies each, and reports seconds and
memory. ACE-Step's files then go from text to samples, against diffusers' pipeline. Not part of CI.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from export import screen
from export.errors import ExportError
from export.precision import Precision

FAMILIES = ("stable_audio", "stable_audio_3", "ace_step")
NETWORKS = ("text_encoder", "transformer", "vae_decoder")
WHOLE_FAMILIES = ("ace_step",)
WHOLE = "whole"
RESULTS_FILE = "results.json"
MAX_PEAK_BYTES = 12e9
_GB, _KIB = 1e9, 2**10

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one network took."""

    parameters: int
    build_seconds: float
    export_seconds: float
    verify_seconds: float
    error: float
    file_bytes: int
    peak_bytes: int = 0  # of the process's resident memory, weights mapped from the file included


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """How far a family's files are from diffusers' pipeline, from text to samples."""

    latents_error: float
    pcm_error: float
    two_prompt_difference: float
    latent_frames: int
    reference_seconds: float
    served_seconds: float
    peak_bytes: int = 0


Results = dict[str, Result | Whole]


@app.command()
def main(
    folder: Annotated[
        Path, typer.Option(help="Where files of up to 12 GB go until they are verified.")
    ] = Path("work/full-size"),
    precision: Annotated[Precision, typer.Option(help="Precision of the transformer.")] = "fp32",
    again: Annotated[bool, typer.Option(help="Do again what an earlier run has finished.")] = False,
    only: Annotated[
        str, typer.Option(help="Part of a name, as in stable_audio_3/transformer.")
    ] = "",
) -> None:
    """Export and verify the full-size networks of all families with random weights.

    Takes more than an hour on two cores and at most 12 GB of memory. An interrupted run
    goes on where it stopped; each precision has a folder of its own.
    """
    folder /= precision
    folder.mkdir(parents=True, exist_ok=True)
    results = _read_results(folder / RESULTS_FILE)
    missing = _list_missing(folder, results, only, again=again)
    try:
        with screen.progress(len(missing)) as announce:
            for name in missing:
                announce(f"{name} in {precision}")
                results[name] = _in_own_process(folder, name, precision)
                stored = {key: asdict(result) for key, result in results.items()}
                (folder / RESULTS_FILE).write_text(json.dumps(stored, indent=1))
    except ExportError as error:
        screen.show_error(error)
        raise typer.Exit(1) from None
    for table in _tables(results):
        screen.show_table(table)
    if any(result.peak_bytes > MAX_PEAK_BYTES for result in results.values()):
        screen.show_error(ExportError(f"a process took more than {MAX_PEAK_BYTES / _GB:g} GB"))
        raise typer.Exit(1)


def _list_missing(folder: Path, results: Results, only: str, *, again: bool) -> list[str]:
    """Return what is to be done, and what that needs."""
    missing = []
    for family in FAMILIES:
        names = [f"{family}/{network}" for network in NETWORKS]
        whole = [f"{family}/{WHOLE}"] if family in WHOLE_FAMILIES else []
        wanted = {name for name in names + whole if only in name and (again or name not in results)}
        if wanted & set(whole):  # it needs the files, which are dropped behind it
            kept = {name for name in results if (folder / name / "model.onnx").is_file()}
            wanted |= set(names) - kept
        missing += [name for name in names + whole if name in wanted]
    return missing


def _read_results(path: Path) -> Results:
    if not path.is_file():
        return {}
    stored = json.loads(path.read_text())
    return {
        name: Whole(**result) if name.endswith(WHOLE) else Result(**result)
        for name, result in stored.items()
    }


def _in_own_process(folder: Path, name: str, precision: Precision) -> Result | Whole:
    # A process of its own gives all its memory back, and its peak is its own.
    family, network = name.split("/")
    if network == WHOLE:
        command = ["export.full_size_whole", family, precision, str(folder / family)]
        measured = _measure(name, command, folder / family)
        shutil.rmtree(folder / family)
        return Whole(**measured)
    own = folder / family / network
    shutil.rmtree(own, ignore_errors=True)
    own.mkdir(parents=True)
    command = ["export.full_size_network", name, precision, str(own)]
    is_kept = False
    try:
        result = Result(**_measure(name, command, own))
        is_kept = family in WHOLE_FAMILIES
    finally:
        if not is_kept:
            shutil.rmtree(own, ignore_errors=True)
    return result


def _measure(name: str, command: list[str], own: Path) -> dict[str, Any]:
    with (own / "log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", *command], stdout=log, stderr=log)
    try:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    except KeyboardInterrupt:
        process.kill()  # deep inside a network it would not hear of it for minutes
        raise
    if process.returncode != 0:
        said = (own / "log").read_text(errors="replace")
        raise ExportError(f"{name} failed with status {process.returncode}", detail=said)
    measured: dict[str, Any] = json.loads((own / RESULTS_FILE).read_text())
    return measured | {"peak_bytes": usage.ru_maxrss * _KIB}


def _tables(results: Results) -> Iterator[Table]:
    columns = ("network", "parameters", "build", "export", "verify", "error", "file", "peak memory")
    table = _make_table(columns)
    errors = ("latents", "samples", "two prompts")
    whole = _make_table(("text to samples", "frames", "diffusers", "files", *errors, "peak memory"))
    for name, result in sorted(results.items()):
        peak = f"{result.peak_bytes / _GB:.2f} GB"
        if isinstance(result, Whole):
            times = (f"{each:.0f} s" for each in (result.reference_seconds, result.served_seconds))
            found = (result.latents_error, result.pcm_error, result.two_prompt_difference)
            figures = (f"{each:.1e}" for each in found)
            whole.add_row(name, str(result.latent_frames), *times, *figures, peak)
            continue
        seconds = (result.build_seconds, result.export_seconds, result.verify_seconds)
        table.add_row(
            name,
            f"{result.parameters / 1e6:.0f} M",
            *(f"{each:.0f} s" for each in seconds),
            f"{result.error:.1e}",
            f"{result.file_bytes / 1e6:.0f} MB",
            peak,
        )
    yield table
    if whole.row_count:
        yield whole


def _make_table(columns: tuple[str, ...]) -> Table:
    table = Table(*columns, box=None, pad_edge=False)
    table.columns[0].no_wrap = True
    return table


if __name__ == "__main__":
    app(prog_name="python -m export.full_size")
