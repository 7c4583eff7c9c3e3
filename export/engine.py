"""TensorRT plans for a published version, as a new version that is tried and promoted like any.

Knows no torch: it runs inside the image that serves, on the GPU that serves.
"""

import ctypes
import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self

from export.configs import ENSEMBLE, plan_config_text
from export.errors import EngineError
from export.hashing import file_hash, list_artifacts
from export.lint import Finding, lint
from export.plan_network import read_for_tensorrt
from export.plan_runner import PlanRunner
from export.plan_verify import check_network, check_sounds, compare_networks
from export.plans import RECORD_FILE, PlanRecord, replace_file
from export.precision import Precision
from export.profiles import NETWORKS, EngineOptions, Network, make_profile
from export.published import MANIFEST, MODEL_FILE, Source
from export.repository import Staging, staging
from export.sessions import Run, open_network
from export.tensorrt_builder import Build
from export.tensorrt_library import load_tensorrt, parse_release
from export.tokenizers import FILE as TOKENIZER_FILE
from export.trials import Files
from tritone.card import COMPONENTS, ModelCard, component_name
from tritone.gpu import Gpu, open_driver, read_gpu
from tritone.placement import CALLEE_FILE
from tritone.plans import PLAN_FILE, plan_of

Announce = Callable[[str], None]
"""Told the name of each stage as it begins."""

_FIRST_WITH_BF16 = 80  # compute capability

STAGES = 2 * len(NETWORKS) + 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """TensorRT and the GPU of this machine."""

    tensorrt: Any  # the library's module
    driver: ctypes.CDLL
    device: Gpu

    @classmethod
    def open(cls, triton_backends: Path) -> Self:
        """Find them.

        Raises:
            EngineError: one is missing, or TensorRT is not the one that Triton links.
        """
        tensorrt, driver = load_tensorrt(triton_backends), open_driver()
        return cls(tensorrt=tensorrt, driver=driver, device=read_gpu(driver))

    @property
    def release(self) -> str:
        """TensorRT's, as in 10.14.1."""
        return ".".join(map(str, parse_release(self.tensorrt.__version__)))

    def open_network(self, path: Path) -> Run:
        """Open a plan on the GPU, anything else on the CPU."""
        if path.name != PLAN_FILE:
            return open_network(path)
        return PlanRunner(self.tensorrt, self.driver, path.read_bytes())


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltVersion:
    """A version that was published."""

    version: int
    plans: Mapping[Network, PlanRecord]
    lacks: Mapping[Network, list[Finding]]  # networks that stay ONNX files, and why
    fingerprint_error: float
    is_timing_cache_foreign: bool


def build_version(
    source: Source, engine: Engine, options: EngineOptions, announce: Announce
) -> BuiltVersion:
    """Build plans of the networks that TensorRT takes, verify them, publish them with the others.

    Raises:
        EngineError: TensorRT takes none of the networks, or does not build one.
        VerificationFailed: a plan is not what its network is; nothing is published.
    """
    _check_precision(source.precision, engine.device)
    lacks = {each: lint(read_for_tensorrt(source.network(each)), "tensorrt") for each in NETWORKS}
    takes: list[Network] = [each for each in NETWORKS if not lacks[each]]
    if not takes:
        raise EngineError(f"TensorRT takes no network of {source.card.name}: {_say(lacks)}")
    configs = partial(_config_texts, source.card, takes, options)
    build = Build(engine.tensorrt, options)
    with staging(source.repository, source.card, configs) as staged:
        maker = _PlanMaker(source, staged, engine, build, announce)
        records = {each: maker.make(each) for each in takes}
        _copy_others(source, staged, takes)
        announce("verifying the whole version")
        files = Files(_paths(staged, takes), engine.open_network)
        error = check_sounds(files, source.card, source.precision, source.fingerprint)
        announce("publishing")
        _write_manifest(source, staged, records, error)
        staged.publish()
    return BuiltVersion(
        version=staged.version,
        plans=records,
        lacks={each: lacks[each] for each in NETWORKS if lacks[each]},
        fingerprint_error=error,
        is_timing_cache_foreign=build.is_timing_cache_foreign,
    )


