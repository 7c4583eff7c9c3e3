import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ops.client.errors import ClientError
from ops.client.where import Choice, server
from ops.settings import Settings
from ops.stack.running_stack import RunningStack, announce
from tests.live import Live


async def found(settings: Settings, choice: Choice) -> AsyncIterator[str]:
    async with server(settings, choice, lambda _: None) as each:
        yield str(each.http.base_url)


def stack_of(frontend: str) -> RunningStack:
    return RunningStack(
        pid=os.getpid(),
        triton="127.0.0.1:1",
        triton_metrics=None,
        frontend=frontend,
        model_repository=None,
    )


async def test_the_address_that_is_named_wins_over_the_stack(live: Live, tmp_path: Path) -> None:
    settings = Settings(state_directory=tmp_path)
    with announce(tmp_path, stack_of(live.url)):
        named = Choice(url="http://elsewhere:8080", key=None)
        assert [url async for url in found(settings, named)] == ["http://elsewhere:8080"]
        unnamed = Choice(url=None, key=None)
        assert [url async for url in found(settings, unnamed)] == [live.url]


async def test_whoever_listens_on_our_port_is_found_without_a_state_folder(
    live: Live, tmp_path: Path
) -> None:
    settings = Settings(state_directory=tmp_path, port=int(live.url.rpartition(":")[2]))
    assert [url async for url in found(settings, Choice(url=None, key=None))] == [live.url]


@pytest.mark.usefixtures("no_dead_stacks")
async def test_a_stack_that_cannot_be_started_for_the_moment_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRITONE_MODEL_REPOSITORY", str(tmp_path / "nowhere"))
    monkeypatch.setenv("TRITONE_STATE_DIRECTORY", str(tmp_path / "state"))
    settings = Settings(state_directory=tmp_path, port=1)
    with pytest.raises(ClientError, match=r"^there is no model repository at .*nowhere"):
        async for _ in found(settings, Choice(url=None, key=None)):
            pass
