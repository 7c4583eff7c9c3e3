"""Training: exact continuation, pauses that cost nothing, and losses that reach the weights."""

import math
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from starter import text_training, transformer_training, vocoder_training
from starter.bank_start import Source, start_as_bank
from starter.corpus.cache import CorpusCache
from starter.corpus.kinds import KINDS
from starter.latents import STATISTICS_FILE, read_statistics
from starter.mel import log_mel, unpack
from starter.networks import Denoiser, build_vae
from starter.recipe import Recipe
from starter.text_training import draw_captions, teach
from starter.training import Plan, Progress, Trainee, learning_rate, pace
from starter.transformer_training import Material, training_loss

PLAN = Plan(minutes=1, steps=4, warm_up_steps=1)


def _fresh(recipe: Recipe, material: Material) -> Trainee[Denoiser]:
    torch.manual_seed(0)
    return Trainee.new(Denoiser(recipe, len(material.tokenizer)), PLAN)


def _steps(trainee: Trainee[Denoiser], material: Material, last: int) -> None:
    while trainee.progress.step < last:
        loss, _ = training_loss(trainee.module, material, (PLAN.seed, trainee.progress.step))
        trainee.descend(loss, PLAN)
        trainee.progress.step += 1


def test_a_resumed_training_ends_bit_identical(
    recipe: Recipe, material: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transformer_training, "FRAMES_BUDGET", 100)
    whole = _fresh(recipe, material)
    _steps(whole, material, 4)

    broken = _fresh(recipe, material)
    _steps(broken, material, 2)
    broken.save(tmp_path / "half.pt")
    resumed = _fresh(recipe, material)
    assert resumed.restore(tmp_path / "half.pt")
    _steps(resumed, material, 4)

    for name, value in whole.module.state_dict().items():
        assert torch.equal(value, resumed.module.state_dict()[name]), name
    for name, value in whole.averaged.weights.items():
        assert torch.equal(value, resumed.averaged.weights[name]), name


def test_training_writes_a_checkpoint_and_a_log(
    recipe: Recipe, material: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transformer_training, "FRAMES_BUDGET", 100)
    trainee = _fresh(recipe, material)
    transformer_training.train(trainee, material, PLAN, tmp_path, lambda *_: None)
    assert trainee.progress.step == PLAN.steps
    assert (tmp_path / transformer_training.CHECKPOINT).exists()
    assert not list(tmp_path.glob("*.part"))


def test_the_vocoder_learns_from_its_loss(
    recipe: Recipe, work: Path, cache: CorpusCache, material: Material
) -> None:
    measured = read_statistics(work / STATISTICS_FILE)
    vocoder = vocoder_training.VocoderMaterial(recipe.latent, cache, measured)
    trainee = Trainee.new(build_vae(recipe).decoder, PLAN)
    before = {n: p.clone() for n, p in trainee.module.named_parameters()}
    loss, parts = vocoder_training.training_loss(trainee.module, vocoder, (0, 0))
    trainee.descend(loss, PLAN)
    assert all(math.isfinite(value) for value in parts.values())
    assert all(not torch.equal(before[n], p) for n, p in trainee.module.named_parameters())


def test_a_pause_is_not_charged(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 1000.0, 1000.0, 1001.0, 1001.0, 1002.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    progress = Progress()
    steps = pace(Plan(minutes=1), progress)
    next(steps), next(steps), next(steps)
    assert progress.active_s == pytest.approx(16.0)


def test_the_learning_rate_warms_up_and_falls() -> None:
    plan = Plan(minutes=1, steps=1000, warm_up_steps=10)
    rates = [learning_rate(plan, Progress(step)) for step in (0, 9, 500, 999)]
    assert rates[0] < rates[1]
    assert rates[1] > rates[2] > rates[3]


def test_a_loss_that_is_not_finite_changes_nothing(recipe: Recipe, material: Material) -> None:
    trainee = _fresh(recipe, material)
    before = [p.clone() for p in trainee.module.parameters()]
    total = torch.stack([p.sum() for p in trainee.module.parameters()]).sum()
    trainee.descend(total * float("nan"), PLAN)
    assert all(torch.equal(a, b) for a, b in zip(before, trainee.module.parameters(), strict=True))


@pytest.mark.drill
def test_the_head_start_sounds_where_the_latents_say(
    recipe: Recipe, work: Path, cache: CorpusCache, material: Material
) -> None:
    """Without any training on sound the decoder plays the corpus' spectra."""
    measured = read_statistics(work / STATISTICS_FILE)
    torch.manual_seed(0)
    decoder = build_vae(recipe).decoder
    start_as_bank(decoder, Source(cache, measured, recipe.latent))
    entry = next(e for e in cache.entries if e.kinds == ("beep",))
    packed = cache.mels[entry.first_frame : entry.first_frame + entry.frames].astype(np.float32)
    mels = torch.from_numpy(measured.normalise(packed).T[None])
    noise = torch.zeros(1, recipe.latent.noise_channels, entry.frames)
    with torch.no_grad():
        wave = decoder(torch.cat([mels, noise], dim=1))[0, 0].numpy()
    assert wave.shape == (entry.frames * recipe.latent.hop_samples,)
    heard = log_mel(wave, recipe.latent).mean(0)
    asked = unpack(packed, recipe.latent).mean(0)
    assert abs(int(heard.argmax()) - int(asked.argmax())) <= 1


@pytest.mark.drill
def test_the_text_encoder_learns_its_labels(
    recipe: Recipe, material: Material, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_training, "ROWS", 48)
    torch.manual_seed(0)
    encoder = Denoiser(recipe, len(material.tokenizer)).text_encoder
    plan = Plan(minutes=0, steps=120, peak_rate=1e-2, warm_up_steps=5)
    right = teach(encoder, material.tokenizer, recipe.text, plan, lambda *_: None)
    assert right > 4 / len(KINDS)  # chance is 1 in 32


def test_labels_are_what_the_captions_name() -> None:
    batch = draw_captions(np.random.default_rng(0), 50)
    assert set(batch.kinds.sum(1).tolist()) == {1.0, 2.0}
    for caption, row in zip(batch.captions, batch.kinds, strict=True):
        for at in row.nonzero().flatten().tolist():
            kind = list(KINDS.values())[at]
            assert any(word in caption for phrase in kind.phrases for word in phrase.split())
