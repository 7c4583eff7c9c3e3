"""A fleet whose models lie on S3: a Triton that restarts reads yesterday's files there.

moto speaks S3 over HTTP, to Triton's own client as to ours.
"""

import logging
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import obstore
import psutil
import pytest
from moto.server import ThreadedMotoServer
from obstore.store import from_url
from typer.testing import CliRunner

from ops.cli import app
from ops.processes.ports import LOOPBACK
from ops.settings import Settings
from ops.triton.own_triton import prepare_server
from ops.triton.server import TritonServer
from ops.triton.shared_memory import own_prefix
from tests.acceptance.conftest import copy_of
from tests.acceptance.drills import tell, until
from tests.acceptance.stack import Stack, running
from tests.acceptance.versions import Publisher, Traffic, scaled, traffic

pytestmark = [
    pytest.mark.triton,
    pytest.mark.export,
    pytest.mark.drill,
    pytest.mark.timeout(600),
]

BUCKET = "models"
OLD, NEW = "1", "2"


@dataclass
class S3Triton:
    """A Triton as NVIDIA's image starts it with models on S3; it keeps its ports over restarts."""

    server: TritonServer
    models: str  # s3://…
    log: Path
    process: subprocess.Popen[bytes] = field(init=False)

    def start(self) -> None:
        """Start it with the files as they are now."""
        local = f"--model-repository={self.server.model_repository}"
        command = [each for each in self.server.command() if each != local]
        command += [f"--model-repository={self.models}", "--load-model=*"]
        environment = self.server.environment(dict(os.environ))
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)

    def kill(self) -> None:
        """End it and its backend processes at once, as a node that dies."""
        tree = psutil.Process(self.process.pid)
        for each in [tree, *tree.children(recursive=True)]:
            each.kill()
        self.process.wait()


@dataclass(frozen=True)
class Fleet:
    """Two Tritons with models on S3, and a frontend over them."""

    tritons: list[S3Triton]
    frontend: Stack
    model: str
    copy: Path  # of what was published
    variables: dict[str, str]

    def run(self, *arguments: str) -> str:
        """Run `tritone models` with the fleet's settings; return what it said."""
        command = ["models", *arguments, "--repository", str(self.copy)]
        ended = CliRunner().invoke(app, command, env=self.variables, catch_exceptions=False)
        assert ended.exit_code == 0, ended.output
        return ended.output

    def reasons(self) -> list[str]:
        """Return why Tritons get no passes."""
        answer = httpx2.get(f"http://{self.frontend.address}/readyz?verbose").json()
        return sorted(answer["tritons_left_out"].values())


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Give the address of an S3 with an empty bucket, which the environment names."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # else a line for each request
    server = ThreadedMotoServer(ip_address=LOOPBACK, port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    for name, value in {
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT": address,
        "AWS_ALLOW_HTTP": "true",
    }.items():
        monkeypatch.setenv(name, value)
    httpx2.put(f"{address}/{BUCKET}", trust_env=False).raise_for_status()
    yield address
    server.stop()


@pytest.fixture
def fleet(repository: Path, model: str, tmp_path: Path, s3: str) -> Iterator[Fleet]:
    # Triton copies each model of S3 into a folder of its own: none finds the other's files.
    models = copy_of(repository, tmp_path / "models", transformer_in_process="false")
    weaker = scaled(lambda random: 1 + 0.05 * random.standard_normal())
    Publisher(models, model).publish(int(NEW), weaker, takes_fingerprint=True)
    store = from_url(f"s3://{BUCKET}")
    for file in models.rglob("*"):
        if file.is_file():
            obstore.put(store, str(file.relative_to(models)), file.read_bytes())
    settings = Settings(model_repository=models, state_directory=tmp_path / "state")
    with ExitStack() as stack:
        tritons = []
        for name in ("first", "second"):
            prefix = stack.enter_context(own_prefix())
            server = stack.enter_context(prepare_server(settings, prefix, logs_info=False))
            tritons.append(S3Triton(server, f"s3://{s3}/{BUCKET}", tmp_path / f"{name}.log"))
            tritons[-1].start()
            stack.callback(tritons[-1].kill)
        variables = {
            "TRITONE_TRITON__URL": ",".join(each.server.url for each in tritons),
            "TRITONE_TRITON__FLEET": f"s3://{BUCKET}/fleet.json",
        }
        more = {"TRITONE_TRITON__REFRESH_S": "1", "TRITONE_JOBS__EMBEDDED": "false"}
        frontend = running(models, tmp_path / "frontend", **variables, **more)
        yield Fleet(tritons, stack.enter_context(frontend), model, models, variables)


def until_answers(seen: Traffic, n_more: int = 20) -> set[str]:
    """Return the versions of so many further answers."""
    before = seen.answers.copy()
    until(lambda: seen.since(before).total() >= n_more)
    return set(seen.since(before))


def test_a_triton_that_restarts_with_old_files_never_answers_with_the_old_version(
    fleet: Fleet,
) -> None:
    until(lambda: not fleet.reasons())
    one, _ = fleet.tritons
    with traffic(fleet.frontend.address) as seen:
        assert until_answers(seen) == {OLD}
        fleet.run("promote", fleet.model, NEW, "--fleet")
        promoted = seen.answers.copy()
        assert until_answers(seen) == {NEW}

        one.kill()
        one.start()
        until(lambda: any("serves version 1" in why for why in fleet.reasons()))
        until_answers(seen)
        assert not seen.failures
        assert "serves version 2" in fleet.run("follow", "--once")
        until(lambda: not fleet.reasons())
        until_answers(seen)
        assert not seen.failures

        for triton in fleet.tritons:  # a power cut
            triton.kill()
        for triton in fleet.tritons:
            triton.start()
        until(lambda: ["serves version 1" in why for why in fleet.reasons()] == [True, True])
        n_refused = len(seen.failures)
        until(lambda: len(seen.failures) > n_refused)
        assert fleet.run("follow", "--once").count("serves version 2") == len(fleet.tritons)
        until_answers(seen)
    since = seen.since(promoted)
    tell(f"models on S3, since the promotion: {since}, {len(seen.failures)} refused in a power cut")
    assert set(since) == {NEW}
    assert not seen.changed
