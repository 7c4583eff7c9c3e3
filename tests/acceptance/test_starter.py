"""What is asked of the bundled starter is what comes out of the served one.

Run it after every change of engine, precision, sampler or number of steps: the same prompts and
seeds as in `starter/EVALUATION.md`, through a real Triton, judged by the same judge.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import starter
from starter.mel import log_mel
from starter.recipe import RECIPE
from tests.acceptance.client import Ask, Client
from tests.acceptance.stack import Stack

pytestmark = pytest.mark.triton

PAGES = Path(starter.__file__).parent
EACH = 2  # sounds of a kind
AT_ONCE = 4


@pytest.fixture(scope="module")
def record() -> dict[str, Any]:
    kept: dict[str, Any] = json.loads((PAGES / "evaluation.json").read_text())
    return kept


@pytest.fixture
async def bundled(stack: Stack, model: str) -> AsyncIterator[Client]:
    if model != "starter":
        pytest.skip(f"{model} is served, not the bundled starter")
    async with Client(stack.address, model) as client:
        yield client


@pytest.mark.drill
async def test_the_served_starter_is_recognised_as_the_evaluated_one(
    bundled: Client, record: dict[str, Any]
) -> None:
    # They import torch: seconds for every process that collects this file.
    from starter.classifier import FILE, Judge
    from starter.evaluation import TOLERATED

    judge, gate = Judge.load(PAGES / FILE), asyncio.Semaphore(AT_ONCE)

    async def heard(prompt: str, seed: int) -> str:
        ask = Ask(
            prompt=prompt,
            seed=seed,
            seconds_end=record["seconds"],
            steps=record["steps"],
            guidance_scale=record["guidance"],
        )
        async with gate:
            pcm = await bundled.generate(ask)
        wave = pcm.mean(0).astype(np.float32) / 32768
        return judge.kinds_of([log_mel(wave, RECIPE.latent)])[0]

    asked = [
        (name, prompt, record["first_seed"] + index, kind["heard"][index])
        for name, kind in record["kinds"].items()
        for index, prompt in enumerate(kind["prompts"][:EACH])
    ]
    answers = await asyncio.gather(*(heard(prompt, seed) for _, prompt, seed, _ in asked))
    served = np.mean([a == name for a, (name, *_) in zip(answers, asked, strict=True)])
    evaluated = np.mean([before == name for name, _, _, before in asked])
    assert served >= evaluated - TOLERATED
