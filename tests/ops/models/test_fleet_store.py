from pathlib import Path

import pytest

from ops.models.errors import ModelsError
from ops.models.fleet_store import FleetStore
from tritone.fleet import FleetState, Wanted
from tritone.versions import Lineup

STATE = FleetState(
    {"starter": Wanted(version=2, lineup=Lineup(previous=1, candidates={3: 0.1}), coming=4)}
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "models" / "fleet.json"


def write(file: Path, text: str) -> None:
    file.parent.mkdir()
    file.write_text(text)


async def test_what_is_written_is_read_by_whoever_reads_the_same_file(file: Path) -> None:
    store = FleetStore(str(file))
    assert await store.read() == FleetState()
    await store.write(STATE)
    assert await FleetStore(f"file://{file}").read() == STATE


async def test_two_commands_at_once_are_one_too_many(file: Path) -> None:
    one, other = FleetStore(str(file)), FleetStore(str(file))
    async with one.locked():
        with pytest.raises(ModelsError, match=r"another command .* remove .*fleet\.json\.lock"):
            async with other.locked():
                pass
    async with other.locked():
        pass
    assert not file.with_name("fleet.json.lock").exists()


async def test_a_file_that_is_not_ours_is_named(file: Path) -> None:
    write(file, "{}")
    with pytest.raises(ModelsError, match=r"fleet\.json: not a fleet's state of this release"):
        await FleetStore(str(file)).read()
