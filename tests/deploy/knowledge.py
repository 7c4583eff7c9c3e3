"""What the deployment's files must agree with: the settings, the metrics, the folders."""

import re
import shutil
import sys
from pathlib import Path

import pytest
from pydantic import BaseModel

import ops.settings
from frontend.settings_page import markdown_list

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
DOCKERFILES = {
    "tritone-triton": DEPLOY / "triton" / "Dockerfile",
    "tritone-frontend": DEPLOY / "Dockerfile",
    "tritone-stack": DEPLOY / "Dockerfile",
}
PORTS = {"triton": {"http": 8000, "grpc": 8001, "metrics": 8002}, "frontend": 8080}
FOREIGN_VARIABLES = {  # read by obstore
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_REGION",
}


def frontend_variables() -> set[str]:
    """Return every variable that the frontend and the workers read."""
    return set(re.findall(r"`(TRITONE_\w+)`", markdown_list()))


def stack_variables() -> set[str]:
    """Return every variable that `tritone up` reads itself."""
    names = set()
    for name, field in ops.settings.Settings.model_fields.items():
        group = field.default
        inner = type(group).model_fields if isinstance(group, BaseModel) else {"": None}
        names |= {f"TRITONE_{name}__{each}".removesuffix("__").upper() for each in inner}
    return names


def tool(name: str) -> str:
    """Return the path of a validator, or skip the test."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.is_file() else shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def stages(dockerfile: Path) -> dict[str, list[tuple[str, str]]]:
    """Return each stage's instructions, those of the stages it is built from included, by name."""
    text = re.sub(r"\\\n(?:\s*#.*\n)*", " ", dockerfile.read_text())
    made: dict[str, list[tuple[str, str]]] = {}
    current: list[tuple[str, str]] = []
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        word, rest = line.split(maxsplit=1)
        if word == "FROM":
            image, _, name = rest.partition(" AS ")
            current = made[name or "final"] = [*made.get(image, []), (word, image)]
        else:
            current.append((word, " ".join(rest.split())))
    return made
