"""Listens to a Triton: does each ensemble still make sounds? Standard library only, as the keeper.

What was heard lies in a small file, for the probes of the orchestrator, which are processes of
their own.
"""

import json
import sys
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Protocol
from urllib.error import HTTPError

UNREACHABLE = (OSError, HTTPException, ValueError)

_FIRST_LOOKS_S = 1.0  # until there is an ensemble
_MAX_SAID = 500
FOREIGN = "foreign"
"""What another server speaks: where it stops, our Triton is well."""
_MAX_MISSES = 3  # looks in a row without a sound: they have stopped


class SoundMaker(Protocol):
    """A Triton, as far as one listens to it."""

    def ensembles(self) -> list[str]:
        """Return the ensembles that are ready."""

    def find_kind(self, model: str) -> str:
        """Return what an ensemble makes: `sound` or `speech`, or speech that is `foreign`."""

    def count_sounds(self, model: str) -> int:
        """Return how many requests to an ensemble have ended well since it was loaded."""

    def make_sound(self, model: str, timeout_s: float) -> list[int]:
        """Return the samples of a short sound."""


@dataclass
class Sounds:
    """What was heard of one ensemble."""

    kind: str = "sound"  # or `speech`
    n_made: int = 0  # sounds that Triton has counted
    has_made: bool = False
    misses: int = 0  # looks in a row without a sound
    said: str = ""  # why the last one did not come

    @property
    def have_stopped(self) -> bool:
        """Return whether it made sounds, and makes none any more."""
        return self.has_made and self.misses >= _MAX_MISSES


class Listener:
    """Makes sure of a sound of every ensemble, period after period, and writes down what it heard.

    An ensemble that has made one by itself since the last look is not asked.
    """

    def __init__(self, triton: SoundMaker, notes: Path, timeout_s: float) -> None:
        """`timeout_s` is how long a sound may take where nothing else is made."""
        self._triton = triton
        self._notes = notes
        self._timeout_s = timeout_s
        self._heard: dict[str, Sounds] = {}

    def listen(self, period_s: float, over: threading.Event) -> None:
        """Look until it is over."""
        self._write()  # what the keeper before us heard does not count
        while not over.wait(period_s if self._heard else min(period_s, _FIRST_LOOKS_S)):
            try:
                self.look()
            except UNREACHABLE as error:  # Triton is starting, or hangs: that is found otherwise
                say(f"cannot listen: {error}")

    def look(self) -> None:
        """Ask each ensemble that was silent meanwhile for a sound."""
        found = {name: self._recall(name) for name in self._triton.ensembles()}
        self._heard = {name: each for name, each in found.items() if each.kind != FOREIGN}
        for name, sounds in self._heard.items():
            self._look_at(name, sounds)
        self._write()

    def _recall(self, name: str) -> Sounds:
        return self._heard.get(name) or Sounds(kind=self._triton.find_kind(name))

    def _look_at(self, name: str, sounds: Sounds) -> None:
        n_before = self._triton.count_sounds(name)
        problem, n_ours = ("", 0) if n_before > sounds.n_made else self._ask(name)
        sounds.n_made = self._triton.count_sounds(name)
        # Where ours failed and others came meanwhile, the ensemble is busy, and no more than that.
        if problem and sounds.n_made - n_ours <= n_before:
            sounds.misses, sounds.said = sounds.misses + 1, problem
            say(f"{name} makes no sound ({sounds.misses}): {problem}")
        else:
            sounds.misses, sounds.said, sounds.has_made = 0, "", True

    def _ask(self, name: str) -> tuple[str, int]:
        """Return why an ensemble makes no sound, empty if it made one, and how many it answered."""
        try:
            samples = self._triton.make_sound(name, self._timeout_s)
        except HTTPError as error:
            return error.read().decode(errors="replace")[:_MAX_SAID] or str(error), 0
        except UNREACHABLE as error:
            return str(error) or type(error).__name__, 0
        return ("" if any(samples) else "it is silent"), 1

    def _write(self) -> None:
        fresh = self._notes.with_suffix(".new")
        heard = {name: asdict(sounds) for name, sounds in self._heard.items()}
        fresh.write_text(json.dumps(heard), encoding="utf-8")
        fresh.replace(self._notes)


def read_notes(path: Path) -> dict[str, Sounds]:
    """Return what the keeper that runs Triton has heard; nothing where there is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {name: Sounds(**fields) for name, fields in found.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def find_stopped(heard: Mapping[str, Sounds]) -> list[str]:
    """Return the ensembles whose sounds have stopped, if all of one kind that ever made one have.

    One of several may be a bad model, which a restart does not mend, and would cost the others. But
    a voice, which runs on the CPU, does not stand in for models of sounds, nor the other way round.
    """
    makers = {name: each for name, each in heard.items() if each.has_made}
    at_work = {each.kind for each in makers.values() if not each.have_stopped}
    return [f"{name} ({each.said})" for name, each in makers.items() if each.kind not in at_work]


def find_mute(heard: Mapping[str, Sounds]) -> list[str]:
    """Return the ensembles that never made a sound, if none of their kind did; and why."""
    proven = {each.kind for each in heard.values() if each.has_made}
    return [f"{name}: {each.said}" for name, each in heard.items() if each.kind not in proven]


def say(text: str) -> None:
    """Write a line to stderr, which is the container's log."""
    sys.stderr.write(f"keeper: {text}\n")
    sys.stderr.flush()
