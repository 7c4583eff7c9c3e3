"""The compose file agrees with its schema, the settings, the images and the app."""

import re
import subprocess
from typing import Any

import pytest
import yaml

from tests.deploy.knowledge import (
    DEPLOY,
    DOCKERFILES,
    ROOT,
    frontend_variables,
    stack_variables,
    stages,
    tool,
)
from tritone import __version__

FILE = DEPLOY / "compose.yaml"
FRONTENDS, TRITONS = ("frontend", "worker"), ("triton-cpu", "triton-gpu")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(FILE.read_text())
    return loaded


def seconds(text: str) -> float:
    found = re.fullmatch(r"(\d+)(s|m)", text)
    assert found is not None
    return int(found[1]) * {"s": 1, "m": 60}[found[2]]


def test_it_fits_the_schema() -> None:
    program = tool("check-jsonschema")
    command = [program, "--builtin-schema", "vendor.compose-spec", str(FILE)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_every_variable_is_a_setting(compose: dict[str, Any]) -> None:
    for name in FRONTENDS:
        assert compose["services"][name]["environment"].keys() <= frontend_variables()
    ours = compose["services"]["triton-cpu"]["environment"].keys()
    assert ours <= stack_variables()


def test_only_the_frontend_is_published_and_on_loopback(compose: dict[str, Any]) -> None:
    published = {name: s["ports"] for name, s in compose["services"].items() if "ports" in s}
    assert published == {"frontend": ["${TRITONE_PUBLISH:-127.0.0.1:8080}:8080"]}
    inside = {name for name, s in compose["services"].items() if "outside" not in s["networks"]}
    assert inside == {*TRITONS, "postgres"}
    assert compose["networks"]["inside"]["internal"] is True


def test_every_image_has_a_tag_and_ours_the_version_and_their_stage(
    compose: dict[str, Any],
) -> None:
    for name, service in compose["services"].items():
        image, tag = service["image"].split(":")
        assert tag != "latest"
        if "build" in service:
            assert tag == __version__
            dockerfile = ROOT / service["build"]["dockerfile"]
            assert dockerfile == DOCKERFILES[image], name
            assert service["build"].get("target", "final") in stages(dockerfile)


def test_both_tritons_are_found_by_the_name_that_the_frontends_call(
    compose: dict[str, Any],
) -> None:
    url = compose["services"]["frontend"]["environment"]["TRITONE_TRITON__URL"]
    host, port = url.split(":")
    for name in TRITONS:
        service = compose["services"][name]
        assert host in service["networks"]["inside"]["aliases"]
        assert len(service["profiles"]) == 1
    assert compose["services"]["triton-cpu"]["environment"]["TRITONE_TRITON__GRPC_PORT"] == port
    assert port in " ".join(rest for _, rest in stages(DOCKERFILES["tritone-triton"])["final"])


def test_nobody_is_killed_before_it_has_drained(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for name in (*FRONTENDS, "triton-cpu"):
        drain_s = float(services[name]["environment"]["TRITONE_DRAIN_TIMEOUT_S"])
        assert seconds(services[name]["stop_grace_period"]) >= drain_s + 10
    assert seconds(services["triton-gpu"]["stop_grace_period"]) >= 60 + 30


def test_every_service_is_bounded_checked_and_waited_for(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert service["deploy"]["resources"]["limits"]["memory"]
        assert "healthcheck" in service or name == "frontend"  # its image's own
    for name in FRONTENDS:
        waits = compose["services"][name]["depends_on"]
        assert {each["condition"] for each in waits.values()} == {"service_healthy"}
        assert waits.keys() == {"postgres", *TRITONS}
    for name in TRITONS:
        assert compose["services"][name]["shm_size"].endswith("gb")


def test_every_choice_and_secret_is_in_the_example() -> None:
    example = (DEPLOY / ".env.example").read_text()
    for variable, operator in re.findall(r"\$\{(\w+)(:\?|:-)", FILE.read_text()):
        line = re.search(rf"^(#?){variable}=", example, re.MULTILINE)
        assert line is not None, variable
        assert (line[1] == "#") == (operator == ":-"), f"{variable}: secrets have no default"
