"""Environments of engines whose packages contradict ours: built, looked at, removed."""

import hashlib
import importlib.util
import json
import re
import shutil
import subprocess
import sysconfig
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from ops.errors import OpsError
from ops.settings import Settings
from ops.stack import state_folder
from ops.triton.home import PYTHON_VERSION
from ops.voices.installer import Installer
from tritone.engines import EngineFacts, Environment
from tritone.isolated import remedy

Tell = Callable[[str], None]

_STATE = "tritone.json"  # in an environment: what it was built from; absent: it is not whole
_OURS = ("tritone", "backends")  # packages of ours that a speaker's process imports
_WHEELS = ".wheels"
_ROOM_BYTES = 500_000_000  # that must be left beside the environment
_CHECK_TIMEOUT_S = 300.0


class EnvironmentFailed(OpsError):
    """An environment cannot be built or used; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Environments:
    """The environments of one machine, by the names of their engines."""

    folder: Path

    @classmethod
    def of(cls, settings: Settings) -> "Environments":
        """Return those that the settings place."""
        return cls(settings.resolved_engine_directory())

    def path(self, engine: str) -> Path:
        """Return the folder of an engine's environment, whether it is there or not."""
        return self.folder / engine

    def python(self, engine: str) -> Path:
        """Return the interpreter of an engine's environment."""
        return self.path(engine) / "bin" / "python"

    def is_built(self, engine: str) -> bool:
        """Return whether the whole environment was built, from the lock of this release."""
        try:
            built = json.loads((self.path(engine) / _STATE).read_text("utf-8"))
        except (OSError, ValueError):
            return False
        return bool(built == _describe_build(find_lock(engine)))

    def n_bytes(self, engine: str) -> int:
        """Return how much of the disk an environment takes, files shared with others included."""
        files = (path for path in self.path(engine).rglob("*") if not path.is_symlink())
        return sum(path.stat().st_size for path in files if path.is_file())

    def hold(self, command: str) -> AbstractContextManager[None]:
        """Keep others from building and removing: environments share a folder of downloads, too.

        Raises:
            CannotStart: another process is at it, or the folder cannot be written to.
        """
        return state_folder.hold(
            self.folder,
            f"tritone voices engine {command}",
            setting="TRITONE_ENGINE_DIRECTORY",
            way_out="wait until it has ended",
        )

    def remove(self, engine: str) -> bool:
        """Remove an environment; return whether there was one.

        Raises:
            OpsError: it cannot be removed, or another process is building one.
        """
        folder = self.path(engine)
        if not folder.is_dir():
            return False
        with self.hold(f"remove {engine}"):
            _delete(folder)
        return True

    def forget_wheels(self) -> None:
        """Remove what environments were made from, once none is left."""
        if not any(each.is_dir() for each in self.folder.glob("[!.]*")):
            shutil.rmtree(self.folder / _WHEELS, ignore_errors=True)


def build(
    environments: Environments, engine: EngineFacts, installer: Installer, tell: Tell
) -> None:
    """Build the environment of an engine, or what is missing of it; `tell` what is being done.

    Raises:
        OpsError: the disk is too small, a package is not to be had, the engine does not load, or
            another process is building.
    """
    require_environment(engine)
    _require_plain(environments.path(engine.name))
    with environments.hold(f"add {engine.name}"):
        _build(environments, engine, installer, tell)


def _build(
    environments: Environments, engine: EngineFacts, installer: Installer, tell: Tell
) -> None:
    needs = require_environment(engine)
    folder, lock = environments.path(engine.name), find_lock(engine.name)
    described = _describe_build(lock)
    is_begun = (folder / "bin").is_dir()
    if _is_of_another_python(folder):
        _begin_anew(folder, "it is of another Python", tell)
        is_begun = False
    _require_room(environments.folder, 0 if is_begun else needs.n_bytes)
    (folder / _STATE).unlink(missing_ok=True)
    tell(
        f"{engine.name} needs {_gb(needs.n_bytes)} in {folder}"
        + ("; a part of it is there already" if is_begun else "")
    )
    fault = _take_steps(environments, engine, installer, tell)
    if fault and is_begun:  # uv takes for whole what only its list of packages says is there
        _begin_anew(folder, fault, tell)
        fault = _take_steps(environments, engine, installer, tell)
    if fault:
        raise EnvironmentFailed(f"the environment of {engine.name} is built, but {fault}")
    (folder / _STATE).write_text(json.dumps(described), encoding="utf-8")


