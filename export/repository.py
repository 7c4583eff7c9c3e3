"""Publishing into a Triton model repository: all of a version or nothing, and never over another.

Everything is built in a hidden folder beside the repository and renamed into place, the ensemble
last: before that rename nobody can ask for the version, after it the version is complete.
Not inside the repository, where Triton 2.51 takes a hidden folder for a broken model and does not
start (tried 2026-11-21).
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from export.configs import CARRIES_CARD, ENSEMBLE, model_name, unpin
from export.errors import PublishingRefused
from tritone.card import COMPONENTS, InvalidCard, ModelCard, component_name, read_card
from tritone.noise import COUNTER, NoiseKind
from tritone.plans import NETWORKS, plan_of

CONFIG = "config.pbtxt"
_ORDER = (*COMPONENTS, ENSEMBLE)
_ALL = (*COMPONENTS, *map(plan_of, NETWORKS), ENSEMBLE)

Configs = Callable[[int], Mapping[str, str]]
"""The `config.pbtxt` of every component that a version has, the ensemble last."""


@dataclass(frozen=True, slots=True)
class Staging:
    """A version under construction: its folders have the layout of the repository."""

    repository: Path
    folder: Path
    card: ModelCard
    version: int
    components: tuple[str, ...]  # that it consists of, the ensemble last

    def model_folder(self, component: str) -> Path:
        """Return the folder of one Triton model, with its `config.pbtxt` inside."""
        return self.folder / model_name(self.card, component)

    def version_folder(self, component: str) -> Path:
        """Return the folder of this version's artifacts of one Triton model."""
        return self.model_folder(component) / str(self.version)

    def publish(self) -> None:
        """Move the version into the repository.

        Raises:
            PublishingRefused: somebody published this version in the meantime.
        """
        _make_readable(self.folder)
        moved: list[tuple[Path, Path]] = []
        try:
            for component in self.components:
                source, target = self._move_of(component)
                source.rename(target)
                moved.append((source, target))
        except OSError as error:
            for source, target in reversed(moved):
                target.rename(source)
            raise PublishingRefused(
                f"version {self.version} of {self.card.name} cannot be moved into "
                f"{self.repository}: {error.strerror}"
            ) from error

    def _move_of(self, component: str) -> tuple[Path, Path]:
        # A model new to the repository moves as a whole; of a known one only the version does,
        # and its config.pbtxt stays as operations left it.
        name = model_name(self.card, component)
        target = self.repository / name
        if target.exists():
            return self.version_folder(component), target / str(self.version)
        return self.model_folder(component), target


@contextmanager
def staging(repository: Path, card: ModelCard, configs: Configs) -> Iterator[Staging]:
    """Give folders for the next version of a model; what is not published is removed at the end.

    Raises:
        PublishingRefused: the repository cannot be created, or its model has another card.
    """
    is_new = not repository.is_dir()
    _create(repository)
    try:
        check_same_card(repository, card)
        folder = _staging_folder(repository)
        try:
            with _lock(folder):
                version = next_version(repository, card)
                texts = configs(version)
                staged = Staging(repository, folder, card, version, tuple(texts))
                for component, text in texts.items():
                    staged.version_folder(component).mkdir(parents=True)
                    (staged.model_folder(component) / CONFIG).write_text(text, encoding="utf-8")
                yield staged
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        if is_new:
            with suppress(OSError):
                repository.rmdir()  # only if it is still empty


def next_version(repository: Path, card: ModelCard) -> int:
    """Return the first number above every version of all its models."""
    folders = [repository / model_name(card, component) for component in _ALL]
    published = [int(p.name) for f in folders for p in f.glob("*") if p.name.isdecimal()]
    return max(published, default=0) + 1


def check_same_card(repository: Path, card: ModelCard) -> None:
    """Check that the card equals the one under which the model was published before, if it was.

    Raises:
        PublishingRefused: the cards differ (the message names the fields), or a model of that name
            is not one of ours.
    """
    check_target(repository, card.name, _flatten(card))


def find_noise(repository: Path, name: str) -> NoiseKind:
    """Return how seeds become noise in a model's next version: as in those before it.

    Raises:
        PublishingRefused: it was published by another release.
    """
    published = _published_card(repository / name / CONFIG)
    return published.noise if published else COUNTER


def check_target(repository: Path, name: str, known: Mapping[str, object]) -> None:
    """Check what can be checked before a checkpoint is loaded; `known` are fields of its card.

    Raises:
        PublishingRefused: no version can be published there under that name.
    """
    if repository.is_dir():
        if not os.access(repository, os.W_OK):
            raise PublishingRefused(f"{repository} cannot be written to")
    elif not repository.exists():
        _require_folder(repository.parent)
    for component in _ORDER:
        folder = repository / (component_name(name, component) if component else name)
        if not folder.exists():
            continue
        published = _published_card(folder / CONFIG)
        if published is None and component in CARRIES_CARD:
            raise PublishingRefused(f"{folder} is not a model of ours; choose another --name")
        changes = _changes(published, known) if published else ""
        if changes:
            raise PublishingRefused(
                f"{name} is published with another card ({changes}); choose another --name"
            )


def _require_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise PublishingRefused(f"there is no folder {folder}")


def _published_card(path: Path) -> ModelCard | None:
    try:
        return read_card(path.read_text(encoding="utf-8")) if path.is_file() else None
    except InvalidCard as error:
        raise PublishingRefused(
            f"{path.parent} was published by another release ({error}); choose another --name"
        ) from error


def _changes(published: ModelCard, known: Mapping[str, object]) -> str:
    old = _flatten(published)
    changed = [key for key in old if key in known and old[key] != known[key]]
    return ", ".join(f"{key}: {old[key]} -> {known[key]}" for key in changed)


def _flatten(card: ModelCard) -> dict[str, object]:
    fields: dict[str, object] = asdict(card)
    del fields["schedule"]
    del fields["prompts"]  # advice: it binds nobody, and another version may give other advice
    return fields | asdict(card.schedule)


def list_kept_configs(repository: Path, card: ModelCard, configs: Mapping[str, str]) -> list[str]:
    """Return the models whose published `config.pbtxt` is not the one this export would write.

    Which versions are served is left to operations, and not compared.
    """
    names = {component: repository / model_name(card, component) / CONFIG for component in configs}
    return [
        path.parent.name
        for component, path in names.items()
        if path.is_file() and unpin(path.read_text(encoding="utf-8")) != unpin(configs[component])
    ]


def _create(repository: Path) -> None:
    try:
        _require_folder(repository.parent)
        repository.mkdir(exist_ok=True)
    except FileExistsError:
        raise PublishingRefused(f"{repository} is not a folder") from None


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    # The lock dies with the process: a staging folder that can be locked belongs to nobody.
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def _staging_folder(repository: Path) -> Path:
    """Return a new folder from which a rename into the repository is atomic."""
    repository = repository.resolve()
    beside, prefix = repository.parent, f".{repository.name}-publish-"
    # A volume that is mounted as the repository has no beside: then inside is the only place.
    is_same_volume = beside.stat().st_dev == repository.stat().st_dev
    parent = beside if is_same_volume and os.access(beside, os.W_OK) else repository
    for folder in parent.glob(f"{prefix}*"):
        with suppress(BlockingIOError), _lock(folder):
            shutil.rmtree(folder, ignore_errors=True)  # left behind by an export that was killed
    return Path(tempfile.mkdtemp(prefix=prefix, dir=parent))


def _make_readable(folder: Path) -> None:
    # safetensors and mkdtemp leave 0600 and 0700; Triton often runs as another user.
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
