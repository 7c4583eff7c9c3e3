"""Every engine with an environment of its own: built from the registry, and tried on a real Triton.

`make engines`, outside the gate: gigabytes, and minutes for each. They speak with tiny random
weights in their true architecture, first in a process of their own, then behind our frontend.
"""

import asyncio
import json
import subprocess
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ops.settings import Settings
from ops.voices.adding import add_isolated, remove
from ops.voices.environments import Environments, build, find_fault
from ops.voices.installer import UvInstaller
from ops.voices.isolated import Wanted, find_engine
from tests.acceptance.conftest import copy_of
from tests.acceptance.drills import open_folder, tell, until
from tests.acceptance.speech_client import say, speaks
from tests.acceptance.stack import SPEAKS, Stack, running
from tests.engines.smaller import make_smaller
from tritone.engines import ENGINES

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "work" / "engines"  # it stays: the next run only looks whether it is whole
MODEL = "tiny"
TEXT = "Hello there."
_QUIETEST = 0.001  # peak of a sound that is one


@dataclass(frozen=True, kw_only=True)
class Tiny:
    """A tiny checkpoint, and what is asked of it."""

    maker: str  # its program, in this folder
    speakers: tuple[str, ...]  # that it has
    said: tuple[str, ...]  # who shall speak, in its own words
    languages: tuple[str, ...] = ("en-US",)
    limit: int = 0  # characters that it says at once, where it has such a limit
    is_fixed: bool = False  # the engine's code fixes the sizes of its networks


TINY = {
    "parler-tts": Tiny(
        maker="tiny_parler.py", speakers=("",), said=("", "Jon speaks fast and very close.")
    ),
    "xtts_v2": Tiny(
        maker="tiny_xtts.py",
        speakers=("Ana Flo", "Bo Lin"),
        said=("Ana Flo", "Bo Lin"),
        languages=("en-US", "it-IT"),
        limit=250,
    ),
    "chatterbox": Tiny(maker="tiny_chatterbox.py", speakers=("",), said=("",), is_fixed=True),
}


