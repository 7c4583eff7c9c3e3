"""Links to files on an S3 that refuses expired and foreign ones: npm's s3rver 3.7.1.

It does not calculate signatures of version 4, and moto looks at none: the signature itself is
checked against AWS' own description of it.
"""

import hashlib
import hmac
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx2
import pytest

from frontend.storage.files import FileStore
from frontend.storage.settings import StorageSettings
from frontend.triton.fleet import FleetWatch
from ops.models.fleet_store import FleetStore
from ops.processes.ports import choose_ports
from tests.clients.installs import node_modules
from tritone.fleet import FleetState, Wanted

pytestmark = pytest.mark.clients

BUCKET = "sounds"
KEY = "S3RVER"  # also its secret
SOUND = bytes(range(256)) * 40
LIFETIME_S = 2
START_TIMEOUT_S = 60.0


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[str]:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    program = node_modules("s3rver") / "s3rver" / "bin" / "s3rver.js"
    port = choose_ports({"": 0})[""]
    command = [node, str(program), "-d", str(tmp_path), "-a", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen([*command, "--configure-bucket", BUCKET])
    try:
        _wait(f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait()


def _wait(url: str) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            httpx2.get(url, trust_env=False)
        except httpx2.TransportError:
            assert time.monotonic() < deadline, "s3rver does not start"
            time.sleep(0.1)
        else:
            return


@pytest.fixture
def store(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> FileStore:
    for name, value in {
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": KEY,
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT": endpoint,
        "AWS_ALLOW_HTTP": "true",
    }.items():
        monkeypatch.setenv(name, value)
    settings = StorageSettings.model_validate({"url": f"s3://{BUCKET}"})
    # Shorter than anybody may set: a test cannot wait for a minute.
    return FileStore(settings.model_copy(update={"url_lifetime_s": LIFETIME_S}), b"")


async def test_a_link_works_as_it_is_until_it_expires(store: FileStore) -> None:
    link = await store.url(await store.put(SOUND, "mp3"))
    began = time.monotonic()
    async with httpx2.AsyncClient(trust_env=False) as http:
        answer = await http.get(link)
        assert (answer.status_code, answer.content) == (200, SOUND)
        assert answer.headers["content-type"] == "audio/mpeg"
        part = await http.get(link, headers={"range": "bytes=0-9"})
        assert (part.status_code, part.content) == (206, SOUND[:10])
        foreign = link.replace(f"={KEY}%2F", "=STRANGER%2F")
        assert foreign != link
        assert (await http.get(foreign)).status_code == 403
        time.sleep(max(0.0, began + LIFETIME_S + 1.5 - time.monotonic()))  # noqa: ASYNC251
        assert (await http.get(link)).status_code == 403


async def test_the_signature_is_the_one_that_aws_describes(store: FileStore) -> None:
    link = httpx2.URL(await store.url(await store.put(SOUND, "mp3")))
    given = link.params["X-Amz-Signature"]
    assert signature_of(link) == given
    longer = link.copy_set_param("X-Amz-Expires", "9999")
    assert signature_of(longer) != given
    assert signature_of(link.copy_with(path=f"{link.path}x")) != given


def signature_of(link: httpx2.URL) -> str:
    """Return what the signature of a link must be.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
    """
    unsigned = sorted((k, v) for k, v in link.params.items() if k != "X-Amz-Signature")
    query = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in unsigned)
    host = f"host:{link.netloc.decode()}\n"
    request = "\n".join(("GET", quote(link.path), query, host, "host", "UNSIGNED-PAYLOAD"))
    moment = link.params["X-Amz-Date"]
    scope = link.params["X-Amz-Credential"].partition("/")[2]
    digest = hashlib.sha256(request.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{digest}"
    key = f"AWS4{KEY}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, text.encode(), "sha256").hex()


@pytest.mark.usefixtures("store")  # its environment
async def test_a_fleet_is_stated_on_s3_and_read_by_frontends() -> None:
    url = f"s3://{BUCKET}/models/fleet.json"
    stated, watch = FleetStore(url), FleetWatch(url, period_s=1.0)
    assert await stated.read() == FleetState()
    await watch.look()
    assert watch.state == FleetState()
    state = FleetState({"starter": Wanted(version=2, coming=3)})
    async with stated.locked():
        await stated.write(state)
    async with stated.locked():  # the lock before is gone
        assert await stated.read() == state
    await watch.look()
    assert watch.state == state
