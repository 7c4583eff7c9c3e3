"""The judge: it hears kinds, not loudness, colour or a noise floor; and it can be kept."""

from pathlib import Path

import numpy as np
import pytest

import starter
from starter.classifier import FILE, Judge, fit, picture
from starter.corpus.cache import CorpusCache
from starter.corpus.clips import Wanted, make_clip
from starter.corpus.kinds import KINDS
from starter.mel import log_mel
from starter.recipe import RECIPE, Recipe


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge.load(Path(starter.__file__).parent / FILE)


@pytest.mark.drill
def test_the_kept_judge_knows_clips_it_never_heard(judge: Judge) -> None:
    clips = [
        make_clip(Wanted((name,), 30_000_000 + i), RECIPE.corpus) for name in KINDS for i in (0, 1)
    ]
    heard = judge.kinds_of([log_mel(clip.mono, RECIPE.latent) for clip in clips])
    right = [name == clip.kinds[0] for name, clip in zip(heard, clips, strict=True)]
    assert np.mean(right) >= 0.95


def test_level_and_a_faint_floor_change_nothing_much() -> None:
    mel = log_mel(make_clip(Wanted(("dog",), 5), RECIPE.corpus).mono, RECIPE.latent)
    assert np.allclose(picture(mel), picture(mel - 0.7), atol=1e-5)
    floor = np.full_like(mel, mel.max() - 9)
    assert np.abs(picture(mel) - picture(np.logaddexp(mel, floor))).max() < 0.02


def test_a_judge_is_kept_and_read_back(
    cache: CorpusCache, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("starter.classifier.EPOCHS", 4)
    monkeypatch.setattr("starter.classifier.BATCH", 8)
    fitted = fit(cache, recipe.latent)
    fitted.save(tmp_path / "judge.pt")
    read = Judge.load(tmp_path / "judge.pt")
    mels = [
        log_mel(make_clip(Wanted((name,), 1), RECIPE.corpus).mono, RECIPE.latent)
        for name in list(KINDS)[:6]
    ]
    assert read.kinds_of(mels) == fitted.kinds_of(mels)
