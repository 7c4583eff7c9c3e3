"""Passes that all fail behind green checks, on a real Triton: who notices, and what is right again.

So it is on a GPU after an error that spoils its context, and so it was there when nobody could read
a transformer's answers.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from frontend.app import create_app
from tests.acceptance.conftest import VOICE, copy_of
from tests.acceptance.drills import ASK, GENERATE, open_folder, status_of, tell
from tests.acceptance.drills import until as wait
from tests.acceptance.stack import running
from tests.acceptance.test_triton_image import PATIENCE_S, Image
from tests.conftest import make_settings
from tests.deploy.test_kubernetes import TRITON_PATHS

pytestmark = [pytest.mark.triton, pytest.mark.drill]

STAND_IN = Path(__file__).parent / "sticky_stand_in" / "model.py"
FAILURES = 3  # TRITONE_TRITON__EJECT_AFTER


OVER_TRITON = {"transformer_in_process": "false", "lanes": "1"}  # as on GPUs


@pytest.fixture(scope="module")
def models(repository: Path, model: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose transformer can be spoiled."""
    target = tmp_path_factory.mktemp("sticky") / "models"
    copy_of(repository, target, **OVER_TRITON)
    config = target / f"{model}_transformer" / "config.pbtxt"
    config.write_text(config.read_text().replace('"onnxruntime"', '"sticky"'))
    return target


@pytest.fixture(scope="module")
def image(models: Path) -> Iterator[Image]:
    image = Image(
        models, models.parent, "--sound-period-s", "0.3", more_backends={"sticky": STAND_IN}
    )
    try:
        image.wait_until_ready()
        yield image
    finally:
        image.end()


@pytest.fixture
async def frontend(image: Image) -> AsyncIterator[httpx2.AsyncClient]:
    triton = {"url": image.address, "refresh_s": 0.3, "eject_after": FAILURES, "eject_s": 0.3}
    app = create_app(make_settings(triton=triton))
    transport = httpx2.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://tritone") as client,
    ):
        yield client


async def until(holds: Callable[[], Any]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await asyncio.to_thread(holds):  # noqa: ASYNC110 -- it is other processes'
            await asyncio.sleep(0.1)


async def read(frontend: httpx2.AsyncClient, status: int) -> dict[str, Any]:
    """Return what `/readyz` says once it has a status."""
    async with asyncio.timeout(PATIENCE_S):
        answer = await frontend.get("/readyz?verbose")
        while answer.status_code != status:
            await asyncio.sleep(0.1)
            answer = await frontend.get("/readyz?verbose")
    body: dict[str, Any] = answer.json()
    return body


async def test_sounds_that_stop_behind_green_checks_are_noticed_and_so_is_their_return(
    image: Image, models: Path, model: str, frontend: httpx2.AsyncClient
) -> None:
    await until(lambda: image.probe("ready").returncode == 0)
    await read(frontend, 200)
    assert (await frontend.post(GENERATE, json=ASK)).status_code == 200

    sticky = models / f"{model}_transformer" / "sticky"
    sticky.touch()
    for _ in range(FAILURES):
        assert (await frontend.post(GENERATE, json=ASK)).is_error

    body = await read(frontend, 503)
    assert body["reason"] == f"nothing serves in the place of {model}"
    assert "GenerationFailed" in body["sounds_stopped"][model]
    await until(lambda: image.probe("alive").returncode == 1)
    said = image.probe("alive").stderr
    assert said.startswith(f"keeper: sounds have stopped: {model} (")
    assert "CUDA error 700" in said
    # Nothing else shows it: Triton's checks are green, every component answers, the voice speaks.
    assert all(image.status(path) == 200 for path in TRITON_PATHS)
    assert body["away"] == {}
    assert {model, VOICE} <= set(body["models"])

    sticky.unlink()  # as a restart would
    assert (await read(frontend, 200))["sounds_stopped"] == {}
    assert (await frontend.post(GENERATE, json=ASK)).status_code == 200
    await until(lambda: image.probe("alive").returncode == 0)


def test_tritone_up_restarts_a_triton_whose_sounds_have_stopped(
    repository: Path, model: str
) -> None:
    with open_folder() as folder:
        models = copy_of(repository, folder / "models", **OVER_TRITON)
        with running(models, folder, TRITONE_TRITON__EJECT_S="0.3") as stack:
            assert stack.address
            (backends,) = (folder / "run").glob("*/backends")
            shutil.copy(STAND_IN, backends / "onnxruntime" / "model.py")
            stack.stub(f"{model}_transformer").kill()  # the next one can be spoiled
            wait(lambda: stack.has_stub(f"{model}_transformer"))
            wait(lambda: status_of(stack.address) == 200)
            spoiled = stack.triton()
            (models / f"{model}_transformer" / "sticky").touch()
            for _ in range(FAILURES):
                assert status_of(stack.address) != 200
            took_s = wait(lambda: not spoiled.is_running())
            took_s += wait(lambda: status_of(stack.address) == 200)
            assert "sounds have stopped" in stack.log
            tell(f"sounds that stopped: there is one again after {took_s:.1f} s")
