"""Takes versions and whole models away, their files included.

A version that answers requests is never taken away; a model is, as a whole: requests in flight end,
new ones are refused.
"""

import asyncio
import shutil
from dataclasses import dataclass
from pathlib import Path

from ops.errors import TritonCallFailed
from ops.models.actions import Operator
from ops.models.errors import ModelsError
from ops.models.repository import Repository
from ops.models.served import Served, read
from ops.triton.control import TritonControl
from ops.triton.published import read_published
from tritone.first_line import first_line
from tritone.plans import names_of
from tritone.versions import candidate_name

_CONFIG = "config.pbtxt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """What would be taken away."""

    model: str
    version: int | None  # None: the whole model
    folders: tuple[Path, ...]  # the one that publishes it comes first
    n_bytes: int

    def __str__(self) -> str:
        return self.model if self.version is None else f"version {self.version} of {self.model}"


async def plan_removal(
    control: TritonControl, repository: Repository | None, model: str, version: int | None
) -> Removal:
    """Return what taking a version, or a model, away would delete.

    Raises:
        ModelsError: it is not there, answers requests, or lies in a repository that we do not see.
    """
    if repository is None:
        raise ModelsError("its model repository is not seen from here: give --repository")
    if version is None:
        folders = _model_folders(repository, model)
    else:
        repository.manifest(model, version)  # raises
        _require_idle(await read(control, model), version)
        names = [model, *names_of(model)]
        versions = (repository.folder / name / str(version) for name in names)
        folders = tuple(folder for folder in versions if folder.is_dir())
    sizes = (file.stat().st_size for each in folders for file in each.rglob("*") if file.is_file())
    return Removal(model=model, version=version, folders=folders, n_bytes=sum(sizes))


async def remove(operator: Operator, removal: Removal) -> None:
    """Do what was planned.

    Raises:
        ModelsError: it was not possible; says what is left.
    """
    if removal.version is None:
        await _take_out_of_service(operator, removal)
    else:
        served = await read(operator.control, removal.model)
        _require_idle(served, removal.version)  # somebody may have promoted it meanwhile
        if removal.version in served.loaded:
            await operator.unload(removal.model, removal.version)
    operator.say(f"deleting {removal}")
    try:
        for folder in removal.folders:
            shutil.rmtree(folder)
    except OSError as error:
        raise ModelsError(f"{error.filename} cannot be deleted ({error.strerror})") from error


def _require_idle(served: Served, version: int) -> None:
    if version == served.version:
        raise ModelsError(
            f"version {version} of {served.name} serves; promote another one first, or take the "
            f"whole model out of service: tritone models rm {served.name}"
        )
    if share := served.lineup.candidates.get(version):
        raise ModelsError(
            f"version {version} of {served.name} gets {share:.0%} of the requests; end that first: "
            f"tritone models unload {served.name} {version}"
        )


def _model_folders(repository: Repository, model: str) -> tuple[Path, ...]:
    published = {each.name: each for each in read_published([repository.folder]).models}
    if model not in published or published[model].is_candidate:
        known = ", ".join(name for name, each in published.items() if not each.is_candidate)
        raise ModelsError(f"{repository.folder} publishes no {model}; it has: {known or 'none'}")
    candidates = [candidate_name(model, version) for version in repository.versions(model)]
    named = {*published[model].triton_models}
    named |= {*names_of(model)}
    others = [each for name, each in published.items() if name not in {model, *candidates}]
    kept = {name for each in others for name in each.triton_models}
    folders = (repository.folder / name for name in (model, *candidates, *sorted(named - {model})))
    return tuple(each for each in folders if each.is_dir() and each.name not in kept)


async def _take_out_of_service(operator: Operator, removal: Removal) -> None:
    """Unload a model for good: unpublished first, or it would be loaded again at once."""
    names = [folder.name for folder in removal.folders]
    ensembles = [name for name in names if name.partition("@")[0] == removal.model]
    operator.say(f"unloading {removal.model}, once its requests have ended")
    try:
        for folder in removal.folders:
            (folder / _CONFIG).unlink(missing_ok=True)
        async with asyncio.timeout(operator.timeout_s):
            await operator.control.drain(ensembles)  # before what they call
            for name in names:
                if name not in ensembles:
                    await operator.control.unload(name)
    except TimeoutError:
        raise ModelsError(
            f"requests to {removal.model} still run after {operator.timeout_s:g} s; it takes no "
            f"more; its files are still in {removal.folders[0].parent}"
        ) from None
    except OSError as error:
        raise ModelsError(f"{error.filename} cannot be deleted ({error.strerror})") from error
    except TritonCallFailed as error:
        raise ModelsError(f"{removal.model} is not unloaded: {first_line(str(error))}") from error
