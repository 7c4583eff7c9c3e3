"""What a training sounds like as it goes: a page of spectrograms every few minutes."""

from copy import deepcopy
from pathlib import Path
from typing import Any

from starter.corpus.captions import wordings
from starter.corpus.kinds import KINDS
from starter.figures import Panel, draw_page
from starter.instrument import Order, Player
from starter.latents import Statistics
from starter.networks import Denoiser
from starter.sampler import Settings
from starter.training import Trainee
from starter.transformer_training import Material

EVERY_S = 600.0  # of training
SETTINGS = Settings(steps=15, guidance=3.0)
SECONDS, SEED = 4.0, 5


class SamplePages:
    """Draws what the averaged weights make of one held-out caption for every other kind."""

    def __init__(self, material: Material, measured: Statistics, folder: Path) -> None:
        self._material, self._measured, self._folder = material, measured, folder
        self._drawn_s = 0.0

    def __call__(self, trainee: Trainee[Any]) -> None:
        """Draw a page if it is time for one."""
        if trainee.progress.active_s - self._drawn_s < EVERY_S:
            return
        self._drawn_s = trainee.progress.active_s
        denoiser: Denoiser = deepcopy(trainee.module).eval()
        denoiser.load_state_dict(trainee.averaged.weights)
        player = Player(self._material.recipe, denoiser, self._material.tokenizer, self._measured)
        names = list(KINDS)[::2]
        prompts = [wordings(KINDS[name], held_out=True)[0] for name in names]
        latents = player.latents(Order(prompts, [SEED] * len(names), SECONDS), SETTINGS)
        panels = [Panel(n, m) for n, m in zip(names, player.log_mels(latents), strict=True)]
        page = self._folder / f"transformer_{trainee.progress.step:06d}.png"
        draw_page(panels, page, self._material.recipe.latent)