@dataclass(frozen=True, kw_only=True)
class Made:
    """A tiny checkpoint on the disk."""

    engine: str
    tiny: Tiny
    environments: Environments
    checkpoint: Path
    recording: Path  # of somebody else

    @property
    def ways(self) -> list[tuple[str, str, str | None, str]]:
        """Name, language and recording of every voice that shall speak, and the text.

        What goes beyond a limit comes last.
        """
        tiny, recording = self.tiny, str(self.recording)
        who: list[tuple[str, str | None]] = [(name, None) for name in tiny.said]
        who += [("", recording)] if ENGINES[self.engine].clones else []
        ways = [(name, each, sample, TEXT) for name, sample in who for each in tiny.languages]
        long = " ".join([TEXT] * (tiny.limit // len(TEXT) + 1))
        return ways + ([(*ways[0][:3], long)] if tiny.limit else [])


@pytest.fixture(scope="module", params=TINY)
def made(request: pytest.FixtureRequest) -> Iterator[Made]:
    engine, tiny = request.param, TINY[request.param]
    environments = Environments(FOLDER)
    with open_folder() as folder:
        if tiny.is_fixed:
            environments = make_smaller(environments, engine, folder / "engines")
        recordings = [_record(folder / f"{pitch}.wav", pitch) for pitch in (110, 190)]
        maker = str(Path(__file__).with_name(tiny.maker))
        command = [str(environments.python(engine)), "-I", maker, str(folder / MODEL)]
        subprocess.run([*command, str(recordings[0])], check=True)
        yield Made(
            engine=engine,
            tiny=tiny,
            environments=environments,
            checkpoint=folder / MODEL,
            recording=recordings[1],
        )


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with open_folder() as folder:
        models = copy_of(ROOT / "model_repository", folder / "models")
        with running(models, folder, **SPEAKS) as stack:
            until(lambda: speaks(stack.address, "heart"))
            yield stack


@pytest.fixture
def settings(stack: Stack, made: Made) -> Settings:
    state = stack.log_file.parent / "run"
    return Settings(
        model_repository=stack.repository,
        state_directory=state,
        engine_directory=made.environments.folder,
    )


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", [each.name for each in ENGINES.values() if each.environment])
def test_an_engine_is_built_and_loads(name: str) -> None:
    assert name in TINY
    environments = Environments(FOLDER)
    if not environments.is_built(name) or find_fault(environments, name):
        build(environments, ENGINES[name], UvInstaller(), tell)
    assert environments.is_built(name)
    tell(f"{name}: {environments.n_bytes(name) / 1e9:.2f} GB")


@pytest.mark.timeout(1200)
def test_an_engine_speaks_in_its_environment(made: Made) -> None:
    assert find_engine(str(made.checkpoint)) == made.engine
    spoken = _speak(made, 1, 1, 2)
    tell(f"{made.engine}: {json.dumps(spoken, indent=1)}")
    assert tuple(spoken["speakers"]) == made.tiny.speakers
    for one, same, other in (voice["sounds"] for voice in spoken["voices"]):
        assert one == same != other
    firsts = [voice["sounds"][0] for voice in spoken["voices"]]
    assert len(set(firsts)) == len(made.ways)  # whoever speaks, and in which language, is heard
    again = _speak(made, 1)["voices"]
    assert [voice["sounds"] for voice in again] == [[first] for first in firsts]  # of all processes
    seconds = [voice["seconds"] for voice in spoken["voices"]]
    assert min(seconds) > 0.2
    assert not made.tiny.limit or seconds[-1] > 1.5 * seconds[0]  # in two parts
    assert all(voice["peak"] > _QUIETEST for voice in spoken["voices"])


@pytest.mark.timeout(1200)
def test_an_engine_speaks_behind_our_frontend(stack: Stack, settings: Settings, made: Made) -> None:
    engine, checkpoint = ENGINES[made.engine], str(made.checkpoint)
    samples = [None, made.recording] if engine.clones else [None]
    for sample in samples:
        wanted = Wanted(licence="MIT", sample=sample)
        added = add_isolated(settings, engine, checkpoint, wanted, accepts=True)
        voices = [voice.id for voice in added.card.voices]
        tell(f"{made.engine}: {', '.join(voices)}; a few words took {added.first_s} s")
        assert len(voices) == (1 if sample else len(made.tiny.speakers))
        assert added.first_s is not None
        first, again, other = (
            asyncio.run(say(settings, MODEL, TEXT.encode(), seed)) for seed in (1, 1, 2)
        )
        assert first == again != other
        for voice in voices:
            until(lambda voice=voice: speaks(stack.address, voice))  # type: ignore[misc]
        assert remove(settings, MODEL)


def _speak(made: Made, *seeds: int) -> dict[str, Any]:
    program = str(Path(__file__).with_name("speak.py"))
    python = str(made.environments.python(made.engine))
    asked = [made.engine, str(made.checkpoint), json.dumps(made.ways), *map(str, seeds)]
    ended = subprocess.run(
        [python, "-I", program, *asked], check=True, stdout=subprocess.PIPE, text=True
    )
    (line,) = [each for each in ended.stdout.splitlines() if each.startswith("spoken: ")]
    found: dict[str, Any] = json.loads(line.removeprefix("spoken: "))
    return found


def _record(path: Path, pitch_hz: int) -> Path:
    """Write a second of a buzz, in stereo and at a rate that no engine works at."""
    rate, n_harmonics = 44_100, 20
    times = np.arange(rate) / rate
    waves = [np.sin(2 * np.pi * pitch_hz * n * times) / n for n in range(1, n_harmonics)]
    mono = np.int16(8000 * np.sum(waves, axis=0) * (1.0 + np.sin(2 * np.pi * 3.0 * times)) / 2)
    with wave.open(str(path), "wb") as file:
        file.setparams((2, 2, rate, 0, "NONE", ""))
        file.writeframes(np.stack([mono, mono], axis=1).tobytes())
    return path