def _take_steps(
    environments: Environments, engine: EngineFacts, installer: Installer, tell: Tell
) -> str | None:
    """Install all that an engine needs; return why it does not load even so, None: it does."""
    needs = require_environment(engine)
    folder, lock = environments.path(engine.name), find_lock(engine.name)
    tell(f"1 of 4: an environment of Python {PYTHON_VERSION}")
    installer.make(folder)
    tell(f"2 of 4: {_count_packages(lock)} packages, by their hashes")
    installer.install(folder, lock)
    tell(f"3 of 4: {' and '.join(needs.torch) or 'no torch is needed'}")
    if needs.torch:
        installer.install_torch(folder, needs.torch, environments.folder / _WHEELS)
    tell("4 of 4: a look whether the engine loads")
    link_our_packages(folder)
    return find_fault(environments, engine.name)


def _is_of_another_python(folder: Path) -> bool:
    return any(each.name != f"python{PYTHON_VERSION}" for each in folder.glob("lib/python*"))


def _begin_anew(folder: Path, why: str, tell: Tell) -> None:
    tell(f"{folder} is built anew: {why}")
    _delete(folder)


def _delete(folder: Path) -> None:
    try:
        (folder / _STATE).unlink(missing_ok=True)  # first: half of it must not count as built
        shutil.rmtree(folder)
    except OSError as error:
        raise EnvironmentFailed(f"{folder} cannot be removed: {error}") from error


def require_environment(engine: EngineFacts) -> Environment:
    """Return what an engine runs in.

    Raises:
        EnvironmentFailed: it shares ours.
    """
    if engine.environment is None:
        raise EnvironmentFailed(f"{engine.name} needs no environment of its own")
    return engine.environment


def find_fault(environments: Environments, engine: str) -> str | None:
    """Return why an environment cannot run its engine, in words; None: it can."""
    python = environments.python(engine)
    command = [str(python), "-I", "-m", "tritone.isolated", engine, PYTHON_VERSION]
    try:
        ended = subprocess.run(
            command, capture_output=True, text=True, timeout=_CHECK_TIMEOUT_S, check=False
        )
    except OSError as error:
        return f"{python} cannot be run: {error.strerror}"
    except subprocess.TimeoutExpired:
        return f"the engine did not load within {_CHECK_TIMEOUT_S:.0f} s"
    if not ended.returncode:
        return None
    said = (ended.stdout.strip() or ended.stderr.strip()).splitlines()
    return said[-1] if said else f"its Python ended with status {ended.returncode}"


def require_built(environments: Environments, engine: str) -> None:
    """Refuse an engine whose environment is not there.

    Raises:
        EnvironmentFailed: says how to build it.
    """
    if not environments.is_built(engine):
        is_there = environments.path(engine).is_dir()
        state = "of another release, or not whole" if is_there else "not built"
        raise EnvironmentFailed(f"the environment of {engine} is {state}; {remedy(engine)}")


def link_our_packages(environment: Path) -> None:
    """Let an environment import our own packages, and nothing else of ours."""
    site_packages = environment / "lib" / f"python{PYTHON_VERSION}" / "site-packages"
    for name in _OURS:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            raise EnvironmentFailed(f"the package {name} is not installed; reinstall tritone")
        link = site_packages / name
        link.unlink(missing_ok=True)
        link.symlink_to(Path(spec.origin).parent)


def find_lock(engine: str) -> Path:
    """Return the lock of an engine's packages: the checkout's, or the one that was installed.

    Raises:
        EnvironmentFailed: this release has none.
    """
    checkout = Path(__file__).parents[2] / "requirements" / "engines"
    installed = Path(sysconfig.get_path("data")) / "share" / "tritone" / "engines"
    for folder in (checkout, installed):
        if (path := folder / f"{engine}.txt").is_file():
            return path
    raise EnvironmentFailed(f"this release has no lock of the packages of {engine}")


def _describe_build(lock: Path) -> dict[str, str]:
    return {"lock": hashlib.sha256(lock.read_bytes()).hexdigest(), "python": PYTHON_VERSION}


def _require_plain(folder: Path) -> None:
    if ":" in str(folder):  # its `bin` leads the PATH of the speaker's process
        raise EnvironmentFailed(
            f"the path {folder} has a colon, which parts the folders of PATH; set "
            "TRITONE_ENGINE_DIRECTORY to one without it"
        )


def _require_room(folder: Path, n_bytes: int) -> None:
    existing = next(each for each in (folder, *folder.parents) if each.is_dir())
    free = shutil.disk_usage(existing).free
    if free < n_bytes + _ROOM_BYTES:
        raise EnvironmentFailed(
            f"{folder} has {_gb(free)} free, and {_gb(n_bytes + _ROOM_BYTES)} are needed; set "
            "TRITONE_ENGINE_DIRECTORY to a folder on a larger disk"
        )


def _count_packages(lock: Path) -> int:
    return len(re.findall(r"^[A-Za-z0-9].*==", lock.read_text("utf-8"), re.MULTILINE))


def _gb(n_bytes: int) -> str:
    return f"{n_bytes / 1e9:.1f} GB"
