"""Every version of every model: its state, who it serves, and what is known of it."""

from dataclasses import asdict, dataclass
from typing import Any

from ops.models.errors import ModelsError
from ops.models.manifests import Manifest
from ops.models.repository import Repository
from ops.models.served import READY, Served, States, first_line, published_names, read, states
from ops.triton.control import TritonControl


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One version of one model. None: not known here."""

    model: str
    version: int
    state: str  # serving, canary, loaded, previous, published, failed
    share: float  # of the model's requests
    precision: str | None = None
    n_bytes: int | None = None
    digest: str | None = None
    source: str | None = None
    errors: dict[str, float] | None = None
    reason: str | None = None  # why it failed

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return asdict(self)


async def rows(
    control: TritonControl, repository: Repository | None, model: str | None = None
) -> list[Row]:
    """Return every version, or one model's, by name and number.

    Raises:
        ModelsError: Triton does not answer, or has no such model.
    """
    found = await states(control)
    names = published_names(found)
    if model is not None and model not in names:
        raise ModelsError(f"there is no model {model}; there is: {', '.join(names) or 'none'}")
    return [
        row
        for name in ([model] if model else names)
        for row in await _of(control, repository, name, found)
    ]


async def _of(
    control: TritonControl, repository: Repository | None, name: str, found: States
) -> list[Row]:
    is_loaded = any(state.state == READY for state in found[name].values())
    served = await read(control, name) if is_loaded else None
    known = set(repository.versions(name)) if repository else set()
    known |= {v for v in found[name] if served is None or v in served.loaded}
    known |= served.loaded if served else set()
    if served is not None:  # versions that failed to load are worth a line
        candidates = {v for component in served.components for v in found.get(component, {})}
        known |= {v for v in candidates if served.failure(v)}
    return [_row(name, version, served, found, repository) for version in sorted(known)]


def _row(
    name: str, version: int, served: Served | None, found: States, repository: Repository | None
) -> Row:
    manifest = _manifest(repository, name, version)
    state, share, reason = _state(name, version, served, found)
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
        state = found[name].get(version)
        failed = state is not None and state.reason not in {"", "unloaded"}
        return ("failed", 0.0, first_line(state.reason)) if state and failed else ("off", 0.0, None)
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
