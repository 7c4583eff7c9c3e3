"""`python -m export.full_size`: do the published architectures export, in full, on this machine?

Builds Stable Audio Open 1.0, Stable Audio 3 medium and ACE-Step 1.5 turbo with random weights, one
network at a time in a process of its own, exports and verifies each, and reports seconds and
memory. Not part of CI.
"""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from export import screen
from export.errors import ExportError
from export.precision import Precision

FAMILIES = ("stable_audio", "stable_audio_3", "ace_step")
NETWORKS = ("text_encoder", "transformer", "vae_decoder")
RESULTS_FILE = "results.json"
MAX_PEAK_GIB = 12.0
_GIB, _KIB = 2**30, 2**10

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


@app.command()
def main(
    folder: Annotated[
        Path, typer.Option(help="Where files of up to 6 GB go until they are verified.")
    ] = Path("work/full-size"),
    precision: Annotated[Precision, typer.Option(help="Precision of the transformer.")] = "fp32",
    again: Annotated[bool, typer.Option(help="Do again what an earlier run has finished.")] = False,
    only: Annotated[
        str, typer.Option(help="Part of a name, as in stable_audio_3/transformer.")
    ] = "",
) -> None:
    """Export and verify the full-size networks of all families with random weights.

    Takes about an hour on two cores and at most 12 GB of memory. An interrupted run goes on
    where it stopped.
    """
    folder.mkdir(parents=True, exist_ok=True)
    results = _read_results(folder / RESULTS_FILE)
    names = [f"{family}/{network}" for family in FAMILIES for network in NETWORKS]
    missing = [name for name in names if only in name and (again or name not in results)]
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
    screen.show_table(_table(results))
    if any(result.peak_bytes > MAX_PEAK_GIB * _GIB for result in results.values()):
        screen.show_error(ExportError(f"a network took more than {MAX_PEAK_GIB:g} GiB"))
        raise typer.Exit(1)


def _read_results(path: Path) -> dict[str, Result]:
    if not path.is_file():
        return {}
    return {name: Result(**result) for name, result in json.loads(path.read_text()).items()}


def _in_own_process(folder: Path, name: str, precision: Precision) -> Result:
    # A process of its own gives all its memory back, and its peak is its own.
    temporary = folder / name.replace("/", "_")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    command = [sys.executable, "-m", "export.full_size_network", name, precision, str(temporary)]
    try:
        with (temporary / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        except KeyboardInterrupt:
            process.kill()  # deep inside a network it would not hear of it for minutes
            raise
        if process.returncode != 0:
            said = (temporary / "log").read_text(errors="replace")
            raise ExportError(f"{name} failed with status {process.returncode}", detail=said)
        measured = json.loads((temporary / RESULTS_FILE).read_text())
        return Result(**measured, peak_bytes=usage.ru_maxrss * _KIB)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _table(results: dict[str, Result]) -> Table:
    columns = ("network", "parameters", "build", "export", "verify", "error", "file", "peak memory")
    table = Table(*columns, box=None, pad_edge=False)
    table.columns[0].no_wrap = True
    for name, result in sorted(results.items()):
        seconds = (result.build_seconds, result.export_seconds, result.verify_seconds)
        table.add_row(
            name,
            f"{result.parameters / 1e6:.0f} M",
            *(f"{each:.0f} s" for each in seconds),
            f"{result.error:.1e}",
            f"{result.file_bytes / 1e6:.0f} MB",
            f"{result.peak_bytes / _GIB:.2f} GiB",
        )
    return table


if __name__ == "__main__":
    app(prog_name="python -m export.full_size")
