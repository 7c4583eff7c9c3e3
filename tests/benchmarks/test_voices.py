"""The default voice is understood: a few sentences; `make evaluate-voices` judges all of them."""

from pathlib import Path

import numpy as np
import pytest

from backends.speech.engine import Parts
from backends.speech.engines import open_engine
from backends.speech.in_process import open_in_process
from benchmarks.voices.judge import Judge, count_errors, join, windows, words
from benchmarks.voices.sentences import PLAIN
from ops.voices import publish_default_voice
from ops.voices.hibari import CARD
from tests.backends.speech.speaking import speak

FIGURES = "Dr. Smith paid $9.99 on Jan. 5th. King Charles wrote chapter IV at 7:30 pm."
HEARD = "smith dr paid $9.99 on january 5th 5 king charles wrote chapter 4 at 730 7:30 pm"


def test_the_judge_counts_words() -> None:
    assert words("It's GREAT, isn't it?") == ["its", "great", "isnt", "it"]
    assert words("L’été, की।") == ["lété", "की"]
    assert count_errors(["a", "b", "c"], ["a", "x", "c", "d"]) == 2
    assert [list(w) for w in windows([10.0, 10.0, 10.0, 28.0])] == [[0, 1], [2], [3]]


@pytest.mark.drill
def test_the_voice_is_understood(tmp_path: Path) -> None:
    repository = publish_default_voice(tmp_path)
    assert repository is not None
    network = open_in_process(repository / "hibari_network" / "1")
    engine = open_engine(Parts(CARD, network, repository / "hibari" / "1"))
    judge = Judge()
    said = PLAIN[10:17]
    sounds = [speak(engine, text).pcm.astype(np.float32) / 32767 for text in said]
    heard = judge.hear(join(sounds, CARD.sample_rate), CARD.sample_rate)
    expected = words(" ".join(said))
    assert count_errors(expected, words(heard)) <= 0.04 * len(expected), heard
    figures = speak(engine, FIGURES).pcm.astype(np.float32) / 32767
    heard = judge.hear(figures, CARD.sample_rate)
    unknown = set(words(heard)) - set(words(HEARD))
    assert len(unknown) <= 1, heard
