"""Every version of every model: its state, who it serves, and what is known of it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from ops.models.errors import ModelsError
from ops.models.manifests import Manifest
from ops.models.networks import Networks
from ops.models.repository import Repository, find_repository
from ops.models.served import (
    LOADING,
    READY,
    Served,
    States,
    failure,
    published_names,
    read,
    states,
)
from ops.triton.control import TritonControl
from ops.triton.published import read_published
from tritone.card import SPEAKER, component_name
from tritone.placement import CPU
from tritone.plans import names_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One version of one model. None: not known here."""

    model: str
    version: int
    state: str  # serving, canary, loaded, previous, published, loading, failed, broken, off
    share: float  # of the model's requests
    precision: str | None = None
    n_bytes: int | None = None
    digest: str | None = None
    source: str | None = None
    errors: dict[str, float] | None = None
    networks: dict[str, str] | None = None  # what each runs on, in words
    reason: str | None = None  # why it failed

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return asdict(self)


async def rows(
    control: TritonControl,
    repositories: Sequence[Repository],
    model: str | None = None,
    device: str = CPU,
) -> list[Row]:
    """Return every version, or one model's, by name and number.

    `device` is where our own backends compute on that Triton's machine.

    Raises:
        ModelsError: Triton does not answer, or has no such model.
    """
    found = await states(control)
    broken = read_published([each.folder for each in repositories]).broken
    names = sorted({*published_names(found), *broken})
    if model is not None and model not in names:
        raise ModelsError(f"there is no model {model}; there is: {', '.join(names) or 'none'}")
    listed: list[Row] = []
    for name in [model] if model else names:
        repository = find_repository(repositories, name)
        if name in broken:
            versions = (repository.versions(name) if repository else []) or [0]
            listed += [_broken_row(name, version, broken[name]) for version in versions]
        else:
            listed += await _of(Networks(control, device), repository, name, found)
    return listed


def _broken_row(name: str, version: int, reason: str) -> Row:
    return Row(model=name, version=version, state="broken", share=0.0, reason=reason)


async def _of(
    networks: Networks, repository: Repository | None, name: str, found: States
) -> list[Row]:
    is_loaded = any(state.state == READY for state in found[name].values())
    served = await read(networks.control, name) if is_loaded else None
    known = set(repository.versions(name)) if repository else set()
    known |= {v for v in found[name] if served is None or v in served.loaded}
    known |= served.loaded if served else set()
    if served is not None:  # versions that failed to load are worth a line
        models = {model for v in known for model in served.models(v)}
        candidates = {v for model in models for v in found.get(model, {})}
        known |= {v for v in candidates if served.failure(v)}
    listed = []
    for version in sorted(known):
        manifest = _manifest(repository, name, version)
        row = _row(name, version, _state(name, version, served, found), manifest)
        if component_name(name, SPEAKER) not in found:
            row = replace(row, networks=await networks.describe(served, manifest, version))
        listed.append(row)
    return listed


def _row(
    name: str, version: int, shown: tuple[str, float, str | None], manifest: Manifest | None
) -> Row:
    state, share, reason = shown
    return Row(
        model=name,
        version=version,
        state=state,
        share=share,
        reason=reason,
        precision=manifest.precision if manifest else None,
        n_bytes=manifest.n_bytes if manifest else None,
        digest=manifest.digest if manifest else None,
        source=manifest.source if manifest else None,
        errors=manifest.errors if manifest else None,
    )


def _state(
    name: str, version: int, served: Served | None, found: States
) -> tuple[str, float, str | None]:
    if served is None:
        # An ensemble that does not load has no state of its own: its components' say why.
        models = [name, *names_of(name)]
        reason = failure(models, version, found)
        if any(s.state == LOADING for model in models for s in found.get(model, {}).values()):
            return "loading", 0.0, reason  # for the first time, or tried again
        return ("failed", 0.0, reason) if reason else ("off", 0.0, None)
    shares = served.lineup.candidates
    if version == served.version:
        return "serving", 1.0 - sum(shares.values()), None
    if version in shares:
        return "canary" if shares[version] else "loaded", shares[version], None
    if version == served.lineup.previous:
        return "previous", 0.0, None
    reason = served.failure(version)
    return "failed" if reason else "published", 0.0, reason


def _manifest(repository: Repository | None, name: str, version: int) -> Manifest | None:
    if repository is None or version not in repository.versions(name):
        return None
    try:
        return repository.manifest(name, version)
    except ModelsError:  # a version folder without one is still a version
        return None
