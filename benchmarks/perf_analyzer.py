"""Triton's own load generator: installing it, running it, reading what it exports.

The binary lies in the wheel of tritonclient 2.50.0 (newer ones need a newer glibc); it is kept in a
folder of its own with the two libraries that it wants, and nothing on the system changes.
"""

import json
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.clips import Clip
from benchmarks.load import Answer, Run

HOME = Path("work/benchmarks/perf_analyzer")
_SHA256 = "421fbb69ae6ab8cdb2c35b82134fcef2fe11e7af7718b1fcbc53335ab9bfe889"
_MEMBER = "tritonclient-2.50.0.data/data/bin/perf_analyzer"
_B64 = "libb64-0d"  # Debian's and Ubuntu's package
_TIMEOUT_S = 300.0
_GOOD = 200


class Unavailable(RuntimeError):
    """perf_analyzer cannot run here; the message is one line that says why."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """One point of a sweep: so many clients, or so many requests a second."""

    n_requests: int
    concurrency: int | None = None
    rate_per_s: float | None = None  # Poisson arrivals

    def flags(self) -> list[str]:
        """Return the load as perf_analyzer takes it."""
        count = ["--request-count", str(self.n_requests)]
        if self.rate_per_s is not None:
            # The end is said because it is 1 otherwise, and a lower start would make it a range.
            rate = ["--request-rate-range", f"{self.rate_per_s:g}:{self.rate_per_s:g}:1"]
            return [*rate, "--request-distribution", "poisson", *count]
        return ["--concurrency-range", str(self.concurrency), *count]


def install() -> Path:
    """Return the binary; on the first call it is downloaded, its hash checked, and unpacked.

    Raises:
        Unavailable: not on this machine, or without its libraries.
    """
    if sys.platform != "linux" or platform.machine() != "x86_64":
        raise Unavailable("perf_analyzer is built for Linux on x86_64 only")
    HOME.mkdir(parents=True, exist_ok=True)
    binary = HOME / "perf_analyzer"
    if not binary.is_file():
        _unpack_binary(binary)
    _link_cudart()
    if not list(HOME.glob("libb64.so*")):
        _unpack_b64()
    return binary


def _unpack_binary(binary: Path) -> None:
    requirement = HOME / "requirement.txt"
    requirement.write_text(f"tritonclient==2.50.0 --hash=sha256:{_SHA256}\n")
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--require-hashes"]
    _run([*command, "--only-binary=:all:", "-d", str(HOME), "-r", str(requirement)])
    wheel = next(HOME.glob("tritonclient-*.whl"))
    with zipfile.ZipFile(wheel) as archive, archive.open(_MEMBER) as member:
        part = binary.with_suffix(".part")
        with part.open("wb") as file:
            shutil.copyfileobj(member, file)
    part.chmod(0o755)
    part.rename(binary)
    wheel.unlink()


def _link_cudart() -> None:
    link = HOME / "libcudart.so.12"
    if link.exists():
        return
    libraries = Path(sysconfig.get_path("purelib"), "nvidia_pytriton.libs")
    found = sorted(libraries.glob("libcudart-*.so.12*"))
    if not found:
        raise Unavailable(f"perf_analyzer needs libcudart.so.12 and {libraries} has none")
    link.symlink_to(found[0])


def _unpack_b64() -> None:
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise Unavailable(
            "perf_analyzer needs libb64.so.0d; install it and link it into " + str(HOME)
        )
    # Downloading and unpacking a package needs no root and changes nothing on the system.
    _run(["apt-get", "download", _B64], cwd=HOME)
    package = next(HOME.glob(f"{_B64}_*.deb"))
    _run(["dpkg-deb", "-x", str(package), str(HOME / "b64")])
    for library in (HOME / "b64").rglob("libb64.so*"):
        shutil.move(library, HOME / library.name)
    shutil.rmtree(HOME / "b64")
    package.unlink()


def _run(command: Sequence[str], cwd: Path | None = None) -> None:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        why = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise Unavailable(f"perf_analyzer cannot be installed: `{' '.join(command[:4])}`: {why}")


def write_inputs(clips: Sequence[Clip], path: Path) -> None:
    """Write the clips as perf_analyzer's input data; it goes round in them."""
    data = [{name: {"content": [value], "shape": [1]} for name, value in _inputs(c)} for c in clips]
    path.write_text(json.dumps({"data": data}))


def _inputs(clip: Clip) -> list[tuple[str, str | float]]:
    return [
        ("prompt", clip.prompt),
        ("negative_prompt", ""),
        ("seconds_start", 0.0),
        ("seconds_end", clip.seconds),
        ("seed", clip.seed),
        ("steps", clip.steps),
        ("guidance_scale", clip.guidance_scale),
    ]


def measure(binary: Path, grpc_url: str, model: str, clips: Sequence[Clip], sweep: Sweep) -> Run:
    """Run one point of a sweep against a decoupled model and return its requests.

    Raises:
        Unavailable: perf_analyzer failed; the message holds its reason.
    """
    inputs, export = HOME / "inputs.json", HOME / "export.json"
    write_inputs(clips, inputs)
    export.unlink(missing_ok=True)
    command = [str(binary.absolute()), "-m", model, "-u", grpc_url, "-i", "grpc"]
    command += ["--service-kind", "triton", "--streaming", "--async", "--input-data", str(inputs)]
    # Its own idea of a stable measurement is not ours: the requests of one window are all we want.
    command += ["--stability-percentage", "999", "--max-trials", "1"]
    command += ["--profile-export-file", str(export), *sweep.flags()]
    environment = {**os.environ, "LD_LIBRARY_PATH": str(HOME.absolute())}
    try:
        done = subprocess.run(
            command,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        raise Unavailable(f"perf_analyzer did not end in {_TIMEOUT_S:.0f} s") from None
    if not export.is_file():
        lines = (done.stdout + done.stderr).strip().splitlines() or ["no message"]
        reason = next((line for line in lines if "error" in line.lower()), lines[-1])
        raise Unavailable(f"perf_analyzer failed: {reason}")
    run = read_export(json.loads(export.read_text()))
    export.unlink()  # it holds every tensor: tens of megabytes
    return run


def read_export(export: dict[str, Any]) -> Run:
    """Return the requests of a profile export.

    perf_analyzer's own latency of a decoupled model ends with the first response; here it ends with
    the last. A request without any response failed.
    """
    requests = export["experiments"][0]["requests"]
    start = min(request["timestamp"] for request in requests)
    answers = []
    for index, request in enumerate(requests):
        sent_s = (request["timestamp"] - start) / 1e9
        responses = request["response_timestamps"]
        ended_s = (max(responses) - start) / 1e9 if responses else sent_s
        answers.append(Answer(index, sent_s, sent_s, ended_s, _GOOD if responses else 0))
    return Run(tuple(answers), max(answer.ended_s for answer in answers))
