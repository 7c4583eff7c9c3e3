"""Checkpoints of engines that run in environments of their own, as models of ours.

The weights stay where they are; what is published says where that is, and how the process of the
speaker gets into the environment.
"""

import json
import shlex
import subprocess
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ops.errors import OpsError
from ops.triton.home import PYTHON_VERSION
from ops.voices.environments import Environments, require_built
from ops.voices.names import name_voices
from ops.voices.publishing import Publication
from ops.voices.transformers import (
    NoCheckpoint,
    download_small_files,
    model_name,
    read_licence,
)
from tritone.card import SpeechCard, Voice
from tritone.engines import ENGINES, EngineFacts
from tritone.isolated import DESCRIBED, FAULT_VARIABLE, FILE, IsolatedCheckpoint

_ENTRANCE = "environment"
"""Folder in a speaker's own that Triton is told is its environment; what is there leads on."""

_CHATTERBOX = ("ve.safetensors", "s3gen.safetensors")
_DESCRIBE_TIMEOUT_S = 600.0  # that opening a checkpoint and two words may take
_SAMPLE = "sample.wav"


class NoIsolatedCheckpoint(OpsError):
    """It is no checkpoint that such an engine can speak with; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What an operator says of the voice of a checkpoint."""

    name: str | None = None  # of the model
    language: str = "en-US"
    licence: str | None = None
    description: str = ""  # of the voice, for engines that are told in words
    sample: Path | None = None  # a recording whose voice is cloned


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What the engine says of a checkpoint, having opened it."""

    sample_rate: int  # Hz
    speakers: list[str] = field(default_factory=list)


def find_engine(source: str) -> str | None:
    """Return the engine that a folder is a checkpoint of, by its files; None: of none."""
    folder = Path(source)
    if all((folder / name).is_file() for name in _CHATTERBOX):
        return "chatterbox"
    config = _read_config(folder / "config.json")
    if config.get("model_type") == "parler_tts":
        return "parler-tts"
    return "xtts_v2" if config.get("model") == "xtts" else None


def make_publication(
    environments: Environments, engine: EngineFacts, source: str, wanted: Wanted
) -> Publication:
    """Return the model of a checkpoint, with which the engine has spoken in its environment.

    Raises:
        OpsError: the environment is not built, or the engine cannot speak as it is wanted.
    """
    _require_possible(engine, wanted)
    require_built(environments, engine.name)
    recorded = {_SAMPLE: _read_sample(wanted.sample)} if wanted.sample else {}
    absolute = str(Path(source).resolve()) if Path(source).is_dir() else source
    described = _describe(environments, engine.name, absolute, wanted)
    model = model_name(source, wanted.name)
    known = find_licence(engine, source, wanted.licence) or "unknown"
    theirs = _choose_speakers(source, described, wanted)
    voices = name_voices(model, theirs)
    card = _make_card(engine, model, voices, described.sample_rate, (wanted.language, known))
    said = {ours: wanted.description or theirs for ours, theirs in voices.items()}
    checkpoint = IsolatedCheckpoint(
        source=absolute,
        voices=said,
        samples={card.default_voice: _SAMPLE} if wanted.sample else {},
    )
    return Publication(
        card=card,
        network=None,
        network_spec=None,
        source=f"the checkpoint {absolute}",
        licence=known,
        precision="",
        files={FILE: json.dumps(asdict(checkpoint), indent=1).encode()} | recorded,
        speaker_files=entrance(environments, engine.name),
        parameters=isolated_parameters(),
    )


def find_licence(engine: EngineFacts, source: str, given: str | None) -> str:
    """Return the licence of a checkpoint: as given, or its model card's; empty: it is not known.

    A licence that restricts all voices of an engine stands for one that is not known.
    """
    restriction = "" if engine.is_commercial else engine.voices_licence
    return given or _read_model_card(source) or restriction


def _read_model_card(source: str) -> str:
    """Return the licence that a model card names; empty: none, or there is no card to be had."""
    with suppress(NoCheckpoint):
        return read_licence(Path(source) if Path(source).is_dir() else download_small_files(source))
    return ""


def isolated_parameters() -> dict[str, str]:
    """Return the parameters of a speaker that Triton starts in another environment."""
    return {"EXECUTION_ENV_PATH": f"$$TRITON_MODEL_DIRECTORY/{_ENTRANCE}", "lanes": "1"}


def entrance(environments: Environments, engine: str) -> dict[str, bytes]:
    """Return what Triton takes for a speaker's environment: a script that leads to the real one.

    It lies with the model, so it is there whatever becomes of the environment. Where that is not
    whole, the process begins in our own environment, and says so: see `tritone/isolated.py`.
    """
    home = shlex.quote(str(environments.path(engine)))
    check = f'"$_home/bin/python" -I -m tritone.isolated {shlex.quote(engine)} {PYTHON_VERSION}'
    lines = (
        "# Triton's shell reads this before it starts the process of the speaker.",
        f"_home={home}",
        f"if _said=$(timeout 300 {check} 2>&1 </dev/null); then",
        '  export VIRTUAL_ENV="$_home" PATH="$_home/bin:$PATH"',
        "  export TQDM_DISABLE=1  # a bar of progress for each sentence is of no use in a log",
        "else",
        "  _status=$?",
        "  _said=${_said##*$'\\n'}",
        f'  export {FAULT_VARIABLE}="${{_said:-its Python ended with status $_status}}"',
        "fi",
    )
    return {f"{_ENTRANCE}/bin/activate": ("\n".join(lines) + "\n").encode()}


def _make_card(
    engine: EngineFacts,
    model: str,
    voices: dict[str, str],
    sample_rate: int,
    facts: tuple[str, str],
) -> SpeechCard:
    language, licence = facts
    return SpeechCard(
        name=model,
        engine=engine.name,
        voices=tuple(
            Voice(
                id=ours,
                name=theirs or model,
                language=language,
                gender="neutral",  # checkpoints do not say
                license=licence,
                description=f"A voice of the engine {engine.name}.",
            )
            for ours, theirs in voices.items()
        ),
        default_voice=next(iter(voices)),
        sample_rate=sample_rate,
        audio_channels=1,
        min_speed=0.25,
        max_speed=4.0,
        max_characters=100_000,
    )


def _require_possible(engine: EngineFacts, wanted: Wanted) -> None:
    """Refuse what an engine cannot do, whatever its checkpoint."""
    if wanted.sample and not engine.clones:
        raise NoIsolatedCheckpoint(f"{engine.name} clones no voices: leave out --sample")
    spoken = {each.partition("-")[0].lower() for each in engine.languages}
    if spoken and wanted.language.partition("-")[0].lower() not in spoken:
        raise NoIsolatedCheckpoint(
            f"{engine.name} does not speak {wanted.language}, but {', '.join(engine.languages)}"
        )


def _choose_speakers(source: str, described: Described, wanted: Wanted) -> list[str]:
    if wanted.sample:
        return [""]
    if not described.speakers:
        raise NoIsolatedCheckpoint(
            f"{source} has no voice of its own: name a recording to clone with --sample"
        )
    if wanted.description and any(described.speakers):
        raise NoIsolatedCheckpoint(f"{source} has speakers of its own: leave out --description")
    return described.speakers


def _describe(environments: Environments, engine: str, source: str, wanted: Wanted) -> Described:
    """Let the engine open a checkpoint in its environment, and speak two words as is wanted.

    Raises:
        NoIsolatedCheckpoint: it cannot.
    """
    python = str(environments.python(engine))
    command = [python, "-I", "-m", "backends.isolated.describe", engine, source, wanted.language]
    command += [str(wanted.sample.resolve())] if wanted.sample else []
    try:
        ended = subprocess.run(
            command, capture_output=True, text=True, timeout=_DESCRIBE_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoIsolatedCheckpoint(f"{engine} cannot speak with {source}: {error}") from error
    answers = [line for line in ended.stdout.splitlines() if line.startswith(DESCRIBED)]
    if ended.returncode or not answers:
        said = (ended.stderr.strip() or "it says nothing").splitlines()[-1]
        raise NoIsolatedCheckpoint(f"{engine} cannot speak with {source}: {said}")
    return Described(**json.loads(answers[-1].removeprefix(DESCRIBED)))


def _read_config(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _read_sample(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise NoIsolatedCheckpoint(f"{path} cannot be read: {error.strerror}") from error


def require_engine(name: str) -> EngineFacts:
    """Return an engine with an environment of its own.

    Raises:
        NoIsolatedCheckpoint: there is none of that name.
    """
    isolated = [each.name for each in ENGINES.values() if each.environment is not None]
    if name not in isolated:
        raise NoIsolatedCheckpoint(
            f"{name} is no engine with an environment of its own: {', '.join(isolated)}"
        )
    return ENGINES[name]
