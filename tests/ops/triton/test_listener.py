"""When sounds have stopped, and when a Triton is only busy."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ops.triton.listener import FOREIGN, Listener, find_mute, find_stopped, read_notes

TIMEOUT_S = 5.0
STICKY = OSError("CUDA error 700")


@dataclass
class ScriptedTriton:
    """Ensembles whose next short sounds are known, and that others use meanwhile."""

    sounds: dict[str, list[int] | Exception]
    n_of_others: int = 0  # sounds that others get while ours is made
    n_made: dict[str, int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def ensembles(self) -> list[str]:
        return list(self.sounds)

    def find_kind(self, model: str) -> str:
        return {"voice": "speech", "upstream": FOREIGN}.get(model, "sound")

    def count_sounds(self, model: str) -> int:
        return self.n_made.get(model, 0)

    def make_sound(self, model: str, timeout_s: float) -> list[int]:
        assert timeout_s == TIMEOUT_S
        self.asked.append(model)
        self.n_made[model] = self.count_sounds(model) + self.n_of_others
        sound = self.sounds[model]
        if isinstance(sound, Exception):
            raise sound
        self.n_made[model] += 1
        return sound


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    return tmp_path / "sounds.json"


def look(triton: ScriptedTriton, notes: Path, *later: list[int] | Exception) -> list[str]:
    """Look once, and then once more for each later sound; return what has stopped."""
    listener = Listener(triton, notes, TIMEOUT_S)
    listener.look()
    for sound in later:
        triton.sounds = dict.fromkeys(triton.sounds, sound)
        listener.look()
    return find_stopped(read_notes(notes))


def test_sounds_have_stopped_after_three_looks_without_one(notes: Path) -> None:
    assert look(ScriptedTriton({"bell": [1]}), notes, STICKY, STICKY) == []
    assert look(ScriptedTriton({"bell": [1]}), notes, STICKY, STICKY, STICKY) == [
        "bell (CUDA error 700)"
    ]


def test_one_sound_makes_up_for_those_that_did_not_come(notes: Path) -> None:
    assert look(ScriptedTriton({"bell": [1]}), notes, STICKY, STICKY, [1], STICKY) == []


def test_silence_is_no_sound(notes: Path) -> None:
    silence = [0, 0]
    stopped = look(ScriptedTriton({"bell": [1]}), notes, silence, silence, silence)
    assert stopped == ["bell (it is silent)"]


def test_a_busy_ensemble_has_not_stopped(notes: Path) -> None:
    queue_full = OSError("denoiser queue is full")
    triton = ScriptedTriton({"bell": queue_full}, n_of_others=4)
    assert look(triton, notes, queue_full, queue_full, queue_full) == []
    assert read_notes(notes)["bell"].has_made


def test_an_ensemble_that_others_use_is_not_asked(notes: Path) -> None:
    triton = ScriptedTriton({"bell": [1]}, n_made={"bell": 7})
    look(triton, notes)
    assert triton.asked == []
    look(triton, notes, [1])
    assert triton.asked == ["bell"]  # nobody else asked since


def test_a_bad_model_beside_a_good_one_costs_the_good_one_nothing(notes: Path) -> None:
    triton = ScriptedTriton({"bell": [1], "rain": [1]})
    listener = Listener(triton, notes, TIMEOUT_S)
    listener.look()
    triton.sounds["rain"] = STICKY
    for _ in range(5):
        listener.look()
    assert read_notes(notes)["rain"].have_stopped
    assert find_stopped(read_notes(notes)) == []


def test_a_voice_beside_does_not_stand_in_for_sounds_that_have_stopped(notes: Path) -> None:
    triton = ScriptedTriton({"bell": [1], "voice": [1]})
    listener = Listener(triton, notes, TIMEOUT_S)
    listener.look()
    triton.sounds["bell"] = STICKY  # the voice runs on the CPU
    for _ in range(3):
        listener.look()
    assert find_stopped(read_notes(notes)) == ["bell (CUDA error 700)"]


def test_of_each_kind_one_must_have_made_a_sound(notes: Path) -> None:
    triton = ScriptedTriton({"bell": STICKY, "rain": STICKY, "voice": [1]})
    listener = Listener(triton, notes, TIMEOUT_S)
    listener.look()
    assert find_mute(read_notes(notes)) == ["bell: CUDA error 700", "rain: CUDA error 700"]
    triton.sounds["rain"] = [1]
    listener.look()
    assert find_mute(read_notes(notes)) == []


def test_a_model_that_never_made_a_sound_has_not_stopped(notes: Path) -> None:
    assert look(ScriptedTriton({"bell": STICKY}), notes, STICKY, STICKY, STICKY) == []
    assert not read_notes(notes)["bell"].has_made


@pytest.mark.parametrize("text", [None, "{", "[]", '{"bell": {"another": 1}}'])
def test_notes_that_cannot_be_read_say_nothing(notes: Path, text: str | None) -> None:
    if text is not None:
        notes.write_text(text)
    assert read_notes(notes) == {}


def test_what_another_server_speaks_is_not_listened_to(notes: Path) -> None:
    triton = ScriptedTriton({"upstream": STICKY, "bell": [1]})
    assert look(triton, notes) == []
    assert list(read_notes(notes)) == triton.asked == ["bell"]
    assert not find_mute(read_notes(notes))
