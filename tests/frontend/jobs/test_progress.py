import asyncio
from collections.abc import Awaitable, Callable

import pytest

from frontend.errors import BackendUnavailable
from frontend.jobs.progress import WatchedGateway, WatchedMaker, open_maker
from frontend.jobs.result_maker import Maker
from frontend.observe.metrics import Metrics
from frontend.passes.caller import Caller
from frontend.settings import Settings
from frontend.sounds.request import GenerationRequest
from frontend.triton.gateway import Progress
from tests.fakes import FakeGateway
from tritone.card import ModelCard


class HalfWay(FakeGateway):
    """Every pass has made as many steps as this says, or the question fails."""

    steps_done: int | Exception | None = 5

    async def progress(self, model: str, pass_id: str) -> Progress | None:
        if isinstance(self.steps_done, Exception):
            raise self.steps_done
        return None if self.steps_done is None else Progress(self.steps_done, 20)


@pytest.fixture
def gateway(card: ModelCard) -> HalfWay:
    from frontend.triton.gateway import Catalog

    return HalfWay(Catalog(cards=(card,)), gate=asyncio.Event())


async def while_running(
    maker: WatchedMaker, gateway: HalfWay, seconds: float, ask: Callable[[], Awaitable[None]]
) -> None:
    request = GenerationRequest(prompt="rain", seconds=seconds, steps=20)
    running = asyncio.create_task(maker.generate(request, Caller(request_id="job")))
    while not gateway.options:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    await ask()
    assert gateway.gate is not None
    gateway.gate.set()
    await running


async def test_the_steps_of_all_passes_count_together(gateway: HalfWay, settings: Settings) -> None:
    maker: Maker = (sound := WatchedMaker(gateway, settings, Metrics()))

    async def ask() -> None:
        assert await maker.progress("job") == Progress(10, 40)
        assert await maker.progress("another") is None

    await while_running(sound, gateway, 15.0, ask)  # longer than the window: two passes
    assert await maker.progress("job") is None


async def test_passes_may_end_while_they_are_asked(gateway: HalfWay, settings: Settings) -> None:
    maker = WatchedMaker(gateway, settings, Metrics())
    answers = asyncio.Event()
    ask_at_once = gateway.progress

    async def ask_slowly(model: str, pass_id: str) -> Progress | None:
        await answers.wait()
        return await ask_at_once(model, pass_id)

    gateway.progress = ask_slowly  # type: ignore[method-assign]
    asking: list[asyncio.Task[Progress | None]] = []

    async def ask() -> None:
        asking.append(asyncio.create_task(maker.progress("job")))
        await asyncio.sleep(0)

    await while_running(maker, gateway, 2.0, ask)
    answers.set()
    assert await asking[0] == Progress(5, 20)


@pytest.mark.parametrize("answer", [None, BackendUnavailable("Triton is away.")])
async def test_progress_that_nobody_knows_is_none(
    gateway: HalfWay, settings: Settings, answer: Exception | None
) -> None:
    gateway.steps_done = answer
    maker = WatchedMaker(gateway, settings, Metrics())

    async def ask() -> None:
        assert await maker.progress("job") is None

    await while_running(maker, gateway, 2.0, ask)


async def test_a_worker_opens_and_closes_the_gateway(gateway: HalfWay, settings: Settings) -> None:
    async with open_maker(settings, gateway, Metrics()):
        assert gateway.is_open
    assert not gateway.is_open


async def test_everything_else_passes_through(gateway: HalfWay, card: ModelCard) -> None:
    watched = WatchedGateway(gateway)
    await watched.open()
    assert (await watched.refresh()).cards == watched.catalog.cards == (card,)
    await watched.cancel("starter", "1")
    assert gateway.cancelled == ["1"]
    assert await watched.progress("starter", "1") == Progress(5, 20)
    await watched.close()