@dataclass(frozen=True, slots=True)
class _PlanMaker:
    source: Source
    staged: Staging
    engine: Engine
    build: Build
    announce: Announce

    def make(self, component: Network) -> PlanRecord:
        """Build, verify and write one plan, and its record beside it."""
        card, options, device = self.source.card, self.build.options, self.engine.device
        self.announce(f"building the {component} for {device.name}")
        path = self.source.network(component)
        folder = self.staged.version_folder(plan_of(component))
        profile = make_profile(card, component, options)
        plan = self.build.make_plan(read_for_tensorrt(path), path, profile)
        replace_file(folder / PLAN_FILE, plan)
        self.build.keep_timings()  # after the plan: it took minutes, and timings can be lost
        self.announce(f"verifying the {component}")
        known, built = map(self.engine.open_network, (path, folder / PLAN_FILE))
        error = compare_networks(component, card, options, known, built)
        check_network(component, error, self.source.precision, tf32=options.tf32)
        record = PlanRecord(
            tensorrt=self.engine.release,
            gpu=device.name,
            architecture=device.architecture,
            multiprocessors=device.multiprocessors,
            mig=device.mig,
            network_sha256=file_hash(path),
            plan_sha256=hashlib.sha256(plan).hexdigest(),
            profile={name: [list(shape) for shape in three] for name, three in profile.items()},
            error=error,
        )
        record.write(folder / RECORD_FILE)
        return record


def _check_precision(precision: Precision, device: Gpu) -> None:
    # Source: TensorRT's support matrix, hardware and precision (read 2026-11-29).
    if precision == "bf16" and int(device.architecture.removeprefix("sm_")) < _FIRST_WITH_BF16:
        raise EngineError(
            f"{device.name} ({device.architecture}) does not compute in bf16, which needs "
            f"sm_{_FIRST_WITH_BF16}: export with --precision fp16"
        )


def _config_texts(
    card: ModelCard, plans: list[Network], options: EngineOptions, version: int
) -> dict[str, str]:
    # Models that are in the repository keep their own configuration; theirs is not written.
    texts = {
        plan_of(each): plan_config_text(card, each, options.max_batch, version) for each in plans
    }
    names = [plan_of(each) if each in plans else each for each in COMPONENTS]
    return {name: texts.get(name, "") for name in (*names, ENSEMBLE)}


def _copy_others(source: Source, staged: Staging, plans: list[Network]) -> None:
    for component in COMPONENTS:
        if component not in plans:
            target = staged.version_folder(component)
            shutil.copytree(source.folder(component), target, dirs_exist_ok=True)
    if "transformer" in plans:
        callee = component_name(source.card.name, plan_of("transformer"))
        path = staged.version_folder("denoiser") / CALLEE_FILE
        path.write_text(callee, encoding="utf-8")


def _paths(staged: Staging, plans: list[Network]) -> dict[str, Path]:
    paths = {"tokenizer": staged.version_folder("tokenizer") / TOKENIZER_FILE}
    for each in NETWORKS:
        folder = staged.version_folder(plan_of(each) if each in plans else each)
        paths[each] = folder / (PLAN_FILE if each in plans else MODEL_FILE)
    return paths


def _write_manifest(
    source: Source, staged: Staging, records: Mapping[Network, PlanRecord], error: float
) -> None:
    artifacts = list_artifacts(staged.folder)
    measured = source.manifest["measured"] | {
        "plans": {each: record.error for each, record in records.items()} | {"fingerprint": error}
    }
    fields = source.manifest | {
        "artifacts": {name: file_hash(path) for name, path in artifacts.items()},
        "sizes": {name: path.stat().st_size for name, path in artifacts.items()},
        "measured": measured,
        "built_from": source.version,
        "plans": {each: asdict(record) for each, record in records.items()},
    }
    text = json.dumps(fields, indent=1, sort_keys=True) + "\n"
    (staged.version_folder(ENSEMBLE) / MANIFEST).write_text(text, encoding="utf-8")


def _say(lacks: Mapping[Network, list[Finding]]) -> str:
    return "; ".join(f"{each}: {', '.join(map(str, found))}" for each, found in lacks.items())
