"""Jobs that live on a device, on a real Triton: the device is the CPU, the bits are the host's."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from export.configs import ServingOptions, config_texts
from tests.acceptance.client import Ask, Client
from tests.acceptance.conftest import copy_of
from tests.acceptance.stack import Stack, running
from tritone.card import read_card
from tritone.spans import find_span

pytestmark = [pytest.mark.triton, pytest.mark.drill]

WARM_UP = "model_warmup"  # before Triton says that a model is ready
ASKS = [Ask(seconds_end=seconds) for seconds in (1.0, 5.0)]


@pytest.fixture(scope="module")
def device_stack(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("device_stack")
    models = copy_of(repository, folder / "models")
    for config in models.glob("*_denoiser/config.pbtxt"):
        card = read_card(config.read_text())
        assert card is not None
        lengths = ",".join(str(find_span(card, 0.0, ask.seconds_end).latent_frames) for ask in ASKS)
        more = {"steps_on_device": "true", "step_lengths": lengths}
        lines = (
            f'parameters {{ key: "{key}" value {{ string_value: "{value}" }} }}\n'
            for key, value in more.items()
        )
        config.write_text(config.read_text() + "".join(lines))
        warms_up = config_texts(card, ServingOptions(warms_up=True))["vae_decoder"]
        decoder = models / f"{card.name}_vae_decoder" / "config.pbtxt"
        added = [line for line in warms_up.splitlines(keepends=True) if WARM_UP in line]
        assert added
        decoder.write_text(decoder.read_text() + "".join(added))
    with running(models, folder, "--no-frontend") as stack:
        yield stack


async def test_a_sound_has_the_bits_of_one_made_on_the_host(
    device_stack: Stack, client: Client, model: str
) -> None:
    async with Client(device_stack.address, model) as on_device:
        for ask in ASKS:
            expected = await client.latents(ask)
            np.testing.assert_array_equal(await on_device.latents(ask), expected)
            pcm = await client.generate(ask)
            np.testing.assert_array_equal(await on_device.generate(ask), pcm)
        # More at once than have slots, so some give way and come back.
        asks = [replace(ASKS[i % 2], seed=i, prompt=f"sound {i}") for i in range(8)]
        found = await asyncio.gather(*[on_device.latents(ask) for ask in asks])
        for ask, made in zip(asks, found, strict=True):
            np.testing.assert_array_equal(made, await client.latents(ask))
