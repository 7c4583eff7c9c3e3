import errno
import os
import stat
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
from moto.server import ThreadedMotoServer
from obstore.store import S3Store

from frontend.errors import BackendUnavailable, FileNotFound
from frontend.storage.files import FileStore
from frontend.storage.names import new_key
from frontend.storage.ranges import ByteRange
from frontend.storage.settings import StorageSettings
from frontend.storage.tokens import InvalidToken

SECRET = b"0123456789abcdef0123456789abcdef"
SOUND = bytes(range(256)) * 4096  # 1 MiB


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3_environment(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT": s3_endpoint,
        "AWS_ALLOW_HTTP": "true",
    }.items():
        monkeypatch.setenv(name, value)
    return s3_endpoint


@pytest.fixture
async def s3_url(s3_environment: str) -> str:
    async with httpx2.AsyncClient(trust_env=False) as client:
        await client.put(f"{s3_environment}/sounds")
    return "s3://sounds"


@pytest.fixture(params=["local", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> FileStore:
    url = str(tmp_path / "files") if request.param == "local" else request.getfixturevalue("s3_url")
    return FileStore(StorageSettings.model_validate({"url": url}), SECRET)


@pytest.fixture
def local(tmp_path: Path) -> FileStore:
    return FileStore(StorageSettings.model_validate({"url": str(tmp_path / "files")}), SECRET)


async def _all(pieces: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in pieces])


async def test_what_is_put_can_be_read_whole_and_in_parts(store: FileStore) -> None:
    key = await store.put(SOUND, "mp3")
    assert await _all(store.read(key)) == SOUND
    assert await _all(store.read(key, ByteRange(1000, 1010))) == SOUND[1000:1010]
    info = await store.head(key)
    assert info.n_bytes == len(SOUND)
    assert info.media_type == "audio/mpeg"
    assert abs(info.modified_at - datetime.now(UTC)) < timedelta(minutes=1)


async def test_a_file_is_kept_from_where_it_stands(store: FileStore, tmp_path: Path) -> None:
    long = SOUND * 12  # more than a part of an upload
    with (tmp_path / "sound").open("wb+") as file:
        file.write(b"before" + long)
        file.seek(len("before"))
        key = await store.put(file, "wav")
    assert await _all(store.read(key)) == long
    assert (await store.head(key)).media_type == "audio/wav"


async def test_a_deleted_file_is_gone_and_deleting_twice_is_no_error(store: FileStore) -> None:
    key = await store.put(b"x", "wav")
    await store.delete([key, key, new_key("wav", datetime.now(UTC)), "../elsewhere"])
    with pytest.raises(FileNotFound):
        await store.head(key)
    with pytest.raises(FileNotFound):
        await _all(store.read(key))


async def test_old_days_are_deleted_whether_a_job_knows_their_files_or_not(
    store: FileStore,
) -> None:
    now = datetime.now(UTC)
    young = await store.put(b"x", "wav")
    store._clock = lambda: now - timedelta(days=3)
    old = [await store.put(b"x", "wav") for _ in range(3)]
    store._clock = lambda: now
    assert await store.delete_days_before(now - timedelta(days=4)) == 0
    assert await store.delete_days_before(now - timedelta(days=1)) == 3
    for key in old:
        with pytest.raises(FileNotFound):
            await store.head(key)
    await store.head(young)


async def test_foreign_folders_in_the_store_are_left_alone(
    local: FileStore, tmp_path: Path
) -> None:
    foreign = tmp_path / "files" / "some" / "other" / "folder"
    foreign.mkdir(parents=True)
    (foreign / "file.txt").touch()
    assert await local.delete_days_before(datetime.now(UTC) + timedelta(days=9)) == 0
    assert (foreign / "file.txt").exists()


@pytest.mark.parametrize("key", ["../outside", "/etc/passwd", "2026/11/21/../../../x.wav"])
async def test_nothing_outside_the_store_can_be_read(local: FileStore, key: str) -> None:
    with pytest.raises(FileNotFound):
        await _all(local.read(key))
    with pytest.raises(FileNotFound):
        await local.head(key)


async def test_a_local_link_leads_to_its_file_only(local: FileStore) -> None:
    key = await local.put(b"x", "wav")
    url = await local.url(key)
    assert url.startswith("http://127.0.0.1:8080/files/")
    token = url.rpartition("/")[2]
    assert local.key_of(token) == key
    with pytest.raises(InvalidToken):
        local.key_of(token[:-6] + "AA.wav")


async def test_an_s3_link_is_signed_by_s3_and_gives_the_file_with_its_type(s3_url: str) -> None:
    store = FileStore(StorageSettings.model_validate({"url": s3_url}), SECRET)
    url = await store.url(await store.put(SOUND, "ogg"))
    assert "X-Amz-Signature" in url
    assert "X-Amz-Expires=86400" in url
    async with httpx2.AsyncClient(trust_env=False) as client:
        answer = await client.get(url)
    assert answer.content == SOUND
    assert answer.headers["content-type"] == "audio/ogg"


async def test_a_prefix_in_the_url_keeps_deployments_apart(s3_url: str) -> None:
    store = FileStore(StorageSettings.model_validate({"url": f"{s3_url}/prod"}), SECRET)
    key = await store.put(b"x", "wav")
    bucket = S3Store("sounds")
    assert (await bucket.head_async(f"prod/{key}"))["size"] == 1


async def test_a_store_that_cannot_be_reached_is_unavailable(s3_environment: str) -> None:
    store = FileStore(StorageSettings.model_validate({"url": "s3://no-such-bucket"}), SECRET)
    with pytest.raises(BackendUnavailable):
        await store.put(b"x", "wav")


async def test_a_file_appears_whole_or_not_at_all(local: FileStore, tmp_path: Path) -> None:
    key = await local.put(SOUND, "flac")
    files = [path for path in (tmp_path / "files").rglob("*") if path.is_file()]
    assert [path.relative_to(tmp_path / "files").as_posix() for path in files] == [key]


async def test_a_local_file_is_for_its_owner_only(local: FileStore, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        path = tmp_path / "files" / await local.put(SOUND, "wav")
    finally:
        os.umask(before)
    assert stat.filemode(path.stat().st_mode) == "-rw-------"
    assert stat.filemode(path.parent.stat().st_mode) == "drwx------"


async def test_a_full_disk_leaves_nothing_behind(
    local: FileStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(BackendUnavailable):
        await local.put(SOUND, "wav")
    assert not [path for path in (tmp_path / "files").rglob("*") if path.is_file()]


async def test_a_file_that_a_crash_left_unfinished_is_not_one(
    local: FileStore, tmp_path: Path
) -> None:
    path = tmp_path / "files" / await local.put(b"x", "wav")
    path.rename(path.with_name(f"{path.name}#1"))
    assert await local.delete_days_before(datetime.now(UTC) + timedelta(days=2)) == 0
